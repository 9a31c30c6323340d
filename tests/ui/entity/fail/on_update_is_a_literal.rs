use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(on_update = 7)]
    edits: i32,
}

fn main() {}
