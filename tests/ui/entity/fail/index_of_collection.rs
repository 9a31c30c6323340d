use orm_core::{Collection, Entity, Ref};

#[derive(Entity, Clone)]
#[entity(index(name, books))]
struct Author {
    #[entity(id, auto)]
    id: i64,
    name: String,
    #[entity(mapped_by = "author")]
    books: Collection<Book>,
}

#[derive(Entity, Clone)]
struct Book {
    #[entity(id, auto)]
    id: i64,
    title: String,
    author: Ref<Author>,
}

fn main() {}
