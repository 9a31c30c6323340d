//! Several flushes of one manager, and edits while one runs: one after another, each with its own result.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use futures::future::{join, join_all};
use orm_core::{Condition, Result};

use crate::Backend;
use crate::fixtures::blog::{self, Author, Book};
use crate::recorder::{Fault, Operation};

/// Flushes at the same time: one writes, the others find nothing left. Case E83.
pub async fn flushes_at_the_same_time_write_once<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    for name in ["Arya", "Bran", "Sansa"] {
        let author = em.persist(Author::new(name))?;
        em.persist(Book::new("A Clash", &author))?;
    }

    let results = join_all((0..3).map(|_| em.flush())).await;

    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(db.recorder.operations().len(), 4);
    assert_eq!(db.em().count(Condition::<Book>::always()).await?, 3);
    Ok(())
}

/// What is persisted while a flush waits for its turn is written by that flush, in a transaction of its own.
pub async fn a_waiting_flush_writes_what_came_meanwhile<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    em.persist(Author::new("Arya"))?;
    db.recorder.give_way();
    let mut first = pin!(em.flush());
    until(&mut first, || db.recorder.operations().contains(&Operation::Begin)).await;
    em.persist(Author::new("Bran"))?;

    let (first, second) = join(first, em.flush()).await;
    first?;
    second?;

    let one = [Operation::Begin, Operation::Insert("Author".into(), 1), Operation::Commit];
    assert_eq!(db.recorder.operations(), [one.clone(), one].concat());
    Ok(())
}

/// A flush that fails does not fail those that wait behind it. Case E85, where we do better.
pub async fn a_failed_flush_does_not_fail_the_next<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let arya = em.persist(Author::new("Arya"))?;
    db.recorder.inject(Fault::Write);

    let (first, second) = join(em.flush(), em.flush()).await;

    first.expect_err("a fault was injected");
    second?;
    assert_eq!(db.em().count(Condition::<Author>::always()).await?, 1);
    assert!(arya.try_id().is_some());
    Ok(())
}

/// Each of several flushes that fail says so: none waits for ever, and none takes another's result.
pub async fn each_flush_has_its_own_result<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let arya = em.persist(Author { email: Some("jon@wall.org".into()), ..Author::new("Arya") })?;

    let (first, second) = join(em.flush(), em.flush()).await;
    assert!(first.is_err_and(|error| error.is_violation_of(Author::EMAIL)));
    assert!(second.is_err_and(|error| error.is_violation_of(Author::EMAIL)));

    arya.edit().email = None;
    em.flush().await?;
    assert_eq!(db.em().count(Author::NAME.eq("Arya")).await?, 1);
    Ok(())
}

/// A flush that is dropped while it waits for its turn gives it up.
pub async fn a_flush_dropped_while_it_waits_gives_up_its_turn<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    em.persist(Author::new("Arya"))?;
    db.recorder.give_way();
    let mut first = pin!(em.flush());
    until(&mut first, || db.recorder.operations().contains(&Operation::Begin)).await;
    {
        let mut second = pin!(em.flush());
        assert!(poll_once(&mut second).await.is_none());
    }

    let (first, third) = join(first, em.flush()).await;
    first?;
    third?;
    assert_eq!(db.em().count(Condition::<Author>::always()).await?, 1);
    Ok(())
}

