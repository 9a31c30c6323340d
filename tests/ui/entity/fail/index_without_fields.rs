use orm_core::Entity;

#[derive(Entity, Clone)]
#[entity(unique(name = "one"))]
struct Author {
    #[entity(id, auto)]
    id: i64,
}

fn main() {}
