//! When queries flush by themselves.
//!
//! Outside a transaction a read never writes unless `FlushMode::Always` is asked for; a query that misses pending
//! changes says so through `tracing`.

use orm_core::{Condition, EntityManager, FlushMode, ForkOptions, Result};

use crate::fixtures::blog::{self, Author, Book, Publisher, Tag};
use crate::{Backend, Fault, Log, Operation, TestDb};

/// What the log has when a query misses pending changes.
const MISSES: &str = "a query misses changes that are not flushed";

fn always(db: &TestDb) -> EntityManager {
    db.orm.em().fork_with(ForkOptions::default().flush_mode(FlushMode::Always))
}

fn commit(db: &TestDb) -> EntityManager {
    db.orm.em().fork_with(ForkOptions::default().flush_mode(FlushMode::Commit))
}

/// Begin, insert, commit, select; the new entity is in the result. Case D71.
pub async fn always_flushes_a_new_entity_before_a_find_of_its_type<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = always(&db);
    let jon = em.persist(Author::new("Jon Snow"))?;

    let authors = em.find_all::<Author>().await?;

    assert_eq!(db.statements(), 4, "{:?}", db.recorder.operations());
    assert!(authors.len() == 1 && authors[0] == jon);
    Ok(())
}

/// `Always` asks for no type: a find of another one flushes too, where MikroORM's `auto` would not. Case D72.
pub async fn always_flushes_before_a_find_of_another_type<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = always(&db);
    em.persist(Tag::new("peace"))?;

    em.find_all::<Author>().await?;

    assert_eq!(db.statements(), 4, "{:?}", db.recorder.operations());
    assert_eq!(db.recorder.operations()[1], Operation::Insert("Tag".into(), 1));
    Ok(())
}

/// An edit of a managed entity is flushed like any pending change, without `persist`. Case D74.
pub async fn always_flushes_an_edit_without_persist<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = always(&db);
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    jon.edit().age = Some(17);
    db.recorder.reset();

    let grown = em.find(Author::AGE.eq(17)).await?;

    assert!(grown.len() == 1 && grown[0] == jon);
    assert_eq!(db.statements(), 4, "{:?}", db.recorder.operations());
    assert_eq!(db.recorder.operations()[1], Operation::Update("Author".into(), 1, vec!["age".into()]));
    Ok(())
}

/// A removed entity is deleted before the query that would have found it.
pub async fn always_flushes_a_removal<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = always(&db);
    let book = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    em.remove(&book)?;

    assert_eq!(em.count(Condition::<Book>::always()).await?, 2);
    Ok(())
}

/// A link of a many-to-many relation is written before a query through that relation.
pub async fn always_flushes_links<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = always(&db);
    let book = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    let peace = em.persist(Tag::new("peace"))?;
    em.flush().await?;
    book.tags_ref().add(&peace)?;

    let found = em.find(Book::TAGS.some(Tag::LABEL.eq("peace"))).await?;

    assert!(found.len() == 1 && found[0] == book);
    Ok(())
}

/// The pending book is flushed before the query that asks for its author by it, a gap of MikroORM. Case D78.
pub async fn always_flushes_what_the_condition_reaches_through_a_relation<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = always(&db);
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    em.persist(Book::new("Wildlings", &sam))?;

    let found = em.find(Author::BOOKS.some(Book::TITLE.eq("Wildlings"))).await?;

    assert!(found.len() == 1 && found[0] == sam);
    Ok(())
}

/// One edit among 900 entities: begin, update of one row, commit, select. Case D77.
pub async fn a_flush_before_a_query_costs_what_changed_not_what_is_loaded<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = always(&db);
    for at in 0..900 {
        em.persist(Author::new(&format!("Author {at}")))?;
    }
    em.flush().await?;
    let one = em.find_one_or_fail(Author::NAME.eq("Author 450")).await?;
    one.edit().age = Some(1);
    db.recorder.reset();

    em.find(Author::AGE.eq(1)).await?;

    assert_eq!(
        db.recorder.operations(),
        [
            Operation::Begin,
            Operation::Update("Author".into(), 1, vec!["age".into()]),
            Operation::Commit,
            Operation::Select("Author".into(), 1),
        ]
    );
    assert_eq!(db.statements(), 4);
    Ok(())
}

/// With nothing pending, `Always` sends the query alone.
pub async fn always_sends_the_query_alone_when_nothing_is_pending<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = always(&db);
    em.find_all::<Author>().await?;
    em.find_all::<Author>().await?;
    assert_eq!(db.statements(), 2);
    Ok(())
}

