//! Writes without the unit of work whose connection is lost on the way to a commit: nobody knows, and the error says it.

use orm_core::{Error, Outcome, Result};

use crate::fixtures::blog::{self, Tag};
use crate::{Backend, Fault, TestDb};

fn tags(from: u32) -> impl Iterator<Item = Tag> {
    (from..from + 4).map(|at| Tag::new(&format!("tag {at}")))
}

fn assert_unknown<T>(done: Result<T>, method: &str) {
    let Err(error) = done else { panic!("the connection was lost") };
    let is_named = matches!(&error, Error::WriteOutcomeUnknown { action, .. } if *action == method);
    assert!(is_named, "{error:?}");
    assert!(!error.is_retryable() && error.driver_kind().is_none());
    assert!(error.to_string().contains("look before"), "{error}");
}

async fn count(db: &TestDb) -> Result<u64> {
    db.em().count_all::<Tag>().await
}

/// Rows in several statements: the commit that was lost, and the one whose answer was, look the same.
pub async fn a_lost_commit_of_rows_is_said<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    db.recorder.inject(Fault::CommitLost);
    assert_unknown(em.insert_many(tags(0)).batch_size(2).await, "insert");
    assert_eq!(count(&db).await?, 0);

    db.recorder.inject(Fault::CommitUnanswered);
    assert_unknown(em.insert_many(tags(0)).batch_size(2).await, "insert");
    assert_eq!(count(&db).await?, 4);

    db.recorder.inject(Fault::CommitUnanswered);
    assert_unknown(em.upsert_many(tags(2)).batch_size(2).on_conflict(Tag::LABEL).await, "upsert_many");
    assert_eq!((count(&db).await?, em.managed_count()?), (6, 0));
    Ok(())
}

/// One statement by itself is its own commit.
pub async fn a_lost_statement_is_said<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    db.recorder.inject(Fault::WriteUnanswered);
    assert_unknown(em.insert(Tag::new("ice")).await, "insert");
    db.recorder.inject(Fault::WriteUnanswered);
    assert_unknown(em.update_many(Tag::LABEL.eq("ice")).set(Tag::LABEL, "fire").await, "update_many");
    db.recorder.inject(Fault::WriteUnanswered);
    assert_unknown(em.delete_many(Tag::LABEL.eq("fire")).await, "delete_many");
    assert_eq!(count(&db).await?, 0);
    Ok(())
}

/// Nothing in memory waits for it: the next write of the context goes on.
pub async fn later_writes_do_not_wait_for_it<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    db.recorder.inject(Fault::CommitUnanswered);
    assert_unknown(em.insert_many(tags(0)).batch_size(2).await, "insert");
    em.persist(Tag::new("ice"))?;
    em.flush().await?;
    em.insert(Tag::new("fire")).await?;
    assert_eq!(count(&db).await?, 6);
    Ok(())
}

/// In a transaction its end is what can be unknown: a write before it simply failed.
pub async fn a_statement_lost_in_a_transaction_is_rolled_back<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let done = em.transactional(async |em| {
        db.recorder.inject(Fault::WriteUnanswered);
        em.insert(Tag::new("ice")).await
    });
    let error = done.await.expect_err("the connection was lost");
    assert!(matches!(error, Error::Driver { .. }), "{error:?}");
    assert_eq!(count(&db).await?, 0);
    Ok(())
}

/// While the context has to be told what became of a flush, it writes nothing in this way either.
pub async fn an_unknown_flush_comes_first<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    em.persist(Tag::new("ice"))?;
    db.recorder.inject(Fault::CommitUnanswered);
    em.flush().await.expect_err("the answer was lost");
    db.recorder.reset();

    assert!(matches!(em.insert(Tag::new("fire")).await, Err(Error::OutcomeUnknown)));
    assert_eq!(db.statements(), 0);
    em.accept_unknown(Outcome::Committed)?;
    em.insert(Tag::new("fire")).await?;
    assert_eq!(count(&db).await?, 2);
    Ok(())
}
