//! The result cache over a store of the program's own: shared, away, silent or damaged.

use std::time::Duration;

use orm_core::{Error, OrmBuilder, Result};

use crate::fixtures::blog::{self, Author};
use crate::fixtures::minutes::Hands;
use crate::{Backend, Hoard, Mood, TestDb};

const MINUTE: Duration = Duration::from_secs(60);

async fn opened<B: Backend>(hoard: &Hoard) -> Result<TestDb> {
    let db = TestDb::open::<B>(with(hoard)).await?;
    db.em().insert_many(["Jon", "Sam"].map(Author::new)).await?;
    db.recorder.reset();
    Ok(db)
}

fn with(hoard: &Hoard) -> impl FnOnce(OrmBuilder) -> OrmBuilder {
    let hoard = hoard.clone();
    |builder| blog::entities(builder).result_cache(hoard)
}

/// How many statements it takes to get the names, which must be these.
async fn names(db: &TestDb, expected: &[&str]) -> Result<u64> {
    let before = db.statements();
    let authors = db.em().find_all::<Author>().order_by(Author::ID.asc()).cache_as("authors", MINUTE).await?;
    assert_eq!(authors.iter().map(|author| author.get().name.clone()).collect::<Vec<_>>(), expected);
    Ok(db.statements() - before)
}

/// A store of the program's own keeps the results, as bytes if it likes.
pub async fn a_program_brings_its_own_store<B: Backend>() -> Result<()> {
    let hoard = Hoard::default();
    let db = opened::<B>(&hoard).await?;
    assert_eq!((names(&db, &["Jon", "Sam"]).await?, names(&db, &["Jon", "Sam"]).await?), (1, 0));
    db.em().update_many(Author::NAME.eq("Sam")).set(Author::NAME, "Samwell").await?;
    assert_eq!((names(&db, &["Jon", "Samwell"]).await?, names(&db, &["Jon", "Samwell"]).await?), (1, 0));
    db.em().result_cache().clear().await?;
    assert!(hoard.len() <= 1, "all that is left is what voids the rest");
    assert_eq!(names(&db, &["Jon", "Samwell"]).await?, 1);
    Ok(())
}

/// Programs that share a store void each other's results; ORMs of another name share nothing.
pub async fn programs_share_a_store<B: Backend>() -> Result<()> {
    let hoard = Hoard::default();
    let db = opened::<B>(&hoard).await?;
    let beside = db.beside(with(&hoard)).await?;
    let apart = db.beside(|builder| with(&hoard)(builder).name("apart")).await?;
    assert_eq!((names(&db, &["Jon", "Sam"]).await?, names(&beside, &["Jon", "Sam"]).await?), (1, 0));
    assert_eq!(names(&apart, &["Jon", "Sam"]).await?, 1);

    let em = beside.em();
    em.remove(&em.find_one_or_fail(Author::NAME.eq("Sam")).await?)?;
    em.flush().await?;
    assert_eq!((names(&db, &["Jon"]).await?, names(&beside, &["Jon"]).await?), (1, 0));
    assert_eq!(names(&apart, &["Jon", "Sam"]).await?, 0, "until the lifetime is over");
    apart.em().result_cache().invalidate("authors").await?;
    assert_eq!(names(&apart, &["Jon"]).await?, 1);
    Ok(())
}

/// Two processes with a cache of their own each: one sees what the other wrote when its answer is too old.
pub async fn what_other_programs_write_is_seen_later<B: Backend>() -> Result<()> {
    let hands = Hands::default();
    let clock = hands.clone();
    let db = TestDb::open::<B>(|builder| blog::entities(builder).clock(move || clock.time())).await?;
    db.em().insert(Author::new("Jon")).await?;
    let beside = db.beside(blog::entities).await?;
    names(&db, &["Jon"]).await?;
    beside.em().insert(Author::new("Sam")).await?;
    names(&db, &["Jon"]).await?;
    hands.set(60);
    names(&db, &["Jon", "Sam"]).await?;
    Ok(())
}

/// A store that fails fails no query and no write; once it is back, nothing of it is stale.
pub async fn a_store_that_fails_fails_no_query<B: Backend>() -> Result<()> {
    let hoard = Hoard::default();
    let db = opened::<B>(&hoard).await?;
    assert_eq!(names(&db, &["Jon", "Sam"]).await?, 1);

    hoard.is(Mood::Failing);
    assert_eq!((names(&db, &["Jon", "Sam"]).await?, names(&db, &["Jon", "Sam"]).await?), (1, 1));
    let em = db.em();
    em.persist(Author::new("Arya"))?;
    em.flush().await?;
    em.transactional(async |em| em.insert(Author::new("Bran")).await).await?;
    em.insert(Author::new("Rickon")).await?;
    let told = em.result_cache().invalidate("authors").await;
    assert!(matches!(told, Err(Error::ResultCache { .. })), "{told:?}");

    hoard.is(Mood::Well);
    let all = ["Jon", "Sam", "Arya", "Bran", "Rickon"];
    assert_eq!((names(&db, &all).await?, names(&db, &all).await?), (1, 0));
    Ok(())
}

/// A store that never answers is given up.
pub async fn a_store_that_is_silent_is_given_up<B: Backend>() -> Result<()> {
    let hoard = Hoard::default();
    let db = opened::<B>(&hoard).await?;
    names(&db, &["Jon", "Sam"]).await?;
    hoard.is(Mood::Silent);
    assert_eq!(names(&db, &["Jon", "Sam"]).await?, 1);
    Ok(())
}

/// Bytes that are damaged, or of another version, are as good as none, and are replaced once they can be.
pub async fn a_damaged_entry_is_replaced<B: Backend>() -> Result<()> {
    let hoard = Hoard::default();
    let db = opened::<B>(&hoard).await?;
    names(&db, &["Jon", "Sam"]).await?;
    hoard.damage(|bytes| bytes[0] = 99);
    assert_eq!(names(&db, &["Jon", "Sam"]).await?, 1, "the store refuses them all");

    db.em().result_cache().clear().await?;
    assert_eq!((names(&db, &["Jon", "Sam"]).await?, names(&db, &["Jon", "Sam"]).await?), (1, 0));
    // Text, the fourth kind of value, becomes bytes: what another version of the program may have made of the column.
    let text = |name: &str| [&[4], &(name.len() as u64).to_le_bytes()[..], name.as_bytes()].concat();
    let sam = text("Sam");
    hoard.damage(|bytes| {
        if let Some(at) = bytes.windows(sam.len()).position(|window| window == sam) {
            bytes[at] = 5;
        }
    });
    assert_eq!((names(&db, &["Jon", "Sam"]).await?, names(&db, &["Jon", "Sam"]).await?), (1, 0));
    Ok(())
}
