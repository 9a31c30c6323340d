//! What becomes of what hooks and subscribers did to the context when their flush fails, or when the transaction around
//! it is rolled back: the next try finds the context as the program left it.

use std::sync::atomic::{AtomicBool, Ordering};

use orm_core::subscriber::FlushEvent;
use orm_core::{EntityManager, Error, Result, Subscriber};

use crate::fixtures::archive::{self, Letter};
use crate::fixtures::diary::{self, Entry, Line, Script, Writer};
use crate::fixtures::office::{self, Inspection, Room};
use crate::recorder::Fault;
use crate::{Backend, TestDb};

/// Does something before the first flush, or after it.
struct Once<F> {
    act: F,
    is_late: bool,
    done: AtomicBool,
}

impl<F: Fn(&EntityManager) -> Result<()> + Send + Sync> Once<F> {
    fn before(act: F) -> Self {
        Self { act, is_late: false, done: AtomicBool::new(false) }
    }

    fn after(act: F) -> Self {
        Self { is_late: true, ..Self::before(act) }
    }

    fn run(&self, em: &EntityManager) -> Result<()> {
        if self.done.swap(true, Ordering::SeqCst) { Ok(()) } else { (self.act)(em) }
    }
}

impl<F: Fn(&EntityManager) -> Result<()> + Send + Sync + 'static> Subscriber for Once<F> {
    async fn before_flush(&self, event: &FlushEvent<'_>) -> Result<()> {
        if self.is_late { Ok(()) } else { self.run(event.em()) }
    }

    async fn after_flush(&self, event: &FlushEvent<'_>) -> Result<()> {
        if self.is_late { self.run(event.em()) } else { Ok(()) }
    }
}

async fn lines(db: &TestDb) -> Result<usize> {
    Ok(db.em().find_all::<Line>().await?.len())
}

/// An entity that a hook brought in is given up alone: what a removal of it would take along stays.
pub async fn giving_up_what_a_hook_persisted_removes_nothing<B: Backend>() -> Result<()> {
    let db = office::empty::<B>().await?;
    let em = db.em();
    let room = em.persist(Room::new("attic"))?;
    em.flush().await?;
    let inspected = room.clone();
    em.add_subscriber(Once::before(move |em| {
        em.persist(Inspection { room: inspected.to_ref(), ..Inspection::default() }).map(drop)
    }));

    db.recorder.inject(Fault::Write);
    em.flush().await.expect_err("a fault was injected");

    assert_eq!(em.flush_plan()?.to_string(), "");
    em.flush().await?;
    assert!(em.contains(&room));
    assert_eq!(db.em().count_all::<Room>().await?, 1);
    assert_eq!(db.em().count_all::<Inspection>().await?, 0);
    Ok(())
}

/// A removal that a hook took back waits again as it did before: for good, where the program asked for that.
pub async fn a_removal_for_good_that_a_hook_took_back_is_for_good_again<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    let one = em.find_one_or_fail(Letter::NUMBER.eq(1)).await?;
    let two = em.find_one_or_fail(Letter::NUMBER.eq(2)).await?;
    em.remove_for_good(&one)?;
    two.edit().number = 20;
    let plan = em.flush_plan()?.to_string();
    let kept = one.clone();
    em.add_subscriber(Once::before(move |em| em.persist(kept.clone()).map(drop)));

    db.recorder.inject(Fault::Write);
    em.flush().await.expect_err("a fault was injected");

    assert_eq!(em.flush_plan()?.to_string(), plan);
    em.flush().await?;
    assert_eq!(db.em().find_all::<Letter>().with_deleted().await?.len(), 2);
    Ok(())
}

/// A hook that makes a removal one for good does so for its flush alone.
pub async fn a_hook_makes_a_removal_one_for_good_for_its_flush_alone<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    let one = em.find_one_or_fail(Letter::NUMBER.eq(1)).await?;
    em.remove(&one)?;
    let gone = one.clone();
    em.add_subscriber(Once::before(move |em| em.remove_for_good(&gone)));

    db.recorder.inject(Fault::Write);
    em.flush().await.expect_err("a fault was injected");

    assert_eq!(em.flush_plan()?.to_string(), "soft delete 1 Letter (removed)");
    em.flush().await?;
    assert_eq!(db.em().find_all::<Letter>().with_deleted().await?.len(), 3);
    Ok(())
}

/// How a transaction around a flush that went well comes to nothing.
#[derive(Clone, Copy, Debug)]
enum End {
    Failed,
    Refused,
    RolledBack,
    Savepoint,
}

async fn flush_in_vain(em: &EntityManager, db: &TestDb, end: End) -> Result<()> {
    match end {
        End::Failed => {
            let failed = em.transactional(async |em| {
                em.flush().await?;
                Err::<(), _>(Error::other("no"))
            });
            failed.await.expect_err("the closure failed");
        }
        End::Refused => {
            db.recorder.inject(Fault::CommitRefused);
            em.transactional(async |_| Ok(())).await.expect_err("the commit is refused");
        }
        End::RolledBack => {
            em.begin().await?;
            em.flush().await?;
            em.rollback().await?;
        }
        End::Savepoint => {
            em.begin().await?;
            em.begin().await?;
            em.flush().await?;
            em.rollback().await?;
            assert_eq!(em.flush_plan()?.to_string(), "insert 1 Entry (title, slug, text, writer_id)");
            em.rollback().await?;
        }
    }
    Ok(())
}

