//! What the ORM itself gives rows that are written without the unit of work: made values, versions, times of removal.

use std::future::IntoFuture;

use chrono::{DateTime, Utc};
use orm_core::{Condition, Error, Result};

use crate::fixtures::archive::{self, Binder, Letter};
use crate::fixtures::diary::{self, Entry};
use crate::fixtures::document::{self, Document, Memo};
use crate::fixtures::minutes::{self, Clerk, Minutes, Receipt};
use crate::{Backend, Operation, TestDb};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

async fn stored(db: &TestDb, text: &str) -> Result<Minutes> {
    let found = db.em().find_one_or_fail(Minutes::TEXT.eq(text)).await?;
    Ok((*found.get()).clone())
}

fn updates(entity: &str, columns: &[&str]) -> Operation {
    Operation::UpdateWhere(entity.to_owned(), columns.iter().map(|column| (*column).to_owned()).collect())
}

// ---- made values

/// Blank fields of inserted rows are made, by the clock of the ORM; what the program gave is kept.
pub async fn values_of_inserted_rows_are_made<B: Backend>() -> Result<()> {
    let (db, _hands) = minutes::empty::<B>().await?;
    let em = db.em();
    em.set(Clerk("Ann".into()))?;
    em.insert(Minutes::new("one")).await?;
    let given = Minutes { created_at: at(5), ticket: "mine".into(), ..Minutes::new("three") };
    em.insert_many([Minutes::new("two"), given]).await?;

    for text in ["one", "two"] {
        let read = stored(&db, text).await?;
        assert_eq!((read.created_at, read.updated_at), (at(1_000_000), Some(at(1_000_000))));
        assert_eq!((read.ticket.as_str(), read.clerk.as_deref(), read.version), ("T-1", Some("Ann"), 1));
    }
    let read = stored(&db, "three").await?;
    assert_eq!((read.created_at, read.ticket.as_str()), (at(5), "mine"));
    assert_eq!(read.updated_at, Some(at(1_000_000)));
    Ok(())
}

/// A maker that fails keeps the rows from being written.
pub async fn a_maker_of_inserted_rows_may_fail<B: Backend>() -> Result<()> {
    let (db, _hands) = minutes::empty::<B>().await?;
    let error = db.em().insert(Receipt::default()).await.expect_err("nobody is at work");
    assert!(matches!(error, Error::Hook { of: "Receipt", hook: "on_create", .. }), "{error}");
    let error = db.em().upsert(Receipt { id: 1, ..Receipt::default() }).await.expect_err("nobody is at work");
    assert!(matches!(error, Error::Hook { of: "Receipt", hook: "on_create", .. }), "{error}");
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A new row of an upsert gets its first values; one that is there keeps them, and gets those of an update.
pub async fn values_of_upserted_rows_are_made<B: Backend>() -> Result<()> {
    let (db, hands) = minutes::empty::<B>().await?;
    let em = db.em();
    em.set(Clerk("Ann".into()))?;
    let of = |id, text: &str| Minutes { id, ..Minutes::new(text) };
    em.upsert(of(1, "one")).await?;
    assert_eq!(stored(&db, "one").await?.created_at, at(1_000_000));

    hands.set(2_000_000);
    em.set(Clerk("Bob".into()))?;
    db.recorder.reset();
    em.upsert_many([of(1, "first"), of(2, "second")]).await?;
    assert_eq!(db.statements(), B::facts().upsert_statements);
    let first = stored(&db, "first").await?;
    assert_eq!((first.created_at, first.updated_at), (at(1_000_000), Some(at(2_000_000))));
    assert_eq!((first.ticket.as_str(), first.clerk.as_deref(), first.version), ("T-1", Some("Bob"), 2));
    let second = stored(&db, "second").await?;
    assert_eq!((second.created_at, second.updated_at), (at(2_000_000), Some(at(2_000_000))));
    assert_eq!(second.version, 1);

    hands.set(3_000_000);
    em.upsert(Minutes { updated_at: Some(at(7)), created_at: at(6), ..of(1, "given") }).await?;
    let given = stored(&db, "given").await?;
    assert_eq!((given.created_at, given.updated_at), (at(6), Some(at(7))));
    em.upsert(of(1, "chosen")).merge_fields(Minutes::TEXT).exclude_fields(Minutes::CLERK).await?;
    let chosen = stored(&db, "chosen").await?;
    assert_eq!((chosen.created_at, chosen.updated_at), (at(6), Some(at(3_000_000))));
    assert_eq!((chosen.clerk.as_deref(), chosen.version), (Some("Bob"), 4));

    em.upsert(of(1, "ignored")).ignore().await?;
    assert_eq!(stored(&db, "chosen").await?.version, 4, "a row that is left alone gets nothing");
    Ok(())
}

/// Rows that a condition meets get the values of an update, but for fields that the program sets.
pub async fn values_of_rows_by_condition_are_made<B: Backend>() -> Result<()> {
    let (db, hands) = minutes::empty::<B>().await?;
    let em = db.em();
    em.insert_many([Minutes::new("one"), Minutes::new("two")]).await?;
    hands.set(2_000_000);
    em.set(Clerk("Bob".into()))?;
    db.recorder.reset();

    em.update_many(Minutes::TEXT.eq("one")).set(Minutes::TEXT, "first").await?;
    assert_eq!(db.recorder.operations(), [updates("Minutes", &["text", "updated_at", "clerk", "version"])]);
    let first = stored(&db, "first").await?;
    assert_eq!((first.created_at, first.updated_at), (at(1_000_000), Some(at(2_000_000))));
    assert_eq!((first.clerk.as_deref(), first.version), (Some("Bob"), 2));
    assert_eq!(stored(&db, "two").await?.version, 1);

    let two = em.update_many(Minutes::TEXT.eq("two")).set(Minutes::UPDATED_AT, at(7));
    two.set_null(Minutes::CLERK).set(Minutes::VERSION, 40).await?;
    let two = stored(&db, "two").await?;
    assert_eq!((two.updated_at, two.clerk, two.version), (Some(at(7)), None, 40));
    Ok(())
}

/// Hooks of the entity and subscribers are of the unit of work.
pub async fn no_hook_runs_without_the_unit_of_work<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(diary::entities).await?;
    let em = db.em();
    em.insert(Entry::new("Dear Diary")).await?;
    em.update_many(Entry::TITLE.eq("Dear Diary")).set(Entry::TITLE, "Diary").await?;
    let entry = em.find_one_or_fail(Condition::<Entry>::always()).await?;
    assert_eq!((entry.get().title.as_str(), entry.get().slug.as_str()), ("Diary", ""));
    Ok(())
}

