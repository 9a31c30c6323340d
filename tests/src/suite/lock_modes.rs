//! Locks that the program asks for, by a finder or by `em.lock`.

use std::marker::PhantomData;

use orm_core::driver::{DriverErrorKind, RowLock, RowLocks};
use orm_core::{Error, LockMode, LockRefusal, Result};

use crate::fixtures::document::{self, Document, Minutes};
use crate::fixtures::theatre::{self, Seat};
use crate::recorder::Fault;
use crate::{Backend, Limited, TestDb};

/// An optimistic lock compares the version that is loaded: without a statement, and with a message that says both.
/// Case I161.
pub async fn an_optimistic_lock_compares_the_loaded_version<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let plan = em.persist(Document::new("plan"))?;
    em.flush().await?;
    db.recorder.reset();

    em.lock(&plan, LockMode::optimistic(1)).await?;
    let error = em.lock(&plan, LockMode::optimistic(2)).await.expect_err("it is 1");

    let message = error.to_string();
    assert!(message.contains("version 2 was expected, but is actually 1"), "{message}");
    assert_eq!(error.stale_keys()[0].to_string(), format!("Document[{}]", plan.id()));
    plan.edit().version = 2;
    assert!(em.lock(&plan, LockMode::optimistic(2)).await.is_err(), "an edit is no version of the row's");
    assert_eq!(db.statements(), 0);
    plan.edit().text = "more".into();
    em.flush().await?;
    em.lock(&plan, LockMode::optimistic(2)).await
}

/// A reference is loaded before it is compared. Case I161.
pub async fn a_reference_is_loaded_before_it_is_locked<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let id = seeded(&db).await?;
    let em = db.em();
    let reference = em.get_reference::<Document>(id)?;

    em.lock(&reference, LockMode::optimistic(1)).await?;

    assert_eq!((db.recorder.selects(), reference.is_loaded()), (1, true));
    let error = em.lock(&reference, LockMode::optimistic(3)).await.expect_err("it is 1");
    assert!(matches!(error, Error::VersionMismatch { .. }), "{error}");
    let nobody = em.get_reference::<Document>(id + 1)?;
    let error = em.lock(&nobody, LockMode::optimistic(1)).await.expect_err("there is none");
    assert!(matches!(error, Error::NotFound { entity: "Document", .. }), "{error}");
    Ok(())
}

/// What has no version can't be locked by it. Case I161.
pub async fn an_entity_without_a_version_is_refused<B: Backend>() -> Result<()> {
    let db = theatre::empty::<B>().await?;
    let em = db.em();
    let seat = em.persist(Seat::new("A1"))?;
    em.flush().await?;
    db.recorder.reset();
    let error = em.lock(&seat, LockMode::optimistic(1)).await.expect_err("no version");
    assert_refused(&error, LockRefusal::Unversioned);
    assert!(error.to_string().contains("#[entity(version)]"), "{error}");
    let error = em.find_by_id::<Seat>(seat.id()).lock(LockMode::optimistic(1)).await.expect_err("no version");
    assert_refused(&error, LockRefusal::Unversioned);
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// Only what this context manages can be locked. Case I161.
pub async fn an_entity_that_is_not_managed_is_not_locked<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let id = seeded(&db).await?;
    let (em, other) = (db.em(), db.em());
    let plan = em.find_one_or_fail(Document::ID.eq(id)).await?;
    let one = || LockMode::optimistic(1);
    let new = em.persist(Document::new("notes"))?;
    assert!(matches!(em.lock(&new, one()).await, Err(Error::MissingKey { .. })));
    assert!(matches!(other.lock(&plan, one()).await, Err(Error::ForeignEntity { .. })));
    let reference = em.get_reference::<Document>(id)?;
    assert!(matches!(other.lock(&reference, one()).await, Err(Error::ForeignEntity { .. })));
    em.remove(&plan)?;
    assert!(matches!(em.lock(&plan, one()).await, Err(Error::Removed { .. })));
    em.clear()?;
    assert!(matches!(em.lock(&plan, one()).await, Err(Error::Detached { .. })));
    Ok(())
}

/// A finder with an optimistic lock asks the database also for what is loaded, and compares what that has now.
pub async fn a_finder_compares_the_stored_version<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let id = seeded(&db).await?;
    let em = db.em();
    let plan = em.find_one_or_fail(Document::ID.eq(id)).await?;
    let other = db.em();
    other.find_one_or_fail(Document::ID.eq(id)).await?.edit().text = "theirs".into();
    other.flush().await?;
    plan.edit().title = "our plan".into();
    db.recorder.reset();

    let error = em.find_by_id::<Document>(id).lock(LockMode::optimistic(1)).await.expect_err("it is 2");
    assert!(matches!(error, Error::VersionMismatch { .. }), "{error}");
    assert_eq!(db.recorder.selects(), 1);

    let found = em.find_by_id::<Document>(id).lock(LockMode::optimistic(2)).await?.expect("it is there");
    assert!(found == plan);
    assert_eq!((plan.get().version, plan.get().title.as_str()), (2, "our plan"));
    let find = || em.find_one(Document::ID.eq(id));
    assert!(find().lock(LockMode::optimistic(1)).await.is_err());
    assert!(find().lock(LockMode::optimistic(2)).await?.is_some());
    assert!(em.find_one(Document::ID.eq(id + 1)).lock(LockMode::optimistic(2)).await?.is_none());
    let or_fail = em.find_one_or_fail(Document::ID.eq(id)).lock(LockMode::optimistic(1)).await;
    assert!(matches!(or_fail, Err(Error::VersionMismatch { .. })));
    Ok(())
}

