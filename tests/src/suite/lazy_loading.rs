//! Loading a relation of one entity loads it for all that came with it, so a loop never sends a statement an entity;
//! and a load, a find or a populate that is dropped in the middle leaves everybody else able to go on.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures::future::{join_all, maybe_done};
use orm_core::{EntityManager, Error, Loaded, Ref, Result};

use crate::fixtures::blog::{self, Author, Book, Profile, Tag};
use crate::fixtures::people::{self, Passport, Person};
use crate::model::polls::poll_until;
use crate::{Backend, Fault, Operation, TestDb};

fn select(entity: &str, rows: usize) -> Operation {
    Operation::Select(entity.to_owned(), rows)
}

/// As many authors as asked, each with a profile and two books of one tag.
async fn library<B: Backend>(authors: usize) -> Result<TestDb> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let tag = em.persist(Tag::new("tag"))?;
    for at in 0..authors {
        let book =
            |title: &str| Book { tags: [&tag].into(), title: format!("{at} {title}"), ..Book::default() };
        em.persist(Author {
            books: [book("a"), book("b")].into(),
            profile: Some(Profile { bio: at.to_string(), ..Profile::default() }.into()),
            ..Author::new(&format!("{at:04}"))
        })?;
    }
    em.flush().await?;
    db.recorder.reset();
    Ok(db)
}

// ---- siblings

/// A loop that loads a collection entity by entity sends one statement, on every level.
///
/// Case G185, by our rule: siblings of a query are loaded together.
pub async fn a_loop_over_a_lazy_collection_is_one_statement<B: Backend>() -> Result<()> {
    let db = library::<B>(20).await?;

    for author in db.em().find_all::<Author>().await? {
        let books = author.books_ref().load().await?;
        assert_eq!(books.len(), 2);
        for book in books {
            assert_eq!(book.tags_ref().load().await?.len(), 1);
        }
    }

    assert_eq!(db.recorder.operations(), [select("Author", 20), select("Book", 40), select("Tag", 40)]);
    Ok(())
}

/// The same for a to-one relation, from the side that owns it and from the other.
pub async fn a_loop_over_a_lazy_reference_is_one_statement<B: Backend>() -> Result<()> {
    let db = library::<B>(20).await?;
    let em = db.em();

    for author in em.find_all::<Author>().await? {
        let profile = author.profile_ref().load().await?;
        assert!(profile.is_some_and(|profile| profile.author_ref().key() == Some(author.id())));
    }
    assert_eq!(db.recorder.operations(), [select("Author", 20), select("Profile", 20)]);

    db.recorder.reset();
    for book in db.em().find_all::<Book>().await? {
        assert!(book.get().title.starts_with(char::is_numeric));
        assert!(!book.author_ref().load().await?.get().name.is_empty());
    }
    assert_eq!(db.recorder.operations(), [select("Book", 40), select("Author", 20)]);
    Ok(())
}

/// Where there is nothing to load, nothing is sent a second time either.
pub async fn lazily_loaded_nothing_is_known_too<B: Backend>() -> Result<()> {
    let db = people::seeded::<B>().await?;
    let em = db.em();
    let people = em.find_all::<Person>().order_by(Person::NAME.asc()).await?;
    db.recorder.reset();

    assert!(people[1].passport_ref().load().await?.is_none());
    assert!(people[1].passport_ref().load().await?.is_none());
    assert!(people[0].passport_ref().load().await?.is_some());

    assert_eq!(db.recorder.operations(), [select("Passport", 1)]);
    Ok(())
}

/// Siblings loaded at the same time share one statement.
///
/// Case G185.
pub async fn loads_at_the_same_time_share_one_statement<B: Backend>() -> Result<()> {
    let db = library::<B>(20).await?;
    let em = db.em();
    let authors = em.find_all::<Author>().await?;
    db.recorder.reset();

    let collections =
        join_all(authors.iter().map(|author| async move { author.books_ref().load().await })).await;
    for books in collections {
        assert_eq!(books?.len(), 2);
    }
    assert_eq!(db.recorder.operations(), [select("Book", 40)]);

    em.clear()?;
    let books = em.find_all::<Book>().await?;
    db.recorder.reset();
    let loads = books.iter().map(|book| async move { book.author_ref().load().await });
    for author in join_all(loads).await {
        author?;
    }
    assert_eq!(db.recorder.operations(), [select("Author", 20)]);
    Ok(())
}

