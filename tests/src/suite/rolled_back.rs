//! What unsaved work that was done inside a transaction becomes when the transaction is rolled back. Found by the
//! model-based test.

use orm_core::Result;

use crate::Backend;
use crate::fixtures::blog::{self, Author, Book};

/// A new entity refers to another whose insert is rolled back: it still refers to that entity, not to the key that the
/// row had, which the next row may get.
pub async fn a_reference_to_a_row_that_is_rolled_back_leads_to_its_entity<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    em.begin().await?;
    let arya = em.persist(Author::new("Arya"))?;
    em.flush().await?;
    let book = em.persist(Book::new("Needle", &arya))?;
    let bran = em.persist(Author { mentor: (&arya).into(), ..Author::new("Bran") })?;

    em.rollback().await?;

    assert_eq!((arya.try_id(), book.author_ref().key(), bran.mentor_ref().key()), (None, None, None));
    assert!(book.author_ref().get()? == arya && bran.mentor_ref().get()? == arya);
    // Somebody else gets the key.
    let other = db.em();
    other.persist(Author::new("Sansa"))?;
    other.flush().await?;
    em.flush().await?;
    let stored = db.em().find_one_or_fail(Book::TITLE.eq("Needle")).populate(Book::AUTHOR).await?;
    assert_eq!(stored.author().get().name, "Arya");
    assert_eq!(db.em().count(Author::MENTOR.is(Author::NAME.eq("Arya"))).await?, 1);
    Ok(())
}

/// An edit that a savepoint's rollback brings back, and that the program goes on with, is written once.
pub async fn an_edit_brought_back_by_a_savepoint_is_written_once<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    jon.edit().age = Some(17);
    em.begin().await?;
    em.begin().await?;
    em.flush().await?;
    jon.edit().name = "Aegon".into();
    em.rollback().await?;

    em.commit().await?;

    assert_eq!(db.em().count(Author::NAME.eq("Aegon").and(Author::AGE.eq(17))).await?, 1);
    assert!(em.flush_plan()?.is_empty());
    Ok(())
}
