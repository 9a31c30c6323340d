//! The optimistic lock: a version that every update counts up, and that must still be the one that was loaded.

use chrono::{DateTime, Utc};
use orm_core::{Condition, Error, Loaded, Result};

use crate::fixtures::blog::{self, Author};
use crate::fixtures::document::{self, Chapter, Document, Memo, Minutes, Slip};
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

/// Without a version nobody is refused: of two contexts that change one field the last wins, and changes of different
/// fields are both kept, since only changed columns are sent.
pub async fn without_a_version_the_last_flush_wins<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (one, other) = (db.em(), db.em());
    let mine = one.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let theirs = other.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    mine.edit().name = "Lord Snow".into();
    mine.edit().age = Some(18);
    theirs.edit().name = "Aegon".into();

    one.flush().await?;
    other.flush().await?;

    let stored = db.em().find_by_id_or_fail::<Author>(mine.id()).await?;
    assert_eq!((stored.get().name.as_str(), stored.get().age), ("Aegon", Some(18)));
    assert_eq!(mine.get().name, "Lord Snow");
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

    let [key] = error.stale_keys() else { panic!("{error}") };
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

/// A version that is a time starts with the flush's, and every update moves it on, however soon it comes.
pub async fn a_version_that_is_a_time_moves_on<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let before = Utc::now();
    let minutes = em.persist(Minutes { text: "first".into(), ..Minutes::default() })?;
    let memo = em.persist(Memo { title: "plan".into(), ..Memo::default() })?;
    em.flush().await?;
    let first = minutes.get().changed_at;
    assert!((first - before).num_seconds().abs() < 3600, "{first} and {before}");
    assert_eq!(memo.get().changed_at.and_utc(), first);

    for text in ["second", "third", "fourth"] {
        let (last, last_of_memo) = (minutes.get().changed_at, memo.get().changed_at);
        minutes.edit().text = text.into();
        memo.edit().text = text.into();
        em.flush().await?;
        assert!(minutes.get().changed_at > last);
        assert!(memo.get().changed_at > last_of_memo);
    }

    let stored = db.em();
    let row = stored.find_by_id::<Minutes>(minutes.id()).await?.expect("it is there");
    assert_eq!(row.get().changed_at, minutes.get().changed_at);
    let row = stored.find_by_id::<Memo>("plan".to_owned()).await?.expect("it is there");
    assert_eq!(row.get().changed_at, memo.get().changed_at);
    Ok(())
}

/// A version that is a time, and lies ahead of the clock, moves on all the same.
pub async fn a_version_ahead_of_the_clock_moves_on<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let ahead = DateTime::from_timestamp_micros(4_000_000_000_000_000).expect("a time");
    let minutes = em.persist(Minutes { changed_at: ahead, ..Minutes::default() })?;
    em.flush().await?;
    minutes.edit().text = "more".into();
    em.flush().await?;
    assert_eq!((minutes.get().changed_at - ahead).num_microseconds(), Some(1));
    Ok(())
}

/// A row that was updated by somebody else is stale by its time too.
pub async fn an_older_time_is_stale<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let minutes = em.persist(Minutes::default())?;
    em.flush().await?;
    let other = db.em();
    other.find_one_or_fail(Minutes::ID.eq(minutes.id())).await?.edit().text = "theirs".into();
    other.flush().await?;

    minutes.edit().text = "ours".into();
    let error = em.flush().await.expect_err("it was changed meanwhile");

    assert_eq!(error.stale_keys().len(), 1, "{error}");
    em.refresh(&minutes).await?;
    minutes.edit().text = "merged".into();
    em.flush().await
}

/// One stale row of a hundred is named, and nothing of the hundred is written. Case I160.
pub async fn one_stale_row_of_a_hundred_is_named<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let documents = (0..100).map(|at| em.persist(Document::new(&format!("document {at}"))));
    let documents = documents.collect::<Result<Vec<_>>>()?;
    em.flush().await?;
    changed_by_somebody_else(&db, &documents[41]).await?;
    documents.iter().for_each(|document| document.edit().text = "ours".into());
    db.recorder.reset();

    let error = em.flush().await.expect_err("one was changed meanwhile");

    let names: Vec<String> = error.stale_keys().iter().map(ToString::to_string).collect();
    assert_eq!(names, [format!("Document[{}]", documents[41].id())]);
    assert_eq!(db.recorder.writes(), 1);
    assert_eq!(db.em().count(Document::TEXT.eq("ours")).await?, 0);
    assert!(documents.iter().all(|document| document.get().version == 1));

    em.refresh(&documents[41]).await?;
    em.flush().await?;
    assert_eq!(db.em().count(Document::TEXT.eq("ours")).await?, 99);
    Ok(())
}

