//! Soft deletes: a removal is an update that sets the time, and a filter hides the row from then on.

use orm_core::{Condition, EntityManager, Error, Loaded, Result};

use crate::fixtures::archive::{self, Binder, Letter, Stamp};
use crate::fixtures::ledger::{self, Bill, Cashier, Night, Receipt};
use crate::recorder::Operation;
use crate::{Backend, TestDb};

async fn letter(em: &EntityManager, number: i64) -> Result<Loaded<Letter>> {
    em.find_one_or_fail(Letter::NUMBER.eq(number)).await
}

async fn numbers(db: &TestDb) -> Result<Vec<i64>> {
    let letters = db.em().find_all::<Letter>().order_by(Letter::NUMBER.asc()).await?;
    Ok(letters.iter().map(|letter| letter.get().number).collect())
}

/// A removal sets the time, and nothing finds the row any more, by condition, by key or through a relation.
pub async fn a_removal_sets_the_time_and_hides_the_row<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    let binder = em.find_one_or_fail(Binder::NAME.eq("a")).populate(Binder::LETTERS).await?;
    let letter = letter(&em, 1).await?;
    db.recorder.reset();

    em.remove(&letter)?;
    em.flush().await?;

    let update = Operation::Update("Letter".into(), 1, vec!["removed".into()]);
    assert_eq!(db.recorder.operations(), [Operation::Begin, update, Operation::Commit]);
    assert!(!em.contains(&letter));
    assert!(letter.get().removed.is_some());
    assert_eq!(binder.letters().len(), 1);
    assert_eq!(em.find_by_id::<Letter>(letter.id()).await?, None);
    assert_eq!(numbers(&db).await?, [2, 3]);
    assert_eq!(db.em().count(Binder::LETTERS.some(Letter::NUMBER.eq(1))).await?, 0);
    Ok(())
}

/// `with_deleted` finds it, and populates it.
pub async fn a_query_can_ask_for_what_is_deleted<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    em.remove(&letter(&em, 1).await?)?;
    em.flush().await?;

    assert_eq!(em.find_all::<Letter>().with_deleted().await?.len(), 3);
    assert_eq!(em.count(Condition::<Letter>::always()).with_deleted().await?, 3);
    let binder =
        db.em().find_one_or_fail(Binder::NAME.eq("a")).populate(Binder::LETTERS).with_deleted().await?;
    assert_eq!(binder.letters().len(), 2);
    assert_eq!(em.find_all::<Letter>().await?.len(), 2, "what is loaded with it stays hidden elsewhere");
    Ok(())
}

/// A bare reference is enough, and the row need not be loaded.
pub async fn a_reference_is_removed_softly<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    let id = letter(&db.em(), 2).await?.id();
    db.recorder.reset();
    em.remove(em.get_reference::<Letter>(id)?)?;
    em.flush().await?;
    assert_eq!(db.recorder.selects(), 0);
    assert_eq!(numbers(&db).await?, [1, 3]);
    assert_eq!(db.em().find_all::<Letter>().with_deleted().await?.len(), 3);
    Ok(())
}

/// A loaded row that has a version counts it up, and is refused if it is stale.
pub async fn a_soft_delete_checks_the_version<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let (em, other) = (db.em(), db.em());
    let of = |em: &EntityManager| em.find_one_or_fail(Binder::NAME.eq("b"));
    let (mine, theirs) = (of(&em).await?, of(&other).await?);
    theirs.edit().name = "c".into();
    other.flush().await?;

    em.remove(&mine)?;
    let error = em.flush().await.expect_err("the flush fails");
    assert!(matches!(error, Error::StaleEntity { .. }), "{error}");
    em.restore(&mine)?;
    em.refresh(&mine).await?;
    em.remove(&mine)?;
    em.flush().await?;
    let row = db.em().find_one_or_fail(Binder::NAME.eq("c")).with_deleted().await?;
    assert_eq!(row.get().version, 3);
    Ok(())
}

/// A removal that waits is taken back; one that the row has is taken out of it.
pub async fn a_removal_is_taken_back<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    let first = letter(&em, 1).await?;
    em.remove(&first)?;
    em.restore(&first)?;
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);

    em.remove(&first)?;
    em.flush().await?;
    let detached = em.restore(&first).expect_err("its removal was flushed");
    assert!(matches!(detached, Error::Detached { .. }), "{detached}");
    let again = em.find_one_or_fail(Letter::NUMBER.eq(1)).with_deleted().await?;
    assert_eq!(em.find_by_id::<Letter>(again.id()).await?, None);
    em.restore(&again)?;
    em.flush().await?;
    assert_eq!(numbers(&db).await?, [1, 2, 3]);
    assert_eq!(em.find_by_id::<Letter>(again.id()).await?, Some(again));
    Ok(())
}

