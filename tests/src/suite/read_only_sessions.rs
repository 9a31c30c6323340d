//! A database that takes no writes: the error has a kind of its own, everything waits in memory, and reads go on.

use orm_core::driver::DriverErrorKind;
use orm_core::{Error, Result};

use crate::fixtures::blog::{self, Author, Tag};
use crate::{Backend, TestDb};

/// A pool of one connection whose session only reads, until [`end`](Self::end).
async fn reading<B: Backend>() -> Result<TestDb> {
    let db = TestDb::open_pool::<B>(1, blog::entities).await?;
    let em = db.em();
    em.persist(Author::new("Jon"))?;
    em.persist(Tag::new("war"))?;
    em.flush().await?;
    db.run(&[B::facts().only_reads[0]]).await?;
    Ok(db)
}

fn assert_read_only<V: std::fmt::Debug>(result: Result<V>) {
    let error = result.expect_err("it only reads");
    let kind = match &error {
        Error::Sql { source, .. } => Some(source.kind()),
        other => other.driver_kind(),
    };
    assert_eq!(kind, Some(DriverErrorKind::ReadOnly), "{error:?}");
    assert!(!error.is_retryable());
}

/// Flushes, transactions and writes without the unit of work.
pub async fn every_write_says_that_the_database_only_reads<B: Backend>() -> Result<()> {
    let db = reading::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon")).await?;
    jon.edit().age = Some(17);
    let arya = em.persist(Author::new("Arya"))?;
    assert_read_only(em.flush().await);
    assert_read_only(em.transactional(async |em| em.flush().await).await);

    let other = db.em();
    assert_read_only(other.insert(Tag::new("ice")).await);
    assert_read_only(other.insert_many(["a", "b", "c"].map(Tag::new)).batch_size(1).await);
    assert_read_only(other.update_many(Tag::LABEL.eq("war")).set(Tag::LABEL, "peace").await);
    assert_read_only(other.delete_many(Tag::LABEL.eq("war")).await);
    assert_read_only(other.upsert(Tag::new("fire")).on_conflict(Tag::LABEL).await);
    assert_read_only(other.sql("update tag set label = 'peace'", ()).execute().await);

    assert_eq!((arya.try_id(), jon.get().age, em.flush_plan()?.len()), (None, Some(17), 2));
    assert_eq!(db.em().find_all::<Tag>().select(Tag::LABEL).await?, ["war"]);
    // By itself: a transaction that may write, which changes of the schema are in, can't be begun by now.
    db.em().sql(B::facts().only_reads[1], ()).execute().await?;
    em.flush().await?;
    assert_eq!(db.em().count_all::<Author>().await?, 2);
    Ok(())
}
