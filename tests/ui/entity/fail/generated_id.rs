use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, generated = "1")]
    id: i64,
}

fn main() {}