/// What is deleted already keeps its time.
pub async fn removing_twice_keeps_the_first_time<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    em.remove(&letter(&em, 1).await?)?;
    em.flush().await?;
    let deleted = em.find_one_or_fail(Letter::NUMBER.eq(1)).with_deleted().await?;
    db.recorder.reset();
    em.remove(&deleted)?;
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// The last word counts: what was restored and then removed, before any flush, is removed.
pub async fn removing_what_was_restored_removes_it<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    em.remove(&letter(&em, 1).await?)?;
    em.flush().await?;
    let deleted = em.find_one_or_fail(Letter::NUMBER.eq(1)).with_deleted().await?;

    em.restore(&deleted)?;
    em.remove(&deleted)?;

    assert_eq!(em.flush_plan()?.to_string(), "soft delete 1 Letter (removed)");
    em.restore(&deleted)?;
    assert_eq!(em.flush_plan()?.to_string(), "update 1 Letter (removed)");
    em.remove(&deleted)?;
    em.flush().await?;
    assert_eq!(numbers(&db).await?, [2, 3]);
    assert!(!em.contains(&deleted));
    Ok(())
}

/// Removed for good, the row goes, deleted softly before or not.
pub async fn a_removal_for_good_deletes_the_row<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    em.remove(&letter(&em, 1).await?)?;
    em.flush().await?;

    let deleted = em.find_one_or_fail(Letter::NUMBER.eq(1)).with_deleted().await?;
    let second = letter(&em, 2).await?;
    em.remove(&second)?;
    em.remove_for_good(&second)?;
    em.remove_for_good(&deleted)?;
    em.flush().await?;
    assert_eq!(db.em().find_all::<Letter>().with_deleted().await?.len(), 1);

    let red = em.find_one_or_fail(Stamp::NAME.eq("red")).await?;
    em.remove_for_good(&red)?;
    em.flush().await?;
    assert_eq!(
        db.em().count(Condition::<Stamp>::always()).await?,
        0,
        "a row without the field goes either way"
    );
    Ok(())
}

/// A removal for good that is taken back is forgotten: the next one is soft again.
pub async fn a_removal_for_good_can_be_taken_back<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    let first = letter(&em, 1).await?;
    em.remove_for_good(&first)?;
    em.restore(&first)?;
    em.remove(&first)?;
    em.flush().await?;
    assert_eq!(db.em().find_all::<Letter>().with_deleted().await?.len(), 3);
    Ok(())
}

/// What is required of a deleted row: the promise of a populated reference hides its owner, the bare owner stays.
pub async fn a_required_reference_to_a_deleted_row_hides_its_owner<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    em.remove(&em.find_one_or_fail(Binder::NAME.eq("a")).await?)?;
    em.flush().await?;

    assert_eq!(numbers(&db).await?, [1, 2, 3]);
    assert_eq!(db.em().find_all::<Letter>().populate(Letter::BINDER).await?.len(), 1);
    let all = db.em().find_all::<Letter>().populate(Letter::BINDER).with_deleted().await?;
    assert_eq!(all.len(), 3);
    Ok(())
}

/// A unique index over what is not deleted frees the value of a deleted row; its links stay for a restoration.
pub async fn a_deleted_row_frees_its_unique_value_and_keeps_its_links<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    let first = letter(&em, 1).await?;
    let binder = first.binder_ref().to_ref();
    em.remove(&first)?;
    em.flush().await?;
    em.persist(Letter { number: 1, binder, ..Letter::default() })?;
    em.flush().await?;
    assert_eq!(numbers(&db).await?, [1, 2, 3]);

    let query = db.em().find(Letter::NUMBER.eq(1)).populate(Letter::STAMPS).with_deleted();
    let stamps: usize = query.await?.iter().map(|letter| letter.stamps().len()).sum();
    assert_eq!(stamps, 1);
    Ok(())
}

/// A flush that fails leaves the removal waiting.
pub async fn a_failed_flush_leaves_the_removal_waiting<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    let first = letter(&em, 1).await?;
    em.remove(&first)?;
    db.recorder.inject(crate::recorder::Fault::CommitRefused);
    em.flush().await.expect_err("the flush fails");
    assert_eq!(first.get().removed, None);
    assert_eq!(em.find_by_id::<Letter>(first.id()).await?, None);
    em.flush().await?;
    assert_eq!(numbers(&db).await?, [2, 3]);
    Ok(())
}

