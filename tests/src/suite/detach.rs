//! One entity leaves its context, with everything that waits to be written of it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use orm_core::{Error, Result};

use crate::Backend;
use crate::fixtures::blog::{self, Author, Book, Tag};

/// A detached entity is readable and not saved; its edits are not written.
pub async fn the_edits_of_a_detached_entity_are_not_written<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    jon.edit().name = "Aegon".into();
    em.detach(&jon)?;
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 0);
    assert_eq!(jon.get().name, "Aegon");
    assert!(!em.contains(&jon));
    assert_eq!(em.managed_count()?, 0);
    assert!(matches!(jon.try_edit(), Err(Error::Detached { .. })));
    assert!(matches!(em.remove(&jon), Err(Error::Detached { .. })));
    // Doing it twice is doing it once.
    em.detach(&jon)
}

/// The next query brings a new instance; the old handle does not come back to life.
pub async fn a_query_after_it_brings_a_new_instance<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let old = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    em.detach(&old)?;
    let new = em.find_by_id_or_fail::<Author>(old.id()).await?;
    assert!(old != new);
    assert!(em.contains(&new) && !em.contains(&old));
    new.edit().age = Some(16);
    em.flush().await?;
    assert_eq!(old.get().age, None);
    Ok(())
}

/// A detached entity can be merged again, its edits as edits of what is managed meanwhile.
pub async fn a_detached_entity_can_be_merged_back<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let old = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    old.edit().age = Some(16);
    em.detach(&old)?;
    let new = em.find_by_id_or_fail::<Author>(old.id()).await?;
    let merged = em.merge(&old)?;
    assert!(merged == new);
    assert_eq!(new.get().age, Some(16));
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 1);
    Ok(())
}

/// A detached removal is no removal.
pub async fn a_detached_removal_deletes_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let tag = em.find_one_or_fail(Tag::LABEL.eq("war")).await?;
    em.remove(&tag)?;
    em.detach(&tag)?;
    // It was removed, so `detach` is what the program said last.
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 0);
    assert!(em.find_by_id::<Tag>(tag.id()).await?.is_some());
    Ok(())
}

/// Changes of links go with the entity, seen from either side.
pub async fn link_changes_go_with_the_entity<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.find_one_or_fail(Book::TITLE.eq("The Wall")).populate(Book::TAGS).await?;
    let ice = em.persist(Tag::new("ice"))?;
    let war = em.find_one_or_fail(Tag::LABEL.eq("war")).await?;
    book.tags_ref().add(&ice)?;
    book.tags_ref().remove(&war)?;
    em.detach(&ice)?;
    em.detach(&war)?;
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    assert_eq!(book.tags().len(), 1);
    Ok(())
}

/// One poisoned row does not stop a batch: it is found by the flush, detached, and the rest is saved.
pub async fn a_poisoned_row_does_not_stop_a_batch<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let tags = ["ice", "war", "fire"].map(|label| em.persist(Tag::new(label)));
    let [ice, war, fire] = tags;
    let (ice, war, fire) = (ice?, war?, fire?);
    let refused = em.flush().await.expect_err("the label is taken");
    assert!(refused.is_violation_of(Tag::LABEL));
    em.detach(&war)?;
    em.flush().await?;
    assert!(ice.try_id().is_some() && fire.try_id().is_some());
    assert_eq!(war.try_id(), None);
    assert_eq!(em.count_all::<Tag>().await?, 4);
    Ok(())
}

/// An entity that can't be written at all, such as one without a required reference, lets the rest pass too.
pub async fn an_invalid_entity_does_not_stop_a_batch<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let orphan = em.persist(Book { title: "Orphan".into(), ..Book::default() })?;
    em.persist(Tag::new("ice"))?;
    let refused = em.flush().await;
    assert!(matches!(refused, Err(Error::RequiredRelation { .. })), "{refused:?}");
    em.detach(&orphan)?;
    em.flush().await?;
    assert_eq!(db.em().count_all::<Tag>().await?, 3);
    Ok(())
}

