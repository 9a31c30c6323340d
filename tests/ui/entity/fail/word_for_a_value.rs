use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(column)]
    name: String,
    #[entity(length = "long")]
    bio: String,
}

fn main() {}
