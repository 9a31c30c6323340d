use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(on_update = now)]
    changed: String,
}

fn main() {}
