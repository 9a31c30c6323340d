//! Hooks of entities: when they run, that their changes go into the same statement, and what happens if they fail.

use std::sync::Arc;

use futures::FutureExt;
use orm_core::{ChangeKind, Condition, EntityManager, Error, Result};

use crate::fixtures::diary::{self, Entry, Line, Script, Writer};
use crate::recorder::{Fault, Operation};
use crate::{Backend, TestDb};

/// What a hook changes before the insert is in the insert. Case I166.
pub async fn a_hook_before_an_insert_changes_what_is_inserted<B: Backend>() -> Result<()> {
    let (db, em) = diary::watched::<B>().await?;
    let entry = em.persist(Entry::new("First Day"))?;
    assert_eq!(entry.get().slug, "");

    em.flush().await?;

    assert_eq!(
        db.recorder.operations(),
        [Operation::Begin, Operation::Insert("Entry".into(), 1), Operation::Commit]
    );
    assert_eq!(entry.get().slug, "first-day");
    assert_eq!(stored(&db).await?, ["First Day first-day"]);
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// What a hook changes before the update is in the update. Case I166.
pub async fn a_hook_before_an_update_changes_what_is_updated<B: Backend>() -> Result<()> {
    let (db, em) = diary::watched::<B>().await?;
    let entry = em.persist(Entry::new("First Day"))?;
    em.flush().await?;
    db.recorder.reset();

    entry.edit().title = "Last Day".into();
    em.flush().await?;

    let update = Operation::Update("Entry".into(), 1, vec!["title".into(), "slug".into()]);
    assert_eq!(db.recorder.operations(), [Operation::Begin, update, Operation::Commit]);
    assert_eq!(entry.get().slug, "last-day");
    assert_eq!(stored(&db).await?, ["Last Day last-day"]);
    Ok(())
}

/// Hooks run once each, around the write, and only those of what happens.
pub async fn hooks_run_around_the_write<B: Backend>() -> Result<()> {
    let (_db, em) = diary::watched::<B>().await?;
    let (one, two) = (em.persist(Entry::new("one"))?, em.persist(Entry::new("two"))?);
    em.flush().await?;
    assert_eq!(
        Script::steps(&em),
        ["before_create one", "before_create two", "after_create one", "after_create two"]
    );

    one.edit().text = "more".into();
    em.remove(&two)?;
    em.flush().await?;
    assert_eq!(
        Script::steps(&em),
        ["before_update one", "before_delete two", "after_update one", "after_delete two"]
    );

    one.edit().text = "more".into();
    em.flush().await?;
    assert_eq!(Script::steps(&em), [""; 0]);
    Ok(())
}

/// A hook gets to know the entity as it was, which fields changed, and what happens.
pub async fn a_hook_knows_what_changed<B: Backend>() -> Result<()> {
    let (_db, em) = diary::watched::<B>().await?;
    let entry = em.persist(Entry::new("one"))?;
    em.flush().await?;
    Script::set(&em, |hook, cx| {
        let script = cx.get::<Script>().ok_or_else(|| Error::other("no script"))?;
        let original = cx.original::<Entry>().map(|entry| entry.title.clone());
        script.note(&format!("{hook} {original:?} {}", cx.changed().collect::<Vec<_>>().join(" ")));
        assert_eq!(cx.kind(), ChangeKind::Update);
        assert!(cx.is_changed(Entry::TITLE) && !cx.is_changed(Entry::TEXT) && !cx.is_changed(Writer::NAME));
        assert!(cx.original::<Line>().is_none());
        Ok(())
    })?;

    entry.edit().title = "two".into();
    em.flush().await?;

    let steps = Script::steps(&em);
    assert_eq!(steps[1], "before_update Some(\"one\") title");
    assert_eq!(steps[3], "after_update Some(\"one\") title slug");
    Ok(())
}

/// After the insert a hook sees the generated key, and keys of what was inserted with it.
pub async fn a_hook_after_the_insert_sees_the_keys<B: Backend>() -> Result<()> {
    let (_db, em) = diary::watched::<B>().await?;
    let seen = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let writer = em.persist(Writer { name: "Ann".into(), ..Writer::default() })?;
    em.add_subscriber(KeysOfEntries(Arc::clone(&seen)));
    let entry = em.persist(Entry { writer: Some((&writer).into()), ..Entry::new("one") })?;
    em.flush().await?;
    assert_eq!(*seen.lock(), [(entry.get().id, Some(writer.get().id))]);
    assert!(entry.get().id > 0);
    Ok(())
}

struct KeysOfEntries(Arc<parking_lot::Mutex<Vec<Keys>>>);

/// An entry's key, and its writer's.
type Keys = (i64, Option<i64>);

impl orm_core::Subscriber for KeysOfEntries {
    async fn after_create(&self, event: &orm_core::subscriber::EntityEvent<'_>) -> Result<()> {
        if let Some(entry) = event.value::<Entry>() {
            let writer = entry.writer.as_ref().and_then(|writer| writer.try_key().copied());
            self.0.lock().push((entry.id, writer));
        }
        Ok(())
    }
}

/// Each hook that fails, fails the flush: the database and memory are as before, and the same manager flushes again.
pub async fn a_failing_hook_changes_nothing<B: Backend>() -> Result<()> {
    for failing in
        ["before_create", "after_create", "before_update", "after_update", "before_delete", "after_delete"]
    {
        let (db, em) = diary::watched::<B>().await?;
        let kept = em.persist(Entry::new("kept"))?;
        let gone = em.persist(Entry::new("gone"))?;
        em.flush().await?;
        let new = em.persist(Entry::new("New One"))?;
        kept.edit().title = "Kept On".into();
        em.remove(&gone)?;
        Script::set(&em, move |hook, _| if hook == failing { Err(Error::other("no")) } else { Ok(()) })?;
        db.recorder.reset();

        let error = em.flush().await.expect_err("a hook fails");

        let Error::Hook { of: "Entry", hook, source } = &error else { panic!("{error:?}") };
        assert_eq!((*hook, source.to_string()), (failing, "no".to_owned()));
        assert_eq!(stored(&db).await?, ["gone gone", "kept kept"], "{failing}");
        assert_eq!((new.get().id, new.get().slug.as_str()), (0, ""), "{failing}");
        assert_eq!(kept.get().slug, "kept", "{failing}");
        assert_eq!(em.flush_plan()?.len(), 3, "{failing}");

        Script::set(&em, |_, _| Ok(()))?;
        em.flush().await?;
        assert_eq!(stored(&db).await?, ["Kept On kept-on", "New One new-one"], "{failing}");
        assert_eq!((new.get().slug.as_str(), kept.get().slug.as_str()), ("new-one", "kept-on"));
    }
    Ok(())
}

/// A write that fails after the hooks ran leaves the entity as it was, and the hooks run again at the next flush.
pub async fn a_failed_write_takes_the_changes_of_hooks_back<B: Backend>() -> Result<()> {
    let (db, em) = diary::watched::<B>().await?;
    let entry = em.persist(Entry::new("First Day"))?;
    db.recorder.inject(Fault::Write);
    em.flush().await.expect_err("a fault was injected");
    assert_eq!(entry.get().slug, "");
    em.flush().await?;
    assert_eq!(entry.get().slug, "first-day");
    assert_eq!(Script::steps(&em).len(), 3);
    Ok(())
}

/// An edit that is made while the flush runs is kept, beside what the hook made.
pub async fn an_edit_meanwhile_is_merged_with_the_changes_of_hooks<B: Backend>() -> Result<()> {
    let (db, em) = diary::watched::<B>().await?;
    let entry = em.persist(Entry::new("First Day"))?;
    db.recorder.give_way();
    let mut flush = std::pin::pin!(em.flush());
    assert!(flush.as_mut().now_or_never().is_none());
    entry.edit().text = "meanwhile".into();
    flush.await?;
    db.recorder.go_on();

    assert_eq!((entry.get().slug.as_str(), entry.get().text.as_str()), ("first-day", "meanwhile"));
    assert_eq!(em.flush_plan()?.to_string(), "update 1 Entry (text)");
    em.flush().await?;
    assert_eq!(stored(&db).await?, ["First Day first-day"]);
    Ok(())
}

/// What a hook persists and edits before the write is saved by the same flush, hooks of its own included.
pub async fn a_hook_may_persist_and_edit_others<B: Backend>() -> Result<()> {
    let (db, em) = diary::watched::<B>().await?;
    let writer = em.persist(Writer { name: "Ann".into(), ..Writer::default() })?;
    em.flush().await?;
    let edited = writer.clone();
    Script::set(&em, move |hook, cx| {
        if hook == "before_create" {
            cx.em().persist(Line::new("an entry was written"))?;
            edited.edit().name.push('!');
            if cx.em().get::<bool>().is_none() {
                cx.em().set(true)?;
                cx.em().persist(Entry::new("Another One"))?;
            }
        }
        Ok(())
    })?;
    db.recorder.reset();
    em.persist(Entry::new("one"))?;
    em.flush().await?;

    assert_eq!(stored(&db).await?, ["Another One another-one", "one one"]);
    assert_eq!(db.em().count(Condition::<Line>::always()).await?, 2);
    assert_eq!(writer.get().name, "Ann!!");
    assert_eq!(db.em().find_one_or_fail(Writer::NAME.eq("Ann!!")).await?.get().id, writer.get().id);
    assert_eq!(db.recorder.operations().iter().filter(|one| **one == Operation::Begin).count(), 1);
    em.flush().await?;
    assert!(em.flush_plan()?.is_empty());
    Ok(())
}

/// If the flush fails, what its hooks did to others is taken back, so that the next try does it once.
pub async fn a_failed_flush_takes_back_what_hooks_did_to_others<B: Backend>() -> Result<()> {
    let (db, em) = diary::watched::<B>().await?;
    let writer = em.persist(Writer { name: "Ann".into(), ..Writer::default() })?;
    let idle = em.persist(Writer { name: "Bob".into(), ..Writer::default() })?;
    em.flush().await?;
    let (edited, removed) = (writer.clone(), idle.clone());
    Script::set(&em, move |hook, cx| {
        if hook == "before_create" {
            cx.em().persist(Line::new("an entry was written"))?;
            edited.edit().name.push('!');
            cx.em().remove(&removed)?;
        }
        Ok(())
    })?;
    em.persist(Entry::new("one"))?;
    for fault in [Fault::Begin, Fault::Write, Fault::CommitRefused] {
        db.recorder.inject(fault);
        em.flush().await.expect_err("a fault was injected");
        assert_eq!(writer.get().name, "Ann", "{fault:?}");
        assert!(em.contains(&idle), "{fault:?}");
        assert_eq!(
            em.flush_plan()?.to_string(),
            "insert 1 Entry (title, slug, text, writer_id)",
            "{fault:?}"
        );
    }
    drop(em.flush());

    em.flush().await?;
    assert_eq!(db.em().count(Condition::<Line>::always()).await?, 1);
    assert_eq!(names(&db).await?, ["Ann!"]);
    Ok(())
}

/// Links that hooks made or cut, and new entities that they gave up, come back as well.
pub async fn a_failed_flush_takes_back_links_and_removals_of_new_entities<B: Backend>() -> Result<()> {
    let (db, em) = diary::watched::<B>().await?;
    let writer = em.persist(Writer { name: "Ann".into(), ..Writer::default() })?;
    let (kept, cut, made) = (Line::new("kept"), Line::new("cut"), Line::new("made"));
    let (kept, cut, made) = (em.persist(kept)?, em.persist(cut)?, em.persist(made)?);
    writer.lines_ref().add(&kept)?;
    writer.lines_ref().add(&cut)?;
    em.flush().await?;
    let draft = em.persist(Line::new("draft"))?;
    writer.lines_ref().add(&draft)?;
    let hooked = (writer.clone(), cut.clone(), made.clone(), draft.clone());
    Script::set(&em, move |hook, cx| {
        let (writer, cut, made, draft) = &hooked;
        if hook == "before_create" {
            writer.lines_ref().remove(cut)?;
            writer.lines_ref().add(made)?;
            cx.em().remove(draft)?;
        }
        Ok(())
    })?;
    em.persist(Entry::new("one"))?;
    let texts = || -> Result<Vec<String>> {
        let lines = writer.lines_ref().items()?;
        Ok(lines.iter().map(|line| line.get().text.clone()).collect())
    };
    let plan = em.flush_plan()?.to_string();
    assert_eq!(texts()?, ["kept", "cut", "draft"]);

    db.recorder.inject(Fault::Write);
    em.flush().await.expect_err("a fault was injected");

    assert_eq!(em.flush_plan()?.to_string(), plan);
    let mut after = texts()?;
    after.sort();
    assert_eq!(after, ["cut", "draft", "kept"]);

    em.flush().await?;
    let stored = db.em().find_one_or_fail(Writer::NAME.eq("Ann")).populate(Writer::LINES).await?;
    let mut stored: Vec<String> = stored.lines().iter().map(|line| line.get().text.clone()).collect();
    stored.sort();
    assert_eq!(stored, ["kept", "made"]);
    assert!(!em.contains(&draft));
    Ok(())
}

/// While hooks run after the writes, the flush has the connection: a query says so, and where to ask instead.
pub async fn a_query_after_the_write_is_refused<B: Backend>() -> Result<()> {
    struct Asks;
    impl orm_core::Subscriber for Asks {
        async fn after_create(&self, event: &orm_core::subscriber::EntityEvent<'_>) -> Result<()> {
            event.em().find_all::<Line>().await.map(drop)
        }
    }
    struct AsksLater;
    impl orm_core::Subscriber for AsksLater {
        async fn after_flush(&self, event: &orm_core::subscriber::FlushEvent<'_>) -> Result<()> {
            assert_eq!(event.em().find_all::<Line>().await?.len(), 1);
            Ok(())
        }
    }
    let db = diary::empty::<B>().await?;
    let (em, other) = (db.em(), db.em());
    em.add_subscriber(Asks);
    let line = em.persist(Line::new("one"))?;
    let error = em.flush().await.expect_err("the subscriber asks");
    let Error::Hook { source, .. } = &error else { panic!("{error:?}") };
    assert!(
        source.to_string().contains("query before the write, in `after_flush`, or on a fork"),
        "{source}"
    );
    assert_eq!((line.get().id, db.em().count(Condition::<Line>::always()).await?), (0, 0));

    other.add_subscriber(AsksLater);
    other.persist(Line::new("one"))?;
    other.flush().await?;
    Ok(())
}

/// A flush from inside a hook is refused, and the manager is usable afterwards. Case I168.
pub async fn a_flush_inside_a_hook_is_refused<B: Backend>() -> Result<()> {
    let (db, em) = diary::watched::<B>().await?;
    Script::set(&em, |hook, cx| match hook {
        "before_create" => cx.em().flush().now_or_never().unwrap_or(Ok(())),
        _ => Ok(()),
    })?;
    em.persist(Entry::new("one"))?;
    let error = em.flush().await.expect_err("the hook flushes");
    let Error::Hook { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(**source, Error::FlushInHook), "{error:?}");
    assert_eq!(stored(&db).await?, [""; 0]);

    Script::set(&em, |_, _| Ok(()))?;
    em.flush().await?;
    assert_eq!(stored(&db).await?, ["one one"]);
    Ok(())
}

/// The flush of another context is not part of this one, so a hook may call it.
pub async fn a_hook_may_flush_another_context<B: Backend>() -> Result<()> {
    let (db, em) = diary::watched::<B>().await?;
    Script::set(&em, |hook, cx| {
        let other = cx.em().fork();
        other.persist(Line::new(hook))?;
        // Refused before anything is sent, or not at all.
        match other.flush().now_or_never() {
            Some(Err(Error::FlushInHook)) => Err(Error::FlushInHook),
            Some(_) | None => Ok(()),
        }
    })?;
    em.persist(Entry::new("one"))?;
    em.flush().await?;
    assert_eq!(stored(&db).await?, ["one one"]);
    Ok(())
}

/// Hooks that never stop to persist entities with hooks are an error, not an endless loop.
pub async fn endless_hooks_are_refused<B: Backend>() -> Result<()> {
    let (db, em) = diary::watched::<B>().await?;
    Script::set(&em, |_, cx| cx.em().persist(Entry::new("one more")).map(drop))?;
    em.persist(Entry::new("one"))?;
    let error = em.flush().await.expect_err("it never ends");
    assert!(matches!(error, Error::EndlessHooks), "{error:?}");
    assert_eq!(em.managed_count()?, 1);
    assert_eq!(stored(&db).await?, [""; 0]);
    Ok(())
}

/// A hook may set a relation, to an entity that is there and to one that it makes.
pub async fn a_hook_may_set_a_relation<B: Backend>() -> Result<()> {
    let db = diary::empty::<B>().await?;
    let em = db.em();
    em.add_subscriber(SetsWriter);
    let entry = em.persist(Entry::new("one"))?;
    em.flush().await?;
    let writer = em.find_one_or_fail(Writer::NAME.eq("made by a hook")).await?;
    assert_eq!(
        entry.get().writer.as_ref().and_then(|writer| writer.try_key().copied()),
        Some(writer.get().id)
    );
    let again = db.em().find_one_or_fail(Entry::TITLE.eq("one")).await?;
    assert_eq!(
        again.get().writer.as_ref().and_then(|writer| writer.try_key().copied()),
        Some(writer.get().id)
    );
    Ok(())
}

struct SetsWriter;

impl orm_core::Subscriber for SetsWriter {
    async fn before_create(&self, event: &mut orm_core::subscriber::EntityEvent<'_>) -> Result<()> {
        if let Some(entry) = event.value_mut::<Entry>() {
            entry.writer = Some(Writer { name: "made by a hook".into(), ..Writer::default() }.into());
        }
        Ok(())
    }
}

/// A hook that takes every change back leaves nothing to write.
pub async fn a_hook_may_leave_nothing_to_write<B: Backend>() -> Result<()> {
    let db = diary::empty::<B>().await?;
    let em = db.em();
    let entry = em.persist(Entry { slug: "one".into(), ..Entry::new("one") })?;
    em.flush().await?;
    db.recorder.reset();
    entry.edit().slug = "else".into();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    assert_eq!(stored(&db).await?, ["one one"]);
    Ok(())
}

/// A hundred entities with hooks are still one statement.
pub async fn hooks_do_not_split_a_batch<B: Backend>() -> Result<()> {
    let (db, em) = diary::watched::<B>().await?;
    let entries =
        (0..100).map(|at| em.persist(Entry::new(&format!("Day {at}")))).collect::<Result<Vec<_>>>()?;
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 1);
    assert_eq!(Script::steps(&em).len(), 200);
    assert!(entries.iter().enumerate().all(|(at, entry)| entry.get().slug == format!("day-{at}")));
    db.recorder.reset();

    entries.iter().enumerate().for_each(|(at, entry)| entry.edit().title = format!("Night {at}"));
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 1);
    assert!(entries.iter().enumerate().all(|(at, entry)| entry.get().slug == format!("night-{at}")));
    Ok(())
}

