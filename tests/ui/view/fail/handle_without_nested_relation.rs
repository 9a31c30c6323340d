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
struct Title {
    title: String,
}

#[derive(View)]
#[view(of = Author)]
struct Shelf {
    #[view(nested)]
    books: Vec<Title>,
}

#[derive(View)]
#[view(of = Book)]
struct Card {
    #[view(nested)]
    author: Shelf,
}

async fn read(em: &EntityManager) -> Result<()> {
    let book = em.find_by_id_or_fail::<Book>(1).populate(Book::AUTHOR).await?;
    book.view::<Card>()?;
    Ok(())
}

fn main() {}
