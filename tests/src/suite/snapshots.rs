//! Snapshots and edits: what `get` returns stays as it is, and what guards publish is merged field by field.
//!
//! No lock is held while user code runs, so nothing here can hang; and what was published is what the next flush
//! writes, no more.

use std::pin::pin;
use std::sync::Arc;
use std::thread;

use futures::poll;
use orm_core::{EntityManager, Error, Loaded, Result};

use crate::fixtures::account::{self, account};
use crate::fixtures::blog::{self, Author, Book};
use crate::{Backend, Operation};

async fn author(em: &EntityManager, name: &str) -> Result<Loaded<Author>> {
    em.find_one_or_fail(Author::NAME.eq(name)).await
}

fn update(entity: &str, columns: &[&str]) -> [Operation; 3] {
    let columns = columns.iter().map(|column| (*column).to_owned()).collect();
    [Operation::Begin, Operation::Update(entity.to_owned(), 1, columns), Operation::Commit]
}

// ---- get

/// `get` returns a snapshot: later edits make a new one, and it may be held across an await.
pub async fn a_snapshot_does_not_change<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    let before = jon.get();
    jon.edit().name = "Aegon".into();
    jon.update(|jon| jon.age = Some(17));
    em.flush().await?;
    em.refresh(&jon).await?;
    assert_eq!((before.name.as_str(), before.age), ("Jon Snow", None));
    assert_eq!((jon.get().name.as_str(), jon.get().age), ("Aegon", Some(17)));
    Ok(())
}

/// Without an edit in between, `get` returns the same allocation: it copies nothing.
pub async fn snapshots_are_shared_until_an_edit<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    let before = jon.get();
    assert!(Arc::ptr_eq(&before, &jon.get()));
    author(&em, "Jon Snow").await?;
    assert!(Arc::ptr_eq(&before, &jon.get()));
    jon.edit().age = Some(17);
    assert!(!Arc::ptr_eq(&before, &jon.get()));
    Ok(())
}

/// A guard shows its own changes; others see them when it is dropped, all at once.
pub async fn an_edit_is_seen_when_its_guard_is_dropped<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    let mut guard = jon.edit();
    guard.name = "Aegon".into();
    guard.age = Some(17);
    assert_eq!(guard.name, "Aegon");
    assert_eq!(jon.get().name, "Jon Snow");
    drop(guard);
    assert_eq!((jon.get().name.as_str(), jon.get().age), ("Aegon", Some(17)));
    Ok(())
}

// ---- guards of one entity

/// Two guards that change different fields are both kept, whichever is dropped first.
pub async fn guards_on_different_fields_are_both_kept<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    let (mut first, mut second) = (jon.edit(), jon.edit());
    first.name = "Aegon".into();
    second.age = Some(17);
    drop(first);
    drop(second);
    let mut third = jon.edit();
    jon.edit().email = None;
    third.age = Some(18);
    drop(third);
    let now = jon.get();
    assert_eq!((now.name.as_str(), now.age, now.email.as_deref()), ("Aegon", Some(18), None));
    db.recorder.reset();

    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Author", &["name", "email", "age"]));
    Ok(())
}

/// Of two guards that change one field, the last to be dropped wins.
pub async fn of_two_guards_on_one_field_the_last_published_wins<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    let (mut opened_first, mut opened_second) = (jon.edit(), jon.edit());
    opened_first.name = "Aegon".into();
    opened_second.name = "Targaryen".into();
    drop(opened_second);
    assert_eq!(jon.get().name, "Targaryen");
    drop(opened_first);
    assert_eq!(jon.get().name, "Aegon");
    Ok(())
}

/// A guard that changes nothing does not take back what was published while it was open.
pub async fn a_guard_publishes_only_what_it_changed<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    let mut idle = jon.edit();
    jon.edit().name = "Aegon".into();
    idle.age = Some(17);
    idle.age = None;
    drop(idle);
    assert_eq!(jon.get().name, "Aegon");
    Ok(())
}

