//! Memory belongs to contexts: a graph goes with the last handle and manager, whatever circles its relations make.

use std::sync::{Arc, Weak};

use orm_core::{EntityManager, Loaded, RequestContext, Result};

use crate::fixtures::blog::{self, Author, Book};
use crate::fixtures::folder::{self, Folder};
use crate::fixtures::guild::{self, GUILDS, Guild, MEMBERS, Member};
use crate::{Backend, TestDb};

/// A thousand contexts, each of which loads a graph of a thousand entities full of circles, leave no entity behind,
/// and as much memory after the last round as after round 100, to one per cent.
///
/// `live_bytes` says how much memory the process holds. Both counts are of the whole process, so nothing else may run
/// in it: this behaviour has a test binary of its own.
///
/// # Errors
///
/// Whatever the driver refuses.
pub async fn a_thousand_contexts_leave_nothing_behind<B: Backend>(
    live_bytes: impl Fn() -> usize,
) -> Result<()> {
    let db = guild::seeded::<B>().await?;
    assert_eq!(guild::alive(), 0);
    let mut settled = 0;
    for round in 1..=1_000 {
        load_everything(&db).await?;
        assert_eq!(guild::alive(), 0, "after round {round}");
        db.recorder.reset();
        if round == 100 {
            settled = live_bytes();
        }
    }
    let after = live_bytes();
    let difference = after.abs_diff(settled);
    assert!(settled > 0, "the allocator does not count");
    assert!(difference * 100 < settled, "{settled} bytes after round 100, {after} after round 1,000");
    Ok(())
}

/// A flush without changes takes the same memory for a hundred entities as for twenty thousand.
///
/// `start` says how much memory the process holds and begins to watch it, `peak` says the most since then. Nothing else
/// may run in the process.
///
/// # Errors
///
/// Whatever the driver refuses.
pub async fn an_empty_flush_takes_the_same_memory_for_any_number<B: Backend>(
    start: impl Fn() -> usize,
    peak: impl Fn() -> usize,
) -> Result<()> {
    let db = folder::empty::<B>().await?;
    let mut peaks = Vec::new();
    for entities in [100, 20_000] {
        let em = db.em();
        let folders = (1..=entities).map(|id| em.merge(Folder { id, ..Folder::default() }));
        let folders = folders.collect::<Result<Vec<_>>>()?;
        em.flush().await?;
        let before = start();
        em.flush().await?;
        peaks.push(peak() - before);
        drop(folders);
    }
    assert_eq!(db.statements(), 0);
    // A hash map's smallest step over twenty thousand entities would be more.
    assert!(peaks[1] <= peaks[0] + 1_024, "{peaks:?} bytes");
    Ok(())
}

/// One context: the whole graph by two statements, both directions of it read.
async fn load_everything(db: &TestDb) -> Result<()> {
    let em = db.em();
    let members = Guild::MEMBERS.then((Member::GUILD, Member::MENTOR.then(Member::GUILD)));
    let guilds = em.find_all::<Guild>().populate((members, Guild::LEADER.then(Member::GUILD))).await?;
    assert_eq!(db.statements(), 2);
    assert_eq!(guild::alive(), GUILDS * (MEMBERS + 1));
    let first = &guilds[0];
    assert!(first.members()[0].guild() == *first);
    assert!(first.leader().is_some_and(|leader| leader.guild() == *first));
    assert!(first.members()[0].mentor().is_some());
    Ok(())
}

/// Whether the memory of Jon Snow and his books is still held.
struct Watch {
    jon: Weak<Author>,
    books: Vec<Weak<Book>>,
}

impl Watch {
    fn alive(&self) -> usize {
        let books = self.books.iter().filter(|book| book.strong_count() > 0);
        books.count() + usize::from(self.jon.strong_count() > 0)
    }
}

/// Jon Snow, whose books are loaded, and who is loaded for each of them.
async fn load_jon(em: &EntityManager) -> Result<(Loaded<Author>, Watch)> {
    let jon =
        em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS.then(Book::AUTHOR)).await?;
    let books = jon.books().iter().map(|book| Arc::downgrade(&book.get())).collect();
    let watch = Watch { jon: Arc::downgrade(&jon.get()), books };
    Ok((jon.without_hints(), watch))
}

/// One handle keeps everything that its context loaded, and the last one takes it along.
pub async fn a_context_goes_with_its_last_handle<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (jon, watch) = load_jon(&em).await?;
    let wall = jon.books_ref().items()?[2].clone();
    drop(em);
    drop(jon);
    assert_eq!(watch.alive(), 4);
    assert_eq!(wall.author_ref().get()?.get().name, "Jon Snow");

    drop(wall);
    assert_eq!(watch.alive(), 0);
    Ok(())
}

/// A manager keeps what it loaded when no handle is left.
pub async fn a_manager_keeps_what_it_loaded<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (jon, watch) = load_jon(&em).await?;
    drop(jon);
    assert_eq!(watch.alive(), 4);
    let other = em.clone();
    drop(em);
    assert_eq!(watch.alive(), 4);
    drop(other);
    assert_eq!(watch.alive(), 0);
    Ok(())
}

/// `clear` frees what no handle holds, while the manager lives on.
pub async fn clear_frees_what_no_handle_holds<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (jon, watch) = load_jon(&em).await?;
    em.clear()?;
    assert_eq!(watch.alive(), 4);
    drop(jon);
    assert_eq!(watch.alive(), 0);
    assert_eq!(em.managed_count()?, 0);
    Ok(())
}

/// A snapshot holds itself alone: it can be kept for long without its context.
pub async fn a_snapshot_outlives_its_context<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (jon, watch) = load_jon(&em).await?;
    let snapshot = jon.get();
    drop(jon);
    drop(em);
    assert_eq!(watch.alive(), 1);
    assert_eq!(snapshot.name, "Jon Snow");
    Ok(())
}

/// An edit frees the snapshot that it replaced once it is saved and nobody reads it any more.
pub async fn replaced_snapshots_are_freed<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (jon, watch) = load_jon(&em).await?;
    jon.edit().age = Some(16);
    // What was loaded is what the flush compares with.
    assert_eq!(watch.alive(), 4);
    let between = Arc::downgrade(&jon.get());
    jon.edit().age = Some(17);
    assert_eq!(between.strong_count(), 0);
    em.flush().await?;
    assert_eq!(watch.alive(), 3);
    Ok(())
}

/// What a request loaded is gone when its context ends.
pub async fn a_request_context_leaves_nothing_behind<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.orm.em();
    let watch = RequestContext::create(em, async { load_jon(em).await.map(|(_, watch)| watch) }).await?;
    assert_eq!(watch.alive(), 0);
    Ok(())
}

/// A result outside the identity map goes with its handles, not with the manager.
pub async fn a_result_without_identity_map_goes_with_its_handles<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let find = em.find_all::<Book>().populate(Book::AUTHOR.then(Author::BOOKS)).disable_identity_map();
    let books = find.await?;
    let watch: Vec<Weak<Book>> = books.iter().map(|book| Arc::downgrade(&book.get())).collect();
    drop(books);
    assert!(watch.iter().all(|book| book.strong_count() == 0));
    Ok(())
}