/// `on_init` runs on new and on loaded entities, `on_load` on rows alone and before they meet the identity map.
pub async fn rows_are_shown_to_the_hooks_when_they_are_loaded<B: Backend>() -> Result<()> {
    let db = diary::empty::<B>().await?;
    let em = db.em();
    let entry = em.persist(Entry::new("one"))?;
    assert_eq!(entry.get().origin, "init");
    em.flush().await?;
    assert_eq!(entry.get().origin, "init");

    let other = db.em();
    let loaded = other.find_one_or_fail(Entry::TITLE.eq("one")).await?;
    assert_eq!(loaded.get().origin, "init load");
    assert!(other.flush_plan()?.is_empty());
    // A later row leaves the fields of a loaded instance that are no columns as they are.
    db.run(&["update entry set text = 'later'"]).await?;
    let again = other.find_one_or_fail(Entry::TITLE.eq("one")).await?;
    assert_eq!((again.get().origin.as_str(), again.get().text.as_str()), ("init load", "later"));
    Ok(())
}

/// A hook that refuses a row fails the query, and nothing of it is loaded.
pub async fn a_refused_row_leaves_the_identity_map_untouched<B: Backend>() -> Result<()> {
    let db = diary::empty::<B>().await?;
    let em = db.em();
    em.persist(Entry::new("one"))?;
    em.persist(Entry::new("unreadable"))?;
    em.flush().await?;
    let other = db.em();
    let error = other.find_all::<Entry>().await.expect_err("one is sealed");
    let Error::Hook { of: "Entry", hook: "on_load", source } = &error else { panic!("{error:?}") };
    assert_eq!(source.to_string(), "this entry is sealed");
    assert_eq!(other.managed_count()?, 0);
    Ok(())
}

