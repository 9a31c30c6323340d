//! For what each statement is sent: the context, and the place of the program that called for it; and what a context has
//! done, counted.

use orm_core::driver::Origin;
use orm_core::{RequestContext, Result};

use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::{Backend, Fault, Log, TestDb};

/// The context and the line of each statement since the last time.
fn lines(db: &TestDb) -> Vec<(u64, u32)> {
    let origins = db.recorder.origins();
    db.recorder.reset();
    let of = |origin: &Option<Origin>| {
        let origin = origin.as_ref().expect("each has an origin");
        let place = origin.place().expect("each has a place");
        assert_eq!(place.file(), file!());
        (origin.context(), place.line())
    };
    origins.iter().map(of).collect()
}

/// As many authors as asked, each with a book.
async fn write_books(db: &TestDb, authors: usize) -> Result<()> {
    let em = db.em();
    for at in 0..authors {
        let author = em.persist(Author::new(&format!("author {at}")))?;
        em.persist(Book::new(&format!("book {at}"), &author))?;
    }
    em.flush().await
}

/// Every statement of a call is told by the line that awaits it, with all that it populates.
pub async fn statements_tell_who_has_called<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let id = em.id();
    db.recorder.reset();

    let here = line!() + 1;
    let authors = em.find_all::<Author>().populate(Author::BOOKS.then(Book::TAGS)).await?;
    assert_eq!(lines(&db), [(id, here); 3]);

    let here = line!() + 1;
    em.count_all::<Book>().await?;
    assert_eq!(lines(&db), [(id, here)]);

    let here = line!() + 1;
    em.find_by_id::<Book>(1).refresh().await?;
    assert_eq!(lines(&db), [(id, here)]);

    let here = line!() + 1;
    authors[0].profile_ref().load().await?;
    assert_eq!(lines(&db), [(id, here)]);

    let here = line!() + 1;
    em.refresh(&authors[0]).await?;
    assert_eq!(lines(&db), [(id, here)]);

    let here = line!() + 1;
    em.find_all::<Book>().select(Book::TITLE).await?;
    assert_eq!(lines(&db), [(id, here)]);

    let here = line!() + 1;
    em.update_many(Book::TITLE.eq("none")).set(Book::TITLE, "some").await?;
    assert_eq!(lines(&db), [(id, here)]);

    let here = line!() + 1;
    em.find_all::<Book>().select(Book::TITLE).one_or_fail().await?;
    assert_eq!(lines(&db), [(id, here)]);

    let here = line!() + 1;
    em.find_all::<Book>().exists().await?;
    assert_eq!(lines(&db), [(id, here)]);

    let here = line!() + 1;
    em.find_by_id::<Author>(1).refresh().with_count(Author::BOOKS).await?;
    assert_eq!(lines(&db), [(id, here)]);

    let here = line!() + 1;
    em.find_all::<Book>().order_by(Book::ID.asc()).page(1).await?;
    assert_eq!(lines(&db), [(id, here)]);

    let here = line!() + 1;
    em.sql("SELECT 1 WHERE 1 = {}", (1_i64,)).fetch_one_as::<(i64,)>().await?;
    assert_eq!(lines(&db), [(id, here)]);

    let here = line!() + 1;
    em.insert(Tag::new("one by one")).await?;
    assert!(lines(&db).iter().all(|line| *line == (id, here)));

    authors[0].edit().name = "Aegon".to_owned();
    let here = line!() + 1;
    em.flush().await?;
    assert_eq!(lines(&db), [(id, here); 3], "with BEGIN and COMMIT");
    Ok(())
}

/// In a transaction each statement has the place of its own call, and BEGIN and COMMIT that of the transaction.
pub async fn a_transaction_tells_each_place<B: Backend>() -> Result<()> {
    let db = TestDb::open_pool::<B>(2, blog::entities).await?;
    let (em, other) = (db.em(), db.em());
    db.recorder.reset();
    let outer = line!() + 1;
    let work = em.transactional(async |em| {
        em.count_all::<Author>().await?;
        other.count_all::<Author>().await
    });
    work.await?;
    let (inner, beside) = (outer + 1, outer + 2);
    let expected = [(em.id(), outer), (em.id(), inner), (other.id(), beside), (em.id(), outer)];
    assert_eq!(lines(&db), expected);
    Ok(())
}

/// Statements are counted as the driver sends them, each for the context that it was sent for.
pub async fn statements_are_counted_by_context<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (one, other) = (db.em(), db.em());
    db.recorder.reset();

    let jon = one.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    one.find_by_id::<Author>(jon.id()).await?;
    one.find_by_id_or_fail::<Author>(jon.id()).await?;
    let seen = one.statistics();
    assert_eq!((seen.statements, seen.identity_map_hits, seen.entities, seen.flushes), (1, 2, 1, 0));

    one.persist(Author::new("Arya Stark"))?;
    jon.edit().name = "Aegon".to_owned();
    one.flush().await?;
    one.flush().await?;
    let seen = one.statistics();
    assert_eq!((seen.statements, seen.flushes), (db.recorder.statements(), 1), "{seen}");
    assert_eq!((seen.identity_map_hits, seen.entities), (2, 2), "{seen}");

    // A failed one was sent too.
    db.recorder.inject(Fault::Write);
    jon.edit().name = "Jon".to_owned();
    one.flush().await.expect_err("it is told to fail");
    assert_eq!(one.statistics().flushes, 1);
    assert_eq!(other.statistics().statements, 0);
    one.clear()?;
    assert_eq!(one.statistics().entities, 0);
    Ok(())
}

