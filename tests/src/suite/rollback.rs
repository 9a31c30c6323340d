//! What a rollback puts back in memory: everything that a flush or an uncommitted row changed, and nothing that the
//! program did.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use orm_core::{EntityManager, Error, Loaded, Outcome, Result};

use crate::Backend;
use crate::fixtures::blog::{self, Author, Book, Profile, Tag};
use crate::recorder::Fault;

/// Runs `work` in a transaction that fails after it.
async fn undone(em: &EntityManager, work: impl AsyncFnOnce(EntityManager) -> Result<()>) {
    let result = em
        .transactional(async |em| {
            work(em).await?;
            Err::<(), _>(Error::other("rolled back"))
        })
        .await;
    assert_eq!(result.expect_err("it fails").to_string(), "rolled back");
}

/// An edit that was flushed waits again, with its old original.
pub async fn a_flushed_edit_waits_again<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    undone(&em, async |em| {
        jon.edit().age = Some(17);
        em.flush().await?;
        jon.edit().age = Some(18);
        em.flush().await?;
        jon.edit().name = "Aegon".into();
        Ok(())
    })
    .await;
    assert_eq!((jon.get().age, jon.get().name.as_str()), (Some(18), "Aegon"));
    assert_eq!(em.flush_plan()?.to_string(), "update 1 Author (name, age)");
    em.flush().await?;
    let stored = db.em().find_one_or_fail(Author::NAME.eq("Aegon")).await?;
    assert_eq!(stored.get().age, Some(18));
    Ok(())
}

/// New entities that refer to each other are new again, in their order and their lists, and are inserted whole.
pub async fn a_flushed_graph_is_new_again<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let jon = em.persist(Author::new("Jon"))?;
    let books: Vec<_> =
        ["A", "B", "C"].iter().map(|title| em.persist(Book::new(title, &jon))).collect::<Result<_>>()?;
    let tag = em.persist(Tag::new("winter"))?;
    books[0].tags_ref().add(&tag)?;
    undone(&em, async |em| em.flush().await).await;

    assert!(jon.try_id().is_none() && books.iter().all(|book| book.try_id().is_none()));
    let titles: Vec<String> = jon.books_ref().items()?.iter().map(|book| book.get().title.clone()).collect();
    assert_eq!(titles, ["A", "B", "C"]);
    em.flush().await?;
    let found =
        db.em().find_one_or_fail(Author::NAME.eq("Jon")).populate(Author::BOOKS.then(Book::TAGS)).await?;
    assert_eq!(found.books().len(), 3);
    assert_eq!(found.books().iter().map(|book| book.tags().len()).sum::<usize>(), 1);
    let ids: Vec<i64> = books.iter().map(|book| book.id()).collect();
    assert!(ids.is_sorted(), "in the order in which they were persisted: {ids:?}");
    Ok(())
}

/// A deleted entity is scheduled again, findable by nobody, and can be restored.
pub async fn a_flushed_removal_is_scheduled_again<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    let tags = book.tags().len();
    let key = book.id();
    undone(&em, async |em| {
        em.remove(&book)?;
        em.flush().await?;
        assert!(em.find_by_id::<Book>(key).await?.is_none());
        Ok(())
    })
    .await;
    assert!(em.find_by_id::<Book>(key).await?.is_none(), "it is still to be removed");
    let back = em.persist(&book)?;
    assert!(back == em.find_by_id::<Book>(key).await?.expect("it is back"));
    assert_eq!(book.tags().len(), tags);
    assert!(em.flush_plan()?.is_empty(), "{}", em.flush_plan()?);
    em.remove(&book)?;
    em.flush().await?;
    assert!(db.em().find_by_id::<Book>(key).await?.is_none());
    Ok(())
}

fn labels(book: &Loaded<Book>) -> Result<Vec<String>> {
    let mut labels: Vec<String> =
        book.tags_ref().items()?.iter().map(|tag| tag.get().label.clone()).collect();
    labels.sort();
    Ok(labels)
}