/// A load that waits for one that does not come back says which.
pub async fn a_load_waits_for_another_one_with_a_limit<B: Backend>() -> Result<()> {
    let limit = Duration::from_millis(50);
    let db = TestDb::open::<B>(|builder| blog::entities(builder).wait_timeout(limit)).await?;
    let em = db.em();
    let author = em.persist(Author::new("Arya"))?;
    em.persist(Book::new("One", &author))?;
    em.flush().await?;
    let author = db.em().find_one_or_fail(Author::NAME.eq("Arya")).await?;
    let books = author.books_ref();
    db.recorder.inject(Fault::SelectStalls);
    {
        let mut first = pin!(books.load());
        assert!(poll_until(&mut first, || !db.recorder.is_armed()).await.is_none());
        let second = tokio::time::timeout(Duration::from_secs(5), books.load());
        let error = second.await.map_err(Error::other)?.expect_err("the first one is stuck");
        assert!(matches!(error, Error::Wait { .. }), "{error:?}");
        assert!(error.to_string().contains("`Author.books`"), "{error}");
    }
    assert_eq!(books.load().await?.len(), 1);
    Ok(())
}

/// `load_only` loads for its own entity alone, whichever kind of relation it is.
pub async fn loading_siblings_can_be_declined<B: Backend>() -> Result<()> {
    let db = library::<B>(4).await?;
    let em = db.em();
    let authors = em.find_all::<Author>().await?;
    db.recorder.reset();

    authors[0].books_ref().load_only().await?;
    authors[0].profile_ref().load_only().await?;
    assert!(!authors[1].books_ref().is_loaded() && !authors[1].profile_ref().is_loaded());
    authors[1].books_ref().load().await?;
    assert_eq!(db.recorder.operations(), [select("Book", 2), select("Profile", 1), select("Book", 6)]);

    let em = db.em();
    let profiles = em.find_all::<Profile>().await?;
    profiles[0].author_ref().load_only().await?;
    assert!(!profiles[1].author_ref().is_loaded());
    Ok(())
}

/// Only those of one query are siblings; what one of them has already is not asked for.
pub async fn siblings_are_the_entities_of_one_query<B: Backend>() -> Result<()> {
    let db = library::<B>(6).await?;
    let em = db.em();
    let first = em.find(Author::NAME.lt("0003")).await?;
    let second = em.find(Author::NAME.gte("0003")).await?;
    first[0].books_ref().load_only().await?;
    db.recorder.reset();

    first[1].books_ref().load().await?;

    assert!(first[2].books_ref().is_loaded());
    assert!(second.iter().all(|author| !author.books_ref().is_loaded()));
    assert_eq!(db.recorder.operations(), [select("Book", 4)]);
    Ok(())
}

/// Items of a populated or lazily loaded collection are siblings as those of a find are.
pub async fn items_of_a_collection_are_siblings<B: Backend>() -> Result<()> {
    let db = library::<B>(6).await?;
    let em = db.em();
    let authors = em.find_all::<Author>().populate(Author::BOOKS).await?;
    db.recorder.reset();

    for author in &authors {
        for book in author.books() {
            book.tags_ref().load().await?;
        }
    }

    assert_eq!(db.recorder.operations(), [select("Tag", 12)]);
    Ok(())
}

/// A new entity that points to a row by key can load it before it is saved itself.
pub async fn a_new_entity_loads_what_it_points_to<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.persist(Book::new("New", Ref::<Author>::key(1)))?;

    assert_eq!(book.author_ref().load().await?.get().name, "Jon Snow");
    assert_eq!(db.recorder.operations(), [select("Author", 1)]);
    Ok(())
}

