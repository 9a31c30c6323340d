use orm_core::{Entity, Ref};

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
}

#[derive(Entity, Clone)]
struct Book {
    #[entity(id, auto)]
    id: i64,
    #[entity(version)]
    author: Ref<Author>,
}

fn main() {}
