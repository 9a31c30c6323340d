//! What runs side by side in one context takes turns, with a limit; what runs in many contexts needs one connection each.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::{join, join_all, try_join_all};
use orm_core::subscriber::{Subscriber, TransactionEvent};
use orm_core::{Condition, EntityManager, Error, Propagation, Result, TransactionOptions, retry};

use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::model::polls::poll_until;
use crate::recorder::{Fault, Operation};
use crate::{Backend, TestDb};

/// Transactions of one context that are polled together run one after another.
pub async fn transactions_of_one_context_take_turns<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let work = (0..5).map(|number| {
        let em = &em;
        em.transactional(async move |em| {
            em.persist(Author::new(&format!("Author {number}")))?;
            em.flush().await?;
            tokio::task::yield_now().await;
            Ok(())
        })
    });
    try_join_all(work).await?;
    let operations = db.recorder.operations();
    let mut is_open = false;
    for operation in &operations {
        match operation {
            Operation::Begin => assert!(!std::mem::replace(&mut is_open, true), "{operations:?}"),
            Operation::Commit => is_open = false,
            _ => assert!(is_open),
        }
    }
    assert_eq!(db.em().count(Condition::<Author>::always()).await?, 5);
    Ok(())
}

/// Nested ones take turns too, and so do flushes beside them.
pub async fn nested_transactions_take_turns<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    em.transactional(async |em| {
        let nested = (0..4).map(|number| {
            let em = &em;
            em.transactional(async move |em| {
                em.persist(Author::new(&format!("Author {number}")))?;
                tokio::task::yield_now().await;
                if number % 2 == 0 { Ok(()) } else { Err(Error::other("no")) }
            })
        });
        let (results, flushed) = join(join_all(nested), em.flush()).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 2);
        flushed
    })
    .await?;
    // Those that were rolled back are new again, and the commit writes them.
    assert_eq!(db.em().count(Condition::<Author>::always()).await?, 4);
    Ok(())
}

/// A task that is spawned in a transaction uses the manager that the closure got.
pub async fn a_spawned_task_uses_the_closures_manager<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let result: Result<()> = em
        .transactional(async |em| {
            let task = em.clone();
            tokio::spawn(async move {
                assert!(task.is_in_transaction());
                task.persist(Author::new("Arya"))?;
                task.flush().await
            })
            .await
            .map_err(Error::other)??;
            assert_eq!(em.count(Condition::<Author>::always()).await?, 1);
            Err(Error::other("no"))
        })
        .await;
    result.expect_err("it fails");
    assert_eq!(db.em().count(Condition::<Author>::always()).await?, 0);
    Ok(())
}

