//! `Orm::test_transaction`: nothing of it stays, and the program in it notices no transaction but its own.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use orm_core::subscriber::{Subscriber, TransactionEvent};
use orm_core::{
    EntityManager, Error, IsolationLevel, Loaded, NewEntity, Propagation, RequestContext, Result,
    TransactionOptions, retry,
};
use parking_lot::Mutex;

use crate::fixtures::blog::{self, Tag};
use crate::model::polls::poll_until;
use crate::recorder::Operation;
use crate::{Backend, TestDb};

async fn labels(em: &EntityManager) -> Result<Vec<String>> {
    let tags = em.find_all::<Tag>().order_by(Tag::LABEL.asc()).await?;
    Ok(tags.iter().map(|tag| tag.get().label.clone()).collect())
}

async fn save(em: &EntityManager, label: &str) -> Result<Loaded<Tag, NewEntity>> {
    let tag = em.persist(Tag::new(label))?;
    em.flush().await?;
    Ok(tag)
}

/// Nothing is left, and no connection is left in a transaction.
async fn assert_untouched(db: &TestDb) -> Result<()> {
    assert!(labels(&db.em()).await?.is_empty());
    db.begin_and_roll_back().await
}

/// Whatever way it is written, and however often it is committed inside.
pub async fn nothing_of_a_test_stays<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let count = db
        .orm
        .test_transaction(async |em| {
            save(&em, "flushed").await?;
            em.transactional(async |em| save(&em, "committed").await.map(drop)).await?;
            em.begin().await?;
            em.persist(Tag::new("by hand"))?;
            em.commit().await?;
            em.insert(Tag::new("alone")).await?;
            em.sql("insert into tag (label) values ({})", ("raw",)).execute().await?;
            em.begin().await?;
            save(&em, "never ended").await?;
            em.persist(Tag::new("never flushed"))?;
            em.count_all::<Tag>().await
        })
        .await?;
    assert_eq!(count, 7, "what is persisted in a transaction is flushed before a query");
    let operations = db.recorder.operations();
    let of = |step| operations.iter().filter(|one| **one == step).count();
    assert_eq!((of(Operation::Begin), of(Operation::Commit), of(Operation::Rollback)), (1, 0, 1));
    assert_untouched(&db).await
}

/// The value comes back as it is, and so does the error, of the program's own type too.
pub async fn the_outcome_of_a_test_comes_back<B: Backend>() -> Result<()> {
    #[derive(Debug)]
    struct OutOfStock;
    impl From<Error> for OutOfStock {
        fn from(_: Error) -> Self {
            Self
        }
    }
    let db = blog::empty::<B>().await?;
    assert_eq!(
        db.orm.test_transaction(async |em| Ok(save(&em, "fire").await?.get().label.clone())).await?,
        "fire"
    );
    let failed: Result<()> = db
        .orm
        .test_transaction(async |em| {
            save(&em, "fire").await?;
            Err(Error::other("out of stock"))
        })
        .await;
    assert_eq!(failed.expect_err("it failed").to_string(), "out of stock");
    let own: Result<(), OutOfStock> = db
        .orm
        .test_transaction_as(async |em| {
            save(&em, "fire").await?;
            Err(OutOfStock)
        })
        .await;
    assert!(own.is_err());
    assert_untouched(&db).await
}

/// As a failed assertion.
pub async fn a_test_that_panics_leaves_nothing<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let test = db.orm.test_transaction(async |em| -> Result<()> {
        save(&em, "fire").await?;
        em.transactional(async |em| {
            save(&em, "ice").await?;
            panic!("assertion failed")
        })
        .await
    });
    assert!(AssertUnwindSafe(test).catch_unwind().await.is_err());
    assert_untouched(&db).await
}

/// As by a time limit.
pub async fn a_test_that_is_cut_off_leaves_nothing<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    {
        let mut test = pin!(db.orm.test_transaction(async |em| -> Result<()> {
            save(&em, "fire").await?;
            std::future::pending().await
        }));
        let is_written = || db.recorder.operations().iter().any(|one| matches!(one, Operation::Release(_)));
        poll_until(&mut test, is_written).await;
    }
    assert_untouched(&db).await
}

/// What the program commits is seen by whoever comes next in the test; what it rolls back is not.
pub async fn what_is_committed_in_a_test_is_seen_in_it<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    db.orm
        .test_transaction(async |em| {
            em.transactional(async |em| save(&em, "fire").await.map(drop)).await?;
            let undone = em.transactional(async |em| {
                save(&em, "ice").await?;
                Err::<(), _>(Error::other("no"))
            });
            assert!(undone.await.is_err());
            em.clear()?;
            assert_eq!(labels(&em).await?, ["fire"]);
            assert_eq!(labels(&em.fork()).await?, ["fire"]);
            Ok(())
        })
        .await?;
    assert_untouched(&db).await
}

