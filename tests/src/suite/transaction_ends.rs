//! The end of a transaction: what waited for it, what outlived it, what was forgotten in it, and who may not end it.

use std::cell::OnceCell;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use orm_core::subscriber::{EntityEvent, FlushEvent, Subscriber};
use orm_core::{EntityManager, Error, Propagation, Result};
use tokio::sync::Notify;

use crate::fixtures::blog::{self, Tag};
use crate::model::polls::{poll_times, poll_until};
use crate::recorder::{Fault, Operation};
use crate::{Backend, TestDb};

async fn labels(db: &TestDb) -> Result<Vec<String>> {
    let tags = db.em().find_all::<Tag>().order_by(Tag::ID.asc()).await?;
    Ok(tags.iter().map(|tag| tag.get().label.clone()).collect())
}

fn insert(rows: usize) -> Operation {
    Operation::Insert("Tag".into(), rows)
}

/// Does `work` with the manager of a transaction that is being committed, and goes on when the next transaction of the
/// context is open.
async fn outlive<B: Backend>(work: impl AsyncFnOnce(&EntityManager) -> Result<()>) -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let own = OnceCell::new();
    db.recorder.give_way();
    let mut first = pin!(em.transactional(async |inner| {
        inner.persist(Tag::new("first"))?;
        own.set(inner).map_err(|_| Error::other("it runs once"))
    }));
    poll_until(&mut first, || db.recorder.operations().contains(&insert(1))).await;
    let own = own.get().expect("the closure is done");

    let mut late = pin!(work(own));
    assert!(poll_times(&mut late, 1).await.is_none(), "it waits for its turn");
    first.await?;
    let go = Notify::new();
    let mut second = pin!(em.transactional(async |_| {
        go.notified().await;
        Ok(())
    }));
    let begins = || db.recorder.operations().iter().filter(|one| **one == Operation::Begin).count();
    poll_until(&mut second, || begins() == 2).await;
    assert!(poll_times(&mut late, 1).await.is_none(), "the next transaction is not its own");
    go.notify_one();
    second.await?;
    late.await?;

    let operations = db.recorder.operations();
    let inserts = operations.iter().filter(|one| **one == insert(1)).count();
    assert_eq!(inserts, 2, "each row once: {operations:?}");
    assert!(!operations.iter().any(|one| matches!(one, Operation::Savepoint(_))), "{operations:?}");
    assert!(em.flush_plan()?.is_empty(), "{}", em.flush_plan()?);
    assert_eq!(labels(&db).await?, ["first", "late"]);
    Ok(())
}

/// A flush that waited while its transaction ended writes in a transaction of its own, and settles.
pub async fn a_flush_that_waited_for_the_end_comes_after_it<B: Backend>() -> Result<()> {
    outlive::<B>(async |own| {
        own.persist(Tag::new("late"))?;
        own.flush().await
    })
    .await
}

/// So does a transaction that was to be a savepoint.
pub async fn a_transaction_that_waited_for_the_end_comes_after_it<B: Backend>() -> Result<()> {
    outlive::<B>(async |own| own.transactional(async |em| em.persist(Tag::new("late")).map(drop)).await).await
}

/// So does a write without the unit of work.
pub async fn a_bulk_write_that_waited_for_the_end_comes_after_it<B: Backend>() -> Result<()> {
    outlive::<B>(async |own| own.insert(Tag::new("late")).await.map(drop)).await
}

/// Stops the first flush before it computes anything.
#[derive(Clone, Default)]
struct Gate {
    was_passed: Arc<AtomicBool>,
    go: Arc<Notify>,
}

impl Subscriber for Gate {
    async fn before_flush(&self, _: &FlushEvent<'_>) -> Result<()> {
        if !self.was_passed.swap(true, Ordering::SeqCst) {
            self.go.notified().await;
        }
        Ok(())
    }
}

/// A flush whose transaction is rolled back under it says so, and what it would have written waits.
pub async fn a_flush_that_outlives_its_transaction_is_refused<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let gate = Gate::default();
    em.add_subscriber(gate.clone());
    let (own, end) = (OnceCell::new(), Notify::new());
    let mut transaction = pin!(em.transactional(async |inner| {
        own.set(inner).map_err(|_| Error::other("it runs once"))?;
        end.notified().await;
        Err::<(), _>(Error::other("no"))
    }));
    poll_until(&mut transaction, || own.get().is_some()).await;
    em.persist(Tag::new("once"))?;
    let mut flush = pin!(own.get().expect("the closure runs").flush());
    assert!(poll_times(&mut flush, 1).await.is_none());
    end.notify_one();
    transaction.await.expect_err("it fails");

    gate.go.notify_one();
    let error = flush.await.expect_err("its transaction is over");

    assert!(matches!(error, Error::Transaction { .. }), "{error:?}");
    assert!(error.to_string().contains("has ended"), "{error}");
    assert!(labels(&db).await?.is_empty());
    em.flush().await?;
    assert_eq!(labels(&db).await?, ["once"]);
    Ok(())
}

/// Ends the transaction of the first flush that inserts.
struct Ender {
    commits: bool,
    is_done: AtomicBool,
}

impl Subscriber for Ender {
    async fn after_create(&self, event: &EntityEvent<'_>) -> Result<()> {
        match self.is_done.swap(true, Ordering::SeqCst) {
            true => Ok(()),
            false if self.commits => event.em().commit().await,
            false => event.em().rollback().await,
        }
    }
}