/// A stale row does not stop a batch: detached, it lets the rest pass, and a query brings what somebody else made of it.
pub async fn a_stale_row_can_be_detached<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let documents = ["plan", "notes"].map(|title| em.persist(Document::new(title)));
    let [plan, notes] = documents;
    let (plan, notes) = (plan?, notes?);
    em.flush().await?;
    changed_by_somebody_else(&db, &plan).await?;
    [&plan, &notes].iter().for_each(|document| document.edit().text = "ours".into());
    em.flush().await.expect_err("one was changed meanwhile");

    em.detach(&plan)?;
    em.flush().await?;

    assert_eq!(notes.get().version, 2);
    assert_eq!(db.em().count(Document::TEXT.eq("ours")).await?, 1);
    let again = em.find_one_or_fail(Document::ID.eq(plan.id())).await?;
    assert_eq!((again.get().version, again.get().text == "ours"), (2, false));
    again.edit().text = "ours".into();
    em.flush().await?;
    assert_eq!(again.get().version, 3);
    Ok(())
}

/// What joins or leaves the inverse side of a relation counts in its own version, not in the owner's. Case I163.
pub async fn a_change_of_an_inverse_side_is_no_update<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let book = em.persist(Chapter::default())?;
    let part = em.persist(Chapter::default())?;
    em.flush().await?;
    db.recorder.reset();

    book.parts_ref().add(&part)?;
    em.flush().await?;

    assert_eq!((book.get().version, part.get().version), (1, 2));
    assert_eq!(db.recorder.writes(), 1);
    Ok(())
}

/// All stale rows of a flush are named, whatever statements they are in.
pub async fn every_stale_row_of_a_flush_is_named<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let documents = ["plan", "notes", "report", "list"].map(|title| em.persist(Document::new(title)));
    let documents = documents.into_iter().collect::<Result<Vec<_>>>()?;
    let minutes = em.persist(Minutes::default())?;
    em.flush().await?;
    for document in &documents[..3] {
        changed_by_somebody_else(&db, document).await?;
    }
    let other = db.em();
    other.find_one_or_fail(Minutes::ID.eq(minutes.id())).await?.edit().text = "theirs".into();
    other.flush().await?;
    documents[0].edit().text = "ours".into();
    documents[1].edit().title = "ours".into();
    documents[3].edit().title = "ours too".into();
    minutes.edit().text = "ours".into();

    let error = em.flush().await.expect_err("three were changed meanwhile");

    let mut names: Vec<String> = error.stale_keys().iter().map(ToString::to_string).collect();
    names.sort_unstable();
    let expected =
        [("Document", documents[0].id()), ("Document", documents[1].id()), ("Minutes", minutes.id())];
    assert_eq!(names, expected.map(|(name, id)| format!("{name}[{id}]")));
    let message = error.to_string();
    assert!(names.iter().all(|name| message.contains(name)) && message.contains("were changed"), "{message}");
    Ok(())
}

/// A count that its column can't go on with is refused before anything is sent.
pub async fn a_version_at_its_end_is_refused<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let slip = em.persist(Slip { version: i8::MAX, ..Slip::default() })?;
    em.flush().await?;
    slip.edit().text = "one more".into();
    db.recorder.reset();

    let error = em.flush().await.expect_err("127 is the most");

    assert!(matches!(error, Error::Value { entity: "Slip", field: "version", .. }), "{error}");
    assert_eq!((db.statements(), slip.get().version), (0, i8::MAX));
    Ok(())
}