/// Links that were written wait again; what the program did to them since counts.
pub async fn flushed_links_wait_again<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    let war = em.find_one_or_fail(Tag::LABEL.eq("war")).await?;
    let summer = em.persist(Tag::new("summer"))?;
    undone(&em, async |em| {
        book.tags_ref().remove(&war)?;
        book.tags_ref().add(&summer)?;
        em.flush().await
    })
    .await;
    assert_eq!(labels(&book.without_hints())?, ["summer", "winter"]);
    em.flush().await?;
    let stored = db.em().find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    assert_eq!(labels(&stored.without_hints())?, ["summer", "winter"]);
    Ok(())
}

/// A savepoint takes back what came after it, and only that.
pub async fn a_savepoint_takes_back_what_came_after_it<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    em.begin().await?;
    let arya = em.persist(Author::new("Arya"))?;
    em.flush().await?;
    let id = arya.id();
    em.begin().await?;
    arya.edit().age = Some(11);
    let bran = em.persist(Author::new("Bran"))?;
    em.flush().await?;
    em.rollback().await?;
    assert_eq!((arya.id(), arya.get().age, bran.try_id()), (id, Some(11), None));
    assert!(em.find_by_id::<Author>(id).await?.expect("she is inserted") == arya);
    em.commit().await?;
    let stored = db.em().find_by_id::<Author>(id).await?.expect("committed");
    assert_eq!(stored.get().age, Some(11), "the edit waited for the commit");
    assert!(bran.id() > 0);
    Ok(())
}

/// Rows that were read after the transaction wrote are read again after its end.
pub async fn uncommitted_rows_are_read_again<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let mut sam = None;
    let mut edited = None;
    undone(&em, async |em| {
        em.persist(Tag::new("summer"))?;
        em.flush().await?;
        sam = em.find_one(Author::NAME.eq("Sam Tarly")).await?;
        edited = em.find_one(Book::TITLE.eq("A Storm")).await?;
        if let Some(book) = &edited {
            book.edit().price = 99;
        }
        Ok(())
    })
    .await;
    let sam = sam.expect("he was found");
    assert_eq!(sam.get().name, "Sam Tarly", "a handle stays readable");
    db.recorder.reset();
    assert!(em.find_by_id::<Author>(sam.id()).await?.expect("his row is there") == sam);
    assert_eq!(db.recorder.selects(), 1, "what was read in the transaction is asked for again");
    assert!(em.find_by_id::<Author>(jon.id()).await?.expect("loaded before") == jon);
    assert_eq!(db.recorder.selects(), 1);
    em.flush().await?;
    let stored = db.em().find_one_or_fail(Book::TITLE.eq("A Storm")).await?;
    assert_eq!(stored.get().price, 99, "an edit waits, whenever its row was read");
    Ok(())
}

/// One that moved to another owner is as it was, in both lists.
pub async fn a_flushed_move_shows_in_both_lists<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let authors = em.find_all::<Author>().order_by(Author::ID.asc()).populate(Author::BOOKS).await?;
    let (jon, sam) = (&authors[0], &authors[1]);
    let book = jon.books().iter().next().expect("he wrote some").clone();
    undone(&em, async |em| {
        book.edit().author = sam.to_ref();
        em.flush().await
    })
    .await;
    assert_eq!((jon.books().len(), sam.books().len()), (2, 1), "the edit waits");
    em.flush().await?;
    let stored = db.em().find_by_id::<Book>(book.id()).await?.expect("it is there");
    assert_eq!(stored.author_ref().key(), Some(sam.id()));
    Ok(())
}

/// An entity that is inserted and removed in one transaction that is rolled back was never there.
pub async fn inserted_and_removed_is_forgotten<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let mut arya = None;
    undone(&em, async |em| {
        let author = em.persist(Author::new("Arya"))?;
        em.flush().await?;
        em.remove(&author)?;
        em.flush().await?;
        arya = Some(author);
        Ok(())
    })
    .await;
    assert!(em.flush_plan()?.is_empty(), "{}", em.flush_plan()?);
    assert!(!em.contains(&arya.expect("it was made")));
    Ok(())
}

