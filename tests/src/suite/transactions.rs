//! Transactions by closure and by hand: one connection, one identity map, savepoints for nested ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use orm_core::{
    Condition, Error, FlushMode, IsolationLevel, Propagation, RequestContext, Result, TransactionOptions,
};

use crate::Backend;
use crate::fixtures::blog::{self, Author, Book};
use crate::recorder::{Fault, Operation};

fn insert(rows: usize) -> Operation {
    Operation::Insert("Author".into(), rows)
}

async fn names(db: &crate::TestDb) -> Result<Vec<String>> {
    let authors = db.em().find_all::<Author>().order_by(Author::ID.asc()).await?;
    Ok(authors.iter().map(|author| author.get().name.clone()).collect())
}

/// The value comes back, and what was persisted is inserted before the commit. Cases H143 and H144.
pub async fn what_is_persisted_in_a_transaction_is_flushed_before_its_commit<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let name = "Arya".to_owned();

    let arya = em.transactional(async |em| em.persist(Author::new(&name))).await?;

    assert_eq!(db.recorder.operations(), [Operation::Begin, insert(1), Operation::Commit]);
    assert!(em.contains(&arya), "it is the context's own identity map");
    assert!(arya.id() > 0);
    Ok(())
}

/// The closure's error comes back as it is; the database and memory are as before. Case H143.
pub async fn an_error_in_a_transaction_rolls_back_and_is_returned<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let arya = em.persist(Author::new("Arya"))?;

    let error = em
        .transactional(async |em| {
            em.flush().await?;
            Err::<(), _>(Error::other("out of stock"))
        })
        .await
        .expect_err("the closure failed");

    assert_eq!(error.to_string(), "out of stock");
    assert_eq!(db.recorder.operations().last(), Some(&Operation::Rollback));
    assert_eq!(arya.try_id(), None, "it is new again");
    assert!(names(&db).await?.is_empty());
    em.flush().await?;
    assert_eq!(names(&db).await?, ["Arya"]);
    assert!(arya.id() > 0);
    Ok(())
}

/// An error type of the program's own passes through.
pub async fn a_transaction_keeps_the_programs_own_error_type<B: Backend>() -> Result<()> {
    #[derive(Debug)]
    enum Refused {
        Limit(u32),
        Orm,
    }
    impl From<Error> for Refused {
        fn from(_: Error) -> Self {
            Self::Orm
        }
    }

    let db = blog::empty::<B>().await?;
    let em = db.em();
    let refused = em
        .transactional_as(async |em| {
            em.persist(Author::new("Arya"))?;
            em.flush().await?;
            Err::<(), Refused>(Refused::Limit(7))
        })
        .await;
    assert!(matches!(refused, Err(Refused::Limit(7))));
    let failed: Result<(), Refused> = em
        .transactional_as(async |_| {
            db.recorder.inject(Fault::Write);
            Ok(())
        })
        .await;
    assert!(matches!(failed, Err(Refused::Orm)), "Arya is still to be written");
    Ok(())
}

/// A transaction in a transaction is a savepoint; its failure does not take the outer one along.
pub async fn a_nested_transaction_is_a_savepoint<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();

    em.transactional(async |em| {
        em.persist(Author::new("Arya"))?;
        em.transactional(async |em| em.persist(Author::new("Bran")).map(drop)).await?;
        let inner: Result<()> = em
            .transactional(async |em| {
                em.persist(Author::new("Cersei"))?;
                em.flush().await?;
                Err(Error::other("no"))
            })
            .await;
        inner.expect_err("it fails");
        Ok(())
    })
    .await?;

    // Cersei is new again, so the outer flush writes her after all: the savepoint took back the row, not the wish.
    assert_eq!(names(&db).await?, ["Arya", "Bran", "Cersei"]);
    let operations = db.recorder.operations();
    let savepoints = operations.iter().filter(|one| matches!(one, Operation::Savepoint(_))).count();
    assert!(savepoints >= 2, "{operations:?}");
    assert_eq!(operations.iter().filter(|one| **one == Operation::Begin).count(), 1);
    Ok(())
}

