//! Values that the ORM makes: `on_create`, `on_update`, and the clock.

use chrono::{DateTime, Utc};
use orm_core::{Condition, Error, Result};

use crate::fixtures::minutes::{self, Clerk, Minutes, Receipt};
use crate::recorder::{Fault, Operation};
use crate::{Backend, TestDb};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

/// Blank fields of a new row are made, in the same insert and by the clock of the ORM.
pub async fn values_of_a_new_row_are_made<B: Backend>() -> Result<()> {
    let (db, _hands) = minutes::empty::<B>().await?;
    let em = db.em();
    em.set(Clerk("Ann".into()))?;
    let minutes = em.persist(Minutes::new("hello"))?;
    assert_eq!((minutes.get().created_at, minutes.get().updated_at), (at(0), None));
    em.flush().await?;

    assert_eq!(db.recorder.operations().len(), 3);
    for read in [(*minutes.get()).clone(), stored(&db).await?] {
        assert_eq!((read.created_at, read.updated_at), (at(1_000_000), Some(at(1_000_000))));
        assert_eq!(read.day, at(1_000_000).date_naive());
        assert_eq!((read.ticket.as_str(), read.clerk.as_deref()), ("T-1", Some("Ann")));
    }
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// What the program gave is kept.
pub async fn given_values_of_a_new_row_are_kept<B: Backend>() -> Result<()> {
    let (db, _hands) = minutes::empty::<B>().await?;
    let em = db.em();
    em.persist(Minutes { created_at: at(5), ticket: "mine".into(), ..Minutes::new("old") })?;
    em.flush().await?;
    let read = stored(&db).await?;
    assert_eq!((read.created_at, read.ticket.as_str()), (at(5), "mine"));
    assert_eq!(read.updated_at, Some(at(1_000_000)));
    Ok(())
}

/// A changed row gets its `on_update` values in the same update; what is made at creation stays.
pub async fn values_of_a_changed_row_are_made<B: Backend>() -> Result<()> {
    let (db, hands) = minutes::empty::<B>().await?;
    let em = db.em();
    let minutes = em.persist(Minutes::new("hello"))?;
    em.flush().await?;
    db.recorder.reset();

    hands.set(2_000_000);
    em.set(Clerk("Bob".into()))?;
    minutes.edit().text = "good bye".into();
    assert_eq!(em.flush_plan()?.to_string(), "update 1 Minutes (text, updated_at, clerk, version)");
    assert_eq!(minutes.get().updated_at, Some(at(1_000_000)));
    em.flush().await?;

    let columns = ["text", "updated_at", "clerk", "version"].map(str::to_owned).to_vec();
    assert_eq!(db.recorder.operations()[1], Operation::Update("Minutes".into(), 1, columns));
    for read in [(*minutes.get()).clone(), stored(&db).await?] {
        assert_eq!((read.created_at, read.updated_at), (at(1_000_000), Some(at(2_000_000))));
        assert_eq!((read.clerk.as_deref(), read.version), (Some("Bob"), 2));
    }
    Ok(())
}

/// Without another change nothing is made and nothing is sent.
pub async fn nothing_is_made_without_a_change<B: Backend>() -> Result<()> {
    let (db, hands) = minutes::empty::<B>().await?;
    let em = db.em();
    let minutes = em.persist(Minutes::new("hello"))?;
    em.flush().await?;
    hands.set(2_000_000);
    db.recorder.reset();
    minutes.edit().text = "hello".into();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    assert_eq!(stored(&db).await?.updated_at, Some(at(1_000_000)));
    Ok(())
}

/// A field that the program changed itself is not made.
pub async fn given_values_of_a_changed_row_are_kept<B: Backend>() -> Result<()> {
    let (db, hands) = minutes::empty::<B>().await?;
    let em = db.em();
    let minutes = em.persist(Minutes::new("hello"))?;
    em.flush().await?;
    hands.set(2_000_000);
    minutes.edit().updated_at = Some(at(7));
    em.flush().await?;
    assert_eq!(stored(&db).await?.updated_at, Some(at(7)));
    Ok(())
}

/// A failed flush leaves the fields as they were, and the next makes them anew.
pub async fn made_values_of_a_failed_flush_are_taken_back<B: Backend>() -> Result<()> {
    let (db, hands) = minutes::empty::<B>().await?;
    let em = db.em();
    let minutes = em.persist(Minutes::new("hello"))?;
    db.recorder.inject(Fault::CommitRefused);
    em.flush().await.expect_err("a fault was injected");
    assert_eq!((minutes.get().created_at, minutes.get().ticket.as_str()), (at(0), ""));
    hands.set(3_000_000);
    em.flush().await?;
    assert_eq!(stored(&db).await?.created_at, at(3_000_000));
    Ok(())
}

/// Everything that one flush writes has the same time, in one statement.
pub async fn a_flush_has_one_time<B: Backend>() -> Result<()> {
    let ticks = std::sync::atomic::AtomicU64::new(1);
    let db = TestDb::open::<B>(|builder| {
        builder.entity::<Minutes>().clock(move || {
            let seconds = ticks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)
        })
    });
    let db = db.await?;
    let em = db.em();
    let all = (0..100).map(|at| em.persist(Minutes::new(&at.to_string()))).collect::<Result<Vec<_>>>()?;
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 1);
    let first = all[0].get().created_at;
    assert!(all.iter().all(|one| one.get().created_at == first));
    all.iter().for_each(|one| one.edit().text.push('!'));
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 1);
    assert!(all.iter().all(|one| one.get().updated_at > Some(first)));
    Ok(())
}

/// A maker that fails, fails the flush before anything is sent.
pub async fn a_maker_may_fail<B: Backend>() -> Result<()> {
    let (db, _hands) = minutes::empty::<B>().await?;
    let em = db.em();
    em.persist(Receipt::default())?;
    let error = em.flush().await.expect_err("nobody is at work");
    let Error::Hook { of: "Receipt", hook: "on_create", source } = &error else { panic!("{error:?}") };
    assert_eq!((source.to_string(), db.statements()), ("nobody is at work".to_owned(), 0));
    em.set(Clerk("Ann".into()))?;
    em.flush().await?;
    assert_eq!(db.em().count(Condition::<Receipt>::always()).await?, 1);
    Ok(())
}

async fn stored(db: &TestDb) -> Result<Minutes> {
    let found = db.em().find_one_or_fail(Condition::<Minutes>::always()).await?;
    Ok((*found.get()).clone())
}
