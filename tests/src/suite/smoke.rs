//! The main path once, end to end.

use orm_core::Result;

use crate::Backend;
use crate::fixtures::blog::{self, Author, Book, Tag};

/// Persist, flush, clear, find with populate, edit, flush.
pub async fn the_main_path_works<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let jon = em.persist(Author::new("Jon Snow"))?;
    em.persist(Book { tags: vec![Tag::new("winter")].into(), ..Book::new("Winds of Winter", &jon) })?;
    em.flush().await?;
    assert_ne!(jon.id(), 0);
    em.clear()?;

    let authors = em.get_repository::<Author>();
    let jon = authors
        .find_one_or_fail(Author::NAME.eq("Jon Snow"))
        .populate(Author::BOOKS.then(Book::TAGS))
        .await?;
    let all = authors.find_all().populate(Author::BOOKS).await?;
    assert!(jon == all[0]);
    for book in jon.books() {
        assert_eq!(book.get().title, "Winds of Winter");
        assert_eq!(book.tags()[0].get().label, "winter");
    }
    jon.edit().email = Some("jon@wall.org".into());
    em.flush().await?;

    let again = db.em().find_one_or_fail(Author::EMAIL.eq("jon@wall.org")).await?;
    assert_eq!(again.id(), jon.id());
    assert!(again != jon);
    Ok(())
}