/// A refused row is taken back alone, whether it was flushed or written by itself, and the test goes on.
pub async fn a_test_goes_on_after_a_refused_row<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    db.orm
        .test_transaction(async |em| {
            save(&em, "fire").await?;
            let twice = em.insert(Tag::new("fire")).await;
            assert!(twice.is_err_and(|error| error.is_violation_of(Tag::LABEL)));
            let fork = em.fork();
            assert!(save(&fork, "fire").await.is_err_and(|error| error.is_violation_of(Tag::LABEL)));
            assert!(em.sql("insert into nowhere values (1)", ()).execute().await.is_err());
            assert_eq!(labels(&em).await?, ["fire"]);
            Ok(())
        })
        .await?;
    assert_untouched(&db).await
}

/// Forks, request contexts, transactions of their own and repeated ones: all are taken back, and see each other's rows.
pub async fn every_context_of_a_test_is_in_it<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let global = db.orm.em();
    db.orm
        .test_transaction(async |em| {
            save(&em.fork(), "fork").await?;
            save(&global.fork(), "fork of the global manager").await?;
            RequestContext::create(global, async {
                save(global, "request").await?;
                global.transactional(async |_| save(global, "transaction of a request").await.map(drop)).await
            })
            .await?;
            em.transactional(async |em| {
                save(&em, "outer").await?;
                let new = async |em: EntityManager| save(&em, "requires new").await.map(drop);
                em.transactional_with(Propagation::RequiresNew, new).await?;
                let none = async |em: EntityManager| save(&em, "not supported").await.map(drop);
                em.transactional_with(Propagation::NotSupported, none).await
            })
            .await?;
            em.transactional_with(retry(2), async |em| save(&em, "retried").await.map(drop)).await?;
            let task = em.fork();
            tokio::spawn(async move { save(&task, "task").await.map(drop) })
                .await
                .map_err(Error::other)??;
            assert_eq!(em.count_all::<Tag>().await?, 9);
            assert_eq!(labels(&em.fork()).await?.len(), 9);
            Ok(())
        })
        .await?;
    assert_untouched(&db).await
}

/// Propagation, isolation and the rules outside of transactions are as they are without the test.
pub async fn a_program_notices_no_transaction_of_the_test<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    db.orm
        .test_transaction(async |em| {
            assert!(!em.is_in_transaction());
            assert!(matches!(em.after_commit(async || {}), Err(Error::Transaction { .. })));
            assert!(matches!(em.commit().await, Err(Error::Transaction { .. })));
            let mandatory = em.transactional_with(Propagation::Mandatory, async |_| Ok(())).await;
            assert!(matches!(mandatory, Err(Error::Transaction { .. })), "{mandatory:?}");
            em.transactional_with(Propagation::Never, async |_| Ok(())).await?;
            em.persist(Tag::new("pending"))?;
            assert_eq!(em.count_all::<Tag>().await?, 0, "outside of transactions queries do not flush");
            em.clear()?;
            let required = em.transactional_with(Propagation::Required, async |em| {
                save(&em, "undone").await?;
                Err::<(), _>(Error::other("no"))
            });
            assert!(required.await.is_err());
            assert_eq!(em.count_all::<Tag>().await?, 0, "it was not joined to that of the test");
            let serializable = TransactionOptions::default().isolation(IsolationLevel::Serializable);
            em.transactional_with(serializable, async |em| {
                assert!(em.is_in_transaction());
                save(&em, "fire").await.map(drop)
            })
            .await
        })
        .await?;
    assert_untouched(&db).await
}

/// What the program wants done after its commit is done then, and not after what it rolls back.
pub async fn work_after_a_commit_runs_in_a_test<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let done = Arc::new(Mutex::new(Vec::new()));
    let work = |what: &'static str| {
        let done = Arc::clone(&done);
        move || async move { done.lock().push(what) }
    };
    db.orm
        .test_transaction(async |em| {
            em.transactional(async |em| {
                em.after_commit(work("outer committed"))?;
                em.after_rollback(work("outer rolled back"))?;
                em.transactional(async |em| em.after_commit(work("inner committed"))).await?;
                assert!(done.lock().is_empty());
                Ok(())
            })
            .await?;
            assert_eq!(*done.lock(), ["outer committed", "inner committed"]);
            done.lock().clear();
            let undone = em.transactional(async |em| {
                em.after_commit(work("committed"))?;
                em.after_rollback(work("rolled back"))?;
                Err::<(), _>(Error::other("no"))
            });
            assert!(undone.await.is_err());
            Ok(())
        })
        .await?;
    assert_eq!(*done.lock(), ["rolled back"]);
    Ok(())
}