/// Who waits for something that waits for them gets an error that names the holder, and nothing is lost.
pub async fn a_wait_has_an_end_and_names_the_holder<B: Backend>() -> Result<()> {
    let db =
        TestDb::open::<B>(|builder| blog::entities(builder).wait_timeout(Duration::from_millis(50))).await?;
    let em = db.em();
    em.transactional(async |_| {
        let outer = em.clone();
        // Not inside: a task of its own, with the outer handle.
        let task = tokio::spawn(async move {
            outer.persist(Author::new("Arya"))?;
            outer.flush().await
        });
        let error = task.await.map_err(Error::other)?.expect_err("the transaction has the turn");
        assert!(matches!(error, Error::Wait { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("transaction") && text.contains(file!()), "{text}");
        Ok(())
    })
    .await?;
    assert_eq!(
        db.em().count(Condition::<Author>::always()).await?,
        1,
        "its work was flushed with the commit"
    );
    Ok(())
}

/// Each context needs one connection, however deep its transactions are: any number of tasks comes to an end.
pub async fn nested_transactions_in_many_tasks_finish<B: Backend>() -> Result<()> {
    for connections in [1, 2, 5] {
        let db = TestDb::open_pool::<B>(connections, blog::entities).await?;
        let tasks = (0..5 * connections).map(|number| {
            let em = db.em();
            tokio::spawn(async move {
                em.transactional(async |em| {
                    let author = em.persist(Author::new(&format!("Author {number}")))?;
                    em.transactional(async |em| {
                        em.persist(Book::new("One", &author))?;
                        em.transactional(async |em| em.persist(Book::new("Two", &author)).map(drop)).await
                    })
                    .await?;
                    assert_eq!(em.count(Book::AUTHOR.eq(&author)).await?, 2);
                    Ok(())
                })
                .await
            })
        });
        for result in join_all(tasks).await {
            result.map_err(Error::other)??;
        }
        assert_eq!(db.em().count(Condition::<Book>::always()).await?, 10 * u64::from(connections));
    }
    Ok(())
}

/// A transaction that may succeed the next time is run again, on a fresh fork.
pub async fn a_busy_transaction_is_tried_again<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    db.recorder.inject(Fault::Busy);
    let tries = AtomicU32::new(0);
    let pause = Duration::from_millis(1);
    let id = em
        .transactional_with(retry(3).backoff(pause), async |em| {
            tries.fetch_add(1, Ordering::Relaxed);
            let arya = em.persist(Author::new("Arya"))?;
            em.flush().await?;
            Ok(arya.id())
        })
        .await?;
    assert_eq!(tries.into_inner(), 1, "the first attempt did not get as far as the closure");
    assert!(db.em().find_by_id::<Author>(id).await?.is_some());
    assert_eq!(db.em().count(Condition::<Author>::always()).await?, 1);

    let failed: Result<()> = em
        .transactional_with(retry(5).backoff(pause), async |em| {
            em.persist(Author::new("Bran"))?;
            Err(Error::other("for good"))
        })
        .await;
    assert_eq!(failed.expect_err("it is not worth it").to_string(), "for good");

    let counted = AtomicU32::new(0);
    let stubborn: Result<()> = em
        .transactional_with(
            retry(3).backoff(pause).when(|_| true).options(TransactionOptions::new()),
            async |_| {
                counted.fetch_add(1, Ordering::Relaxed);
                Err(Error::other("again"))
            },
        )
        .await;
    stubborn.expect_err("it always fails");
    assert_eq!(counted.into_inner(), 3, "as the program's predicate says");
    Ok(())
}

/// After an unknown outcome nothing is run again, whatever the predicate says: it may have succeeded.
pub async fn an_unknown_outcome_is_never_tried_again<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    db.recorder.inject(Fault::CommitUnanswered);
    let tries = AtomicU32::new(0);
    let lost: Result<()> = em
        .transactional_with(retry(5).backoff(Duration::from_millis(1)).when(|_| true), async |em| {
            tries.fetch_add(1, Ordering::Relaxed);
            em.persist(Author::new("Arya")).map(drop)
        })
        .await;
    lost.expect_err("the connection is lost");
    assert_eq!(tries.into_inner(), 1);
    assert_eq!(db.em().count(Condition::<Author>::always()).await?, 1);
    Ok(())
}

/// Hears of a commit, and fails.
struct BrokenMailer;

impl Subscriber for BrokenMailer {
    async fn after_transaction_commit(&self, _: &TransactionEvent<'_>) -> Result<()> {
        Err(Error::other("the mail server is down"))
    }
}

/// What fails after the commit is not done again, whatever the predicate says: it is done.
pub async fn what_was_committed_is_never_tried_again<B: Backend>() -> Result<()> {
    for propagation in [Propagation::Nested, Propagation::RequiresNew] {
        let db = blog::empty::<B>().await?;
        let em = db.em();
        em.add_subscriber(BrokenMailer);
        let policy = retry(3).when(|_| true).backoff(Duration::from_millis(1)).options(propagation);
        let paid = em.transactional_with(policy, async |em| em.persist(Author::new("paid")).map(drop)).await;
        let error = paid.expect_err("the subscriber failed");
        assert!(matches!(error, Error::Hook { .. }), "{error:?}");
        assert_eq!(db.em().count_all::<Author>().await?, 1);
    }
    Ok(())
}

/// Without a transaction nothing takes an attempt back, so there is one.
pub async fn what_no_transaction_takes_back_is_never_tried_again<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let policy = retry(3).when(|_| true).backoff(Duration::from_millis(1)).options(Propagation::Supports);
    let failed: Result<()> = db
        .em()
        .transactional_with(policy, async |em: EntityManager| {
            em.persist(Author::new("paid"))?;
            em.flush().await?;
            Err(Error::other("no"))
        })
        .await;
    failed.expect_err("it fails");
    assert_eq!(db.em().count_all::<Author>().await?, 1);
    Ok(())
}