/// A flush in a transaction stands under a savepoint: it can fail, be mended and done again.
pub async fn a_failed_flush_leaves_the_transaction_usable<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    em.transactional(async |em| {
        em.persist(Author { email: Some("a@wall.org".into()), ..Author::new("Arya") })?;
        em.flush().await?;
        let bran = em.persist(Author { email: Some("a@wall.org".into()), ..Author::new("Bran") })?;
        let error = em.flush().await.expect_err("the email is taken");
        assert!(error.is_violation_of(Author::EMAIL), "{error}");
        bran.edit().email = Some("b@wall.org".into());
        em.flush().await
    })
    .await?;
    assert_eq!(names(&db).await?, ["Arya", "Bran"]);
    Ok(())
}

/// The outer handle, used in the closure's own task, is inside the transaction.
pub async fn the_outer_handle_is_inside_the_transaction<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    em.persist(Author::new("Arya"))?;
    let error = em
        .transactional(async |_| {
            assert!(em.is_in_transaction());
            em.flush().await?;
            assert_eq!(em.count(Condition::<Author>::always()).await?, 1);
            Err::<(), _>(Error::other("no"))
        })
        .await;
    error.expect_err("it fails");
    assert!(!em.is_in_transaction());
    assert_eq!(em.count(Condition::<Author>::always()).await?, 0);
    let begins = db.recorder.operations().iter().filter(|one| **one == Operation::Begin).count();
    assert_eq!(begins, 1);
    Ok(())
}

/// The global manager finds the transaction that it is used in, and starts one in a fork where there is no context.
pub async fn the_global_manager_follows_the_transaction<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let global = db.orm.em();
    let id = global
        .transactional(async |em| {
            global.persist(Author::new("Arya"))?;
            assert_eq!(global.id(), em.id());
            Ok(em.id())
        })
        .await?;
    assert_eq!(names(&db).await?, ["Arya"]);
    assert_ne!(global.id(), id, "it stood for the fork only inside");

    RequestContext::create(global, async {
        let request = global.id();
        global
            .transactional(async |em| {
                assert_eq!(em.id(), request, "a request's transaction works on the request's identity map");
                RequestContext::create(global, async {
                    assert_ne!(global.id(), request, "another request context is outside of it");
                    assert!(!global.is_in_transaction());
                    Ok::<_, Error>(())
                })
                .await
            })
            .await
    })
    .await
}

/// A fork made in a transaction is not in it.
pub async fn a_fork_is_outside_of_its_parents_transaction<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    em.transactional(async |em| {
        assert!(em.is_in_transaction());
        assert!(!em.fork().is_in_transaction());
        Ok(())
    })
    .await
}

/// Pending changes are flushed before a query that they concern, edits included, and only then.
pub async fn a_query_in_a_transaction_flushes_what_it_could_miss<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    em.transactional(async |em| {
        let author = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
        author.edit().age = Some(99);
        em.count(Book::PRICE.gt(0)).await?;
        assert_eq!(db.recorder.writes(), 0, "no book waits");
        assert_eq!(em.count(Author::AGE.eq(Some(99))).await?, 1, "the edit is seen");
        assert_eq!(db.recorder.writes(), 1);
        author.edit().age = Some(98);
        assert_eq!(em.count(Author::AGE.eq(Some(99))).flush_mode(FlushMode::Commit).await?, 1);
        let options = TransactionOptions::new().flush_mode(FlushMode::Commit);
        em.transactional_with(options, async |em| {
            assert_eq!(em.count(Author::AGE.eq(Some(99))).await?, 1, "as this transaction says");
            Ok(())
        })
        .await
    })
    .await?;
    assert_eq!(db.em().count(Author::AGE.eq(Some(98))).await?, 1);
    Ok(())
}

