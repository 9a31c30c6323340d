//! Subscribers: what they hear, in which order, what they may change, and on which contexts they run.

use std::sync::Arc;

use futures::FutureExt;
use orm_core::entity::EntityType;
use orm_core::subscriber::{EntityEvent, FlushChanges, FlushEvent, TransactionEvent};
use orm_core::{ChangeKind, Condition, Error, FlushMode, ForkOptions, Result, Subscriber};
use parking_lot::Mutex;

use crate::fixtures::diary::{self, Entry, Line, Script, Writer};
use crate::recorder::{Fault, Operation};
use crate::{Backend, TestDb};

/// Writes down everything that it hears.
#[derive(Clone, Debug, Default)]
struct Listener {
    name: &'static str,
    heard: Arc<Mutex<Vec<String>>>,
    /// Fails when it hears this.
    fails_at: Arc<Mutex<Option<&'static str>>>,
    writers_only: bool,
}

impl Listener {
    fn named(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    fn hear(&self, event: &str) -> Result<()> {
        self.heard.lock().push(format!("{}{event}", self.name));
        match *self.fails_at.lock() {
            Some(failing) if failing == event => Err(Error::other("no")),
            Some(_) | None => Ok(()),
        }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock())
    }
}

impl Subscriber for Listener {
    fn entities(&self) -> Option<Vec<EntityType>> {
        self.writers_only.then(|| vec![EntityType::of::<Writer>()])
    }

    async fn before_flush(&self, _: &FlushEvent<'_>) -> Result<()> {
        self.hear("before_flush")
    }

    async fn on_flush(&self, _: &mut FlushChanges<'_>) -> Result<()> {
        self.hear("on_flush")
    }

    async fn after_flush(&self, _: &FlushEvent<'_>) -> Result<()> {
        self.hear("after_flush")
    }

    async fn before_create(&self, event: &mut EntityEvent<'_>) -> Result<()> {
        // Whatever it waits for, the next one runs after it.
        tokio::task::yield_now().await;
        self.hear(&format!("before_create {}", event.entity()))
    }

    async fn after_create(&self, event: &EntityEvent<'_>) -> Result<()> {
        self.hear(&format!("after_create {}", event.entity()))
    }

    async fn before_update(&self, event: &mut EntityEvent<'_>) -> Result<()> {
        self.hear(&format!("before_update {}", event.key()))
    }

    async fn after_update(&self, event: &EntityEvent<'_>) -> Result<()> {
        self.hear(&format!("after_update {}", event.key()))
    }

    async fn before_delete(&self, event: &mut EntityEvent<'_>) -> Result<()> {
        self.hear(&format!("before_delete {}", event.key()))
    }

    async fn after_delete(&self, event: &EntityEvent<'_>) -> Result<()> {
        self.hear(&format!("after_delete {}", event.key()))
    }

    async fn before_transaction_start(&self, _: &TransactionEvent<'_>) -> Result<()> {
        self.hear("before_start")
    }

    async fn after_transaction_start(&self, _: &TransactionEvent<'_>) -> Result<()> {
        self.hear("after_start")
    }

    async fn before_transaction_commit(&self, _: &TransactionEvent<'_>) -> Result<()> {
        self.hear("before_commit")
    }

    async fn after_transaction_commit(&self, _: &TransactionEvent<'_>) -> Result<()> {
        self.hear("after_commit")
    }

    async fn before_transaction_rollback(&self, _: &TransactionEvent<'_>) -> Result<()> {
        self.hear("before_rollback")
    }

    async fn after_transaction_rollback(&self, _: &TransactionEvent<'_>) -> Result<()> {
        self.hear("after_rollback")
    }
}

/// All events of a flush, in their order. Case I165.
pub async fn a_subscriber_hears_of_everything_in_order<B: Backend>() -> Result<()> {
    let listener = Listener::default();
    let db = TestDb::open::<B>(|builder| diary::entities(builder).subscriber(listener.clone())).await?;
    let em = db.em();
    let ann = em.persist(writer("Ann"))?;
    em.flush().await?;
    assert_eq!(
        listener.take(),
        [
            "before_flush",
            "before_create Writer",
            "on_flush",
            "before_start",
            "after_start",
            "after_create Writer",
            "before_commit",
            "after_commit",
            "after_flush"
        ]
    );

    ann.edit().name = "Anna".into();
    em.flush().await?;
    em.remove(&ann)?;
    em.flush().await?;
    let rows: Vec<String> = listener.take().into_iter().filter(|event| event.contains("Writer")).collect();
    assert_eq!(
        rows,
        [
            "before_update Writer[1]",
            "after_update Writer[1]",
            "before_delete Writer[1]",
            "after_delete Writer[1]"
        ]
    );
    Ok(())
}