// ---- versions

/// An instance from before a write by condition is stale, whatever kind of version it has.
pub async fn a_write_by_condition_makes_instances_stale<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let plan = em.persist(Document::new("plan"))?;
    let memo = em.persist(Memo { title: "memo".into(), ..Memo::default() })?;
    em.flush().await?;
    let other = db.em();
    db.recorder.reset();
    other.update_many(Document::TITLE.eq("plan")).set(Document::TEXT, "theirs").await?;
    other.update_many(Memo::TITLE.eq("memo")).set(Memo::TEXT, "theirs").await?;
    let expected = [updates("Document", &["text", "version"]), updates("Memo", &["text", "changed_at"])];
    assert_eq!(db.recorder.operations(), expected);

    plan.edit().text = "ours".into();
    let error = em.flush().await.expect_err("the plan was changed meanwhile");
    assert_eq!(error.stale_keys().len(), 1, "{error}");
    em.refresh(&plan).await?;
    assert_eq!((plan.get().text.as_str(), plan.get().version), ("theirs", 2));
    memo.edit().text = "ours".into();
    let error = em.flush().await.expect_err("the memo was changed meanwhile");
    assert!(matches!(error, Error::StaleEntity { .. }), "{error}");
    Ok(())
}

/// So is one from before an upsert; that of the upsert's own context is as the row.
pub async fn an_upsert_makes_instances_stale<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let (em, other) = (db.em(), db.em());
    let plan = em.upsert(Document { id: 1, ..Document::new("plan") }).await?;
    let memo = em.upsert(Memo { title: "memo".into(), ..Memo::default() }).await?;
    assert!(memo.get().changed_at > DateTime::UNIX_EPOCH.naive_utc());
    let theirs = other.upsert(Document { id: 1, ..Document::new("their plan") }).await?;
    other.upsert(Memo { title: "memo".into(), text: "theirs".into(), ..Memo::default() }).await?;
    assert_eq!(theirs.get().version, 2);

    plan.edit().text = "ours".into();
    let error = em.flush().await.expect_err("the plan was changed meanwhile");
    assert_eq!(error.stale_keys().len(), 1, "{error}");
    em.detach(&plan)?;
    memo.edit().text = "ours".into();
    assert!(matches!(em.flush().await, Err(Error::StaleEntity { .. })));
    theirs.edit().text = "again".into();
    other.flush().await?;
    assert_eq!(theirs.get().version, 3);
    Ok(())
}

// ---- soft deletes

/// Rows that stay when they are removed stay when they are deleted by condition, with the time and a new version.
pub async fn rows_are_softly_deleted_by_condition<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    let binder = em.find_one_or_fail(Binder::NAME.eq("a")).await?;
    db.recorder.reset();
    assert_eq!(em.delete_many(Letter::NUMBER.eq(1)).await?, 1);
    assert_eq!(em.delete_many(Binder::NAME.eq("a")).await?, 1);
    let expected = [updates("Letter", &["removed"]), updates("Binder", &["deleted_at", "version"])];
    assert_eq!(db.recorder.operations(), expected);

    assert_eq!(em.count_all::<Letter>().await?, 2);
    let letter = || db.em().find_one_or_fail(Letter::NUMBER.eq(1)).with_deleted().into_future();
    let first = letter().await?.get().removed;
    assert!(first.is_some());
    assert_eq!(em.delete_many(Letter::NUMBER.eq(1)).with_deleted().await?, 0, "it is deleted already");
    assert_eq!(letter().await?.get().removed, first);

    binder.edit().name = "c".into();
    assert!(matches!(em.flush().await, Err(Error::StaleEntity { .. })));
    Ok(())
}

/// For good, the rows go: those that are shown, or those that are deleted softly too.
pub async fn rows_are_deleted_for_good_by_condition<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    em.delete_many(Letter::NUMBER.eq(1)).await?;
    db.recorder.reset();
    assert_eq!(em.delete_many(Letter::NUMBER.lte(2)).for_good().await?, 1);
    assert_eq!(db.recorder.operations(), [Operation::DeleteWhere("Letter".into())]);
    assert_eq!(em.count_all::<Letter>().with_deleted().await?, 2);
    assert_eq!(em.delete_many(Letter::NUMBER.lte(2)).for_good().with_deleted().await?, 1);
    assert_eq!(em.count_all::<Letter>().with_deleted().await?, 1);
    Ok(())
}
