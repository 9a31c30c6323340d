use orm_core::{Collection, Entity, Ref};

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(mapped_by = "author", concurrency_check)]
    books: Collection<Book>,
}

#[derive(Entity, Clone)]
struct Book {
    #[entity(id, auto)]
    id: i64,
    author: Ref<Author>,
}

fn main() {}