/// A new entity that others point to can't leave before them; a loaded one can, since they keep its key.
pub async fn a_new_entity_that_others_need_can_not_leave<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let arya = em.persist(Author::new("Arya"))?;
    let needle = em.persist(Book::new("Needle", &arya))?;
    let refused = em.detach(&arya).expect_err("the book needs its author");
    assert!(matches!(refused, Error::StillReferenced { relation: "author", .. }), "{refused:?}");
    assert!(em.contains(&arya));
    em.detach(&needle)?;
    em.detach(&arya)?;

    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let ghost = em.persist(Book::new("Ghost", &jon))?;
    em.detach(&jon)?;
    em.flush().await?;
    assert_eq!(ghost.get().author.try_key(), Some(&jon.id()));
    assert_eq!(db.em().count(Book::AUTHOR.eq(jon.id())).await?, 4);
    Ok(())
}

/// Loaded collections show it no more, which is no change of theirs; its row joins them again with a later query.
pub async fn a_loaded_collection_shows_it_no_more<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    let wall = jon.books()[2].clone();
    em.detach(&wall)?;
    assert_eq!(jon.books().len(), 2);
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 0);

    let again = em.find_by_id_or_fail::<Book>(wall.id()).await?;
    assert_eq!(jon.books().len(), 3);
    assert!(jon.books().contains(&again));
    Ok(())
}

/// What pointed to it says that it is not loaded, and loads it again when asked.
pub async fn a_reference_to_it_can_be_loaded_again<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Book::TITLE.eq("The Wall")).populate(Book::AUTHOR).await?;
    let jon = wall.author();
    em.detach(&jon)?;
    assert!(matches!(wall.author_ref().get(), Err(Error::NotLoaded { .. })));
    let again = wall.author_ref().load().await?;
    assert!(again != jon);
    assert!(wall.author() == again);
    Ok(())
}

/// A new entity that took the key of one to be removed gives it back.
pub async fn a_detached_newcomer_gives_its_key_back<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    em.remove(&jon)?;
    let other = em.persist(Author { id: jon.id(), ..Author::new("Other") })?;
    em.detach(&other)?;
    em.persist(&jon)?;
    assert!(em.find_by_id::<Author>(jon.id()).await?.is_some_and(|found| found == jon));
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 0);
    Ok(())
}

/// Detached while a flush inserts it, an entity is inserted and stays detached; nothing deletes the row.
pub async fn an_entity_detached_while_it_is_inserted_is_not_deleted<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let ice = em.persist(Tag::new("ice"))?;
    let fire = em.persist(Tag::new("fire"))?;
    db.recorder.give_way();
    {
        let mut flush = pin!(em.flush());
        poll_fn(|context| match flush.as_mut().poll(context) {
            Poll::Pending if db.recorder.writes() > 0 => Poll::Ready(()),
            other => other.map(|_| ()),
        })
        .await;
        em.detach(&ice)?;
        flush.await?;
    }
    em.flush().await?;
    assert!(!em.contains(&ice) && em.contains(&fire));
    assert_eq!(em.count_all::<Tag>().await?, 2);
    let found = em.find_one_or_fail(Tag::LABEL.eq("ice")).await?;
    assert!(found != ice);
    Ok(())
}

/// A handle of another context is refused.
pub async fn an_entity_of_another_context_can_not_be_detached<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let jon = db.em().find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    assert!(matches!(db.em().detach(&jon), Err(Error::ForeignEntity { .. })));
    assert!(matches!(db.orm.em().detach(&jon), Err(Error::GlobalContext { method: "detach", .. })));
    Ok(())
}

/// A rollback does not bring back what was detached in its transaction.
pub async fn a_rollback_leaves_it_detached<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let mut kept = None;
    let result: Result<()> = em
        .transactional(async |em| {
            let ice = em.persist(Tag::new("ice"))?;
            em.flush().await?;
            em.detach(&ice)?;
            kept = Some(ice);
            Err(Error::other("no"))
        })
        .await;
    assert!(result.is_err());
    assert!(kept.is_some_and(|ice| !em.contains(&ice)));
    em.flush().await?;
    assert_eq!(em.count_all::<Tag>().await?, 2);
    Ok(())
}
