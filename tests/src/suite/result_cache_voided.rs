//! The result cache: what voids an answer, and when.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use orm_core::{Condition, EntityManager, Error, Ref, Result};

use crate::fixtures::archive::{self, Letter};
use crate::fixtures::blog::{self, Author, Book, Profile, Publisher, Tag};
use crate::fixtures::folder::{self, File, Folder, Page, Shortcut};
use crate::recorder::Fault;
use crate::{Backend, TestDb};

const MINUTE: Duration = Duration::from_secs(60);

/// How many statements a cached query takes now.
async fn sent<V>(db: &TestDb, query: impl IntoFuture<Output = Result<V>>) -> Result<u64> {
    let before = db.statements();
    query.await?;
    Ok(db.statements() - before)
}

/// Caches authors, books and their tags, and says which of the three `write` voids.
async fn voided(
    db: &TestDb,
    write: impl AsyncFnOnce(EntityManager) -> Result<()>,
) -> Result<(bool, bool, bool)> {
    let authors = || db.em().find_all::<Author>().cache(MINUTE);
    let books = || db.em().find_all::<Book>().cache(MINUTE);
    let tags = || db.em().find_all::<Tag>().with_count(Tag::BOOKS).cache(MINUTE);
    authors().await?;
    books().await?;
    tags().await?;
    write(db.em()).await?;
    Ok((sent(db, authors()).await? > 0, sent(db, books()).await? > 0, sent(db, tags()).await? > 0))
}

/// A flush voids what was read of the tables that it writes, by an insert, an update or a delete, and nothing else.
pub async fn a_flush_voids_what_it_writes<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let insert = async |em: EntityManager| {
        em.persist(Author::new("Arya"))?;
        em.flush().await
    };
    assert_eq!(voided(&db, insert).await?, (true, false, false));
    let update = async |em: EntityManager| {
        em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?.edit().price = 11;
        em.flush().await
    };
    assert_eq!(voided(&db, update).await?, (false, true, true));
    let delete = async |em: EntityManager| {
        em.remove(&em.find_one_or_fail(Author::NAME.eq("Arya")).await?)?;
        em.flush().await
    };
    assert_eq!(voided(&db, delete).await?, (true, false, false));
    let nothing = async |em: EntityManager| em.flush().await;
    assert_eq!(voided(&db, nothing).await?, (false, false, false));
    Ok(())
}

/// A change of links voids what was read through them.
pub async fn changed_links_void_what_leads_through_them<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let labels = async || -> Result<usize> {
        let book =
            db.em().find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).cache(MINUTE).await?;
        Ok(book.tags().len())
    };
    let tagged = || db.em().count(Book::TAGS.some(Tag::LABEL.eq("war"))).cache(MINUTE);
    assert_eq!((labels().await?, tagged().await?), (2, 3));
    let unlink = async |em: EntityManager| {
        let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
        let war = em.find_one_or_fail(Tag::LABEL.eq("war")).await?;
        book.tags_ref().remove(&war)?;
        em.flush().await
    };
    assert_eq!(voided(&db, unlink).await?, (false, false, true));
    assert_eq!((labels().await?, tagged().await?), (1, 2));
    Ok(())
}

/// Writes without the unit of work void as flushes do.
pub async fn bulk_writes_void<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let insert = async |em: EntityManager| em.insert(Author::new("Arya")).await.map(drop);
    assert_eq!(voided(&db, insert).await?, (true, false, false));
    let insert_many =
        async |em: EntityManager| em.insert_many([Tag::new("a"), Tag::new("b")]).await.map(drop);
    assert_eq!(voided(&db, insert_many).await?, (false, false, true));
    let update_many =
        async |em: EntityManager| em.update_many(Book::PRICE.gt(1)).set(Book::PRICE, 12).await.map(drop);
    assert_eq!(voided(&db, update_many).await?, (false, true, true));
    let upsert = async |em: EntityManager| em.upsert(Tag::new("a")).on_conflict(Tag::LABEL).await.map(drop);
    assert_eq!(voided(&db, upsert).await?, (false, false, true));
    let delete_many = async |em: EntityManager| em.delete_many(Author::NAME.eq("Arya")).await.map(drop);
    assert_eq!(voided(&db, delete_many).await?, (true, false, false));
    let refused = async |em: EntityManager| {
        let missing = Book::new("of nobody", Ref::key(99));
        em.insert(missing).await.expect_err("there is no such author");
        Ok(())
    };
    assert_eq!(voided(&db, refused).await?, (false, false, false), "it wrote nothing");
    Ok(())
}

