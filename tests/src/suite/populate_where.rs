//! Items that a query chooses: by condition, in an order, so many of each owner.

use orm_core::{Error, Loaded, Result};
use serde_json::json;

use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::fixtures::household::{self, Household, Room};
use crate::fixtures::newsroom::{self, Publisher};
use crate::{Backend, TestDb};

/// Jon with four books of the prices 1 to 4, Sam with two of 10 and 20; each with the tags `a` and `b`.
async fn priced<B: Backend>() -> Result<TestDb> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let tags = [em.persist(Tag::new("a"))?, em.persist(Tag::new("b"))?];
    for (name, prices) in [("Jon", vec![1, 2, 3, 4]), ("Sam", vec![10, 20])] {
        let author = em.persist(Author::new(name))?;
        for price in prices {
            let book = Book { price, ..Book::new(&format!("{name} {price}"), &author) };
            em.persist(Book { tags: tags.each_ref().map(Loaded::to_ref).into(), ..book })?;
        }
    }
    em.flush().await?;
    db.recorder.reset();
    Ok(db)
}

fn prices<P: 'static>(books: &[Loaded<Book, P>]) -> Vec<i64> {
    books.iter().map(|book| book.get().price).collect()
}

/// Condition, order and limit are of each owner, with one statement, and are what a response shows.
pub async fn a_query_chooses_items<B: Backend>() -> Result<()> {
    let db = priced::<B>().await?;
    let em = db.em();
    let chosen = Author::BOOKS.filter(Book::PRICE.gt(1)).order_by(Book::PRICE.desc()).limit_per_parent(2);
    let authors = em.find_all::<Author>().populate(chosen).order_by(Author::NAME.asc()).await?;
    assert_eq!(db.statements(), 2);
    assert_eq!(prices(&authors[0].books()), [4, 3]);
    assert_eq!(prices(&authors[1].books()), [20, 10]);
    let shown = serde_json::to_value(&authors[0]).map_err(Error::other)?;
    assert_eq!(shown["books"].as_array().map(Vec::len), Some(2));
    assert_eq!(shown["books"][0]["price"], json!(4));

    let none = em.find_all::<Author>().populate(Author::BOOKS.limit_per_parent(0)).await?;
    assert!(none.iter().all(|author| author.books().is_empty()));
    let by_title = Author::BOOKS.filter(Book::PRICE.lt(3).or((Book::PRICE * 2).gt(30)));
    let author = em.find_by_id::<Author>(1).populate(by_title.clone()).await?;
    assert_eq!(author.map(|author| prices(&author.books())), Some(vec![1, 2]));
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam")).await?;
    let sam = em.populate(&sam, by_title).await?;
    assert_eq!(prices(&sam.books()), [20]);
    Ok(())
}

/// Links are chosen and limited for each owner too, from either side.
pub async fn links_are_chosen<B: Backend>() -> Result<()> {
    let db = priced::<B>().await?;
    let em = db.em();
    let last = Book::TAGS.order_by(Tag::LABEL.desc()).limit_per_parent(1);
    let books = em.find_all::<Book>().populate(last).await?;
    assert_eq!((books.len(), db.statements()), (6, 2));
    assert!(books.iter().all(|book| book.tags().len() == 1 && book.tags()[0].get().label == "b"));
    let dear = Tag::BOOKS.filter(Book::AUTHOR.is(Author::NAME.eq("Jon"))).order_by(Book::PRICE.desc());
    let tags = em.find_all::<Tag>().populate(dear.limit_per_parent(3)).order_by(Tag::LABEL.asc()).await?;
    assert_eq!(prices(&tags[0].books()), [4, 3, 2]);
    assert_eq!(prices(&tags[1].books()), [4, 3, 2]);
    Ok(())
}

/// What lies below is narrowed only where it says so itself, and narrows nothing above.
pub async fn each_level_is_narrowed_by_itself<B: Backend>() -> Result<()> {
    let db = priced::<B>().await?;
    let em = db.em();
    let above = Author::BOOKS.filter(Book::PRICE.eq(2)).then(Book::TAGS);
    let authors = em.find_all::<Author>().populate(above).order_by(Author::NAME.asc()).await?;
    assert_eq!(db.statements(), 3);
    assert_eq!((authors[0].books().len(), authors[0].books()[0].tags().len()), (1, 2));
    em.clear()?;
    let below = Author::BOOKS.then(Book::TAGS.filter(Tag::LABEL.eq("a")));
    let authors = em.find_all::<Author>().populate(below).order_by(Author::NAME.asc()).await?;
    assert_eq!(authors[0].books().len(), 4);
    assert!(authors[0].books().iter().all(|book| book.tags().len() == 1));
    assert!(authors[0].books_ref().is_loaded() && !authors[0].books_ref().is_partial());
    assert!(authors[0].books()[0].tags_ref().is_partial());
    Ok(())
}