/// A request counts all of its managers, and begins at nothing.
pub async fn a_request_counts_what_is_its_own<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    for _ in 0..2 {
        RequestContext::create(db.orm.em(), async {
            db.orm.em().find_all::<Author>().populate(Author::BOOKS).await?;
            let seen = RequestContext::current().map(|context| context.statistics());
            assert_eq!(seen, Some(db.orm.em().statistics()));
            assert_eq!(seen.map(|seen| seen.statements), Some(2));
            Ok::<_, orm_core::Error>(())
        })
        .await?;
    }
    Ok(())
}

/// In a test's transaction each context counts its own, though all share a connection.
pub async fn contexts_of_a_test_count_their_own<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    db.orm
        .test_transaction(async |em| {
            let before = em.statistics().statements;
            let fork = em.fork();
            fork.persist(Author::new("Arya Stark"))?;
            fork.flush().await?;
            assert_eq!(em.statistics().statements, before);
            // The insert, under a savepoint.
            assert!(fork.statistics().statements >= 3, "{}", fork.statistics());
            Ok(())
        })
        .await
}

/// Entities that are loaded one by one are told in the log, with the place and the populate to add, once.
pub async fn repeated_statements_name_the_populate_to_add<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(|builder| blog::entities(builder).warn_of_repeats(true)).await?;
    write_books(&db, 8).await?;
    let log = Log::capture();

    // Relations of entities that came together are loaded together: nothing to tell.
    for book in db.em().find_all::<Book>().await? {
        book.author_ref().load().await?;
    }
    assert_eq!(log.lines_with("one by one in one context"), Vec::<String>::new());

    let em = db.em();
    let mut place = 0;
    for book in em.find_all::<Book>().await? {
        let key = book.author_ref().key().expect("each has an author");
        place = line!() + 1;
        em.find_by_id::<Author>(key).await?;
    }
    let lines = log.lines_with("one by one in one context");
    let [line] = &lines[..] else { panic!("{lines:?}") };
    for words in [
        "WARN",
        "`Author` was found by key for 5 keys",
        "add `.populate(Book::AUTHOR)` to the query that loads `Book`",
        &format!("place={}:{place}:", file!()),
    ] {
        assert!(line.contains(words), "no {words} in {line}");
    }

    let em = db.em();
    for author in em.find_all::<Author>().await? {
        em.find(Book::AUTHOR.eq(&author)).await?;
    }
    let lines = log.lines_with("add `.populate(Author::BOOKS)`");
    assert!(
        lines.len() == 1 && lines[0].contains("`Book` was found by one `author` for 5 keys"),
        "{lines:?}"
    );

    let em = db.em();
    for author in em.find_all::<Author>().await? {
        author.books_ref().load_only().await?;
    }
    let lines = log.lines_with("`Author.books` was loaded lazily for 5 keys");
    assert!(lines.len() == 1 && lines[0].contains("add `.populate(Author::BOOKS)`"), "{lines:?}");

    // The same key again, pages, counts and what a cache may answer are no loop over keys.
    let told = log.lines_with("one by one in one context").len();
    let em = db.em();
    let author = em.find_one_or_fail(Author::NAME.eq("author 1")).await?;
    for page in 0..6 {
        em.find_by_id::<Book>(999).await?;
        em.find(Book::AUTHOR.eq(&author)).limit(1).offset(page).await?;
    }
    for author in em.find_all::<Author>().await? {
        em.count(Book::AUTHOR.eq(&author)).await?;
        em.find(Book::AUTHOR.eq(&author)).filter(Book::TITLE.contains("1")).await?;
    }
    assert_eq!(log.lines_with("one by one in one context").len(), told);

    // Queries side by side are told apart, though what joins them begins all from one line.
    let em = db.em();
    for first in [1, 4, 7] {
        let (one, other) = (first + 1, first + 2);
        let (one, other) = futures::join!(
            em.find_by_id::<Author>(one).into_future(),
            em.find_by_id::<Author>(other).into_future()
        );
        one?;
        other?;
    }
    assert_eq!(log.lines_with("one by one in one context").len(), told);

    // A condition on the key alone, which no relation leads to.
    let em = db.em();
    for id in 1..6 {
        em.find_one(Author::ID.eq(id)).await?;
    }
    assert_eq!(log.lines_with("one by one in one context").len(), told + 1);

    // What no relation leads to.
    let em = db.em();
    let ids = em.find_all::<Author>().disable_identity_map().select(Author::ID).await?;
    for id in ids {
        em.find_by_id::<Author>(id).await?;
    }
    let lines = log.lines_with("find all of them by one `find(Author::ID.in_(..))`");
    assert_eq!(lines.len(), 2, "{lines:?}");
    Ok(())
}

/// Under strict loading it is an error, and the identity map still answers for what is there.
pub async fn strict_loading_refuses_repeated_statements<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(|builder| blog::entities(builder).strict_loading(true)).await?;
    write_books(&db, 8).await?;
    let em = db.em();
    let books = em.find_all::<Book>().await?;
    db.recorder.reset();
    let mut refused = None;
    for book in &books {
        let key = book.author_ref().key().expect("each has an author");
        if let Err(error) = em.find_by_id::<Author>(key).await {
            refused = Some(error);
            break;
        }
    }
    let refused = refused.expect("the fifth is refused").to_string();
    assert!(refused.contains("add `.populate(Book::AUTHOR)`") && refused.contains(file!()), "{refused}");
    assert_eq!(db.recorder.statements(), 4);

    for author in em.find_all::<Author>().await? {
        em.find_by_id_or_fail::<Author>(author.id()).await?;
    }
    // A new context counts anew.
    let em = db.em();
    em.find_by_id::<Author>(1).await?;
    em.clear()?;
    em.find_by_id::<Author>(1).await?;
    Ok(())
}
