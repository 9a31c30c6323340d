use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(column = "a")]
    #[entity(column = "b")]
    name: String,
}

fn main() {}
