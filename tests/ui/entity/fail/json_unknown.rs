use orm_core::Entity;

#[derive(Entity, Clone)]
#[entity(json = "kebab")]
struct Author {
    #[entity(id, auto)]
    id: i64,
}

fn main() {}
