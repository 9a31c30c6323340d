//! What a handle promises holds whatever others write and however flushes and edits meet.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use orm_core::{Collection, Condition, Error, Ref, Result};

use super::flush_turns::until;
use crate::fixtures::blog::{self, Author, Book, Publisher, Tag};
use crate::fixtures::document::{self, Document};
use crate::fixtures::folder::{self, File, Folder};
use crate::{Backend, Operation};

fn select(entity: &str, rows: usize) -> Operation {
    Operation::Select(entity.to_owned(), rows)
}

/// What was populated can be read and written out after the entity was deleted.
pub async fn a_populated_handle_stays_readable_after_its_entity_was_deleted<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate((Book::TAGS, Book::AUTHOR)).await?;
    em.remove(&clash)?;
    serde_json::to_string(&clash).map_err(Error::other)?;
    em.flush().await?;

    assert!(!em.contains(&clash));
    assert_eq!(clash.author().get().name, "Jon Snow");
    assert_eq!(clash.tags().len(), 2);
    serde_json::to_string(&clash).map_err(Error::other)?;
    Ok(())
}

/// Rows of others that join a loaded list bring what the list was promised, in one statement for all of them.
pub async fn newcomers_of_a_populated_list_have_what_was_promised<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon =
        em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS.then(Book::TAGS)).await?;
    let other = db.em();
    let tag = other.persist(Tag::new("new"))?;
    for at in 0..20 {
        let book = Book::new(&format!("Part {at}"), Ref::key(jon.id()));
        other.persist(Book { tags: vec![tag.to_ref()].into(), ..book })?;
    }
    other.flush().await?;
    db.recorder.reset();

    em.find_all::<Book>().await?;

    assert_eq!(db.recorder.operations(), [select("Book", 23), select("Tag", 20)]);
    assert_eq!(jon.books().len(), 23);
    assert_eq!(jon.books().iter().map(|book| book.tags().len()).sum::<usize>(), 26);
    serde_json::to_string(&jon).map_err(Error::other)?;
    assert_eq!(db.statements(), 2);
    Ok(())
}

/// An optional relation that was populated as unset, and that another program sets, is there with its row.
pub async fn a_populated_relation_that_becomes_set_can_be_read<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (em, other) = (db.em(), db.em());
    for theirs in other.find_all::<Book>().await? {
        theirs.edit().publisher = None;
    }
    other.flush().await?;
    let books = em.find_all::<Book>().populate(Book::PUBLISHER).await?;
    assert!(books.iter().all(|book| book.publisher().is_none()));
    for (at, theirs) in other.find_all::<Book>().await?.iter().enumerate() {
        theirs.edit().publisher = Some(Publisher { name: at.to_string(), ..Publisher::default() }.into());
    }
    other.flush().await?;
    db.recorder.reset();

    em.find_all::<Book>().await?;

    assert!(books.iter().all(|book| book.publisher().is_some()));
    assert_eq!(db.recorder.operations(), [select("Book", 3), select("Publisher", 3)]);
    Ok(())
}

/// A populated relation that another program points elsewhere brings what was populated below it.
pub async fn a_moved_relation_brings_what_was_populated_below<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (em, other) = (db.em(), db.em());
    let clash =
        em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::AUTHOR.then(Author::BOOKS)).await?;
    let sam = other.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    other.find_one_or_fail(Book::TITLE.eq("A Clash")).await?.edit().author = sam.to_ref();
    other.flush().await?;

    em.find_all::<Book>().await?;

    assert_eq!(clash.author().get().name, "Sam Tarly");
    assert_eq!(clash.author().books().len(), 1);
    Ok(())
}

/// The list of an entity that was born here takes up rows that are found later.
pub async fn a_list_of_an_entity_born_here_takes_up_later_rows<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let arya = em.persist(Author::new("Arya"))?;
    em.flush().await?;
    let other = db.em();
    other.persist(Book::new("Needle", Ref::key(arya.id())))?;
    other.flush().await?;

    let found = em.find(Book::AUTHOR.eq(&arya)).await?;

    assert_eq!(found.len(), 1);
    assert_eq!(arya.books().len(), 1);
    assert!(arya.books().contains(&found[0]));
    Ok(())
}