/// A transaction voids when it is committed, savepoints and all, and not before; one that is rolled back never does.
pub async fn a_transaction_voids_at_its_commit<B: Backend>() -> Result<()> {
    let db = TestDb::open_pool::<B>(2, blog::entities).await?;
    db.em().insert(Author::new("Jon")).await?;
    let count = || db.em().count_all::<Author>().cache(MINUTE);
    assert_eq!(count().await?, 1);
    let em = db.em();
    em.begin().await?;
    em.persist(Author::new("Arya"))?;
    em.flush().await?;
    em.transactional(async |em| em.insert(Author::new("Sansa")).await).await?;
    assert_eq!((count().await?, sent(&db, count()).await?), (1, 0), "nothing is committed yet");
    em.rollback().await?;
    assert_eq!(sent(&db, count()).await?, 0, "nothing was");

    em.clear()?;
    em.transactional(async |em| {
        em.insert(Author::new("Bran")).await?;
        em.persist(Author::new("Rickon"))?;
        Ok(())
    })
    .await?;
    assert_eq!((count().await?, sent(&db, count()).await?), (3, 0));
    Ok(())
}

/// A soft delete is a write as any other, and hides the row from what is cached too.
pub async fn a_soft_delete_voids<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let count = || db.em().count_all::<Letter>().cache(MINUTE);
    assert_eq!(count().await?, 3);
    let em = db.em();
    em.remove(&em.find_one_or_fail(Letter::NUMBER.eq(1)).await?)?;
    em.flush().await?;
    assert_eq!(count().await?, 2);
    em.delete_many(Letter::NUMBER.eq(2)).await?;
    assert_eq!(count().await?, 1);
    Ok(())
}

/// What the database deletes or empties by itself is voided with the row that it refers to.
pub async fn what_the_database_cascades_to_is_voided<B: Backend>() -> Result<()> {
    let db = folder::empty::<B>().await?;
    let em = db.em();
    let files = [File { name: "a".into(), pages: [Page::default()].into(), ..File::default() }];
    let shelf = em.persist(Folder { name: "shelf".into(), files: files.into(), ..Folder::default() })?;
    let file = shelf.files()[0].to_ref();
    em.persist(Shortcut { name: "to a".into(), file: Some(file), ..Shortcut::default() })?;
    em.flush().await?;
    let pages = || db.em().count_all::<Page>().cache(MINUTE);
    let led = || db.em().count(Shortcut::FILE.is_not_null()).cache(MINUTE);
    assert_eq!((pages().await?, led().await?), (1, 1));

    em.remove(&shelf)?;
    em.flush().await?;

    assert_eq!((pages().await?, led().await?), (0, 0));
    Ok(())
}

/// An answer depends on every table that its question names: in conditions, orders, selections and populated relations.
pub async fn an_answer_depends_on_all_that_is_named<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let by_condition = || db.em().count(Author::BOOKS.some(Book::PRICE.gt(1))).cache(MINUTE);
    let by_order =
        || db.em().find_all::<Book>().order_by(Book::PUBLISHER.field(Publisher::NAME).asc()).cache(MINUTE);
    let by_selection =
        || db.em().find_all::<Profile>().select(Profile::AUTHOR.field(Author::NAME)).cache(MINUTE);
    let by_population =
        || db.em().find_all::<Author>().order_by(Author::ID.asc()).populate(Author::BOOKS).cache(MINUTE);
    by_condition().await?;
    by_order().await?;
    by_selection().await?;
    by_population().await?;

    db.em().update_many(Publisher::NAME.eq("Ravens")).set(Publisher::NAME, "Crows").await?;
    assert_eq!(sent(&db, by_order()).await?, 1);
    assert_eq!(sent(&db, by_condition()).await? + sent(&db, by_selection()).await?, 0);

    db.em().update_many(Book::PRICE.gt(1)).set(Book::PRICE, 1).await?;
    assert_eq!((by_condition().await?, sent(&db, by_order()).await?), (0, 1));
    assert_eq!(sent(&db, by_selection()).await?, 0);
    assert_eq!(sent(&db, by_population()).await?, 1, "the books alone");

    db.em().update_many(Author::NAME.eq("Jon Snow")).set(Author::NAME, "Aegon").await?;
    assert!(by_selection().await?.contains(&Some("Aegon".to_owned())));
    assert_eq!(sent(&db, by_population()).await?, 1, "the authors alone");
    Ok(())
}