/// Edits made while a flush runs are not in it, are kept, and are written by the next one.
pub async fn edits_made_while_a_flush_runs_stay_dirty<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    jon.edit().age = Some(17);
    let arya = em.persist(Author::new("Arya"))?;
    db.recorder.reset();
    db.recorder.give_way();
    let mut flush = pin!(em.flush());
    until(&mut flush, || !db.recorder.operations().is_empty()).await;
    jon.edit().name = "Aegon".into();
    arya.edit().age = Some(9);
    flush.await?;
    assert_eq!((jon.get().name.as_str(), jon.get().age), ("Aegon", Some(17)));
    assert_eq!((arya.get().age, arya.try_id().is_some()), (Some(9), true));
    assert_eq!(db.em().count(Author::NAME.eq("Aegon").or(Author::AGE.eq(9))).await?, 0);
    db.recorder.reset();

    em.flush().await?;

    let mut operations = db.recorder.operations();
    operations[1..3].sort_by_key(|operation| format!("{operation:?}"));
    let expected = [
        Operation::Update("Author".into(), 1, vec!["age".into()]),
        Operation::Update("Author".into(), 1, vec!["name".into()]),
    ];
    assert_eq!(operations[1..3], expected);
    let stored = db.em();
    assert_eq!(stored.find_by_id::<Author>(jon.id()).await?.map(|row| row.get().age), Some(Some(17)));
    assert_eq!(stored.count(Author::NAME.eq("Arya").and(Author::AGE.eq(9))).await?, 1);
    Ok(())
}

/// The same field edited while a flush writes it: the edit is kept, and written after.
pub async fn an_edit_of_a_field_that_is_being_written_is_kept<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    jon.edit().age = Some(17);
    db.recorder.reset();
    db.recorder.give_way();
    let mut flush = pin!(em.flush());
    until(&mut flush, || !db.recorder.operations().is_empty()).await;
    jon.edit().age = Some(18);
    flush.await?;

    assert_eq!(jon.get().age, Some(18));
    assert_eq!(db.em().find_by_id::<Author>(jon.id()).await?.map(|row| row.get().age), Some(Some(17)));
    em.flush().await?;
    assert_eq!(db.em().find_by_id::<Author>(jon.id()).await?.map(|row| row.get().age), Some(Some(18)));
    Ok(())
}

/// What is removed, or linked, while a flush runs waits for the next one.
pub async fn removals_and_links_made_while_a_flush_runs_wait<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    let storm = em.find_one_or_fail(Book::TITLE.eq("A Storm")).await?;
    let arya = em.persist(Author::new("Arya"))?;
    db.recorder.reset();
    db.recorder.give_way();
    let mut flush = pin!(em.flush());
    until(&mut flush, || !db.recorder.operations().is_empty()).await;
    em.remove(&storm)?;
    clash.tags_ref().remove(&clash.tags()[0])?;
    flush.await?;
    assert!(arya.try_id().is_some());
    db.recorder.reset();

    em.flush().await?;

    let expected = [Operation::Unlink("Book.tags".into(), 1), Operation::Delete("Book".into(), 1)];
    assert_eq!(db.recorder.operations()[1..3], expected);
    Ok(())
}

/// A new entity that is removed while its insert runs is deleted by the next flush, not forgotten.
pub async fn a_new_entity_removed_while_it_is_inserted_is_deleted<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let arya = em.persist(Author::new("Arya"))?;
    db.recorder.give_way();
    let mut flush = pin!(em.flush());
    until(&mut flush, || db.recorder.writes() > 0).await;
    em.remove(&arya)?;
    flush.await?;

    em.flush().await?;

    assert_eq!(db.em().count(Condition::<Author>::always()).await?, 0);
    assert!(!em.contains(&arya));
    Ok(())
}

/// Two managers are two contexts: their flushes do not wait for each other's work, only for the database.
pub async fn flushes_of_two_managers_are_both_written<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let (one, other) = (db.em(), db.em());
    one.persist(Author::new("Arya"))?;
    other.persist(Author::new("Bran"))?;

    let (first, second) = join(one.flush(), other.flush()).await;
    first?;
    second?;

    assert_eq!(db.em().count(Condition::<Author>::always()).await?, 2);
    Ok(())
}

/// Polls `future` until `condition` holds; it must not be ready before.
pub(super) async fn until<F: Future>(future: &mut Pin<&mut F>, condition: impl Fn() -> bool) {
    poll_fn(|context| {
        if condition() {
            return Poll::Ready(());
        }
        assert!(future.as_mut().poll(context).is_pending(), "it was ready too early");
        if condition() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

async fn poll_once<F: Future>(future: &mut Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
