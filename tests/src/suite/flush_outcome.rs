//! A flush that is cut off: dropped at any of its awaits, or by a connection that is lost while it commits.
//!
//! Before COMMIT is sent nothing happened. From there to its answer nobody knows, and every later write says so until
//! the program decides.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use orm_core::driver::DriverErrorKind;
use orm_core::{Condition, EntityManager, Error, Loaded, NewEntity, Outcome, Result};

use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::recorder::Fault;
use crate::{Backend, TestDb};

/// Cut off before and after every statement, with one connection: the database has all of it or nothing, the next
/// borrower is in no transaction, and the same manager goes on; told of an unknown outcome while COMMIT is on its way.
pub async fn a_flush_may_be_cut_off_at_any_statement<B: Backend>() -> Result<()> {
    let mut unknown = Vec::new();
    for points in 0.. {
        let db = blog::seeded::<B>().await?;
        let work = Work::begin(&db).await?;
        db.recorder.stall_after(points);
        until_stalled(&db, work.em.flush()).await.transpose()?;
        let was_cut_off = db.recorder.go_on();
        if work.goes_on(&db, was_cut_off).await? {
            unknown.push(points);
        }
        if !was_cut_off {
            // BEGIN, five writes and COMMIT, each with a point before and after.
            assert_eq!((points, unknown), (14, vec![12, 13]));
            break;
        }
    }
    Ok(())
}

/// Dropped after every possible number of polls, in the middle of statements too.
pub async fn a_flush_may_be_dropped_at_any_await<B: Backend>() -> Result<()> {
    let mut finished = 0;
    for polls in 0.. {
        let db = blog::seeded::<B>().await?;
        let work = Work::begin(&db).await?;
        db.recorder.give_way();
        let is_finished = poll_times(work.em.flush(), polls).await.transpose()?.is_some();
        db.recorder.go_on();
        work.goes_on(&db, !is_finished).await?;
        // How many polls it takes depends on how fast the database answers.
        finished += u32::from(is_finished);
        if finished == 3 {
            assert!(polls > 14, "it was awaited {polls} times only");
            break;
        }
    }
    Ok(())
}

/// A flush that is dropped before COMMIT leaves no trace in memory.
pub async fn a_dropped_flush_leaves_no_trace<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let work = Work::begin(&db).await?;
    db.recorder.give_way();

    assert!(poll_times(work.em.flush(), 10).await.is_none());

    assert!(!work.is_written(&db).await?);
    assert_eq!((work.sansa.try_id(), work.feast.try_id()), (None, None));
    assert_eq!(work.em.flush_plan()?.len(), 5);
    work.em.flush().await?;
    work.assert_done(&db).await
}

/// A connection lost while it commits: that flush says so, and every later one sends nothing but an error.
pub async fn a_lost_commit_is_said_by_every_later_write<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let work = Work::begin(&db).await?;
    db.recorder.inject(Fault::CommitLost);

    let error = work.em.flush().await.expect_err("the connection was lost");
    assert_eq!(error.driver_kind(), Some(DriverErrorKind::ConnectionLost));

    db.recorder.reset();
    for _ in 0..2 {
        let error = work.em.flush().await.expect_err("nobody knows what became of it");
        assert!(matches!(error, Error::OutcomeUnknown), "{error}");
        assert!(matches!(work.em.flush_plan(), Err(Error::OutcomeUnknown)));
    }
    assert_eq!(db.statements(), 0);
    assert_eq!((work.sansa.try_id(), work.jon.get().age), (None, Some(17)));
    assert!(work.em.find_by_id::<Author>(work.jon.id()).await?.is_some());
    Ok(())
}

/// It was rolled back: everything waits again, and is written by the next flush.
pub async fn a_commit_known_to_be_lost_is_repeated<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let work = Work::begin(&db).await?;
    db.recorder.inject(Fault::CommitLost);
    work.em.flush().await.expect_err("the connection was lost");
    assert!(!work.is_written(&db).await?);

    work.em.accept_unknown(Outcome::RolledBack)?;

    assert_eq!(work.em.flush_plan()?.len(), 5);
    assert_eq!(work.sansa.try_id(), None);
    work.em.flush().await?;
    work.assert_done(&db).await
}

/// It was committed: memory catches up, keys and all, and nothing is sent again.
pub async fn a_commit_known_to_have_worked_is_settled<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let work = Work::begin(&db).await?;
    db.recorder.inject(Fault::CommitUnanswered);
    work.em.flush().await.expect_err("the answer was lost");
    assert!(work.is_written(&db).await?);
    assert_eq!(work.sansa.try_id(), None);

    work.em.accept_unknown(Outcome::Committed)?;

    assert!(work.sansa.try_id().is_some());
    assert_eq!(work.feast.author_ref().key(), work.sansa.try_id());
    assert!(!work.em.contains(&work.storm));
    work.assert_done(&db).await
}