/// Nobody knows which tables raw text names: a question with a fragment depends on all of them.
pub async fn a_fragment_depends_on_every_table<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let long = || {
        let rich = Condition::<Author>::sql("exists (select 1 from book b where b.price > {})", (1,));
        db.em().count(rich).cache(MINUTE)
    };
    assert_eq!((long().await?, sent(&db, long()).await?), (2, 0));
    db.em().update_many(Book::PRICE.gt(1)).set(Book::PRICE, 1).await?;
    assert_eq!(long().await?, 0);
    db.em().insert(Tag::new("any other")).await?;
    assert_eq!(sent(&db, long()).await?, 1);
    Ok(())
}

/// Raw SQL that may write voids everything, unless it is said what it writes; what only reads voids nothing.
pub async fn raw_sql_voids_what_it_may_write<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let read = async |em: EntityManager| {
        em.sql("select count(*) from book", ()).fetch_one_as::<i64>().await.map(drop)
    };
    assert_eq!(voided(&db, read).await?, (false, false, false));
    let write = async |em: EntityManager| em.sql("update book set price = 13", ()).execute().await.map(drop);
    assert_eq!(voided(&db, write).await?, (true, true, true));
    let told = async |em: EntityManager| {
        em.sql("update author set age = 13", ()).writes::<Author>().execute().await.map(drop)
    };
    assert_eq!(voided(&db, told).await?, (true, false, false));
    let gives_back = B::facts().returning.contains(&"insert");
    let returning = async |em: EntityManager| match gives_back {
        true => {
            let tags = em.sql("insert into tag (label) values ('raw') returning *", ()).writes::<Tag>();
            tags.fetch::<Tag>().await.map(drop)
        }
        false => {
            let tags = em.sql("insert into tag (label) values ('raw')", ()).writes::<Tag>();
            tags.execute().await.map(drop)
        }
    };
    assert_eq!(voided(&db, returning).await?, (false, false, true));
    let rolled_back = async |em: EntityManager| {
        em.begin().await?;
        em.sql("delete from profile", ()).execute().await?;
        em.rollback().await
    };
    assert_eq!(voided(&db, rolled_back).await?, (false, false, false));
    let committed = async |em: EntityManager| {
        em.begin().await?;
        em.sql("update author set age = 14", ()).writes::<Author>().execute().await?;
        em.commit().await
    };
    assert_eq!(voided(&db, committed).await?, (true, false, false));
    let unknown = db.em().sql("delete from folder", ()).writes::<Folder>().execute().await;
    assert!(matches!(unknown, Err(Error::UnknownEntity { entity: "Folder" })));
    Ok(())
}

/// A name voids what was cached under it, an entity what was read of it, and `clear` everything.
pub async fn a_program_can_void<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let front = || db.em().find_all::<Book>().cache_as("front page", MINUTE);
    let other = || db.em().find_all::<Book>().cache_as("other page", MINUTE);
    let tags = || db.em().find_all::<Tag>().cache_as("front page", MINUTE);
    let results = db.orm.em().result_cache();
    front().await?;
    other().await?;
    tags().await?;

    results.invalidate("front page").await?;
    assert_eq!((sent(&db, other()).await?, sent(&db, front()).await?, sent(&db, tags()).await?), (0, 1, 1));
    results.invalidate("no page").await?;
    assert_eq!(sent(&db, front()).await?, 0);
    results.invalidate_entity::<Tag>().await?;
    assert_eq!((sent(&db, other()).await?, sent(&db, front()).await?, sent(&db, tags()).await?), (0, 0, 1));
    results.clear().await?;
    assert_eq!((sent(&db, other()).await?, sent(&db, front()).await?, sent(&db, tags()).await?), (1, 1, 1));
    let unknown = results.invalidate_entity::<Folder>().await;
    assert!(matches!(unknown, Err(Error::UnknownEntity { entity: "Folder" })));
    Ok(())
}

