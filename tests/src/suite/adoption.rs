//! How values become managed: all of a graph or nothing of it, and one instance a key.

use orm_core::{Condition, Error, Ref, Result};

use crate::Backend;
use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::fixtures::tiny::{self, Tiny};

/// A removal that is taken back after its replacement was given up: the first instance is the only one.
pub async fn a_replacement_that_is_given_up_leaves_one_instance<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    em.remove(&sam)?;
    let new = em.persist(Author { id: sam.id(), ..Author::new("Arya") })?;

    em.remove(&new)?;
    em.persist(&sam)?;

    assert!(em.find_by_id::<Author>(sam.id()).await?.is_some_and(|found| found == sam));
    assert!(em.contains(&sam));
    assert!(!em.contains(&new));
    assert!(em.flush_plan()?.is_empty());
    Ok(())
}

/// A refused `persist` moves no entity of the context.
pub async fn a_refused_persist_leaves_managed_entities_alone<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (em, other) = (db.em(), db.em());
    let foreign = other.find_one_or_fail(Book::TITLE.eq("A Storm")).await?;
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;

    let bad = Author { books: vec![clash.to_ref(), foreign.to_ref()].into(), ..Author::new("Arya") };
    let error = em.persist(bad).map(drop).expect_err("one of the books is another context's");
    assert!(matches!(error, Error::ForeignEntity { .. }), "{error}");

    assert_eq!(jon.books().len(), 3);
    assert!(jon.books().contains(&clash));
    assert_eq!(clash.author_ref().key(), jon.try_id());
    assert!(em.flush_plan()?.is_empty());
    em.flush().await
}

/// A refused `persist` of a value with the key of a reference leaves the reference, and the links that wait on it.
pub async fn a_refused_persist_leaves_references_alone<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (em, other) = (db.em(), db.em());
    let foreign = other.find_one_or_fail(Book::TITLE.eq("A Storm")).await?;
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    let war = em.get_reference::<Tag>(other.find_one_or_fail(Tag::LABEL.eq("war")).await?.id())?;
    clash.tags_ref().remove(&war)?;
    let before = em.flush_plan()?.to_string();
    assert!(!em.flush_plan()?.is_empty());

    let id = war.key().unwrap_or_default();
    let bad = Tag { id, books: vec![foreign.to_ref()].into(), ..Tag::new("peace") };
    let error = em.persist(bad).map(drop).expect_err("its book is another context's");
    assert!(matches!(error, Error::ForeignEntity { .. }), "{error}");

    assert_eq!(em.flush_plan()?.to_string(), before);
    em.flush().await?;
    let stored = db.em().find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    assert_eq!(stored.tags().len(), 1);
    Ok(())
}

/// A refused `persist` leaves the new values inside for another try.
pub async fn a_refused_persist_leaves_the_new_values_inside<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let mut book =
        Book { tags: vec![Ref::<Tag>::default()].into(), ..Book::new("A Feast", Author::new("Arya")) };
    em.persist(book.clone()).map(drop).expect_err("an empty reference is no tag");
    assert!(em.flush_plan()?.is_empty());

    book.tags = Vec::<Ref<Tag>>::new().into();
    em.persist(book)?;
    em.flush().await?;

    let stored = db.em().find_one_or_fail(Book::TITLE.eq("A Feast")).populate(Book::AUTHOR).await?;
    assert_eq!(stored.author().get().name, "Arya");
    Ok(())
}

/// A generated key that does not fit its field is told before COMMIT, and its row is not saved.
pub async fn a_generated_key_that_does_not_fit_saves_no_row<B: Backend>() -> Result<()> {
    let db = tiny::full::<B>().await?;
    let em = db.em();
    let late = em.persist(Tiny { id: 0, name: "late".into() })?;

    let error = em.flush().await.expect_err("128 does not fit");

    // The database may refuse it itself.
    let is_named =
        matches!(error, Error::Value { entity: "Tiny", field: "id", .. }) || error.is_violation_of(Tiny::ID);
    assert!(is_named, "{error:?}");
    assert_eq!(late.try_id(), None);
    assert_eq!(db.em().count(Condition::<Tiny>::always()).await?, 1);
    em.remove(&late)?;
    em.flush().await
}

/// A merged copy with another list of items leaves every list and every reference in agreement.
pub async fn a_merge_leaves_lists_and_references_in_agreement<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    let id = db.em().find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?.id();

    let sam = em.merge(Author { id, books: vec![clash.to_ref()].into(), ..Author::new("Sam Tarly") })?;

    let owner = clash.author_ref().key();
    assert_eq!(jon.books().contains(&clash), owner == jon.try_id());
    assert_eq!(sam.books_ref().items()?.contains(&clash), owner == sam.try_id());
    em.flush().await?;
    assert_eq!(db.em().find_one_or_fail(Book::TITLE.eq("A Clash")).await?.author_ref().key(), owner);
    Ok(())
}

/// A merge that fails changes nothing, however deep it got.
pub async fn a_failed_merge_changes_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let id = db.em().find_one_or_fail(Book::TITLE.eq("A Clash")).await?.id();
    let changed = Author { id: jon.id(), ..Author::new("Aegon") };
    let managed = em.managed_count()?;

    let copy = Book { id, tags: vec![Tag::default()].into(), ..Book::new("A Clash", changed) };
    let error = em.merge(copy).map(drop).expect_err("a tag has no key");
    assert!(matches!(error, Error::MissingKey { .. }), "{error}");

    assert_eq!(jon.get().name, "Jon Snow");
    assert_eq!(em.managed_count()?, managed);
    assert!(em.flush_plan()?.is_empty());
    Ok(())
}

/// The key of an entity that has no row yet may be changed; whatever points to it follows.
pub async fn the_key_of_a_new_entity_may_still_change<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let arya = em.persist(Author { id: 5000, ..Author::new("Arya") })?;
    let feast = em.persist(Book::new("A Feast", &arya))?;

    arya.edit().id = 6000;

    assert!(arya.books().contains(&feast));
    em.flush().await?;
    assert_eq!((arya.id(), feast.author_ref().key()), (6000, Some(6000)));
    assert!(em.find_by_id::<Author>(6000).await?.is_some_and(|found| found == arya));
    let stored = db.em().find_one_or_fail(Book::TITLE.eq("A Feast")).await?;
    assert_eq!(stored.author_ref().key(), Some(6000));
    assert!(db.em().find_by_id::<Author>(5000).await?.is_none());
    Ok(())
}
