use orm_core::{Entity, Ref};

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(mapped_by = "author")]
    book: Option<Ref<Book>>,
}

#[derive(Entity, Clone)]
struct Book {
    #[entity(id, auto)]
    id: i64,
    title: String,
    author: Ref<Author>,
}

fn main() {}
