use orm_core::{Collection, Entity, EntityManager, Ref, Result};

#[derive(Entity, Clone)]
#[entity(rename_all = "snake")]
struct Author {
    id: i64,
    #[entity(length = 5)]
    age: i32,
    #[entity(pivot = "x", many_to_many)]
    books: Collection<Book>,
}

#[derive(Entity, Clone)]
struct Book {
    #[entity(id, auto)]
    id: i64,
    title: String,
    author: Ref<Author>,
}

async fn find(em: &EntityManager) -> Result<usize> {
    let author = em.find_one_or_fail(Author::AGE.gt(18)).populate(Author::BOOKS).await?;
    Ok(author.books().len())
}

fn main() {}