/// A version that is a time is compared as one; any other kind of value can't be meant.
pub async fn an_expected_version_is_of_the_entitys_kind<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let minutes = em.persist(Minutes::default())?;
    em.flush().await?;
    let first = minutes.get().changed_at;
    em.lock(&minutes, LockMode::optimistic(first)).await?;
    minutes.edit().text = "more".into();
    em.flush().await?;
    let error = em.lock(&minutes, LockMode::optimistic(first)).await.expect_err("it moved on");
    assert!(matches!(error, Error::VersionMismatch { .. }), "{error}");
    let error = em.lock(&minutes, LockMode::optimistic(1)).await.expect_err("it is a time");
    assert!(matches!(error, Error::Value { entity: "Minutes", field: "changed_at", .. }), "{error}");
    Ok(())
}

/// A pessimistic lock lasts until the transaction ends; without one it is refused, and nothing is sent. Case I162.
pub async fn a_pessimistic_lock_needs_a_transaction<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let id = seeded(&db).await?;
    let em = db.em();
    let plan = em.find_one_or_fail(Document::ID.eq(id)).await?;
    db.recorder.reset();
    for lock in [LockMode::PESSIMISTIC_READ, LockMode::PESSIMISTIC_WRITE.no_wait()] {
        refused_everywhere(&em, &plan, lock, LockRefusal::NoTransaction).await;
    }
    assert_eq!(db.statements(), 0);
    let error = em.lock(&plan, LockMode::PESSIMISTIC_WRITE).await.expect_err("no transaction");
    assert!(error.to_string().contains("transactional"), "{error}");
    Ok(())
}

/// In a transaction every way to lock asks the database for the row, loaded or not. Case I162.
pub async fn a_lock_in_a_transaction_is_asked_of_the_database<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let id = seeded(&db).await?;
    let em = db.em();
    let plan = em.find_one_or_fail(Document::ID.eq(id)).await?;
    let (read, write) = (LockMode::PESSIMISTIC_READ, LockMode::PESSIMISTIC_WRITE);
    db.recorder.reset();
    em.transactional(async |em| {
        em.lock(&plan, write).await?;
        assert!(em.find_by_id::<Document>(id).lock(read.no_wait()).await?.is_some_and(|one| one == plan));
        assert!(em.find_one(Document::ID.eq(id)).lock(write.no_wait()).await?.is_some());
        em.find_one_or_fail(Document::ID.eq(id)).lock(read).await?;
        assert_eq!(em.find_all::<Document>().lock(write.skip_locked()).await?.len(), 1);
        assert_eq!(em.find_and_count(Document::ID.eq(id)).lock(read).await?.1, 1);
        let apart = em.find_all::<Document>().disable_identity_map().lock(write).await?;
        assert_eq!(apart.len(), 1);
        em.find_all::<Document>().await?;
        Ok(())
    })
    .await?;

    let expected = [write, read.no_wait(), write.no_wait(), read, write.skip_locked(), read, write];
    assert_eq!(db.recorder.locks(), expected);
    assert_eq!(db.recorder.selects(), 8);
    let error = em.lock(&plan, write).await.expect_err("the transaction is over");
    assert_refused(&error, LockRefusal::NoTransaction);
    Ok(())
}

/// What is locked is brought up to date, but for unsaved edits, which then go over what was read under the lock.
pub async fn a_locked_entity_is_brought_up_to_date<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let id = seeded(&db).await?;
    let em = db.em();
    let plan = em.find_one_or_fail(Document::ID.eq(id)).await?;
    let other = db.em();
    other.find_one_or_fail(Document::ID.eq(id)).await?.edit().text = "theirs".into();
    other.flush().await?;
    plan.edit().title = "our plan".into();

    em.transactional(async |em| em.lock(&plan, LockMode::PESSIMISTIC_WRITE).await).await?;

    let saved = plan.get();
    assert_eq!((saved.version, saved.title.as_str(), saved.text.as_str()), (3, "our plan", "theirs"));
    Ok(())
}