/// What is removed by its key alone was never loaded, so it has no hooks to run.
pub async fn a_removal_by_key_alone_runs_no_hook<B: Backend>() -> Result<()> {
    let (db, em) = diary::watched::<B>().await?;
    em.persist(Entry::new("one"))?;
    em.flush().await?;
    let other = db.em();
    Script::set(&other, |_, _| Err(Error::other("not to be called")))?;
    other.remove(other.get_reference::<Entry>(1)?)?;
    other.flush().await?;
    assert_eq!(stored(&db).await?, [""; 0]);
    Ok(())
}

/// The flush plan is of before the hooks, which it does not run.
pub async fn a_flush_plan_runs_no_hook<B: Backend>() -> Result<()> {
    let (_db, em) = diary::watched::<B>().await?;
    em.persist(Entry::new("one"))?;
    assert_eq!(em.flush_plan()?.len(), 1);
    assert_eq!(Script::steps(&em), [""; 0]);
    Ok(())
}

async fn stored(db: &TestDb) -> Result<Vec<String>> {
    // Without the hooks' script of the manager under test.
    let em: EntityManager = db.em();
    let rows = em.find_all::<Entry>().disable_identity_map().await;
    let mut rows: Vec<String> =
        rows?.iter().map(|entry| format!("{} {}", entry.get().title, entry.get().slug)).collect();
    rows.sort_unstable();
    Ok(rows)
}

async fn names(db: &TestDb) -> Result<Vec<String>> {
    let rows = db.em().find_all::<Writer>().await?;
    Ok(rows.iter().map(|writer| writer.get().name.clone()).collect())
}
