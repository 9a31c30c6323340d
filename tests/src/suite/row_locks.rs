//! Locks of rows, and transactions beside the open one, where the database really has them.

use std::time::{Duration, Instant};

use orm_core::driver::DriverErrorKind;
use orm_core::{EntityManager, Error, LockMode, LockRefusal, Propagation, Result};

use crate::fixtures::blog::{self, Tag};
use crate::fixtures::document::{self, Document};
use crate::{Backend, TestDb};

/// Two documents, and as many connections as a test needs.
async fn seeded<B: Backend>() -> Result<(TestDb, i64, i64)> {
    let db = TestDb::open_pool::<B>(3, document::entities).await?;
    let em = db.em();
    let (plan, notes) = (em.persist(Document::new("plan"))?, em.persist(Document::new("notes"))?);
    em.flush().await?;
    Ok((db, plan.id(), notes.id()))
}

/// Who does not want to wait hears at once that a row is taken, and its transaction can be run again.
pub async fn no_wait_says_that_a_row_is_taken<B: Backend>() -> Result<()> {
    let (db, plan, notes) = seeded::<B>().await?;
    let first = db.em();
    first.begin().await?;
    first.find_one_or_fail(Document::ID.eq(plan)).lock(LockMode::PESSIMISTIC_WRITE).await?;

    let begun = Instant::now();
    let no_wait = LockMode::PESSIMISTIC_WRITE.no_wait();
    let second = db.em();
    let taken = second.transactional(async |em| {
        em.find_one_or_fail(Document::ID.eq(notes)).lock(no_wait).await?;
        em.find_one_or_fail(Document::ID.eq(plan)).lock(no_wait).await.map(drop)
    });
    let error = taken.await.expect_err("it is locked");
    assert_eq!(error.driver_kind(), Some(DriverErrorKind::LockNotAvailable), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    first.commit().await?;
    db.em()
        .transactional(async |em| em.find_one_or_fail(Document::ID.eq(plan)).lock(no_wait).await.map(drop))
        .await
}

/// Rows that others have are left out.
pub async fn skip_locked_leaves_out_what_is_taken<B: Backend>() -> Result<()> {
    let (db, plan, notes) = seeded::<B>().await?;
    let first = db.em();
    first.begin().await?;
    first.find_one_or_fail(Document::ID.eq(plan)).lock(LockMode::PESSIMISTIC_WRITE).await?;

    let skipping = LockMode::PESSIMISTIC_WRITE.skip_locked();
    let second = db.em();
    second
        .transactional(async |em| {
            let free = em.find_all::<Document>().lock(skipping).await?;
            assert_eq!(free.iter().map(|one| one.id()).collect::<Vec<_>>(), [notes]);
            let taken = em.get_reference::<Document>(plan)?;
            let error = em.lock(&taken, skipping).await.expect_err("it is taken");
            assert!(matches!(error, Error::Lock { refusal: LockRefusal::Skipped, .. }), "{error:?}");
            Ok(())
        })
        .await?;
    first.commit().await
}

/// Several may lock a row to read it; who would write it waits for them.
pub async fn readers_share_a_lock<B: Backend>() -> Result<()> {
    let (db, plan, _) = seeded::<B>().await?;
    let readers = [db.em(), db.em()];
    for reader in &readers {
        reader.begin().await?;
        reader.find_one_or_fail(Document::ID.eq(plan)).lock(LockMode::PESSIMISTIC_READ).await?;
    }
    let no_wait = LockMode::PESSIMISTIC_WRITE.no_wait();
    let lock =
        async |em: EntityManager| em.find_one_or_fail(Document::ID.eq(plan)).lock(no_wait).await.map(drop);
    let error = db.em().transactional(lock).await.expect_err("two read it");
    assert_eq!(error.driver_kind(), Some(DriverErrorKind::LockNotAvailable), "{error:?}");
    for reader in &readers {
        reader.commit().await?;
    }
    db.em().transactional(lock).await
}

/// A transaction of its own is committed whatever becomes of the outer one, which does not wait for it and keeps what it had.
pub async fn a_transaction_of_its_own_outlives_the_outer_one<B: Backend>() -> Result<()> {
    let db = TestDb::open_pool::<B>(2, blog::entities).await?;
    let em = db.em();
    let outer = em.transactional(async |em| {
        em.persist(Tag::new("outer"))?;
        em.flush().await?;
        em.transactional_with(Propagation::RequiresNew, async |own| {
            assert_ne!(own.id(), em.id());
            own.persist(Tag::new("own"))?;
            own.flush().await?;
            assert_eq!(own.count_all::<Tag>().await?, 1, "the outer one is not committed");
            Ok(())
        })
        .await?;
        let failed = em.transactional_with(Propagation::RequiresNew, async |own| {
            own.persist(Tag::new("never"))?;
            own.flush().await?;
            Err::<(), _>(Error::other("inner"))
        });
        failed.await.expect_err("it fails");
        em.persist(Tag::new("outer too"))?;
        em.flush().await?;
        assert_eq!(em.count(Tag::LABEL.like("outer%")).await?, 2);
        Err::<(), _>(Error::other("outer"))
    });
    assert_eq!(outer.await.expect_err("it fails").to_string(), "outer");
    assert_eq!(db.em().find_all::<Tag>().select(Tag::LABEL).await?, ["own"]);
    Ok(())
}

/// With one connection there is no place for a second transaction: it is said at once, and the outer one goes on.
pub async fn a_transaction_of_its_own_needs_a_second_connection<B: Backend>() -> Result<()> {
    let db = TestDb::open_pool::<B>(1, blog::entities).await?;
    let begun = Instant::now();
    db.em()
        .transactional(async |em| {
            em.persist(Tag::new("outer"))?;
            em.flush().await?;
            for propagation in [Propagation::RequiresNew, Propagation::NotSupported] {
                let refused = em.transactional_with(propagation, async |_| Ok(())).await;
                let error = refused.expect_err("the only connection is taken");
                assert!(error.to_string().contains("second connection"), "{error}");
            }
            Ok(())
        })
        .await?;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(db.em().count_all::<Tag>().await?, 1);
    Ok(())
}
