//! Numbers of items, and membership, without loading the items.

use orm_core::{Error, FlushMode, Ref, Result};

use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::fixtures::newsroom::{self, Article, Publisher, Topic};
use crate::{Backend, TestDb};

/// Twenty authors; the one at place `n` has `n` books, the first with the tag `even` if `n` is even, and each but the first
/// has the one before as mentor.
async fn twenty<B: Backend>() -> Result<TestDb> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let even = em.persist(Tag::new("even"))?;
    let mut before: Option<orm_core::Loaded<Author, orm_core::NewEntity>> = None;
    for n in 0..20 {
        let mentor = before.as_ref().map(orm_core::Loaded::to_ref);
        let author = em.persist(Author { mentor, ..Author::new(&format!("{n:02}")) })?;
        for at in 0..n {
            let book = em.persist(Book::new(&format!("{n:02}.{at:02}"), &author))?;
            if at == 0 && n % 2 == 0 {
                book.tags_ref().add(&even)?;
            }
        }
        before = Some(author);
    }
    em.flush().await?;
    db.recorder.reset();
    Ok(db)
}

/// A loop over siblings that counts costs one statement, and loads nothing; so does one that asks for an item.
pub async fn a_loop_over_siblings_is_one_statement<B: Backend>() -> Result<()> {
    let db = twenty::<B>().await?;
    let em = db.em();
    let authors = em.find_all::<Author>().order_by(Author::NAME.asc()).await?;
    for (n, author) in authors.iter().enumerate() {
        assert_eq!(author.books_ref().count().await?, n);
        assert_eq!(author.students_ref().count().await?, usize::from(n < 19));
    }
    assert_eq!((db.statements(), em.managed_count()?), (3, 20));
    assert!(!authors[5].books_ref().is_loaded());

    let even = em.find_one_or_fail(Tag::LABEL.eq("even")).await?;
    let firsts = em.find(Book::TITLE.ends_with(".00")).order_by(Book::TITLE.asc()).await?;
    db.recorder.reset();
    for (n, book) in (1..20).zip(&firsts) {
        assert_eq!(book.tags_ref().contains(&even).await?, n % 2 == 0, "{n}");
    }
    for (n, book) in (1..20).zip(&firsts) {
        assert_eq!(book.tags_ref().count().await?, usize::from(n % 2 == 0), "{n}");
    }
    assert_eq!(db.statements(), 2);
    assert_eq!(even.books_ref().count().await?, 9);
    assert!(!even.books_ref().contains(Ref::<Book>::key(9999)).await?);
    Ok(())
}

/// What waits to be written counts, also where the database has it already.
pub async fn pending_changes_count<B: Backend>() -> Result<()> {
    let db = twenty::<B>().await?;
    let em = db.em();
    let authors = em.find_all::<Author>().order_by(Author::NAME.asc()).await?;
    let (three, four) = (&authors[3], &authors[4]);
    assert_eq!(three.books_ref().count().await?, 3);
    let own = em.find(Book::TITLE.starts_with("03.")).order_by(Book::TITLE.asc()).await?;
    let foreign = em.find_one_or_fail(Book::TITLE.eq("04.00")).await?;
    db.recorder.reset();
    let new = em.persist(Book::new("new", three))?;
    three.books_ref().add(&foreign)?;
    em.remove(&own[0])?;
    own[1].edit().title = "other".into();
    own[2].edit().author = four.to_ref();
    assert_eq!(three.books_ref().count().await?, 3 + 2 - 2);
    assert_eq!(four.books_ref().count().await?, 4 - 1 + 1);
    for (book, is_in) in [(&own[0], false), (&own[1], true), (&own[2], false), (&foreign, true)] {
        assert_eq!(three.books_ref().contains(book).await?, is_in);
    }
    assert!(three.books_ref().contains(&new).await?);
    assert_eq!(db.statements(), 0);
    em.flush().await?;
    db.recorder.reset();
    assert_eq!((three.books_ref().count().await?, four.books_ref().count().await?), (3, 4));
    assert_eq!(db.statements(), 1);
    assert_eq!(three.books_ref().load().await?.len(), 3);
    assert_eq!((three.books_ref().count().await?, db.statements()), (3, 2));
    Ok(())
}

/// A link that is added blindly counts once, whether the database has it or not.
pub async fn pending_links_count_once<B: Backend>() -> Result<()> {
    let db = twenty::<B>().await?;
    let em = db.em();
    let even = em.find_one_or_fail(Tag::LABEL.eq("even")).await?;
    let books = em.find(Book::TITLE.ends_with(".00")).order_by(Book::TITLE.asc()).await?;
    db.recorder.reset();
    for book in &books {
        book.tags_ref().add(&even)?;
    }
    for book in &books {
        assert_eq!(book.tags_ref().count().await?, 1);
        assert!(book.tags_ref().contains(&even).await?);
    }
    assert_eq!(db.statements(), 2, "the numbers, and who has the tag already");
    assert_eq!(even.books_ref().count().await?, 19);
    books[0].tags_ref().remove(&even)?;
    books[1].tags_ref().remove(&even)?;
    books[1].tags_ref().add(Tag::new("new"))?;
    assert_eq!(books[0].tags_ref().count().await?, 0);
    assert_eq!(books[1].tags_ref().count().await?, 1);
    assert_eq!(even.books_ref().count().await?, 17);
    em.remove(&even)?;
    assert_eq!(books[2].tags_ref().count().await?, 0);
    assert!(!books[2].tags_ref().contains(&even).await?);
    em.flush().await?;
    assert_eq!(books[1].tags_ref().count().await?, 1);
    assert_eq!(books[3].tags_ref().count().await?, 0);
    Ok(())
}