/// Begin, commit and rollback by hand; nested they are savepoints. Case H156.
pub async fn transactions_by_hand<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    for refused in [em.commit().await, em.rollback().await] {
        let error = refused.expect_err("nothing was begun");
        assert!(error.to_string().contains("an open transaction is required"), "{error}");
    }

    em.begin().await?;
    assert!(em.is_in_transaction());
    em.persist(Author::new("Arya"))?;
    em.begin().await?;
    let bran = em.persist(Author::new("Bran"))?;
    em.flush().await?;
    em.rollback().await?;
    assert_eq!(bran.try_id(), None);
    em.remove(&bran)?;
    em.commit().await?;
    assert!(!em.is_in_transaction());
    assert_eq!(names(&db).await?, ["Arya"]);

    em.begin().await?;
    em.persist(Author::new("Catelyn"))?;
    em.flush().await?;
    em.rollback().await?;
    assert_eq!(names(&db).await?, ["Arya"]);
    Ok(())
}

/// A commit by hand that fails is rolled back, and its work waits.
pub async fn a_commit_by_hand_that_fails_keeps_its_work<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    em.begin().await?;
    let arya = em.persist(Author::new("Arya"))?;
    em.flush().await?;
    db.recorder.inject(Fault::CommitRefused);
    em.commit().await.expect_err("the commit is refused");
    assert!(!em.is_in_transaction());
    assert_eq!(arya.try_id(), None);
    em.flush().await?;
    assert_eq!(names(&db).await?, ["Arya"]);
    Ok(())
}

/// A context that is dropped in a transaction rolls it back.
pub async fn a_dropped_context_rolls_its_transaction_back<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    {
        let em = db.em();
        em.begin().await?;
        em.persist(Author::new("Arya"))?;
        em.flush().await?;
    }
    assert!(names(&db).await?.is_empty());
    Ok(())
}

/// What joins a transaction has no end of its own, and refuses the whole when it fails. Case H148.
pub async fn required_joins_and_its_failure_refuses_the_commit<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let required = TransactionOptions::from(Propagation::Required);
    em.transactional_with(required, async |em| {
        em.persist(Author::new("Arya"))?;
        em.transactional_with(required, async |em| em.persist(Author::new("Bran")).map(drop)).await
    })
    .await?;
    assert_eq!(db.recorder.operations(), [Operation::Begin, insert(2), Operation::Commit]);

    let outer = em
        .transactional(async |em| {
            em.persist(Author::new("Cersei"))?;
            let inner: Result<()> = em.transactional_with(required, async |_| Err(Error::other("no"))).await;
            inner.expect_err("it fails");
            Ok(())
        })
        .await;
    let error = outer.expect_err("a part of it failed");
    assert!(error.to_string().contains("a part that joined"), "{error}");
    assert_eq!(names(&db).await?, ["Arya", "Bran"]);
    Ok(())
}

/// Supports, mandatory and never. Case H150.
pub async fn propagations_that_depend_on_an_open_transaction<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let with = |propagation: Propagation| TransactionOptions::from(propagation);
    em.transactional_with(with(Propagation::Supports), async |em| {
        assert!(!em.is_in_transaction());
        Ok(())
    })
    .await?;
    let error = em.transactional_with(with(Propagation::Mandatory), async |_| Ok(())).await;
    assert!(matches!(error, Err(Error::Transaction { .. })), "{error:?}");
    em.transactional_with(with(Propagation::Never), async |_| Ok(())).await?;
    em.transactional(async |em| {
        for propagation in [Propagation::Supports, Propagation::Mandatory] {
            em.transactional_with(with(propagation), async |em| {
                assert!(em.is_in_transaction());
                Ok(())
            })
            .await?;
        }
        let error = em.transactional_with(with(Propagation::Never), async |_| Ok(())).await;
        assert!(matches!(error, Err(Error::Transaction { .. })), "{error:?}");
        Ok(())
    })
    .await?;
    let operations = db.recorder.operations();
    assert_eq!(operations, [Operation::Begin, Operation::Commit]);
    Ok(())
}

