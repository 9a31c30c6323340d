use orm_core::{Collection, Entity, EntityManager, Ref, Result, View};

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
struct Loud {
    #[view(expr = Book::TITLE.upper())]
    shout: String,
}

async fn read(em: &EntityManager) -> Result<()> {
    let book = em.find_by_id_or_fail::<Book>(1).await?;
    book.view::<Loud>()?;
    Ok(())
}

fn main() {}