/// Edits made while nobody knew are kept, and flushed when somebody does.
pub async fn edits_made_while_the_outcome_is_unknown_are_kept<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let work = Work::begin(&db).await?;
    db.recorder.inject(Fault::CommitUnanswered);
    work.em.flush().await.expect_err("the answer was lost");
    work.jon.edit().name = "Aegon".into();
    work.sansa.edit().age = Some(14);

    work.em.accept_unknown(Outcome::Committed)?;
    assert_eq!(work.em.flush_plan()?.len(), 2);
    work.em.flush().await?;

    let other = db.em();
    let jon = other.find_by_id::<Author>(work.jon.id()).await?.expect("he stayed");
    let sansa = other.find_by_id::<Author>(work.sansa.id()).await?.expect("she was inserted");
    assert_eq!((jon.get().name.as_str(), jon.get().age), ("Aegon", Some(17)));
    assert_eq!((sansa.get().name.as_str(), sansa.get().age), ("Sansa", Some(14)));
    Ok(())
}

/// Clearing the context is the other way on: what was unknown is forgotten.
pub async fn clear_forgets_an_unknown_outcome<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let work = Work::begin(&db).await?;
    db.recorder.inject(Fault::CommitLost);
    work.em.flush().await.expect_err("the connection was lost");

    work.em.clear()?;

    work.em.flush().await?;
    work.em.persist(Author::new("Arya"))?;
    work.em.flush().await?;
    assert_eq!(db.em().count(Author::NAME.eq("Arya")).await?, 1);
    assert!(!work.is_written(&db).await?);
    Ok(())
}

/// Nothing is unknown after a flush that ended, whatever the program says.
pub async fn accepting_an_outcome_that_is_known_does_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let work = Work::begin(&db).await?;
    work.em.accept_unknown(Outcome::Committed)?;
    assert_eq!(work.em.flush_plan()?.len(), 5);
    work.em.flush().await?;
    work.em.accept_unknown(Outcome::RolledBack)?;
    work.assert_done(&db).await
}

/// Inserts, an update, a link and a delete.
struct Work {
    em: EntityManager,
    jon: Loaded<Author>,
    storm: Loaded<Book>,
    sansa: Loaded<Author, NewEntity>,
    feast: Loaded<Book, NewEntity>,
}

impl Work {
    async fn begin(db: &TestDb) -> Result<Self> {
        let em = db.em();
        let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
        let storm = em.find_one_or_fail(Book::TITLE.eq("A Storm")).await?;
        let war = em.find_one_or_fail(Tag::LABEL.eq("war")).await?;
        jon.edit().age = Some(17);
        let sansa = em.persist(Author::new("Sansa"))?;
        let feast = em.persist(Book::new("A Feast", &sansa))?;
        feast.tags_ref().add(&war)?;
        em.remove(&storm)?;
        db.recorder.reset();
        Ok(Self { em, jon, storm, sansa, feast })
    }

    /// The pool's one connection is clean, the manager of a flush that was perhaps cut off says what it does not know,
    /// and writes everything once. Whether it did not know.
    async fn goes_on(&self, db: &TestDb, was_cut_off: bool) -> Result<bool> {
        let other = db.em();
        other.persist(Author::new("Bystander"))?;
        // BEGIN fails inside a transaction that somebody left open.
        other.flush().await?;
        let is_written = self.is_written(db).await?;
        let is_unknown = match self.em.flush().await {
            Ok(()) => false,
            Err(Error::OutcomeUnknown) => true,
            Err(error) => return Err(error),
        };
        assert_eq!(is_written, !was_cut_off || (is_unknown && is_written));
        if is_unknown {
            self.em.accept_unknown(if is_written { Outcome::Committed } else { Outcome::RolledBack })?;
            self.em.flush().await?;
        }
        self.assert_done(db).await?;
        Ok(is_unknown)
    }

    /// Whether the database has all of it; having a part of it is a failure.
    async fn is_written(&self, db: &TestDb) -> Result<bool> {
        let other = db.em();
        let sansas = other.count(Author::NAME.eq("Sansa")).await?;
        let feasts =
            other.count(Book::TITLE.eq("A Feast").and(Book::TAGS.some(Tag::LABEL.eq("war")))).await?;
        let storms = other.count(Book::TITLE.eq("A Storm")).await?;
        let aged = other.count(Author::AGE.eq(17)).await?;
        match (sansas, feasts, storms, aged) {
            (0, 0, 1, 0) => Ok(false),
            (1, 1, 0, 1) => Ok(true),
            other => panic!("half of it was written: {other:?}"),
        }
    }

    /// Everything is written, once, and memory says so.
    async fn assert_done(&self, db: &TestDb) -> Result<()> {
        assert!(self.is_written(db).await?);
        assert_eq!(db.em().count(Condition::<Book>::always()).await?, 3);
        let other = db.em();
        let feast =
            other.find_by_id::<Book>(self.feast.id()).populate(Book::AUTHOR).await?.expect("it is there");
        assert_eq!(feast.author().id(), self.sansa.id());
        assert!(self.em.flush_plan()?.is_empty());
        Ok(())
    }
}

/// Polls `future` until it is ready, or an operation stalls; `None` if it was dropped unfinished.
async fn until_stalled<F: Future>(db: &TestDb, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if db.recorder.is_stalled() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Polls `future` until it is ready, or has been polled `times` times; `None` if it was dropped unfinished.
async fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(|context| {
        if polled == times {
            return Poll::Ready(None);
        }
        polled += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polled == times => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