/// An answer from the identity map is no query: nothing is flushed, nothing is sent. Case A6.
pub async fn a_hit_of_the_identity_map_flushes_nothing<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = always(&db);
    let jon = em.persist(Author { id: 7, ..Author::new("Jon Snow") })?;

    let found = em.find_by_id::<Author>(7).await?;

    assert!(found.is_some_and(|found| found == jon));
    assert_eq!(db.statements(), 0, "{:?}", db.recorder.operations());
    Ok(())
}

/// A miss of `find_by_id` is a query like any other.
pub async fn always_flushes_before_a_lookup_by_id_that_asks_the_database<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = always(&db);
    em.persist(Author::new("Arya Stark"))?;

    assert!(em.find_by_id::<Author>(1_000).await?.is_none());

    assert_eq!(db.recorder.writes(), 1);
    Ok(())
}

/// `count`, `find_one` and `find_and_count` follow the mode as `find` does.
pub async fn always_holds_for_every_finder<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = always(&db);
    em.persist(Author::new("Jon Snow"))?;
    assert_eq!(em.count(Condition::<Author>::always()).await?, 1);
    em.persist(Author::new("Arya Stark"))?;
    assert!(em.find_one(Author::NAME.eq("Arya Stark")).await?.is_some());
    em.persist(Author::new("Sansa Stark"))?;
    let (page, count) = em.find_and_count(Author::NAME.ends_with("Stark")).await?;
    assert_eq!((page.len(), count), (2, 2));
    em.persist(Author::new("Bran Stark"))?;
    em.find_one_or_fail(Author::NAME.eq("Bran Stark")).await?;
    Ok(())
}

/// A query can ask for the flush that its context does not do.
pub async fn a_query_may_ask_for_the_flush_itself<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    em.persist(Author::new("Jon Snow"))?;

    assert!(em.find_all::<Author>().await?.is_empty());
    assert_eq!(em.find_all::<Author>().flush_mode(FlushMode::Always).await?.len(), 1);
    Ok(())
}

/// `Commit` on one query shows the old rows; the next query, in the context's own mode, flushes. Case D75.
pub async fn a_query_may_forbid_the_flush<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = always(&db);
    em.persist(Author::new("Jon Snow"))?;

    assert_eq!(em.count(Condition::<Author>::always()).flush_mode(FlushMode::Commit).await?, 0);
    assert_eq!(db.recorder.writes(), 0);
    assert_eq!(em.count(Condition::<Author>::always()).await?, 1);
    Ok(())
}

/// Four queries see the old rows; the change is sent once, by the flush: four selects, begin, update, commit.
/// Case D75.
pub async fn commit_sends_changes_once_at_the_flush<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = commit(&db);
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    jon.edit().name = "Aegon".into();
    db.recorder.reset();

    for _ in 0..4 {
        assert!(em.find(Author::NAME.eq("Aegon")).await?.is_empty());
    }
    em.flush().await?;

    assert_eq!(db.statements(), 7, "{:?}", db.recorder.operations());
    assert_eq!(db.recorder.writes(), 1);
    Ok(())
}

/// `Commit` is a choice, so it is silent about what queries miss.
pub async fn commit_says_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let log = Log::capture();
    let em = commit(&db);
    em.persist(Author::new("Arya Stark"))?;
    em.find_all::<Author>().await?;
    assert_eq!(log.lines_with(MISSES), Vec::<String>::new());
    Ok(())
}

/// Outside a transaction a find misses the new entity, sends its select alone, and says so. Case D71, decided by the
/// Auto rule.
pub async fn a_read_outside_a_transaction_never_writes<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let log = Log::capture();
    let em = db.em();
    let jon = em.persist(Author::new("Jon Snow"))?;

    assert!(em.find_all::<Author>().await?.is_empty());

    assert_eq!(db.recorder.operations(), [Operation::Select("Author".into(), 0)]);
    assert_eq!(log.lines_with(MISSES).len(), 1);
    assert_eq!(jon.try_id(), None, "it is still new");
    Ok(())
}

/// The reason of the rule: an edit, a query that validates it, and an early return leave the database alone.
pub async fn an_edit_that_a_validating_query_rejects_never_reaches_the_database<B: Backend>() -> Result<()> {
    async fn rename(em: &EntityManager, name: &str) -> Result<bool> {
        let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
        jon.edit().name = name.to_owned();
        if em.count(Author::NAME.eq(name)).await? > 0 {
            return Ok(false);
        }
        em.flush().await?;
        Ok(true)
    }
    let db = blog::seeded::<B>().await?;

    assert!(!rename(&db.em(), "Sam Tarly").await?);

    assert_eq!(db.recorder.writes(), 0);
    assert_eq!(db.em().count(Author::NAME.eq("Jon Snow")).await?, 1);
    Ok(())
}