/// A key that was freed and taken again in the transaction belongs to both, as before the flush.
pub async fn a_replaced_row_and_its_heir_wait_again<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::PROFILE).await?;
    let old = jon.profile().expect("he has one");
    let mut heir = None;
    undone(&em, async |em| {
        em.remove(&old)?;
        em.flush().await?;
        let profile = Profile { id: old.id(), bio: "Aegon".into(), author: jon.to_ref() };
        heir = Some(em.persist(profile)?);
        em.flush().await
    })
    .await;
    em.flush().await?;
    let stored = db.em().find_by_id::<Profile>(old.id()).await?.expect("the heir");
    assert_eq!(stored.get().bio, "Aegon");
    assert!(em.contains(&heir.expect("it was made")));
    Ok(())
}

/// Dropped at any point before its end, a transaction has changed nothing, and memory is as before.
pub async fn a_dropped_transaction_changes_nothing<B: Backend>() -> Result<()> {
    let mut unknown = 0;
    for points in 0.. {
        let db = blog::seeded::<B>().await?;
        let em = db.em();
        let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
        jon.edit().age = Some(17);
        let arya = em.persist(Author::new("Arya"))?;
        db.recorder.stall_after(points);
        let work = em.transactional(async |em| {
            em.flush().await?;
            em.transactional(async |em| em.persist(Tag::new("summer")).map(drop)).await
        });
        let is_done = {
            let mut work = pin!(work);
            until_stalled(&mut work, &db).await
        };
        db.recorder.go_on();
        if is_done {
            assert_eq!(unknown, 2, "before COMMIT is sent, and before its answer comes");
            return Ok(());
        }
        if matches!(em.flush_plan(), Err(Error::OutcomeUnknown)) {
            unknown += 1;
            continue;
        }
        assert_eq!(arya.try_id(), None, "dropped at point {points}");
        assert_eq!(jon.get().age, Some(17));
        assert!(!em.is_in_transaction());
        assert_eq!(db.em().count(Author::NAME.eq("Arya")).await?, 0, "dropped at point {points}");
        em.flush().await?;
        assert_eq!(db.em().count(Author::NAME.eq("Arya")).await?, 1);
        assert_eq!(db.em().count(Author::AGE.eq(Some(17))).await?, 1);
    }
    Ok(())
}

/// Polls until it is done (true) or the recorder has stopped it for ever (false).
async fn until_stalled<F: Future>(work: &mut std::pin::Pin<&mut F>, db: &crate::TestDb) -> bool {
    loop {
        let mut context = Context::from_waker(Waker::noop());
        match work.as_mut().poll(&mut context) {
            Poll::Ready(_) => return true,
            Poll::Pending if db.recorder.is_stalled() => return false,
            Poll::Pending => tokio::task::yield_now().await,
        }
    }
}

/// A commit whose answer never comes leaves the decision to the program, which then has memory either way.
pub async fn an_unanswered_commit_is_the_programs_to_decide<B: Backend>() -> Result<()> {
    for outcome in [Outcome::Committed, Outcome::RolledBack] {
        let db = blog::empty::<B>().await?;
        let em = db.em();
        let arya = em.persist(Author::new("Arya"))?;
        db.recorder.inject(if outcome == Outcome::Committed {
            Fault::CommitUnanswered
        } else {
            Fault::CommitLost
        });
        em.transactional(async |em| em.flush().await).await.expect_err("the connection is lost");
        for refused in [em.flush().await, em.begin().await, em.transactional(async |_| Ok(())).await] {
            assert!(matches!(refused, Err(Error::OutcomeUnknown)), "{refused:?}");
        }
        em.accept_unknown(outcome)?;
        assert_eq!(arya.try_id().is_some(), outcome == Outcome::Committed);
        em.flush().await?;
        assert_eq!(db.em().count(Author::NAME.eq("Arya")).await?, 1);
    }
    Ok(())
}
