use orm_core::Entity;

#[derive(Entity, Clone)]
#[entity(unique("name", "id"))]
struct Author {
    #[entity(id, auto)]
    id: i64,
    name: String,
}

fn main() {}
