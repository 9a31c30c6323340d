//! Locks of rows, and transactions beside the open one, where the database really has them.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures::future::join;
use orm_core::driver::DriverErrorKind;
use orm_core::sql::Sql;
use orm_core::{EntityManager, Error, LockMode, LockRefusal, Propagation, Result};

use crate::backend::SessionFacts;
use crate::fixtures::blog::{self, Author, Tag};
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

/// Who waits for a row has it when the other transaction is over, and as that one left it, loaded before or not: each way
/// to lock asks the database, inside of the transaction.
pub async fn who_waits_for_a_row_sees_what_the_other_wrote<B: Backend>() -> Result<()> {
    let facts = B::facts().sessions.ok_or_else(|| Error::other("it has no sessions"))?;
    let (db, plan, _) = seeded::<B>().await?;
    let lock = LockMode::PESSIMISTIC_WRITE;
    for (round, way) in [Way::Find, Way::FindById, Way::Lock].into_iter().enumerate() {
        let first = db.em();
        first.begin().await?;
        let held = first.find_one_or_fail(Document::ID.eq(plan)).lock(lock).await?;
        held.edit().text = format!("round {round}");

        let second = db.em();
        let loaded = second.find_one_or_fail(Document::ID.eq(plan)).await?;
        let (told, is_there) = (Cell::new(0), Cell::new(false));
        let waiting = second.transactional(async |em| {
            let session: i64 = em.sql(facts.own, ()).fetch_one_as().await?;
            told.set(session);
            match way {
                Way::Find => em.find_one_or_fail(Document::ID.eq(plan)).lock(lock).await.map(drop)?,
                Way::FindById => em.find_by_id::<Document>(plan).lock(lock).await.map(drop)?,
                Way::Lock => em.lock(&loaded, lock).await?,
            }
            is_there.set(true);
            assert_eq!(loaded.get().text, format!("round {round}"));
            loaded.edit().title = format!("after {round}");
            Ok(())
        });
        let watching = async {
            until_it_waits(&db, &facts, &told).await?;
            assert!(!is_there.get(), "the row is taken");
            first.commit().await
        };
        let (waited, committed) = join(waiting, watching).await;
        committed.and(waited)?;
        let saved = db.em().find_one_or_fail(Document::ID.eq(plan)).await?;
        assert_eq!(
            (saved.get().text.as_str(), saved.get().title.as_str()),
            (&*format!("round {round}"), &*format!("after {round}"))
        );
    }
    Ok(())
}

/// Ways to lock a row.
#[derive(Clone, Copy, Debug)]
enum Way {
    Find,
    FindById,
    Lock,
}

/// Returns when the session that is told waits for a lock, as the server sees it.
async fn until_it_waits(db: &TestDb, facts: &SessionFacts, told: &Cell<i64>) -> Result<()> {
    let begun = Instant::now();
    loop {
        if told.get() != 0 {
            let waits = facts.waits.replace("{}", &told.get().to_string());
            if db.em().sql(Sql::trusted(waits), ()).fetch_one_as::<i64>().await? > 0 {
                return Ok(());
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not wait");
        // Some servers keep an answer until nobody has asked for a while.
        tokio::time::sleep(facts.looks_again).await;
    }
}

/// An upsert gives back rows that others have committed since its transaction began to read, whether it leaves them as they
/// are, or finds nothing in them to change.
pub async fn an_upsert_gives_back_what_came_meanwhile<B: Backend>() -> Result<()> {
    let db = TestDb::open_pool::<B>(3, blog::entities).await?;
    let ann = |name: &str| Author { email: Some("ann@example.org".into()), ..Author::new(name) };
    let em = db.em();
    em.transactional(async |em| {
        assert_eq!((em.count_all::<Tag>().await?, em.count_all::<Author>().await?), (0, 0));
        db.em().insert(Tag::new("ice")).await?;
        db.em().insert(ann("Ann")).await?;
        let tags = em.upsert_many([Tag::new("ice"), Tag::new("war")]).ignore().await?;
        assert_eq!(tags.iter().map(|tag| tag.get().label.clone()).collect::<Vec<_>>(), ["ice", "war"]);
        let same = em.upsert(ann("Ann")).on_conflict(Author::EMAIL).await?;
        let kept = em.upsert(ann("Anne")).on_conflict(Author::EMAIL).ignore().await?;
        assert!(same == kept && kept.get().name == "Ann");
        Ok(())
    })
    .await?;
    assert_eq!((db.em().count_all::<Tag>().await?, db.em().count_all::<Author>().await?), (2, 1));
    Ok(())
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
