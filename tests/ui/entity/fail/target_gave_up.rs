use orm_core::{Collection, Entity, Ref};

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(mapped_by = "author", order_by = "title")]
    books: Collection<Book>,
}

#[derive(Entity, Clone)]
struct Book(i64, Ref<Author>);

fn main() {}