/// A flush without changes sends nothing and begins no transaction, but its subscribers hear of it. Case E86.
pub async fn an_empty_flush_is_heard_of<B: Backend>() -> Result<()> {
    let db = diary::empty::<B>().await?;
    let (em, listener) = (db.em(), Listener::default());
    em.add_subscriber(listener.clone());
    em.flush().await?;
    assert_eq!(listener.take(), ["before_flush", "on_flush", "after_flush"]);
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// The entity's own hook runs first, then subscribers in the order in which they were registered, one after the other.
pub async fn hooks_run_before_subscribers_and_these_in_order<B: Backend>() -> Result<()> {
    let (_db, em) = diary::watched::<B>().await?;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&heard);
    Script::set(&em, move |hook, _| {
        into.lock().push(format!("entity {hook}"));
        Ok(())
    })?;
    for name in ["first ", "second "] {
        em.add_subscriber(Listener { heard: Arc::clone(&heard), ..Listener::named(name) });
    }
    em.persist(Entry::new("one"))?;
    em.flush().await?;
    let rows: Vec<String> = heard.lock().iter().filter(|event| event.contains("create")).cloned().collect();
    assert_eq!(
        rows,
        [
            "entity before_create",
            "first before_create Entry",
            "second before_create Entry",
            "entity after_create",
            "first after_create Entry",
            "second after_create Entry"
        ]
    );
    Ok(())
}

/// A subscriber hears of the types that it names.
pub async fn entity_events_are_filtered_by_type<B: Backend>() -> Result<()> {
    let db = diary::empty::<B>().await?;
    let (em, listener) = (db.em(), Listener { writers_only: true, ..Listener::default() });
    em.add_subscriber(listener.clone());
    em.persist(Entry::new("one"))?;
    em.persist(writer("Ann"))?;
    em.flush().await?;
    let rows: Vec<String> = listener.take().into_iter().filter(|event| event.contains("create")).collect();
    assert_eq!(rows, ["before_create Writer", "after_create Writer"]);
    Ok(())
}

/// A subscriber of a fork hears of that fork and of its forks, and of nothing else. Case C64.
pub async fn a_subscriber_of_a_fork_hears_of_that_fork_alone<B: Backend>() -> Result<()> {
    let configured = Listener::named("orm ");
    let db = TestDb::open::<B>(|builder| diary::entities(builder).subscriber(configured.clone())).await?;
    let (parent, listener) = (db.em(), Listener::named("fork "));
    parent.add_subscriber(listener.clone());

    db.em().flush().await?;
    assert!(listener.take().is_empty());
    assert_eq!(configured.take().len(), 3);
    parent.fork().flush().await?;
    assert_eq!((listener.take().len(), configured.take().len()), (3, 3));
    parent.fork_with(ForkOptions::default().fresh_subscribers(true)).flush().await?;
    assert_eq!((listener.take().len(), configured.take().len()), (0, 3));
    let child = parent.fork();
    child.add_subscriber(Listener::named("child "));
    parent.flush().await?;
    assert_eq!(listener.take().len(), 3);
    Ok(())
}

/// What a subscriber changes before a write is in the same statement.
pub async fn a_subscriber_changes_what_is_written<B: Backend>() -> Result<()> {
    struct Shouts;
    impl Subscriber for Shouts {
        async fn before_create(&self, event: &mut EntityEvent<'_>) -> Result<()> {
            if let Some(writer) = event.value_mut::<Writer>() {
                writer.name = writer.name.to_uppercase();
            }
            assert!(event.value::<Entry>().is_none());
            Ok(())
        }

        async fn before_update(&self, event: &mut EntityEvent<'_>) -> Result<()> {
            let before = event.original::<Writer>().map(|writer| writer.name.clone()).unwrap_or_default();
            if let Some(writer) = event.value_mut::<Writer>() {
                writer.name = format!("{} (was {before})", writer.name);
            }
            Ok(())
        }
    }
    let db = diary::empty::<B>().await?;
    let em = db.em();
    em.add_subscriber(Shouts);
    let ann = em.persist(writer("Ann"))?;
    em.flush().await?;
    assert_eq!((ann.get().name.as_str(), names(&db).await?), ("ANN", vec!["ANN".to_owned()]));
    ann.edit().name = "Bob".into();
    em.flush().await?;
    assert_eq!(names(&db).await?, ["Bob (was ANN)"]);
    assert_eq!(ann.get().name, "Bob (was ANN)");
    Ok(())
}