/// Subscribers hear of the program's transactions and flushes, and not of the test's.
pub async fn subscribers_hear_of_the_programs_transactions_alone<B: Backend>() -> Result<()> {
    #[derive(Clone, Default)]
    struct Hears(Arc<Mutex<Vec<&'static str>>>);
    impl Hears {
        #[expect(clippy::unnecessary_wraps, reason = "it is what the methods give")]
        fn hear(&self, what: &'static str) -> Result<()> {
            self.0.lock().push(what);
            Ok(())
        }
    }
    impl Subscriber for Hears {
        async fn before_transaction_start(&self, _: &TransactionEvent<'_>) -> Result<()> {
            self.hear("before start")
        }
        async fn after_transaction_start(&self, _: &TransactionEvent<'_>) -> Result<()> {
            self.hear("after start")
        }
        async fn before_transaction_commit(&self, _: &TransactionEvent<'_>) -> Result<()> {
            self.hear("before commit")
        }
        async fn after_transaction_commit(&self, _: &TransactionEvent<'_>) -> Result<()> {
            self.hear("after commit")
        }
        async fn before_transaction_rollback(&self, _: &TransactionEvent<'_>) -> Result<()> {
            self.hear("before rollback")
        }
        async fn after_transaction_rollback(&self, _: &TransactionEvent<'_>) -> Result<()> {
            self.hear("after rollback")
        }
    }
    let heard = Hears::default();
    let db = TestDb::open::<B>(|builder| blog::entities(builder).subscriber(heard.clone())).await?;
    let take = || std::mem::take(&mut *heard.0.lock());
    let committed = ["before start", "after start", "before commit", "after commit"];
    db.orm
        .test_transaction(async |em| {
            assert_eq!(take(), [""; 0]);
            em.transactional(async |em| save(&em, "fire").await.map(drop)).await?;
            assert_eq!(take(), committed);
            save(&em, "ice").await?;
            assert_eq!(take(), committed, "of a flush by itself");
            let refused = save(&em.fork(), "ice").await;
            assert!(refused.is_err());
            assert_eq!(take(), ["before start", "after start", "before rollback", "after rollback"]);
            let undone = em.transactional(async |_| Err::<(), _>(Error::other("no"))).await;
            assert!(undone.is_err());
            assert_eq!(take(), ["before start", "after start", "before rollback", "after rollback"]);
            Ok(())
        })
        .await?;
    assert_eq!(take(), [""; 0]);
    Ok(())
}

/// What is taken out of the test is of no use: the manager is empty, its entities are detached, its forks are refused.
pub async fn what_leaves_a_test_writes_nothing<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let (em, fork, tag) = db
        .orm
        .test_transaction(async |em| {
            let tag = save(&em, "fire").await?;
            em.persist(Tag::new("pending"))?;
            let fork = em.fork();
            fork.persist(Tag::new("pending too"))?;
            Ok((em, fork, tag))
        })
        .await?;
    assert_eq!(tag.get().label, "fire");
    assert!(!em.contains(&tag));
    em.flush().await?;
    let late = fork.flush().await;
    assert!(matches!(late, Err(Error::Transaction { .. })), "{late:?}");
    let late = fork.insert(Tag::new("late")).await;
    assert!(matches!(late, Err(Error::Transaction { .. })), "{late:?}");
    let late = fork.transactional(async |_| Ok(())).await;
    assert!(matches!(late, Err(Error::Transaction { .. })), "{late:?}");
    assert_untouched(&db).await
}

/// One in another is taken back by itself.
pub async fn tests_may_stand_in_tests<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    db.orm
        .test_transaction(async |em| {
            save(&em, "outer").await?;
            db.orm
                .test_transaction(async |em| {
                    save(&em, "inner").await?;
                    assert_eq!(labels(&em).await?, ["inner", "outer"]);
                    Ok(())
                })
                .await?;
            assert_eq!(labels(&em).await?, ["outer"]);
            Ok(())
        })
        .await?;
    assert_untouched(&db).await
}

/// Tests that run at the same time see nothing of each other, and on a pool of one connection take turns.
pub async fn tests_at_the_same_time_keep_apart<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let test = async |label: &str| {
        db.orm
            .test_transaction(async |em| {
                save(&em, label).await?;
                tokio::time::sleep(Duration::from_millis(5)).await;
                assert_eq!(labels(&em).await?, [label]);
                Ok(())
            })
            .await
    };
    futures::try_join!(test("fire"), test("ice"), test("war"))?;
    assert_untouched(&db).await
}
