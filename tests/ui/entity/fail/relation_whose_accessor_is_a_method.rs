use orm_core::{Entity, Ref};

#[derive(Entity, Clone)]
struct Message {
    #[entity(id, auto)]
    id: i64,
    to: Ref<Author>,
}

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
}

fn main() {}