/// A flush that went well in a transaction that is rolled back comes to nothing, and so does what its hooks did: new
/// entities, edits, removals and links. The program's own work waits.
pub async fn a_rollback_takes_back_what_hooks_did<B: Backend>() -> Result<()> {
    let (db, em) = diary::watched::<B>().await?;
    let ann = em.persist(Writer { name: "Ann".into(), ..Writer::default() })?;
    let bob = em.persist(Writer { name: "Bob".into(), ..Writer::default() })?;
    let (cut, made) = (em.persist(Line::new("cut"))?, em.persist(Line::new("made"))?);
    ann.lines_ref().add(&cut)?;
    em.flush().await?;
    let draft = em.persist(Line::new("draft"))?;
    em.remove(&bob)?;
    let hooked = (ann.clone(), bob.clone(), cut.clone(), made.clone(), draft.clone());
    Script::set(&em, move |hook, cx| {
        let (ann, bob, cut, made, draft) = &hooked;
        if hook == "before_create" {
            cx.em().persist(Line::new("an entry was written"))?;
            ann.edit().name.push('!');
            cx.em().persist(bob.clone())?;
            ann.lines_ref().remove(cut)?;
            ann.lines_ref().add(made)?;
            cx.em().remove(draft)?;
        }
        Ok(())
    })?;
    em.persist(Entry::new("one"))?;
    let plan = em.flush_plan()?.to_string();
    for end in [End::Failed, End::Refused, End::RolledBack] {
        flush_in_vain(&em, &db, end).await?;
        let texts: Vec<String> =
            ann.lines_ref().items()?.iter().map(|line| line.get().text.clone()).collect();
        assert_eq!((ann.get().name.as_str(), texts), ("Ann", vec!["cut".to_owned()]), "{end:?}");
        assert!(!em.contains(&bob) && em.contains(&draft), "{end:?}");
        assert_eq!(em.flush_plan()?.to_string(), plan, "{end:?}");
        assert_eq!(lines(&db).await?, 2, "{end:?}");
    }

    em.flush().await?;

    assert_eq!(lines(&db).await?, 3);
    let stored = db.em().find_all::<Writer>().populate(Writer::LINES).order_by(Writer::NAME.asc()).await?;
    let names: Vec<String> = stored.iter().map(|writer| writer.get().name.clone()).collect();
    assert_eq!(names, ["Ann!", "Bob"]);
    let texts: Vec<String> = stored[0].lines().iter().map(|line| line.get().text.clone()).collect();
    assert_eq!(texts, ["made"]);
    assert!(em.flush_plan()?.is_empty());
    Ok(())
}

/// The rollback of a savepoint takes back what hooks did inside it, while the transaction is still open.
pub async fn the_rollback_of_a_savepoint_takes_back_what_hooks_did<B: Backend>() -> Result<()> {
    let (db, em) = diary::watched::<B>().await?;
    Script::set(&em, |hook, cx| match hook {
        "before_create" | "after_create" => cx.em().persist(Line::new(hook)).map(drop),
        _ => Ok(()),
    })?;
    em.persist(Entry::new("one"))?;

    flush_in_vain(&em, &db, End::Savepoint).await?;

    assert_eq!(em.flush_plan()?.to_string(), "insert 1 Entry (title, slug, text, writer_id)");
    em.flush().await?;
    em.flush().await?;
    assert_eq!(lines(&db).await?, 2);
    Ok(())
}

/// What a subscriber did after the flush goes with the transaction as well.
pub async fn a_rollback_takes_back_what_was_done_after_the_flush<B: Backend>() -> Result<()> {
    let (db, em) = diary::watched::<B>().await?;
    em.add_subscriber(Once::after(|em| em.persist(Line::new("flushed")).map(drop)));
    em.persist(Entry::new("one"))?;

    flush_in_vain(&em, &db, End::RolledBack).await?;

    assert_eq!(em.flush_plan()?.to_string(), "insert 1 Entry (title, slug, text, writer_id)");
    em.flush().await?;
    assert_eq!(lines(&db).await?, 0);
    Ok(())
}

/// What hooks did in a transaction that is committed stays, also when the next one is rolled back.
pub async fn a_commit_keeps_what_hooks_did<B: Backend>() -> Result<()> {
    let (db, em) = diary::watched::<B>().await?;
    Script::set(&em, |hook, cx| match hook {
        "before_create" => cx.em().persist(Line::new(hook)).map(drop),
        _ => Ok(()),
    })?;
    em.persist(Entry::new("one"))?;
    em.transactional(async |em| em.flush().await).await?;
    em.persist(Entry::new("two"))?;
    flush_in_vain(&em, &db, End::RolledBack).await?;

    assert_eq!(lines(&db).await?, 1);
    em.flush().await?;
    assert_eq!(lines(&db).await?, 2);
    Ok(())
}