/// A reference can be locked: it is loaded so.
pub async fn a_reference_is_loaded_locked<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let id = seeded(&db).await?;
    let em = db.em();
    em.transactional(async |em| {
        let reference = em.get_reference::<Document>(id)?;
        em.lock(&reference, LockMode::PESSIMISTIC_READ).await?;
        assert_eq!(reference.get()?.get().title, "plan");
        Ok(())
    })
    .await?;
    assert_eq!(db.recorder.locks(), [LockMode::PESSIMISTIC_READ]);
    Ok(())
}

/// A row that another transaction has is told by the driver's kind of error; one that is left out or gone, by ours.
pub async fn a_lock_that_is_not_available_says_why<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let id = seeded(&db).await?;
    let em = db.em();
    let plan = em.find_one_or_fail(Document::ID.eq(id)).await?;
    em.transactional(async |em| {
        db.recorder.inject(Fault::LockNotAvailable);
        let error = em.lock(&plan, LockMode::PESSIMISTIC_WRITE.no_wait()).await.expect_err("it is taken");
        assert_eq!(error.driver_kind(), Some(DriverErrorKind::LockNotAvailable), "{error}");
        let nobody = em.get_reference::<Document>(id + 1)?;
        let skipping = LockMode::PESSIMISTIC_WRITE.skip_locked();
        assert_refused(&em.lock(&nobody, skipping).await.expect_err("no row"), LockRefusal::Skipped);
        let error = em.lock(&nobody, LockMode::PESSIMISTIC_WRITE).await.expect_err("no row");
        assert!(matches!(error, Error::NotFound { entity: "Document", .. }), "{error}");
        em.lock(&plan, LockMode::PESSIMISTIC_WRITE).await
    })
    .await
}

/// Tasks that lock before they read take turns: none of their updates is lost, without a version and without trying
/// again.
pub async fn tasks_that_lock_first_lose_no_update<B: Backend>() -> Result<()> {
    const TASKS: i64 = 5;
    const ROUNDS: i64 = 6;
    let db = theatre::empty::<B>().await?;
    let em = db.em();
    let seat = em.persist(Seat { price: 0, ..Seat::new("A1") })?;
    em.flush().await?;
    let id = seat.id();
    let tasks = (0..TASKS).map(|_| {
        let db = db.clone();
        tokio::spawn(async move {
            for _ in 0..ROUNDS {
                let em = db.em();
                let raise = em.transactional(async |em| {
                    let lock = LockMode::PESSIMISTIC_WRITE;
                    let seat = em.find_one_or_fail(Seat::ID.eq(id)).lock(lock).await?;
                    tokio::task::yield_now().await;
                    seat.edit().price += 1;
                    Ok(())
                });
                raise.await?;
            }
            Ok::<_, Error>(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.map_err(Error::other)??;
    }
    em.refresh(&seat).await?;
    assert_eq!(seat.get().price, TASKS * ROUNDS);
    Ok(())
}

/// A database that can't lock rows says so, whatever is open.
pub async fn a_database_without_locks_says_so<B: Backend>() -> Result<()> {
    let db = document::empty::<Lockless<B>>().await?;
    let id = seeded(&db).await?;
    let em = db.em();
    let plan = em.find_one_or_fail(Document::ID.eq(id)).await?;
    db.recorder.reset();
    refused_everywhere(&em, &plan, LockMode::PESSIMISTIC_READ, LockRefusal::Unsupported).await;
    assert_eq!(db.statements(), 0);
    Ok(())
}

async fn refused_everywhere(
    em: &orm_core::EntityManager,
    plan: &orm_core::Loaded<Document>,
    lock: RowLock,
    refusal: LockRefusal,
) {
    let refused = |error: Option<Error>| assert_refused(&error.expect("a lock that can't be had"), refusal);
    refused(em.lock(plan, lock).await.err());
    refused(em.find_by_id::<Document>(plan.id()).lock(lock).await.err());
    refused(em.find_one(Document::ID.eq(plan.id())).lock(lock).await.err());
    refused(em.find_one_or_fail(Document::ID.eq(plan.id())).lock(lock).await.err());
    refused(em.find_all::<Document>().lock(lock).await.err());
    refused(em.find_and_count(Document::ID.gt(0)).lock(lock).await.err());
}

#[track_caller]
fn assert_refused(error: &Error, expected: LockRefusal) {
    match error {
        Error::Lock { refusal, .. } => assert_eq!(*refusal, expected),
        other => panic!("{other}"),
    }
}

/// One document of version 1.
async fn seeded(db: &TestDb) -> Result<i64> {
    let em = db.em();
    let plan = em.persist(Document::new("plan"))?;
    em.flush().await?;
    db.recorder.reset();
    Ok(plan.id())
}

/// A database that can't lock rows.
struct Lockless<B>(PhantomData<B>);

impl<B: Backend> Backend for Lockless<B> {
    type Driver = Limited<B::Driver>;

    async fn connect() -> Result<Self::Driver> {
        let driver = B::connect().await?;
        Ok(Limited::new(driver, |capabilities| capabilities.with_row_locks(RowLocks::None)))
    }
}