/// `on_flush` sees every change with its values, and what it persists is part of the flush, with hooks of its own.
pub async fn on_flush_sees_the_changes_and_adds_entities<B: Backend>() -> Result<()> {
    struct Journal;
    impl Subscriber for Journal {
        async fn on_flush(&self, changes: &mut FlushChanges<'_>) -> Result<()> {
            let mut lines: Vec<String> = Vec::new();
            for change in changes.iter() {
                let fields = change.changed().collect::<Vec<_>>().join(" ");
                let before = change.original::<Writer>().map(|writer| writer.name.as_str());
                let after = change.value::<Writer>().map(|writer| writer.name.as_str());
                let text = format!("{:?} {} ({fields}) {before:?} {after:?}", change.kind(), change.entity());
                lines.push(text);
                assert_eq!(change.handle::<Writer>().is_some(), change.entity() == "Writer");
            }
            if lines.is_empty() {
                return Ok(());
            }
            changes.em().persist(Entry { text: lines.join("; "), ..Entry::new("Journal Of Today") })?;
            Ok(())
        }
    }
    let db = diary::empty::<B>().await?;
    let em = db.em();
    let (ann, bob) = (em.persist(writer("Ann"))?, em.persist(writer("Bob"))?);
    em.flush().await?;
    em.add_subscriber(Journal);
    db.recorder.reset();
    ann.edit().name = "Anna".into();
    em.remove(&bob)?;
    em.flush().await?;

    let entry = db.em().find_one_or_fail(Entry::SLUG.eq("journal-of-today")).await?;
    assert_eq!(
        entry.get().text,
        r#"Update Writer (name) Some("Ann") Some("Anna"); Delete Writer () Some("Bob") None"#
    );
    assert_eq!(db.recorder.writes(), 3);
    em.flush().await?;
    assert!(em.flush_plan()?.is_empty());
    Ok(())
}

/// `on_flush` may change a value, edit and remove further entities: computed once more, and written by this flush.
pub async fn on_flush_may_change_edit_and_remove<B: Backend>() -> Result<()> {
    struct Meddler;
    impl Subscriber for Meddler {
        async fn on_flush(&self, changes: &mut FlushChanges<'_>) -> Result<()> {
            let em = changes.em();
            for change in changes.iter_mut() {
                if let (ChangeKind::Update, Some(writer)) = (change.kind(), change.value_mut::<Writer>()) {
                    writer.name.push('!');
                    if let Some(other) = em.find_by_id::<Writer>(writer.id + 1).await? {
                        other.edit().name.push('?');
                    }
                    if let Some(other) = em.find_by_id::<Writer>(writer.id + 2).await? {
                        em.remove(&other)?;
                    }
                }
            }
            Ok(())
        }
    }
    let db = diary::empty::<B>().await?;
    let em = db.em();
    let ann = em.persist(writer("Ann"))?;
    em.persist(writer("Bob"))?;
    em.persist(writer("Cem"))?;
    em.flush().await?;
    em.add_subscriber(Meddler);
    ann.edit().name = "Anna".into();

    db.recorder.inject(Fault::Write);
    em.flush().await.expect_err("a fault was injected");
    assert_eq!(ann.get().name, "Anna");
    assert_eq!(em.flush_plan()?.to_string(), "update 1 Writer (name)");
    em.flush().await?;

    assert_eq!(names(&db).await?, ["Anna!", "Bob?"]);
    assert_eq!(ann.get().name, "Anna!");
    assert!(em.flush_plan()?.is_empty());
    Ok(())
}

/// What `before_flush` does is part of the flush.
pub async fn before_flush_adds_to_the_flush<B: Backend>() -> Result<()> {
    struct AddsLine;
    impl Subscriber for AddsLine {
        async fn before_flush(&self, event: &FlushEvent<'_>) -> Result<()> {
            event.em().persist(Line::new("a flush")).map(drop)
        }
    }
    let db = diary::empty::<B>().await?;
    let em = db.em();
    em.add_subscriber(AddsLine);
    em.flush().await?;
    assert_eq!(db.em().count(Condition::<Line>::always()).await?, 1);
    Ok(())
}

