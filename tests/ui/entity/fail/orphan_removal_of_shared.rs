use orm_core::{Entity, Ref};

#[derive(Entity, Clone)]
struct Book {
    #[entity(id, auto)]
    id: i64,
    #[entity(orphan_removal)]
    author: Ref<Author>,
}

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
}

fn main() {}