/// The answer is kept until the context writes.
pub async fn writes_ask_again<B: Backend>() -> Result<()> {
    let db = twenty::<B>().await?;
    let em = db.em();
    let authors = em.find_all::<Author>().order_by(Author::NAME.asc()).await?;
    assert_eq!(authors[2].books_ref().count().await?, 2);
    em.delete_many(Book::TITLE.eq("02.00")).await?;
    assert_eq!(authors[2].books_ref().count().await?, 1);
    let rolled_back: Result<()> = em
        .transactional(async |em| {
            em.persist(Book::new("new", &authors[2]))?;
            em.flush().await?;
            assert_eq!(authors[2].books_ref().count().await?, 2);
            Err(Error::other(std::io::Error::other("no")))
        })
        .await;
    assert!(rolled_back.is_err());
    assert_eq!(authors[3].books_ref().count().await?, 3);
    let other = db.em();
    other.delete_many(Book::TITLE.eq("03.00")).await?;
    assert_eq!(authors[3].books_ref().count().await?, 3, "kept");
    em.find_all::<Author>().refresh().await?;
    assert_eq!(authors[3].books_ref().count().await?, 2);
    em.clear()?;
    let error = authors[4].books_ref().count().await.expect_err("nothing of it is known any more");
    assert!(matches!(error, Error::Detached { .. }), "{error}");
    Ok(())
}

/// What a filter hides is neither counted nor contained.
pub async fn filters_hold<B: Backend>() -> Result<()> {
    let db = newsroom::seeded::<B>().await?;
    let em = db.em();
    let publishers = em.find_all::<Publisher>().without_filters().order_by(Publisher::NAME.asc()).await?;
    let articles = em.find_all::<Article>().without_filters().order_by(Article::ID.asc()).await?;
    let topics = em.find_all::<Topic>().without_filters().order_by(Topic::NAME.asc()).await?;
    assert_eq!(publishers[0].articles_ref().count().await?, 2, "not the draft");
    assert!(!publishers[0].articles_ref().contains(&articles[3]).await?);
    assert!(publishers[0].articles_ref().contains(&articles[0]).await?);
    for (topic, is_in) in topics.iter().zip([false, false, true]) {
        assert_eq!(articles[0].topics_ref().contains(topic).await?, is_in);
    }
    assert_eq!(articles[0].topics_ref().count().await?, 1);
    articles[3].edit().published = true;
    assert_eq!(publishers[0].articles_ref().count().await?, 3);

    let all = em
        .find_all::<Publisher>()
        .without_filters()
        .with_count(Publisher::ARTICLES)
        .order_by(Publisher::NAME.asc())
        .await?;
    assert_eq!(all[0].count_of(Publisher::ARTICLES), 3);
    Ok(())
}

/// A page with two counts, a flag each, and two relations populated takes six statements.
pub async fn a_page_with_numbers_takes_six_statements<B: Backend>() -> Result<()> {
    let db = twenty::<B>().await?;
    let em = db.em();
    let wanted = em.find_one_or_fail(Book::TITLE.eq("07.00")).await?;
    em.clear()?;
    db.recorder.reset();
    let page = em
        .find_all::<Author>()
        .with_count(Author::BOOKS)
        .with_count(Author::STUDENTS)
        .with_membership(Author::BOOKS, &wanted)
        .populate((Author::PROFILE, Author::BOOKS))
        .order_by(Author::NAME.asc())
        .await?;
    assert!(db.statements() <= 6, "{} statements", db.statements());
    assert_eq!(page.len(), 20);
    for (n, author) in page.iter().enumerate() {
        assert_eq!(author.count_of(Author::BOOKS), n as u64);
        assert_eq!(author.books().len(), n);
        assert_eq!(author.count_of(Author::STUDENTS), u64::from(n < 19));
        assert_eq!(author.has_member(Author::BOOKS), n == 7);
        assert!(author.profile().is_none());
    }
    Ok(())
}