/// A subscriber that fails at any point before the commit rolls the flush back: the database and memory are as before.
pub async fn a_failing_subscriber_changes_nothing<B: Backend>() -> Result<()> {
    for failing in [
        "before_flush",
        "before_create Entry",
        "on_flush",
        "before_start",
        "after_start",
        "after_create Entry",
        "before_commit",
    ] {
        let (db, em) = diary::watched::<B>().await?;
        let listener = Listener::default();
        em.add_subscriber(listener.clone());
        let entry = em.persist(Entry::new("First Day"))?;
        *listener.fails_at.lock() = Some(failing);

        let error = em.flush().await.expect_err("a subscriber fails");

        let Error::Hook { of, hook, source } = &error else { panic!("{error:?}") };
        assert!(of.ends_with("Listener") && hook.contains(&failing[..6]), "{error:?}");
        assert_eq!(source.to_string(), "no");
        assert_eq!(db.em().count(Condition::<Entry>::always()).await?, 0, "{failing}");
        assert_eq!((entry.get().id, entry.get().slug.as_str()), (0, ""), "{failing}");
        *listener.fails_at.lock() = None;
        em.flush().await?;
        assert_eq!(db.em().count(Condition::<Entry>::always()).await?, 1, "{failing}");
    }
    Ok(())
}

/// A rollback is heard of, and a subscriber that fails there does not hide why it happens.
pub async fn a_rollback_is_heard_of<B: Backend>() -> Result<()> {
    let db = diary::empty::<B>().await?;
    let (em, listener) = (db.em(), Listener::default());
    em.add_subscriber(listener.clone());
    em.persist(writer("Ann"))?;
    *listener.fails_at.lock() = Some("before_rollback");
    db.recorder.inject(Fault::Write);
    let error = em.flush().await.expect_err("a fault was injected");
    assert!(matches!(error, Error::Driver { .. }), "{error:?}");
    let heard = listener.take();
    assert_eq!(heard[heard.len() - 3..], ["after_start", "before_rollback", "after_rollback"]);
    Ok(())
}

/// A transaction is heard of once, however many flushes and savepoints it has.
pub async fn a_transaction_is_heard_of_once<B: Backend>() -> Result<()> {
    let db = diary::empty::<B>().await?;
    let (em, listener) = (db.em(), Listener::default());
    em.add_subscriber(listener.clone());
    let steps = |listener: &Listener| -> Vec<String> {
        listener.take().into_iter().filter(|event| !event.contains("create")).collect()
    };
    em.transactional(async |em| {
        em.persist(writer("Ann"))?;
        em.flush().await?;
        em.transactional(async |em| em.persist(writer("Bob")).map(drop)).await
    })
    .await?;
    let flush = ["before_flush", "on_flush", "after_flush"];
    let expected = ["before_start", "after_start"].into_iter().chain(flush).chain(flush);
    // Its own last flush has nothing to write.
    let expected =
        expected.chain(["before_flush", "on_flush", "after_flush", "before_commit", "after_commit"]);
    assert_eq!(steps(&listener), expected.collect::<Vec<_>>());

    em.begin().await?;
    em.rollback().await?;
    assert_eq!(steps(&listener), ["before_start", "after_start", "before_rollback", "after_rollback"]);
    Ok(())
}

/// A subscriber that fails before the commit rolls the transaction back; one that fails at its start does too.
pub async fn a_failing_subscriber_rolls_the_transaction_back<B: Backend>() -> Result<()> {
    for failing in ["before_start", "after_start", "before_commit"] {
        let db = diary::empty::<B>().await?;
        let (em, listener) = (db.em(), Listener::default());
        em.add_subscriber(listener.clone());
        *listener.fails_at.lock() = Some(failing);
        let done = em.transactional(async |em| em.persist(writer("Ann")).map(drop)).await;
        let error = done.expect_err("a subscriber fails");
        assert!(matches!(error, Error::Hook { .. }), "{failing}: {error:?}");
        assert!(!em.is_in_transaction(), "{failing}");
        assert_eq!(names(&db).await?, [""; 0], "{failing}");

        *listener.fails_at.lock() = None;
        em.flush().await?;
        let written = if failing == "before_commit" { vec!["Ann"] } else { vec![] };
        assert_eq!(names(&db).await?, written, "{failing}");
    }
    Ok(())
}

/// After the commit nothing is rolled back any more: the error is returned, what was written stays.
pub async fn a_failure_after_the_commit_does_not_undo_it<B: Backend>() -> Result<()> {
    for failing in ["after_commit", "after_flush"] {
        let db = diary::empty::<B>().await?;
        let (em, listener) = (db.em(), Listener::default());
        em.add_subscriber(listener.clone());
        let ann = em.persist(writer("Ann"))?;
        *listener.fails_at.lock() = Some(failing);
        em.flush().await.expect_err("a subscriber fails");
        assert_eq!(ann.get().id, 1);
        assert_eq!(names(&db).await?, ["Ann"]);
        assert!(em.flush_plan()?.is_empty());
    }
    Ok(())
}