/// Editing an entity after it was deleted changes its own snapshot: no list, and nothing to be written.
pub async fn an_edit_of_a_deleted_entity_touches_nobody_else<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).populate(Author::BOOKS).await?;
    let wall = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    em.remove(&wall)?;
    em.flush().await?;
    db.recorder.reset();

    {
        let mut edit = wall.edit();
        edit.author = sam.to_ref();
        edit.publisher = Some(Publisher { name: "Ghost".into(), ..Publisher::default() }.into());
    }

    assert_eq!(sam.books().len(), 0);
    assert!(em.flush_plan()?.is_empty());
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// What an edit got wrong is told by each look at the plan, and by the flush still.
pub async fn looking_at_the_plan_takes_no_error_away<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    {
        let mut edit = clash.edit();
        edit.title = "Half".into();
        edit.tags = Collection::new();
    }

    let looked = em.flush_plan().map(drop).expect_err("its tags are not loaded").to_string();
    let again = em.flush_plan().map(drop).expect_err("its tags are not loaded").to_string();
    let error = em.flush().await.expect_err("its tags are not loaded").to_string();

    assert_eq!((looked, again), (error.clone(), error));
    assert_eq!(db.em().count(Book::TITLE.eq("Half")).await?, 0);
    Ok(())
}

/// Edits that change nothing are not pending.
pub async fn an_edit_without_a_change_is_not_pending<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let books = em.find_all::<Book>().await?;
    db.recorder.reset();

    for book in &books {
        drop(book.edit());
        book.edit().price = 10;
        book.update(|_| ());
    }

    assert!(em.flush_plan()?.is_empty());
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A removal that is taken back while its delete is under way: the next flush inserts the row again.
pub async fn a_removal_taken_back_during_its_delete_is_inserted_again<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let arya = em.persist(Author::new("Arya"))?;
    em.flush().await?;
    let id = arya.id();
    em.remove(&arya)?;
    db.recorder.reset();
    db.recorder.give_way();
    {
        let mut flush = pin!(em.flush());
        until(&mut flush, || db.recorder.writes() > 0).await;
        em.persist(&arya)?;
        flush.await?;
    }
    db.recorder.go_on();

    em.flush().await?;

    assert!(em.contains(&arya));
    assert_eq!(db.em().count(Author::NAME.eq("Arya").and(Author::ID.eq(id))).await?, 1);
    assert!(em.find_by_id::<Author>(id).await?.is_some_and(|found| found == arya));
    Ok(())
}

/// The database's cascade took the rows of the deleted parent, not those that the same flush saved for its successor.
pub async fn a_cascade_spares_what_the_same_flush_saved<B: Backend>() -> Result<()> {
    let db = folder::empty::<B>().await?;
    let em = db.em();
    let old = em.persist(Folder { id: 1, name: "old".into(), ..Folder::default() })?;
    em.flush().await?;
    em.remove(&old)?;
    let new = em.persist(Folder { id: 1, name: "new".into(), ..Folder::default() })?;
    let file = em.persist(File { name: "a".into(), folder: new.to_ref(), ..File::default() })?;

    em.flush().await?;

    assert_eq!(db.em().count(Condition::<File>::always()).await?, 1);
    assert!(em.contains(&file));
    file.try_edit()?.name = "b".into();
    assert!(new.files().contains(&file));
    em.flush().await?;
    assert_eq!(db.em().count(File::NAME.eq("b")).await?, 1);
    Ok(())
}

/// Threads that change versioned entities while flushes run: no flush takes its own writes for somebody else's, and
/// the last edits are saved.
pub async fn updates_of_versioned_entities_during_flushes_are_not_stale<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let documents: Vec<_> =
        (0..16).map(|at| em.persist(Document::new(&format!("{at:02}")))).collect::<Result<_>>()?;
    em.flush().await?;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2)
        .map(|start| {
            let (documents, stop) = (documents.clone(), Arc::clone(&stop));
            thread::spawn(move || {
                let mut at: usize = start;
                while !stop.load(Ordering::Relaxed) {
                    documents[at % 16].update(|one| one.text = at.to_string());
                    at += 7;
                }
            })
        })
        .collect();

    let mut result = Ok(());
    for _ in 0..100 {
        result = em.flush().await;
        if result.is_err() {
            break;
        }
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        assert!(writer.join().is_ok());
    }
    result?;
    em.flush().await?;

    let texts = |found: &[orm_core::Loaded<Document>]| {
        found.iter().map(|one| one.get().text.clone()).collect::<Vec<_>>()
    };
    let stored = db.em().find_all::<Document>().order_by(Document::TITLE.asc()).await?;
    assert_eq!(texts(&stored), documents.iter().map(|one| one.get().text.clone()).collect::<Vec<_>>());
    Ok(())
}
