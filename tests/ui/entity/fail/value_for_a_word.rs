use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id = true, auto)]
    id: i64,
}

fn main() {}
