use orm_core::{Collection, Entity};

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(mapped_by = "authors")]
    books: Collection<Book>,
}

#[derive(Entity, Clone)]
struct Book {
    #[entity(id, auto)]
    id: i64,
    #[entity(mapped_by = "books")]
    authors: Collection<Author>,
}

fn main() {}