/// A row that arrives while a guard is open is kept where the guard changed nothing.
pub async fn a_row_that_arrives_under_a_guard_is_kept<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    let mut guard = jon.edit();
    guard.name = "Aegon".into();
    db.run(&["UPDATE author SET age = 17"]).await?;
    author(&em, "Jon Snow").await?;
    drop(guard);
    assert_eq!((jon.get().name.as_str(), jon.get().age), ("Aegon", Some(17)));
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Author", &["name"]));
    Ok(())
}

/// A guard may be held across an await, of queries of the same entity too.
pub async fn a_guard_may_be_held_across_an_await<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    let task = {
        let (em, jon) = (em.clone(), jon.clone());
        // Spawned, so the guard must be `Send`.
        tokio::spawn(async move {
            let mut guard = jon.edit();
            guard.name = "Aegon".into();
            let count = em.find_all::<Author>().populate(Author::BOOKS).await?.len();
            em.flush().await?;
            guard.age = Some(17);
            Ok::<_, Error>(count)
        })
    };
    assert_eq!(task.await.map_err(Error::other)??, 2);
    assert_eq!((jon.get().name.as_str(), jon.get().age), ("Aegon", Some(17)));
    Ok(())
}

/// Guards nest in one expression: of one entity and of several, in any order.
pub async fn guards_nest_in_one_expression<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (jon, sam) = (author(&em, "Jon Snow").await?, author(&em, "Sam Tarly").await?);
    sam.edit().name = jon.edit().name.clone();
    assert_eq!(sam.get().name, "Jon Snow");
    jon.edit().email = Some(jon.edit().name.to_lowercase());
    assert_eq!(jon.get().email.as_deref(), Some("jon snow"));
    sam.edit().age = Some(17);
    std::mem::swap(&mut jon.edit().age, &mut sam.edit().age);
    assert_eq!((jon.get().age, sam.get().age), (Some(17), None));
    Ok(())
}

/// A guard may be open while the other side of a relation is written.
pub async fn relations_may_be_written_under_a_guard<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let authors = em.find_all::<Author>().populate(Author::BOOKS).order_by(Author::ID.asc()).await?;
    let (jon, sam) = (&authors[0], &authors[1]);
    let wall = jon.books()[2].clone();
    let mut guard = wall.edit();
    guard.price = 99;
    sam.books_ref().add(&wall)?;
    drop(guard);
    assert_eq!(wall.get().price, 99);
    assert!(wall.author_ref().get()? == *sam);
    assert_eq!((jon.books().len(), sam.books().len()), (2, 1));
    Ok(())
}

/// Nothing is published when the thread panics with an open guard; the entity can be edited afterwards.
pub async fn nothing_is_published_on_a_panic<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    let there = jon.clone();
    let panicked = thread::spawn(move || {
        let mut guard = there.edit();
        guard.name = "Aegon".into();
        // As a panic, but without the message on the test's output.
        std::panic::resume_unwind(Box::new("half done"));
    });
    assert!(panicked.join().is_err());
    assert_eq!(jon.get().name, "Jon Snow");
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);

    jon.edit().age = Some(17);
    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Author", &["age"]));
    Ok(())
}

/// A closure of `update` that panics publishes nothing either.
pub async fn an_update_that_panics_publishes_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    let there = jon.clone();
    let panicked = thread::spawn(move || {
        there.update(|jon| {
            jon.name = "Aegon".into();
            std::panic::resume_unwind(Box::new("half done"));
        });
    });
    assert!(panicked.join().is_err());
    assert_eq!(jon.get().name, "Jon Snow");
    jon.update(|jon| jon.age = Some(17));
    assert_eq!(jon.get().age, Some(17));
    Ok(())
}

// ---- update

/// `update` reads, changes and writes in one step: no increment of any thread is lost.
pub async fn updates_from_many_threads_lose_nothing<B: Backend>() -> Result<()> {
    const THREADS: i64 = 8;
    const ROUNDS: i64 = 250;
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    let start = wall.get().price;
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..ROUNDS).for_each(|_| wall.update(|book| book.price += 1)));
        }
    });
    assert_eq!(wall.get().price, start + THREADS * ROUNDS);

    em.flush().await?;
    let stored = db.em().find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    assert_eq!(stored.get().price, start + THREADS * ROUNDS);
    Ok(())
}

