//! Keys that the database makes reach the entities that they are of, whoever else writes to the same table meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use orm_core::{Error, Result};

use crate::fixtures::blog::{self, Tag};
use crate::{Backend, TestDb};

const ROWS: usize = 5_000;

/// A flush of as many rows, in an order that is none, while others insert one by one and in batches.
pub async fn every_row_of_a_flush_has_its_key<B: Backend>() -> Result<()> {
    beside_others::<B>(async |db| {
        let em = db.em();
        let tags = shuffled().map(|label| em.persist(Tag::new(&label))).collect::<Result<Vec<_>>>()?;
        em.flush().await?;
        Ok(tags.into_iter().map(|tag| (tag.id(), tag.get().label.clone())).collect())
    })
    .await
}

/// The same without the unit of work.
pub async fn every_inserted_row_has_its_key<B: Backend>() -> Result<()> {
    beside_others::<B>(async |db| {
        let labels: Vec<String> = shuffled().collect();
        let keys = db.em().insert_many(labels.iter().map(|label| Tag::new(label))).batch_size(700).await?;
        Ok(keys.into_iter().zip(labels).collect())
    })
    .await
}

/// Labels in an order that neither the alphabet nor a number gives.
fn shuffled() -> impl Iterator<Item = String> {
    // 3,001 and the number of rows have no divisor in common.
    (0..ROWS).map(|at| format!("row {}", at * 3_001 % ROWS))
}

async fn beside_others<B: Backend>(
    work: impl AsyncFnOnce(&TestDb) -> Result<Vec<(i64, String)>>,
) -> Result<()> {
    let db = blog::empty::<B>().await?;
    let is_done = Arc::new(AtomicBool::new(false));
    let others: Vec<_> = (0..3)
        .map(|writer| {
            let (db, is_done) = (db.clone(), Arc::clone(&is_done));
            tokio::spawn(async move {
                let mut written = Vec::new();
                for round in 0.. {
                    let labels: Vec<String> =
                        (0..=writer * 7).map(|at| format!("other {writer} {round} {at}")).collect();
                    let keys = db.em().insert_many(labels.iter().map(|label| Tag::new(label))).await?;
                    written.extend(keys.into_iter().zip(labels));
                    if is_done.load(Ordering::Relaxed) {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
                Ok::<_, Error>(written)
            })
        })
        .collect();
    let mine = work(&db).await;
    is_done.store(true, Ordering::Relaxed);
    let mine = mine?;
    assert_eq!(mine.len(), ROWS);
    let mut expected = mine;
    for other in others {
        expected.extend(other.await.map_err(Error::other)??);
    }
    assert!(expected.len() > ROWS, "nobody wrote meanwhile");
    expected.sort();
    let stored = db.em().find_all::<Tag>().order_by(Tag::ID.asc()).select((Tag::ID, Tag::LABEL)).await?;
    assert_eq!(stored.len(), expected.len());
    assert!(stored == expected, "a key is of another row");
    Ok(())
}