/// An edit is a pending change for Auto: the query misses it, and says so. Case D74.
pub async fn auto_says_that_a_query_misses_an_edit<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let log = Log::capture();
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    jon.edit().age = Some(17);
    assert_eq!(log.lines_with(MISSES), Vec::<String>::new());

    assert!(em.find(Author::AGE.eq(17)).await?.is_empty());

    assert_eq!(log.lines_with(MISSES).len(), 1);
    assert_eq!(db.recorder.writes(), 0);
    Ok(())
}

/// An edit that was taken back is no pending change.
pub async fn auto_says_nothing_about_an_edit_that_was_taken_back<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let log = Log::capture();
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    jon.edit().age = Some(17);
    jon.edit().age = None;

    em.find_all::<Author>().await?;

    assert_eq!(log.lines_with(MISSES), Vec::<String>::new());
    Ok(())
}

/// A scheduled removal is a pending change for Auto.
pub async fn auto_says_that_a_query_misses_a_removal<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let log = Log::capture();
    let em = db.em();
    let book = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    em.remove(&book)?;

    assert_eq!(em.count(Condition::<Book>::always()).await?, 3);

    assert_eq!(log.lines_with(MISSES).len(), 1);
    Ok(())
}

/// A link that waits is a pending change of both its ends.
pub async fn auto_says_that_a_query_misses_a_link<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    let winter = em.find_one_or_fail(Tag::LABEL.eq("winter")).await?;
    book.tags_ref().remove(&winter)?;
    let log = Log::capture();

    em.find_all::<Book>().await?;
    assert_eq!(log.lines_with(MISSES).len(), 1);
    em.find_all::<Tag>().await?;
    assert_eq!(log.lines_with(MISSES).len(), 2);
    em.find_all::<Publisher>().await?;
    assert_eq!(log.lines_with(MISSES).len(), 2);
    Ok(())
}

/// What waits is of a type that the query does not touch: nothing to say. Case D72.
pub async fn auto_says_nothing_about_changes_of_other_types<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let log = Log::capture();
    let em = db.em();
    em.persist(Tag::new("peace"))?;

    em.find_all::<Author>().await?;

    assert_eq!(log.lines_with(MISSES), Vec::<String>::new());
    assert_eq!(db.recorder.operations(), [Operation::Select("Author".into(), 2)]);
    Ok(())
}

/// The condition asks for authors by their books, and a book waits. Case D78.
pub async fn auto_looks_through_the_relations_of_the_condition<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let log = Log::capture();
    let em = db.em();
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    em.persist(Book::new("Wildlings", &sam))?;

    assert!(em.find(Author::BOOKS.some(Book::TITLE.eq("Wildlings"))).await?.is_empty());

    assert_eq!(log.lines_with(MISSES).len(), 1);
    Ok(())
}

/// The query populates books, and a book waits.
pub async fn auto_looks_through_what_the_query_populates<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let log = Log::capture();
    let em = db.em();
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    em.persist(Book::new("Wildlings", &sam))?;

    em.find(Author::NAME.eq("Jon Snow")).await?;
    assert_eq!(log.lines_with(MISSES), Vec::<String>::new());
    em.find(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    assert_eq!(log.lines_with(MISSES).len(), 1);
    em.find(Author::NAME.eq("Jon Snow")).populate_path("books")?.await?;
    assert_eq!(log.lines_with(MISSES).len(), 2);
    Ok(())
}

/// After the flush there is nothing to miss.
pub async fn auto_says_nothing_after_the_flush<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let log = Log::capture();
    let em = db.em();
    em.persist(Author::new("Jon Snow"))?;
    em.flush().await?;

    assert_eq!(em.find_all::<Author>().await?.len(), 1);

    assert_eq!(log.lines_with(MISSES), Vec::<String>::new());
    Ok(())
}

/// The flush before the query fails: the query is not sent, its caller gets the error, and the change still waits.
pub async fn a_query_whose_flush_fails_returns_the_error_and_loses_nothing<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = always(&db);
    em.persist(Author::new("Jon Snow"))?;
    db.recorder.inject(Fault::Write);

    assert!(em.find_all::<Author>().await.is_err());
    assert_eq!(db.recorder.selects(), 0);

    assert_eq!(em.find_all::<Author>().await?.len(), 1);
    Ok(())
}