/// A new entity without a key has nothing in the database: its collections are known, and loading sends nothing.
///
/// Case B41, by our rule.
pub async fn a_new_entity_has_nothing_to_load<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let ann = em.persist(Author::new("Ann"))?;

    assert!(ann.books_ref().load().await?.is_empty());
    assert!(ann.profile_ref().load().await?.is_none());
    assert_eq!(db.statements(), 0);
    Ok(())
}

// ---- dropped in the middle

const PATIENCE: Duration = Duration::from_secs(30);

/// A waiting sibling must not hang.
async fn soon<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(result) => result,
        Err(_) => panic!("it hangs"),
    }
}

/// Polls a future until the injected fault keeps it from ever being ready.
async fn until_it_stalls<F: Future<Output: std::fmt::Debug> + Unpin>(db: &TestDb, future: &mut F) {
    while db.recorder.is_armed() {
        if let Poll::Ready(output) = futures::poll!(&mut *future) {
            panic!("it was to stall: {output:?}");
        }
        tokio::task::yield_now().await;
    }
}

/// Polls a future some times; tells whether it is ready.
async fn poll_times<F: Future + Unpin>(future: &mut F, times: usize) -> bool {
    for _ in 0..times {
        if futures::poll!(&mut *future).is_ready() {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

async fn two_authors(em: &EntityManager) -> Result<(Loaded<Author>, Loaded<Author>)> {
    let authors = em.find_all::<Author>().order_by(Author::NAME.asc()).await?;
    Ok((authors[0].clone(), authors[1].clone()))
}

/// A lazy load that is dropped while the database works lets a waiting sibling go on.
pub async fn a_dropped_lazy_load_lets_a_waiting_sibling_go_on<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (jon, sam) = two_authors(&em).await?;
    db.recorder.reset();
    db.recorder.inject(Fault::SelectStalls);
    let (jons, sams) = (jon.books_ref(), sam.books_ref());

    let mut stalled = Box::pin(jons.load());
    until_it_stalls(&db, &mut stalled).await;
    let mut waiting = pin!(sams.load());
    assert!(!poll_times(&mut waiting, 20).await);
    drop(stalled);

    assert!(soon(waiting).await?.is_empty());
    assert_eq!(jon.books_ref().items()?.len(), 3);
    assert_eq!(db.statements(), 1);
    Ok(())
}

/// The same for a reference.
pub async fn a_dropped_load_of_a_reference_lets_a_waiting_sibling_go_on<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let books = em.find_all::<Book>().await?;
    db.recorder.inject(Fault::SelectStalls);
    let (first, second) = (books[0].author_ref(), books[1].author_ref());

    let mut stalled = Box::pin(first.load());
    until_it_stalls(&db, &mut stalled).await;
    let mut waiting = pin!(second.load());
    assert!(!poll_times(&mut waiting, 20).await);
    drop(stalled);

    assert_eq!(soon(waiting).await?.get().name, "Jon Snow");
    assert!(first.is_loaded());
    Ok(())
}

/// A find that is dropped while the database works gives its connection back, and the context goes on.
pub async fn a_dropped_find_lets_others_go_on<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    db.recorder.inject(Fault::SelectStalls);

    let mut stalled = Box::pin(em.find_all::<Book>().populate(Book::AUTHOR).into_future());
    until_it_stalls(&db, &mut stalled).await;
    let mut waiting = pin!(maybe_done(em.find_all::<Author>().populate(Author::BOOKS).into_future()));
    poll_times(&mut waiting, 5).await;
    drop(stalled);

    let waited = async {
        (&mut waiting).await;
        waiting.take_output().expect("it is done")
    };
    assert_eq!(soon(waited).await?.len(), 2);
    em.persist(Author::new("Somebody New"))?;
    soon(em.flush()).await?;
    assert_eq!(soon(em.find_all::<Author>().into_future()).await?.len(), 3);
    Ok(())
}