/// A second transaction beside the open one is refused at once where there can be none.
pub async fn a_second_transaction_is_refused_where_there_can_be_none<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let capabilities = db.orm.capabilities();
    if capabilities.connections > 1 && capabilities.writers == orm_core::driver::Writers::Many {
        return Ok(());
    }
    em.transactional(async |em| {
        for propagation in [Propagation::RequiresNew, Propagation::NotSupported] {
            let refused =
                em.transactional_with(TransactionOptions::from(propagation), async |_| Ok(())).await;
            let error = refused.expect_err("the only connection is taken");
            assert!(error.to_string().contains("savepoint") || error.to_string().contains("pool"), "{error}");
        }
        Ok(())
    })
    .await
}

/// A transaction that only reads refuses to write, and says so. Case H147.
pub async fn a_read_only_transaction_refuses_to_write<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let options = TransactionOptions::new().read_only();
    let error = em
        .transactional_with(options, async |em| {
            assert_eq!(em.count(Condition::<Author>::always()).await?, 0);
            em.persist(Author::new("Arya")).map(drop)
        })
        .await
        .expect_err("it only reads");
    assert!(error.to_string().contains("read only"), "{error}");
    em.flush().await?;
    assert_eq!(names(&db).await?, ["Arya"], "nothing was lost");
    Ok(())
}

/// An isolation level is for the transaction as a whole.
pub async fn a_savepoint_has_no_isolation_level<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let serializable = TransactionOptions::from(IsolationLevel::Serializable);
    em.transactional_with(serializable, async |em| {
        let inner = em.transactional_with(serializable, async |_| Ok(())).await;
        assert!(matches!(inner, Err(Error::Transaction { .. })), "{inner:?}");
        Ok(())
    })
    .await
}

/// A failing ROLLBACK does not hide the error that led to it. Case H157.
pub async fn a_failing_rollback_does_not_hide_the_first_error<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let error = em
        .transactional(async |em| {
            em.persist(Author::new("Arya"))?;
            em.flush().await?;
            db.recorder.inject(Fault::Rollback);
            Err::<(), _>(Error::other("the first"))
        })
        .await
        .expect_err("it fails");
    assert_eq!(error.to_string(), "the first");
    assert!(names(&db).await?.is_empty(), "the connection was closed instead");
    em.flush().await?;
    assert_eq!(names(&db).await?, ["Arya"]);
    Ok(())
}

/// What is to happen after the end happens once, and only if the end is that.
pub async fn hooks_run_after_the_end_of_a_transaction<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    assert!(em.after_commit(|| async {}).is_err(), "there is no transaction");
    let (committed, rolled_back) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let count = |counter: &Arc<AtomicUsize>| {
        let counter = Arc::clone(counter);
        move || async move {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    };
    em.transactional(async |em| {
        em.after_commit(count(&committed))?;
        em.after_rollback(count(&rolled_back))?;
        em.transactional(async |em| em.after_commit(count(&committed))).await?;
        let inner: Result<()> = em
            .transactional(async |em| {
                em.after_commit(count(&committed))?;
                em.after_rollback(count(&rolled_back))?;
                Err(Error::other("no"))
            })
            .await;
        inner.expect_err("it fails");
        assert_eq!(committed.load(Ordering::Relaxed), 0, "not yet");
        assert_eq!(rolled_back.load(Ordering::Relaxed), 1);
        Ok(())
    })
    .await?;
    assert_eq!(committed.load(Ordering::Relaxed), 2);
    assert_eq!(rolled_back.load(Ordering::Relaxed), 1);
    Ok(())
}