/// Attempts run beside the open transaction: where there can be none, it is said at once.
pub async fn trying_again_in_a_transaction_needs_a_second_connection<B: Backend>() -> Result<()> {
    let db = TestDb::open_pool::<B>(1, blog::entities).await?;
    let em = db.em();
    let transaction = em.transactional(async |em| {
        let attempt = async |em: EntityManager| em.persist(Author::new("a")).map(drop);
        em.transactional_with(retry(2), attempt).await
    });
    let in_time = tokio::time::timeout(Duration::from_secs(5), transaction).await.map_err(Error::other)?;
    let error = in_time.expect_err("the only connection is taken");
    assert!(matches!(error, Error::Transaction { action: "retry", .. }), "{error:?}");
    assert!(error.to_string().contains("second connection"), "{error}");
    assert_eq!(db.em().count_all::<Author>().await?, 0);
    Ok(())
}

/// Who waits for a connection of the pool waits no longer than the program says, and hears who has it.
pub async fn a_wait_for_the_pool_has_an_end_and_names_the_holder<B: Backend>() -> Result<()> {
    let limit = Duration::from_millis(50);
    let db = TestDb::open_pool::<B>(1, |builder| blog::entities(builder).wait_timeout(limit)).await?;
    let other = db.em();
    db.em()
        .transactional(async |_| {
            let wait =
                tokio::time::timeout(Duration::from_secs(5), async { other.count_all::<Author>().await });
            let error = wait.await.map_err(Error::other)?.expect_err("the only connection is taken");
            assert!(matches!(error, Error::Wait { .. }), "{error:?}");
            assert!(error.to_string().contains(file!()), "{error}");
            Ok(())
        })
        .await
}

/// A transaction that went with its context, since nobody ended it, is not among those that have a connection.
pub async fn a_transaction_that_went_with_its_context_is_named_no_more<B: Backend>() -> Result<()> {
    let limit = Duration::from_millis(500);
    let db = TestDb::open_pool::<B>(1, |builder| blog::entities(builder).wait_timeout(limit)).await?;
    let gone = db.em();
    gone.begin().await?;
    drop(gone);
    let (em, other) = (db.em(), db.em());
    let waiting = async |_| Ok(other.count_all::<Author>().await.expect_err("the only connection is taken"));
    let error = em.transactional(waiting).await?;
    assert!(matches!(error, Error::Wait { .. }), "{error:?}");
    assert_eq!(error.to_string().matches("transaction of ").count(), 1, "{error}");
    Ok(())
}

/// In debug builds also of what is no transaction.
pub async fn who_waits_for_the_pool_hears_of_every_holder<B: Backend>() -> Result<()> {
    let limit = Duration::from_millis(50);
    let db = TestDb::open_pool::<B>(1, |builder| blog::entities(builder).wait_timeout(limit)).await?;
    let (reader, other) = (db.em(), db.em());
    db.recorder.inject(Fault::SelectStalls);
    let mut reading = pin!(async { reader.find_all::<Author>().await });
    let here = line!() - 1;
    assert!(poll_until(&mut reading, || !db.recorder.is_armed()).await.is_none());
    let error = other.count_all::<Author>().await.expect_err("the only connection is taken");
    let expected =
        if cfg!(debug_assertions) { format!("the find of {}:{here}", file!()) } else { "others".into() };
    assert!(error.to_string().contains(&expected), "{error}");
    Ok(())
}