/// A hook can't end the transaction of the flush that it is part of; the transaction goes on.
pub async fn a_hook_may_not_end_the_transaction<B: Backend>() -> Result<()> {
    for commits in [false, true] {
        let db = blog::empty::<B>().await?;
        let em = db.em();
        em.add_subscriber(Ender { commits, is_done: AtomicBool::new(false) });
        em.begin().await?;
        em.persist(Tag::new("once"))?;

        let flush = tokio::time::timeout(Duration::from_secs(5), em.flush());
        let error = flush.await.map_err(Error::other)?.expect_err("it is not the hook's to end");

        let Error::Hook { source, .. } = &error else { panic!("{error:?}") };
        assert!(source.to_string().contains("end of a transaction"), "{source}");
        assert!(em.is_in_transaction());
        em.commit().await?;
        assert_eq!(labels(&db).await?, ["once"]);
    }
    Ok(())
}

/// A rollback that can't have the connection in time closes it.
pub async fn a_rollback_waits_for_its_connection_with_a_limit<B: Backend>() -> Result<()> {
    let db =
        TestDb::open::<B>(|builder| blog::entities(builder).wait_timeout(Duration::from_millis(500))).await?;
    let em = db.em();
    em.begin().await?;
    em.persist(Tag::new("once"))?;
    em.flush().await?;
    db.recorder.inject(Fault::SelectStalls);
    {
        let mut find = pin!(async { em.find_all::<Tag>().await });
        poll_until(&mut find, || !db.recorder.is_armed()).await;
        let rollback = tokio::time::timeout(Duration::from_secs(5), em.rollback());
        rollback.await.map_err(Error::other)??;
    }
    assert!(!em.is_in_transaction());
    assert!(labels(&db).await?.is_empty());
    em.flush().await?;
    assert_eq!(labels(&db).await?, ["once"]);
    Ok(())
}

/// Half of a part that joined is not committed with the rest. Case H148.
pub async fn a_joined_part_that_is_dropped_refuses_the_commit<B: Backend>() -> Result<()> {
    for joins in [Propagation::Required, Propagation::Supports, Propagation::Mandatory] {
        let db = blog::empty::<B>().await?;
        let em = db.em();
        let half = AtomicBool::new(false);
        let outer = em.transactional(async |em| {
            let part = em.transactional_with(joins, async |em| {
                em.persist(Tag::new("debit"))?;
                em.flush().await?;
                half.store(true, Ordering::SeqCst);
                pending::<()>().await;
                em.persist(Tag::new("credit")).map(drop)
            });
            let mut part = pin!(part);
            poll_until(&mut part, || half.load(Ordering::SeqCst)).await;
            Ok(())
        });
        let error = outer.await.expect_err("a part of it was cut off");
        assert!(error.to_string().contains("a part that joined"), "{error}");
        assert!(labels(&db).await?.is_empty(), "{joins:?}");
    }
    Ok(())
}

/// `begin` in a closure that does not end it fails the closure's transaction at once, and nothing of it stays open.
pub async fn a_begin_without_an_end_fails_the_transaction<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let undone = Arc::new(AtomicUsize::new(0));
    let forgetful = async |em: EntityManager| {
        em.persist(Tag::new("a"))?;
        em.begin().await?;
        em.begin().await?;
        let undone = Arc::clone(&undone);
        em.after_rollback(move || async move {
            undone.fetch_add(1, Ordering::SeqCst);
        })?;
        em.persist(Tag::new("b"))?;
        em.flush().await
    };
    let transaction = tokio::time::timeout(Duration::from_secs(5), em.transactional(forgetful));
    let error = transaction.await.map_err(Error::other)?.expect_err("nobody ended it");

    assert!(error.to_string().contains("without `commit` or `rollback`"), "{error}");
    assert_eq!(undone.load(Ordering::SeqCst), 1);
    assert!(!em.is_in_transaction());
    let stray = em.commit().await.expect_err("nothing is left to end");
    assert!(stray.to_string().contains("an open transaction is required"), "{stray}");
    assert!(labels(&db).await?.is_empty());
    assert_eq!(em.flush_plan()?.to_string(), "insert 2 Tag (label)");

    em.transactional(async |em| {
        em.transactional(async |em| em.begin().await).await.expect_err("nobody ended it");
        em.begin().await?;
        em.commit().await
    })
    .await?;
    assert_eq!(labels(&db).await?, ["a", "b"], "the outer transaction went on");
    Ok(())
}

/// What was begun outside a closure can't be ended in it.
pub async fn a_closure_ends_nothing_but_its_own<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    em.begin().await?;
    em.transactional(async |em| {
        em.persist(Tag::new("a"))?;
        for refused in [em.commit().await, em.rollback().await] {
            let error = refused.expect_err("the closure ends by itself");
            assert!(error.to_string().contains("an open transaction is required"), "{error}");
        }
        Ok(())
    })
    .await?;
    assert!(em.is_in_transaction());
    em.commit().await?;
    assert_eq!(labels(&db).await?, ["a"]);
    Ok(())
}

/// A key that many rows refer to is taken back with all of them. Took minutes when each of them was looked at for each.
pub async fn a_rollback_takes_back_the_keys_of_many_rows<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let mut kept = None;
    let result = em
        .transactional(async |em| {
            let author = em.persist(blog::Author::new("a"))?;
            em.flush().await?;
            let books: Result<Vec<_>> =
                (0..16_000).map(|_| em.persist(blog::Book::new("b", author.to_ref()))).collect();
            em.flush().await?;
            kept = Some((author, books?));
            Err::<(), _>(Error::other("no"))
        })
        .await;
    result.expect_err("it fails");
    let (author, books) = kept.expect("the closure ran");
    assert_eq!(author.get().id, 0, "it is new again");
    assert!(books.iter().all(|book| book.get().id == 0 && book.author_ref().key().is_none()));
    Ok(())
}