/// A part is read-only and says so, until all of it is loaded; what was chosen stays what was chosen.
pub async fn a_part_is_read_only<B: Backend>() -> Result<()> {
    let db = priced::<B>().await?;
    let em = db.em();
    let cheap = Author::BOOKS.filter(Book::PRICE.lt(3));
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon")).populate(cheap).await?;
    let foreign = em.find_one_or_fail(Book::PRICE.eq(10)).await?;
    assert!(jon.books_ref().is_partial() && !jon.books_ref().is_loaded());
    for refused in [
        jon.books_ref().add(&foreign),
        jon.books_ref().remove(&jon.books()[0]),
        jon.books_ref().set([&foreign]),
    ] {
        let error = refused.expect_err("it is a part");
        assert!(matches!(error, Error::PartialCollection { relation: "books", .. }), "{error:?}");
        assert!(error.to_string().contains(".load()"), "{error}");
    }
    assert!(matches!(jon.books_ref().items(), Err(Error::NotLoaded { .. })));
    assert!(em.flush_plan()?.is_empty());
    assert_eq!(jon.books_ref().count().await?, 4);
    assert_eq!(jon.books_ref().load().await?.len(), 4);
    assert!(!jon.books_ref().is_partial());
    jon.books_ref().add(&foreign)?;
    assert_eq!(jon.books_ref().count().await?, 5);
    assert_eq!(prices(&jon.books()), [1, 2]);
    em.flush().await?;
    assert_eq!(db.em().count(Book::AUTHOR.eq(1)).await?, 5);
    Ok(())
}

/// A part is never taken for the whole: not by a populate, not by other handles, and not by what arrives later.
pub async fn a_part_is_no_whole<B: Backend>() -> Result<()> {
    let db = priced::<B>().await?;
    let em = db.em();
    let part =
        em.find_one_or_fail(Author::NAME.eq("Jon")).populate(Author::BOOKS.limit_per_parent(1)).await?;
    assert!(matches!(part.without_hints().try_with(Author::BOOKS), Err(Error::NotLoaded { .. })));
    em.find_all::<Book>().await?;
    assert_eq!(prices(&part.books()), [1]);
    let whole = em.find_one_or_fail(Author::NAME.eq("Jon")).populate(Author::BOOKS).await?;
    assert_eq!(whole.books().len(), 4);
    let again = em.find_one_or_fail(Author::NAME.eq("Jon")).populate(Author::BOOKS.filter(Book::PRICE.gt(3)));
    assert_eq!(prices(&again.await?.books()), [4]);
    assert_eq!((whole.books().len(), prices(&part.books())), (4, vec![4]));

    let fourth = whole.books().iter().find(|book| book.get().price == 4).cloned();
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam")).await?;
    if let Some(book) = fourth {
        book.edit().author = sam.to_ref();
    }
    assert!(part.books().is_empty(), "it left");
    Ok(())
}

/// A removal takes along what a part does not show, and a flush lets go of nothing that it does not show.
pub async fn a_flush_knows_the_whole<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(household::entities).await?;
    let em = db.em();
    let home = em.persist(Household::default())?;
    for name in ["attic", "cellar", "kitchen"] {
        home.rooms_ref().add(Room::new(name))?;
    }
    em.flush().await?;
    let em = db.em();
    let part = Household::ROOMS.filter(Room::NAME.eq("attic"));
    let home = em.find_by_id_or_fail::<Household>(home.id()).populate(part).await?;
    home.rooms()[0].edit().name = "loft".into();
    em.flush().await?;
    assert_eq!(db.em().count_all::<Room>().await?, 3);
    em.remove(&home)?;
    em.flush().await?;
    assert_eq!(db.em().count_all::<Room>().await?, 0);
    Ok(())
}

/// Filters hold for what is chosen, and for what its conditions go through.
pub async fn filters_hold<B: Backend>() -> Result<()> {
    let db = newsroom::seeded::<B>().await?;
    let em = db.em();
    let long = || Publisher::ARTICLES.filter(newsroom::Article::WORDS.gte(50));
    let crow = em.find_one_or_fail(Publisher::NAME.eq("Crow")).populate(long()).await?;
    assert_eq!(crow.articles().len(), 2, "not the draft");
    let crow = em.find_one_or_fail(Publisher::NAME.eq("Crow")).without_filters().populate(long()).await?;
    assert_eq!(crow.articles().len(), 3);
    Ok(())
}