/// Tasks that go on and off between reading and writing lose nothing either, nor do those that edit other fields.
pub async fn updates_and_edits_from_many_tasks_lose_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    let start = wall.get().price;
    let tasks: Vec<_> = (0..50)
        .map(|round| {
            let wall = wall.clone();
            tokio::spawn(async move {
                let mut guard = wall.edit();
                tokio::task::yield_now().await;
                wall.update(|book| book.price += 1);
                guard.title = format!("The Wall {round}");
            })
        })
        .collect();
    for task in tasks {
        task.await.map_err(Error::other)?;
    }
    assert_eq!(wall.get().price, start + 50);
    assert!(wall.get().title.starts_with("The Wall "));
    Ok(())
}

/// Threads that edit different fields do not undo one another.
pub async fn threads_on_different_fields_keep_each_others_edits<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    thread::scope(|scope| {
        scope.spawn(|| (0..=500).for_each(|round| jon.edit().age = Some(round)));
        scope.spawn(|| (0..=500).for_each(|round| jon.edit().name = format!("Jon {round}")));
        scope.spawn(|| (0..=500).for_each(|round| jon.edit().email = Some(format!("{round}@wall.org"))));
    });
    let now = jon.get();
    assert_eq!(
        (now.name.as_str(), now.age, now.email.as_deref()),
        ("Jon 500", Some(500), Some("500@wall.org"))
    );
    Ok(())
}

// ---- what will not be saved

/// `try_edit` and `try_update` refuse an entity that is scheduled to be removed, and name it.
pub async fn a_removed_entity_refuses_try_edit<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    em.remove(&wall)?;
    let errors = [wall.try_edit().err(), wall.try_update(|book| book.price = 0).err()];
    for error in errors {
        let Some(Error::Removed { key }) = error else { return Err(Error::other(format!("{error:?}"))) };
        assert_eq!(key.to_string(), format!("Book[{}]", wall.id()));
    }
    assert_eq!(wall.get().price, 10);
    Ok(())
}

/// They refuse an entity of a cleared context, and one whose row was deleted.
pub async fn a_detached_entity_refuses_try_edit<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let deleted = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    em.remove(&deleted)?;
    em.flush().await?;
    let cleared = em.find_one_or_fail(Book::TITLE.eq("A Storm")).await?;
    em.clear()?;
    for book in [&deleted, &cleared] {
        let errors = [book.try_edit().err(), book.try_update(|book| book.price = 0).err()];
        for error in errors {
            let Some(Error::Detached { key }) = error else { return Err(Error::other(format!("{error:?}"))) };
            assert_eq!(key.to_string(), format!("Book[{}]", book.id()));
        }
        assert_eq!(book.get().price, 10);
    }
    Ok(())
}

/// The plain forms change the snapshot of such an entity, and nothing else.
pub async fn plain_edits_of_what_is_not_saved_change_the_snapshot_alone<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let cleared = em.find_one_or_fail(Book::TITLE.eq("A Storm")).await?;
    em.clear()?;
    let removed = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    em.remove(&removed)?;
    for book in [&cleared, &removed] {
        book.edit().title = "Changed".into();
        book.update(|book| book.price = 99);
        assert_eq!((book.get().title.as_str(), book.get().price), ("Changed", 99));
    }
    db.recorder.reset();

    em.flush().await?;
    let operations = db.recorder.operations();
    assert!(!operations.iter().any(|operation| matches!(operation, Operation::Update(..))), "{operations:?}");
    assert_eq!(db.em().count(Book::TITLE.eq("Changed")).await?, 0);
    Ok(())
}

/// `try_edit` on what will be saved is `edit`.
pub async fn try_edit_of_a_managed_entity_is_saved<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    jon.try_edit()?.name = "Aegon".into();
    jon.try_update(|jon| jon.age = Some(17))?;
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Author", &["name", "age"]));
    Ok(())
}

// ---- what a flush sends