/// A removal is compared too: a row that somebody else changed is not deleted. Read again, it goes.
pub async fn a_removed_entity_that_changed_is_stale<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let documents = ["plan", "notes", "report"].map(|title| em.persist(Document::new(title)));
    let documents = documents.into_iter().collect::<Result<Vec<_>>>()?;
    em.flush().await?;
    changed_by_somebody_else(&db, &documents[1]).await?;
    documents.iter().try_for_each(|document| em.remove(document))?;
    db.recorder.reset();

    let error = em.flush().await.expect_err("the notes were changed meanwhile");

    let names: Vec<String> = error.stale_keys().iter().map(ToString::to_string).collect();
    assert_eq!(names, [format!("Document[{}]", documents[1].id())]);
    assert_eq!(db.recorder.operations()[1..2], [Operation::Delete("Document".into(), 3)]);
    assert_eq!(stored(&db).await?, [1, 2, 1]);

    em.refresh(&documents[1]).await?;
    em.flush().await?;
    assert_eq!(stored(&db).await?, [] as [i32; 0]);
    Ok(())
}

/// A removed entity whose row is gone is stale; a refresh finds that out, and the rest of the flush goes on.
pub async fn a_removed_entity_that_is_gone_is_stale<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let (plan, notes) = (em.persist(Document::new("plan"))?, em.persist(Document::new("notes"))?);
    em.flush().await?;
    let other = db.em();
    other.remove(other.get_reference::<Document>(plan.id())?)?;
    other.flush().await?;
    em.remove(&plan)?;
    em.remove(&notes)?;

    let error = em.flush().await.expect_err("the plan is gone");

    assert_eq!(error.stale_keys().len(), 1, "{error}");
    assert!(matches!(em.refresh(&plan).await, Err(Error::NotFound { .. })));
    em.flush().await?;
    assert_eq!(stored(&db).await?, [] as [i32; 0]);
    Ok(())
}

/// What is removed by its key alone has no version that could be compared, and may be gone.
pub async fn a_removal_by_key_is_not_compared<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let (plan, notes) = (em.persist(Document::new("plan"))?, em.persist(Document::new("notes"))?);
    em.flush().await?;
    changed_by_somebody_else(&db, &plan).await?;
    let other = db.em();
    let loaded = other.find_one_or_fail(Document::ID.eq(notes.id())).await?;
    other.remove(&loaded)?;
    other.remove(other.get_reference::<Document>(plan.id())?)?;
    other.remove(other.get_reference::<Document>(plan.id() + 100)?)?;
    db.recorder.reset();
    other.flush().await?;
    assert_eq!(db.recorder.writes(), 2, "one delete of each kind");
    assert_eq!(stored(&db).await?, [] as [i32; 0]);
    Ok(())
}

/// Rows that the database deletes with others of the same flush are not taken for stale.
pub async fn rows_that_go_together_are_not_stale<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let root = em.persist(Chapter::default())?;
    let part = em.persist(Chapter { parent: (&root).into(), ..Chapter::default() })?;
    let section = em.persist(Chapter { parent: (&part).into(), ..Chapter::default() })?;
    em.flush().await?;
    for chapter in [&root, &section, &part] {
        em.remove(chapter)?;
    }
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 3, "a delete a level");
    assert_eq!(db.em().count(Condition::<Chapter>::always()).await?, 0);
    Ok(())
}

/// Tasks that count up one number, each in a context of its own, and try again where another was first: none of
/// their updates is lost.
pub async fn tasks_that_try_again_lose_no_update<B: Backend>() -> Result<()> {
    const TASKS: i32 = 6;
    const ROUNDS: i32 = 8;
    let db = document::empty::<B>().await?;
    let em = db.em();
    let plan = em.persist(Document { text: "0".into(), ..Document::new("plan") })?;
    em.flush().await?;
    let id = plan.id();
    let tasks = (0..TASKS).map(|_| {
        let db = db.clone();
        tokio::spawn(async move {
            for _ in 0..ROUNDS {
                let em = db.em();
                let plan = em.find_one_or_fail(Document::ID.eq(id)).await?;
                loop {
                    let count: i32 = plan.get().text.parse().map_err(Error::other)?;
                    // Lets others come in between.
                    tokio::task::yield_now().await;
                    plan.edit().text = (count + 1).to_string();
                    match em.flush().await {
                        Ok(()) => break,
                        Err(error) if !error.stale_keys().is_empty() => em.refresh(&plan).await?,
                        Err(error) => return Err(error),
                    }
                }
            }
            Ok::<_, Error>(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.map_err(Error::other)??;
    }
    em.refresh(&plan).await?;
    assert_eq!(plan.get().text, (TASKS * ROUNDS).to_string());
    assert_eq!(plan.get().version, TASKS * ROUNDS + 1);
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