/// Numbers come with every kind of finder, count what is not saved, and stay as they were.
pub async fn numbers_come_with_every_finder<B: Backend>() -> Result<()> {
    let db = twenty::<B>().await?;
    let em = db.em();
    let even = em.find_one_or_fail(Tag::LABEL.eq("even")).await?;
    let one = em.find_one(Tag::LABEL.eq("even")).with_count(Tag::BOOKS).await?;
    assert_eq!(one.map(|tag| tag.count_of(Tag::BOOKS)), Some(9));
    let (page, all) = em
        .find_and_count(Book::TITLE.ends_with(".00"))
        .with_membership(Book::TAGS, &even)
        .with_count(Book::TAGS)
        .order_by(Book::TITLE.asc())
        .limit(3)
        .await?;
    let flags: Vec<bool> = page.iter().map(|book| book.has_member(Book::TAGS)).collect();
    assert_eq!((flags, all), (vec![false, true, false], 19));
    page[0].tags_ref().add(&even)?;
    let again = em
        .find_one_or_fail(Book::TITLE.eq("01.00"))
        .flush_mode(FlushMode::Commit)
        .with_count(Book::TAGS)
        .with_membership(Book::TAGS, even.id())
        .await?;
    assert_eq!((again.count_of(Book::TAGS), again.has_member(Book::TAGS)), (1, true));
    assert_eq!(page[0].count_of(Book::TAGS), 0);
    assert_eq!(again.into_inner(), *page[0]);

    let other = db.em();
    let foreign = other.persist(Tag::new("foreign"))?;
    let error = em.find_all::<Book>().with_membership(Book::TAGS, &foreign).await;
    assert!(matches!(error, Err(Error::ForeignEntity { .. })), "{error:?}");
    let none = em.find_all::<Book>().with_membership(Book::TAGS, Ref::from(Tag::new("loose"))).await?;
    assert!(none.iter().all(|book| !book.has_member(Book::TAGS)));
    Ok(())
}

/// By key too; what is loaded takes no statement of its own, and what is not there has no numbers.
pub async fn numbers_come_with_a_find_by_id<B: Backend>() -> Result<()> {
    let db = twenty::<B>().await?;
    let em = db.em();
    let five = em.find_one_or_fail(Author::NAME.eq("05")).await?.id();
    db.recorder.reset();
    let authors = em.get_repository::<Author>();
    let found = authors.find_by_id_or_fail(five).with_count(Author::BOOKS).await?;
    assert_eq!((found.count_of(Author::BOOKS), &*found.get().name, db.statements()), (5, "05", 1));
    let first = em.find_one_or_fail(Book::TITLE.eq("05.00")).await?;
    let other = em.find_one_or_fail(Book::TITLE.eq("06.00")).await?;

    let em = db.em();
    db.recorder.reset();
    let found = em
        .find_by_id::<Author>(five)
        .populate(Author::MENTOR)
        .with_membership(Author::BOOKS, Ref::<Book>::key(first.id()))
        .with_count(Author::STUDENTS)
        .await?
        .expect("it is there");
    assert_eq!(db.statements(), 4);
    assert!(found.has_member(Author::BOOKS));
    assert_eq!(found.count_of(Author::STUDENTS), 1);
    assert_eq!(found.mentor().map(|mentor| mentor.get().name.clone()).as_deref(), Some("04"));
    let other =
        em.find_by_id_or_fail::<Author>(five).with_membership(Author::BOOKS, Ref::<Book>::key(other.id()));
    assert!(!other.await?.has_member(Author::BOOKS));
    assert!(em.find_by_id::<Author>(9999).with_count(Author::BOOKS).await?.is_none());
    let error = em.find_by_id_or_fail::<Author>(9999).with_count(Author::BOOKS).await.expect_err("nobody");
    assert!(matches!(error, Error::NotFound { entity: "Author", .. }), "{error:?}");

    let db = newsroom::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Article::TITLE.eq("Wall")).await?.id();
    let shown = em.find_by_id_or_fail::<Article>(wall).with_count(Article::TOPICS).await?;
    assert_eq!(shown.count_of(Article::TOPICS), 1);
    let all = em.find_by_id_or_fail::<Article>(wall).without_filters().with_count(Article::TOPICS).await?;
    assert_eq!(all.count_of(Article::TOPICS), 3);
    Ok(())
}

/// The entity's own object, with the numbers under the relations' names; what was not asked for is not there.
pub async fn numbers_are_in_responses<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let war = em.find_one_or_fail(Tag::LABEL.eq("war")).await?;
    let books = em.find(Book::TITLE.eq("The Wall")).with_count(Book::TAGS).with_membership(Book::TAGS, &war);
    let json = serde_json::to_value(books.await?).map_err(Error::other)?;
    assert_eq!(json[0]["title"], "The Wall");
    assert_eq!(json[0]["_count"], serde_json::json!({"tags": 2}));
    assert_eq!(json[0]["_member"], serde_json::json!({"tags": true}));
    let page = em.find_all::<Author>().with_count(Author::BOOKS).with_count(Author::STUDENTS).page(1).await?;
    let json = serde_json::to_value(&page).map_err(Error::other)?;
    assert_eq!(json["items"][0]["_count"], serde_json::json!({"books": 3, "students": 1}));
    assert!(json["items"][0].get("_member").is_none(), "{json}");
    Ok(())
}