/// A field that was changed and changed back is no change.
pub async fn nothing_is_sent_when_values_are_equal_again<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    let sam = author(&em, "Sam Tarly").await?;
    let mentor = sam.get().mentor.clone();
    jon.edit().name = "Aegon".into();
    sam.edit().mentor = None;
    jon.edit().name = "Jon Snow".into();
    sam.edit().mentor = mentor;
    drop(jon.edit());
    jon.update(|_| ());
    db.recorder.reset();

    em.flush().await?;
    assert_eq!(db.statements(), 0);
    assert!(em.flush_plan()?.is_empty());
    Ok(())
}

/// A foreign key set to the same row in another way is no change.
pub async fn a_reference_to_the_same_row_is_no_change<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Book::TITLE.eq("The Wall")).populate(Book::AUTHOR).await?;
    wall.edit().author = wall.author().to_ref();
    wall.edit().author = em.get_reference::<Author>(wall.author().id())?.to_ref();
    wall.edit().author = orm_core::Ref::key(wall.author().id());
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// Changed fields are sent, no others, however many guards changed them.
pub async fn only_changed_columns_are_sent<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    wall.edit().price = 11;
    wall.edit().title = "The Gate".into();
    wall.edit().price = 12;
    wall.edit().title = "The Wall".into();
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Book", &["price"]));
    em.flush().await?;
    assert_eq!(db.statements(), 3);
    Ok(())
}

/// Floats are compared by their bits: NaN equals itself, and the two zeros differ.
pub async fn floats_are_compared_by_their_bits<B: Backend>() -> Result<()> {
    let db = account::empty::<B>().await?;
    let em = db.em();
    em.persist(account(1))?;
    em.persist(account(2))?;
    em.flush().await?;
    // Taken in as the database is said to have them, since not every database stores these.
    let em = db.em();
    let not_a_number = em.merge(account::Account { score: f64::NAN, ..account(1) })?;
    let zero = em.merge(account::Account { score: 0.0, ..account(2) })?;
    db.recorder.reset();

    not_a_number.edit().score = f64::NAN;
    zero.edit().score = 0.0;
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    not_a_number.edit().full_name = "Ann".into();
    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Account", &["full_name"]));
    db.recorder.reset();
    zero.edit().score = -0.0;
    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Account", &["score"]));
    Ok(())
}

/// A skipped field is the program's own: it survives edits, flushes and later rows, and is never a change.
pub async fn a_skipped_field_is_kept_and_never_sent<B: Backend>() -> Result<()> {
    let db = account::empty::<B>().await?;
    let em = db.em();
    let ann = em.persist(account(1))?;
    em.flush().await?;
    assert_eq!(ann.get().cached.as_deref(), Some("only in memory"));
    db.recorder.reset();

    ann.edit().cached = Some("changed".into());
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    ann.edit().score = 2.5;
    assert_eq!(ann.get().cached.as_deref(), Some("changed"));
    db.run(&["UPDATE account SET full_name = 'Ann'"]).await?;
    em.find_all::<account::Account>().await?;
    assert_eq!((ann.get().full_name.as_str(), ann.get().cached.as_deref()), ("Ann", Some("changed")));
    em.flush().await?;
    em.refresh(&ann).await?;
    assert_eq!((ann.get().cached.as_deref(), ann.get().score), (Some("changed"), 2.5));
    Ok(())
}

// ---- while a flush runs

/// Edits made while a flush runs are kept, and are what the next flush writes.
pub async fn edits_while_a_flush_runs_are_kept_for_the_next<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    let sam = author(&em, "Sam Tarly").await?;
    jon.edit().name = "Aegon".into();
    jon.edit().email = None;
    db.recorder.reset();
    {
        db.recorder.give_way();
        let mut flush = pin!(em.flush());
        assert!(poll!(flush.as_mut()).is_pending());
        jon.edit().name = "Targaryen".into();
        jon.edit().age = Some(17);
        sam.edit().age = Some(18);
        flush.await?;
    }
    assert_eq!(db.recorder.operations(), update("Author", &["name", "email"]));
    let now = jon.get();
    assert_eq!((now.name.as_str(), now.email.as_deref(), now.age), ("Targaryen", None, Some(17)));
    // Touched a second time, and still one row of the next flush.
    jon.edit().age = Some(19);
    db.recorder.reset();

    em.flush().await?;
    let columns = |columns: &[&str]| columns.iter().map(|column| (*column).to_owned()).collect();
    let mut writes = db.recorder.operations();
    writes.retain(|operation| matches!(operation, Operation::Update(..)));
    assert!(writes.contains(&Operation::Update("Author".into(), 1, columns(&["name", "age"]))), "{writes:?}");
    assert!(writes.contains(&Operation::Update("Author".into(), 1, columns(&["age"]))), "{writes:?}");
    let stored = db.em().find_one_or_fail(Author::NAME.eq("Targaryen")).await?;
    assert_eq!((stored.get().email.as_deref(), stored.get().age), (None, Some(19)));
    Ok(())
}