/// The plan says what it is.
pub async fn the_plan_names_a_soft_delete<B: Backend>() -> Result<()> {
    let em = archive::seeded::<B>().await?.em();
    em.remove(&letter(&em, 1).await?)?;
    assert_eq!(em.flush_plan()?.to_string(), "soft delete 1 Letter (removed)");
    Ok(())
}

/// A transaction that is rolled back takes the removals back to where they were: waiting, each of its own kind.
pub async fn a_rollback_brings_a_soft_deleted_entity_back<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    let (first, second) = (letter(&em, 1).await?, letter(&em, 2).await?);
    em.remove(&first)?;
    em.remove_for_good(&second)?;
    let rolled_back = em
        .transactional(async |em| {
            em.flush().await?;
            Err::<(), _>(Error::other("no"))
        })
        .await;
    rolled_back.expect_err("the closure failed");
    assert_eq!(first.get().removed, None);
    assert_eq!(numbers(&db).await?, [1, 2, 3]);

    em.flush().await?;
    assert_eq!(numbers(&db).await?, [3]);
    assert_eq!(db.em().find_all::<Letter>().with_deleted().await?.len(), 2);
    Ok(())
}

// ---- what hooks write with the time

async fn bill(db: &TestDb, text: &str) -> Result<Bill> {
    let bill = db.em().find_one_or_fail(Bill::TEXT.eq(text)).with_deleted().await?;
    Ok(Bill::clone(&bill.get()))
}

/// What a hook changes before a soft delete goes into the same update, a new entity in a relation included. Unsaved edits
/// of others stay out of it.
pub async fn what_a_hook_changes_goes_into_the_same_update<B: Backend>() -> Result<()> {
    let db = ledger::seeded::<B>().await?;
    let em = db.em();
    em.set(Cashier("Ann".into()))?;
    let tea = em.find_one_or_fail(Bill::TEXT.eq("tea")).await?;
    tea.edit().text = "coffee".into();
    db.recorder.reset();

    em.remove(&tea)?;
    em.flush().await?;

    let columns = ["deleted_at", "deleted_by", "receipt_id", "version"].map(str::to_owned).to_vec();
    let update = Operation::Update("Bill".into(), 1, columns);
    let insert = Operation::Insert("Receipt".into(), 1);
    assert_eq!(db.recorder.operations(), [Operation::Begin, insert, update, Operation::Commit]);
    let stored = bill(&db, "tea").await?;
    assert_eq!((stored.deleted_by.as_deref(), stored.version), (Some("Ann"), 2));
    assert!(stored.deleted_at.is_some() && stored.receipt.is_some());
    assert_eq!(tea.get().deleted_by.as_deref(), Some("Ann"));
    assert!(!em.contains(&tea));
    Ok(())
}

/// A flush that fails, or is rolled back, leaves the entity unmarked; the next one marks it anew.
pub async fn what_a_hook_changed_is_taken_back<B: Backend>() -> Result<()> {
    let db = ledger::seeded::<B>().await?;
    let em = db.em();
    em.set(Cashier("Ann".into()))?;
    let tea = em.find_one_or_fail(Bill::TEXT.eq("tea")).await?;
    em.remove(&tea)?;
    db.recorder.inject(crate::recorder::Fault::CommitRefused);
    em.flush().await.expect_err("the flush fails");
    assert_eq!((tea.get().deleted_by.clone(), tea.get().deleted_at), (None, None));

    em.begin().await?;
    em.flush().await?;
    assert_eq!(tea.get().deleted_by.as_deref(), Some("Ann"));
    em.rollback().await?;
    assert_eq!((tea.get().deleted_by.clone(), tea.get().deleted_at), (None, None));

    em.set(Cashier("Bob".into()))?;
    em.flush().await?;
    assert_eq!(bill(&db, "tea").await?.deleted_by.as_deref(), Some("Bob"));
    Ok(())
}

/// A subscriber may do the same; and a removal for good has nothing to write it to.
pub async fn what_a_subscriber_changes_goes_into_the_same_update<B: Backend>() -> Result<()> {
    let db = ledger::seeded::<B>().await?;
    let em = db.em();
    em.add_subscriber(Night);
    em.remove(em.find_one_or_fail(Bill::TEXT.eq("tea")).await?)?;
    em.remove_for_good(em.find_one_or_fail(Bill::TEXT.eq("cake")).await?)?;
    db.recorder.reset();
    em.flush().await?;

    assert_eq!(db.recorder.writes(), 2);
    assert_eq!(bill(&db, "tea").await?.deleted_by.as_deref(), Some("night"));
    assert_eq!(em.count_all::<Bill>().with_deleted().await?, 1);
    assert_eq!(em.count_all::<Receipt>().await?, 0);
    Ok(())
}
