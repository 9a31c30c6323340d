use orm_core::{Collection, Entity, Ref, View};

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    name: String,
    age: Option<i32>,
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

#[derive(View)]
#[view(of = Book)]
struct Card {
    #[view(expr = Author::NAME.lower())]
    title: String,
}

fn main() {}