/// What is voided in a transaction is voided once more by its commit: others have read meanwhile what it replaces.
pub async fn what_is_voided_in_a_transaction_is_voided_by_its_commit<B: Backend>() -> Result<()> {
    let db = TestDb::open_pool::<B>(2, blog::entities).await?;
    db.em().insert(Author::new("Jon")).await?;
    let named = || db.em().count_all::<Author>().cache_as("authors", MINUTE);
    named().await?;
    db.em()
        .transactional(async |em| {
            em.result_cache().invalidate("authors").await?;
            assert_eq!((sent(&db, named()).await?, sent(&db, named()).await?), (1, 0));
            Ok(())
        })
        .await?;
    assert_eq!(sent(&db, named()).await?, 1);
    Ok(())
}

/// Tables that are dropped and made again answer nothing of before.
pub async fn a_new_schema_voids_everything<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let authors = || db.em().find_all::<Author>().cache(MINUTE);
    assert_eq!(authors().await?.len(), 2);
    db.orm.schema().drop().await?;
    db.orm.schema().create().await?;
    assert_eq!(authors().await?.len(), 0);
    Ok(())
}

/// A commit whose answer is lost may have been one: what it wrote is asked for, and not kept, as long as it may still
/// take effect. So it is with a statement by itself, and where nobody waits for the answer.
pub async fn what_may_be_committed_is_in_doubt<B: Backend>() -> Result<()> {
    for fault in [Fault::CommitUnanswered, Fault::CommitLost] {
        let db = blog::seeded::<B>().await?;
        db.recorder.inject(fault);
        let lost = async |em: EntityManager| {
            em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?.edit().age = Some(17);
            em.flush().await.expect_err("the connection was lost");
            Ok(())
        };
        assert_eq!(voided(&db, lost).await?, (true, false, false), "{fault:?}");
        assert_eq!(
            voided(&db, async |_| Ok(())).await?,
            (true, false, false),
            "{fault:?}: it is not kept either"
        );
    }
    let db = blog::seeded::<B>().await?;
    db.recorder.inject(Fault::WriteUnanswered);
    let lost = async |em: EntityManager| {
        em.insert(Author::new("Arya")).await.expect_err("the connection was lost");
        Ok(())
    };
    assert_eq!(voided(&db, lost).await?, (true, false, false));

    // BEGIN, one write and COMMIT, each with a point before and after.
    for points in 0..6 {
        let db = blog::seeded::<B>().await?;
        let is_voided = voided(&db, async |em| {
            em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?.edit().age = Some(17);
            db.recorder.stall_after(points);
            assert!(!until(pin!(em.flush()), || db.recorder.is_stalled()).await);
            db.recorder.go_on();
            Ok(())
        });
        // The commit was on its way from the fifth on.
        assert_eq!(is_voided.await?, (points >= 4, false, false), "at {points}");
    }
    Ok(())
}

/// What a reader read before a commit is void, if it is put into the cache after it.
pub async fn what_was_read_before_a_commit_is_void_after_it<B: Backend>() -> Result<()> {
    let db = TestDb::open_pool::<B>(2, blog::entities).await?;
    db.em().insert(Author::new("Jon")).await?;
    let authors = || db.em().find_all::<Author>().cache(MINUTE);
    for name in ["first", "second"] {
        db.recorder.reset();
        db.recorder.give_way();
        let mut reader = pin!(authors().into_future());
        // The database has answered, and the reader has not heard it yet.
        assert!(!until(reader.as_mut(), || db.recorder.selects() == 1).await);
        db.recorder.go_on();
        let em = db.em();
        em.persist(Author::new(name))?;
        em.flush().await?;
        let before = reader.await?.len();

        assert_eq!(authors().await?.len(), before + 1);
        assert_eq!(sent(&db, authors()).await?, 0);
        db.em().result_cache().clear().await?;
    }
    Ok(())
}

/// Polls `future` until `is_so`; whether it came to its end before.
async fn until<F: Future>(mut future: Pin<&mut F>, is_so: impl Fn() -> bool) -> bool {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(true),
        Poll::Pending if is_so() => Poll::Ready(false),
        Poll::Pending => Poll::Pending,
    })
    .await
}
