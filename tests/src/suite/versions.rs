//! The optimistic lock: a version that every update counts up, and that must still be the one that was loaded.

use orm_core::{Condition, Error, Loaded, Result};

use crate::fixtures::document::{self, Document};
use crate::recorder::Operation;
use crate::{Backend, TestDb};

/// A version starts at 1, and each update makes it one more, in the row and in memory. Case I159.
pub async fn a_version_counts_the_updates<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let documents = ["plan", "notes", "report"].map(|title| em.persist(Document::new(title)));
    let documents = documents.into_iter().collect::<Result<Vec<_>>>()?;
    em.flush().await?;
    let versions = || documents.iter().map(|one| one.get().version).collect::<Vec<_>>();
    assert_eq!(versions(), [1, 1, 1]);
    assert_eq!(stored(&db).await?, [1, 1, 1]);
    db.recorder.reset();

    documents.iter().for_each(|one| one.edit().text = "more".into());
    em.flush().await?;
    documents[1].edit().text = "even more".into();
    em.flush().await?;

    assert_eq!(versions(), [2, 3, 2]);
    assert_eq!(stored(&db).await?, [2, 3, 2]);
    assert_eq!(
        db.recorder.operations()[1],
        Operation::Update("Document".into(), 3, vec!["text".into(), "version".into()])
    );
    Ok(())
}

/// A version that the program gives to a new entity is kept.
pub async fn an_assigned_first_version_is_kept<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let plan = em.persist(Document { version: 7, ..Document::new("plan") })?;
    em.flush().await?;
    plan.edit().text = "more".into();
    em.flush().await?;
    assert_eq!((plan.get().version, stored(&db).await?), (8, vec![8]));
    Ok(())
}

/// A flush without a change does not count.
pub async fn a_version_does_not_count_flushes_without_a_change<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let plan = em.persist(Document::new("plan"))?;
    em.flush().await?;
    plan.edit().title = "plan".into();
    db.recorder.reset();
    em.flush().await?;
    assert_eq!((plan.get().version, db.statements()), (1, 0));
    Ok(())
}

/// The program can't set the version of a managed entity: an edit of it alone is nothing to write.
pub async fn the_version_is_the_flushes_own<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let plan = em.persist(Document::new("plan"))?;
    em.flush().await?;
    plan.edit().version = 40;
    plan.edit().text = "more".into();
    em.flush().await?;
    assert_eq!(stored(&db).await?, [2]);
    assert_eq!(plan.get().version, 2);
    Ok(())
}

/// Somebody else changed the row: the update is refused by name, and nothing of the flush is written. Case I160.
pub async fn a_stale_entity_is_refused<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let (plan, notes) = (em.persist(Document::new("plan"))?, em.persist(Document::new("notes"))?);
    em.flush().await?;
    changed_by_somebody_else(&db, &plan).await?;
    notes.edit().text = "ours".into();
    plan.edit().text = "ours".into();

    let error = em.flush().await.expect_err("the plan was changed meanwhile");

    let Error::StaleEntity { key } = &error else { panic!("{error}") };
    assert_eq!(key.to_string(), format!("Document[{}]", plan.id()));
    assert_eq!((plan.get().version, plan.get().text.as_str()), (1, "ours"));
    assert_eq!(db.em().count(Document::TEXT.eq("ours")).await?, 0);

    em.refresh(&plan).await?;
    assert_eq!((plan.get().version, plan.get().text.as_str()), (2, "theirs"));
    plan.edit().text = "merged".into();
    em.flush().await?;
    assert_eq!(stored(&db).await?, [3, 2]);
    Ok(())
}

/// A row read again brings its version along, so that the edit goes over what it was made after reading.
pub async fn a_later_row_brings_its_version<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let plan = em.persist(Document::new("plan"))?;
    em.flush().await?;
    plan.edit().title = "our plan".into();
    changed_by_somebody_else(&db, &plan).await?;

    em.find_all::<Document>().await?;
    em.flush().await?;

    let row = db.em().find_by_id::<Document>(plan.id()).await?.expect("it is there");
    assert_eq!(
        (row.get().version, row.get().title.as_str(), row.get().text.as_str()),
        (3, "our plan", "theirs")
    );
    Ok(())
}

/// A row that is gone can't be updated, and says so.
pub async fn an_update_of_a_deleted_row_is_refused<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let plan = em.persist(Document::new("plan"))?;
    em.flush().await?;
    let other = db.em();
    other.remove(other.get_reference::<Document>(plan.id())?)?;
    other.flush().await?;

    plan.edit().text = "ours".into();
    let error = em.flush().await.expect_err("the row is gone");

    assert!(matches!(error, Error::StaleEntity { .. }), "{error}");
    assert_eq!(db.em().count(Condition::<Document>::always()).await?, 0);
    Ok(())
}

async fn changed_by_somebody_else<P: 'static>(db: &TestDb, document: &Loaded<Document, P>) -> Result<()> {
    let other = db.em();
    let theirs = other.find_by_id::<Document>(document.id()).await?.expect("it is there");
    theirs.edit().text = "theirs".into();
    other.flush().await
}

async fn stored(db: &TestDb) -> Result<Vec<i32>> {
    let documents = db.em().find_all::<Document>().order_by(Document::ID.asc()).await?;
    Ok(documents.iter().map(|document| document.get().version).collect())
}