/// A flush of the same context from inside a subscriber is refused, also over an await. Case I168.
pub async fn a_flush_inside_a_subscriber_is_refused<B: Backend>() -> Result<()> {
    struct Flushes;
    impl Subscriber for Flushes {
        async fn on_flush(&self, changes: &mut FlushChanges<'_>) -> Result<()> {
            tokio::task::yield_now().await;
            changes.em().flush().await
        }
    }
    let db = diary::empty::<B>().await?;
    let em = db.em();
    let ann = em.persist(writer("Ann"))?;
    let inner = em.fork_with(ForkOptions::default().clear(false));
    em.add_subscriber(Flushes);
    let error = em.flush().await.expect_err("the subscriber flushes");
    let Error::Hook { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(**source, Error::FlushInHook), "{error:?}");
    assert_eq!((ann.get().id, db.statements()), (0, 0));
    inner.flush().await?;
    Ok(())
}

/// Another task's flush of the same context is not inside the hook: it waits for its turn.
pub async fn a_flush_of_another_task_waits<B: Backend>() -> Result<()> {
    struct Slow(Arc<tokio::sync::Notify>);
    impl Subscriber for Slow {
        async fn on_flush(&self, changes: &mut FlushChanges<'_>) -> Result<()> {
            if !changes.is_empty() {
                self.0.notified().await;
            }
            Ok(())
        }
    }
    let db = diary::empty::<B>().await?;
    let (em, gate) = (db.em(), Arc::new(tokio::sync::Notify::new()));
    em.add_subscriber(Slow(Arc::clone(&gate)));
    em.persist(writer("Ann"))?;
    let mut first = std::pin::pin!(em.flush());
    assert!(first.as_mut().now_or_never().is_none());
    let other = em.clone();
    let second = tokio::spawn(async move { other.flush().await });
    tokio::task::yield_now().await;
    assert!(!second.is_finished());
    gate.notify_one();
    first.await?;
    second.await.map_err(Error::other)??;
    assert_eq!(names(&db).await?, ["Ann"]);
    Ok(())
}

/// A query inside a subscriber flushes nothing, and does not lose what is pending. Case B37.
pub async fn a_query_inside_a_subscriber_keeps_pending_changes<B: Backend>() -> Result<()> {
    struct Finds;
    impl Subscriber for Finds {
        async fn before_update(&self, event: &mut EntityEvent<'_>) -> Result<()> {
            let em = event.em();
            let found = em.find_one_or_fail(Writer::ID.eq(1)).flush_mode(FlushMode::Always).await?;
            assert_eq!(found.get().name, "Anna");
            Ok(())
        }
    }
    let db = diary::empty::<B>().await?;
    let em = db.em();
    let ann = em.persist(writer("Ann"))?;
    em.flush().await?;
    em.add_subscriber(Finds);
    db.recorder.reset();
    ann.edit().name = "Anna".into();
    em.flush().await?;
    assert_eq!(names(&db).await?, ["Anna"]);
    assert_eq!(db.recorder.operations()[0], Operation::Select("Writer".into(), 1));
    Ok(())
}

/// A flush that is dropped inside a subscriber takes back what the subscriber did.
pub async fn a_flush_dropped_inside_a_subscriber_changes_nothing<B: Backend>() -> Result<()> {
    struct Stuck;
    impl Subscriber for Stuck {
        async fn on_flush(&self, changes: &mut FlushChanges<'_>) -> Result<()> {
            changes.em().persist(Line::new("a line"))?;
            if changes.len() == 1 {
                std::future::pending::<()>().await;
            }
            Ok(())
        }
    }
    let db = diary::empty::<B>().await?;
    let em = db.em();
    em.persist(writer("Ann"))?;
    em.add_subscriber(Stuck);
    assert!(em.flush().now_or_never().is_none());
    assert_eq!(em.flush_plan()?.to_string(), "insert 1 Writer (name)");
    em.persist(writer("Bob"))?;
    em.flush().await?;
    assert_eq!(names(&db).await?, ["Ann", "Bob"]);
    assert_eq!(db.em().count(Condition::<Line>::always()).await?, 1);
    Ok(())
}

fn writer(name: &str) -> Writer {
    Writer { name: name.to_owned(), ..Writer::default() }
}

async fn names(db: &TestDb) -> Result<Vec<String>> {
    let em = db.orm.em().fork_with(ForkOptions::default().fresh_subscribers(true));
    let rows = em.find_all::<Writer>().await?;
    let mut names: Vec<String> = rows.iter().map(|writer| writer.get().name.clone()).collect();
    names.sort_unstable();
    Ok(names)
}