/// A populate that is dropped between its levels leaves what it loaded, and the next one loads the rest.
pub async fn a_dropped_populate_is_taken_up_by_the_next<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (jon, _) = two_authors(&em).await?;
    db.recorder.reset();
    let path = || Author::BOOKS.then(Book::TAGS);
    {
        db.recorder.inject_after(1, Fault::SelectStalls);
        let mut stalled = pin!(em.populate(&jon, path()));
        until_it_stalls(&db, &mut stalled).await;
    }
    assert!(jon.books_ref().is_loaded());
    assert!(jon.try_with(path()).is_err());

    let populated = soon(em.populate(&jon, path())).await?;

    assert!(populated.books().iter().all(|book| book.tags().len() == 2));
    assert_eq!(db.recorder.operations(), [select("Book", 3), select("Tag", 6)]);
    Ok(())
}

/// Dropped at whatever point, a query leaves no half: the same one asked again on the same context is complete.
pub async fn a_query_dropped_anywhere_can_be_asked_again<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let query = |em: &EntityManager| {
        em.find_all::<Author>()
            .populate((Author::BOOKS.then(Book::TAGS), Author::PROFILE))
            .order_by(Author::NAME.asc())
    };
    // At each of its four statements, and after so many polls.
    for at in 0..34 {
        let em = db.em();
        let mut dropped = query(&em).into_future();
        if at < 4 {
            db.recorder.inject_after(at, Fault::SelectStalls);
            until_it_stalls(&db, &mut dropped).await;
        } else {
            poll_times(&mut dropped, at - 4).await;
        }
        drop(dropped);

        let authors = soon(query(&em).into_future()).await?;

        assert_eq!(authors[0].books().len(), 3);
        assert!(authors[0].books().iter().all(|book| book.tags().len() == 2));
        assert!(authors.iter().all(|author| author.profile().is_some()));
        assert_eq!(em.managed_count()?, 2 + 3 + 2 + 2);
    }
    Ok(())
}

/// The same for a lazy load, dropped while a sibling waits.
pub async fn a_lazy_load_dropped_anywhere_can_be_asked_again<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    for polls in 0..40 {
        let em = db.em();
        let (jon, sam) = two_authors(&em).await?;
        let (jons, sams) = (jon.books_ref(), sam.books_ref());
        let mut waiting = Box::pin(sams.load());
        let mut dropped = Box::pin(jons.load());
        if poll_times(&mut dropped, polls).await || poll_times(&mut waiting, 1).await {
            continue;
        }
        drop(dropped);

        assert!(soon(waiting).await?.is_empty());
        assert_eq!(soon(jons.load()).await?.len(), 3);
    }
    Ok(())
}

/// A lookup by key that is dropped leaves the row to be found by the next.
pub async fn a_dropped_lookup_by_key_can_be_asked_again<B: Backend>() -> Result<()> {
    let db = people::seeded::<B>().await?;
    let em = db.em();
    db.recorder.inject(Fault::SelectStalls);
    let reference = em.get_reference::<Passport>(1)?;

    let mut stalled = Box::pin(reference.load());
    until_it_stalls(&db, &mut stalled).await;
    drop(stalled);

    assert!(!reference.is_loaded());
    assert_eq!(soon(reference.load()).await?.get().number, "A");
    assert!(soon(em.find_by_id::<Passport>(1).into_future()).await?.is_some());
    Ok(())
}

/// A lazy load that fails says so to its caller alone: a waiting sibling tries by itself.
pub async fn a_failed_lazy_load_does_not_fail_its_siblings<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (jon, sam) = two_authors(&em).await?;
    db.recorder.inject(Fault::Select);

    let (jons, sams) = (jon.books_ref(), sam.books_ref());
    let (failed, other) = futures::join!(jons.load(), sams.load());

    assert!(matches!(&failed, Err(Error::Driver { .. })), "{failed:?}");
    assert!(other?.is_empty());
    assert_eq!(jons.load().await?.len(), 3);
    Ok(())
}