/// A field that goes back to its old value while the flush writes the new one is a change for the next flush.
pub async fn an_edit_back_while_a_flush_runs_is_written_by_the_next<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    jon.edit().name = "Aegon".into();
    {
        db.recorder.give_way();
        let mut flush = pin!(em.flush());
        assert!(poll!(flush.as_mut()).is_pending());
        jon.edit().name = "Jon Snow".into();
        flush.await?;
    }
    assert_eq!(jon.get().name, "Jon Snow");
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Author", &["name"]));
    assert_eq!(db.em().count(Author::NAME.eq("Jon Snow")).await?, 1);
    Ok(())
}

/// A new entity that is edited while it is inserted gets its key and keeps the edit.
pub async fn a_new_entity_edited_while_it_is_inserted_keeps_the_edit<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let arya = em.persist(Author::new("Arya"))?;
    {
        db.recorder.give_way();
        let mut flush = pin!(em.flush());
        assert!(poll!(flush.as_mut()).is_pending());
        arya.edit().name = "No One".into();
        flush.await?;
    }
    assert_ne!(arya.id(), 0);
    assert_eq!(arya.get().name, "No One");
    assert_eq!(db.em().count(Author::NAME.eq("Arya")).await?, 1);
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Author", &["name"]));
    Ok(())
}

/// A guard that was opened before a flush and dropped after it publishes over what the flush settled.
pub async fn a_guard_over_a_flush_publishes_over_what_was_saved<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let arya = em.persist(Author::new("Arya"))?;
    let mut guard = arya.edit();
    em.flush().await?;
    guard.age = Some(11);
    drop(guard);
    assert_ne!(arya.id(), 0);
    assert_eq!(arya.get().age, Some(11));
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Author", &["age"]));
    Ok(())
}

/// What is persisted while a flush runs waits for the next one.
pub async fn an_entity_persisted_while_a_flush_runs_is_inserted_by_the_next<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    em.persist(Author::new("Arya"))?;
    let late = {
        db.recorder.give_way();
        let mut flush = pin!(em.flush());
        assert!(poll!(flush.as_mut()).is_pending());
        let late = em.persist(Author::new("Sansa"))?;
        flush.await?;
        late
    };
    assert_eq!(late.try_id(), None);
    assert!(em.contains(&late));
    em.flush().await?;
    assert!(late.try_id().is_some());
    assert_eq!(db.em().count(Author::NAME.in_(["Arya", "Sansa"])).await?, 2);
    Ok(())
}

/// An entity removed while a flush writes it is deleted by the next flush.
pub async fn an_entity_removed_while_a_flush_writes_it_is_deleted_by_the_next<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let old = em.persist(Author::new("Arya"))?;
    em.flush().await?;
    old.edit().age = Some(11);
    let new = em.persist(Author::new("Sansa"))?;
    {
        db.recorder.give_way();
        let mut flush = pin!(em.flush());
        assert!(poll!(flush.as_mut()).is_pending());
        em.remove(&old)?;
        em.remove(&new)?;
        flush.await?;
    }
    assert_eq!(db.em().find_all::<Author>().await?.len(), 2);
    em.flush().await?;
    assert_eq!(db.em().find_all::<Author>().await?.len(), 0);
    assert_eq!(em.managed_count()?, 0);
    Ok(())
}