/// A task with the outer handle and one in transactions, half of which fail: whatever is saved is saved once and whole.
pub async fn a_task_beside_a_transaction_writes_its_own<B: Backend>() -> Result<()> {
    const ROUNDS: u32 = 20;

    let db = blog::empty::<B>().await?;
    let em = db.em();
    let failures = Arc::new(AtomicU32::new(0));
    let (outer, counted) = (em.clone(), Arc::clone(&failures));
    let in_transactions = tokio::spawn(async move {
        for round in 0..ROUNDS {
            let result = outer.transactional(async |em| {
                let author = em.persist(Author::new(&format!("author {round}")))?;
                em.flush().await?;
                tokio::task::yield_now().await;
                em.persist(Book::new(&format!("book {round}"), &author))?;
                em.flush().await?;
                tokio::task::yield_now().await;
                if round % 2 == 0 { Ok(()) } else { Err(Error::other("no")) }
            });
            if let Err(error) = result.await {
                assert_eq!(error.to_string(), "no");
                counted.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let outer = em.clone();
    let beside = tokio::spawn(async move {
        for round in 0..ROUNDS {
            let tag = outer.persist(Tag::new(&format!("tag {round}")))?;
            outer.flush().await?;
            tokio::task::yield_now().await;
            tag.edit().label.push('!');
            outer.flush().await?;
        }
        Ok::<_, Error>(())
    });
    in_transactions.await.map_err(Error::other)?;
    beside.await.map_err(Error::other)??;
    assert_eq!(failures.load(Ordering::SeqCst), ROUNDS / 2);

    em.flush().await?;
    assert!(em.flush_plan()?.is_empty(), "{}", em.flush_plan()?);
    let fresh = db.em();
    let mut pairs = Vec::new();
    for author in fresh.find_all::<Author>().populate(Author::BOOKS).await? {
        let books: Vec<String> = author.books().iter().map(|book| book.get().title.clone()).collect();
        pairs.push((author.get().name.clone(), books));
        let mine = em.find_by_id::<Author>(author.id()).await?.expect("it is saved");
        assert_eq!(mine.get().name, author.get().name);
    }
    pairs.sort();
    let mut expected: Vec<_> =
        (0..ROUNDS).map(|round| (format!("author {round}"), vec![format!("book {round}")])).collect();
    expected.sort();
    assert_eq!(pairs, expected);
    let mut labels: Vec<String> =
        fresh.find_all::<Tag>().await?.iter().map(|tag| tag.get().label.clone()).collect();
    labels.sort();
    let mut expected: Vec<String> = (0..ROUNDS).map(|round| format!("tag {round}!")).collect();
    expected.sort();
    assert_eq!(labels, expected);
    Ok(())
}

/// A write past the unit of work that another task sends while a transaction is open is no part of it, whichever way
/// that ends.
pub async fn a_bulk_write_beside_a_transaction_is_not_rolled_back<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let (open, go) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let transaction = em.transactional(async |em| {
        em.persist(Author::new("nobody"))?;
        em.flush().await?;
        open.notify_one();
        go.notified().await;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        Err::<(), _>(Error::other("no"))
    });
    let beside = async {
        open.notified().await;
        go.notify_one();
        let tag = em.upsert(Tag::new("kept")).on_conflict(Tag::LABEL).await?;
        em.insert(Tag::new("kept too")).await.map(|_| tag)
    };
    let (rolled_back, tag) = join(transaction, beside).await;
    rolled_back.expect_err("it fails");
    assert!(em.contains(&tag?));
    let mut labels = db.em().find_all::<Tag>().select(Tag::LABEL).await?;
    labels.sort();
    assert_eq!(labels, ["kept", "kept too"]);
    assert_eq!(db.em().count(Condition::<Author>::always()).await?, 0);
    Ok(())
}

/// In a hook of a flush inside a transaction there is no turn to wait for: the write is refused at once.
pub async fn a_bulk_write_in_a_hook_of_a_transaction_is_refused<B: Backend>() -> Result<()> {
    struct Writes;
    impl Subscriber for Writes {
        async fn before_flush(&self, event: &orm_core::subscriber::FlushEvent<'_>) -> Result<()> {
            event.em().insert(Tag::new("from a hook")).await.map(drop)
        }
    }
    let db = blog::empty::<B>().await?;
    let em = db.em();
    em.add_subscriber(Writes);
    let done = em.transactional(async |em| {
        em.persist(Author::new("Ann"))?;
        em.flush().await
    });
    let Err(Error::Hook { source, .. }) = done.await else { panic!("the hook writes") };
    assert!(matches!(*source, Error::FlushInHook), "{source:?}");

    let em = db.em();
    em.add_subscriber(Writes);
    em.flush().await?;
    assert_eq!(db.em().find_all::<Tag>().select(Tag::LABEL).await?, ["from a hook"]);
    Ok(())
}
