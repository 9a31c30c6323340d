use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    name: String,
    #[entity(json = "name")]
    title: String,
}

fn main() {}
