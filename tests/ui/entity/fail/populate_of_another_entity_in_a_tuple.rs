use orm_core::{Collection, Entity, EntityManager, Ref, Result};

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

async fn find(em: &EntityManager) -> Result<()> {
    em.find_all::<Author>().populate((Author::BOOKS, Book::AUTHOR)).await?;
    Ok(())
}

fn main() {}
