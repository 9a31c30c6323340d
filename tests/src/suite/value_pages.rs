//! Pages by cursor in orders by related and computed values, and pages of values instead of entities.

use futures::StreamExt as _;
use orm_core::{CursorProblem, Error, Expr, Loaded, OrderBy, Page, Ref, Result, View};

use crate::fixtures::blog::{self, Author, Book, Publisher};
use crate::fixtures::newsroom::{self, Article, Editor};
use crate::{Backend, TestDb};

/// Eleven books of four authors, with ties, books without a publisher, and authors without an age or a mentor.
async fn library<B: Backend>() -> Result<TestDb> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let jon = em.persist(Author { age: Some(30), ..Author::new("Jon") })?;
    let sam = em.persist(Author { mentor: (&jon).into(), ..Author::new("Sam") })?;
    let arya = em.persist(Author { age: Some(30), mentor: (&sam).into(), ..Author::new("arya") })?;
    let bran = em.persist(Author { age: Some(-7), ..Author::new("Bran") })?;
    let publishers = ["Ravens", "Crows"].map(|name| Publisher { name: name.into(), ..Publisher::default() });
    let publishers = publishers.map(|one| em.persist(one)).into_iter().collect::<Result<Vec<_>>>()?;
    for number in 0..11_usize {
        let author = [&jon, &sam, &arya, &bran][(number * 3) % 4];
        let publisher = publishers.get(number % 3).map(Ref::from);
        let price = [5, -2, 9][number % 3];
        em.persist(Book { price, publisher, ..Book::new(["b", "A", "c", "B"][number % 4], author) })?;
    }
    em.flush().await?;
    db.recorder.reset();
    Ok(db)
}

fn orders() -> Vec<OrderBy<Book>> {
    vec![
        Book::AUTHOR.order(Author::NAME.asc()),
        Book::AUTHOR.order(Author::AGE.desc().nulls_first()),
        Book::AUTHOR.order(Author::AGE.asc().nulls_last()),
        (Book::PUBLISHER.order(Publisher::NAME.desc()), Book::PRICE.asc()).into(),
        Book::PUBLISHER.order(Publisher::NAME.asc().nulls_last()),
        Book::AUTHOR.field(Author::MENTOR.field(Author::NAME)).asc().nulls_first(),
        Book::AUTHOR.order(Author::MENTOR.order(Author::AGE.desc())),
        Book::TITLE.lower().desc(),
        (Book::PRICE * -2).asc(),
        ((Book::PRICE % 3).desc().nulls_last(), Book::TITLE.lower().asc()).into(),
        Book::AUTHOR.field(Author::AGE).coalesce(0).desc(),
        Expr::<Book, i64>::sql("abs({} - {})", (Book::PRICE, 4)).asc(),
        (Book::PUBLISHER.key().asc().nulls_first(), Book::ID.desc()).into(),
    ]
}

fn cursor(cursor: &Option<String>) -> &str {
    cursor.as_deref().expect("a page with items has cursors")
}

fn ids(books: &[Loaded<Book>]) -> Vec<i64> {
    books.iter().map(Loaded::id).collect()
}

/// Forwards and then back, pages of entities are what one query gives, each by one statement.
pub async fn pages_go_by_related_and_computed_values<B: Backend>() -> Result<()> {
    let db = library::<B>().await?;
    for order in orders() {
        let em = db.em();
        let all = || em.find(Book::PRICE.gt(-5)).order_by(order.clone());
        let expected = ids(&all().order_by(Book::ID.asc()).await?);
        for size in [1, 2, 4, 11] {
            let mut pages: Vec<Page<Loaded<Book>>> = vec![all().page(size).await?];
            while pages[pages.len() - 1].has_next {
                db.recorder.reset();
                pages.push(all().page(size).after(cursor(&pages[pages.len() - 1].end_cursor))?.await?);
                assert_eq!(db.statements(), 1);
            }
            let forwards: Vec<i64> = pages.iter().flat_map(|page| ids(&page.items)).collect();
            assert_eq!(forwards, expected, "{order:?} by {size}");
            let mut back = pages.pop().expect("there is one");
            while let Some(page) = pages.pop() {
                back = all().page(size).before(cursor(&back.start_cursor))?.await?;
                assert_eq!(ids(&back.items), ids(&page.items), "{order:?} by {size}");
            }
            assert!(!back.has_previous, "{order:?} by {size}");
        }
    }
    Ok(())
}

/// What is selected need not hold what the rows are ordered by, nor their key.
pub async fn pages_of_values_are_what_one_query_gives<B: Backend>() -> Result<()> {
    let db = library::<B>().await?;
    let em = db.em();
    for order in orders() {
        let all = || em.find_all::<Book>().select((Book::TITLE, Book::PRICE)).order_by(order.clone());
        let expected = all().order_by(Book::ID.asc()).await?;
        assert_eq!(expected.len(), 11);
        for size in [1, 3, 11] {
            let mut pages = vec![all().page(size).await?];
            while pages[pages.len() - 1].has_next {
                db.recorder.reset();
                pages.push(all().page(size).after(cursor(&pages[pages.len() - 1].end_cursor))?.await?);
                assert_eq!((db.statements(), em.managed_count()?), (1, 0));
            }
            let forwards: Vec<_> = pages.iter().flat_map(|page| page.items.clone()).collect();
            assert_eq!(forwards, expected, "{order:?} by {size}");
            let mut back = pages.pop().expect("there is one");
            while let Some(page) = pages.pop() {
                back = all().page(size).before(cursor(&back.start_cursor))?.await?;
                assert_eq!(back.items, page.items, "{order:?} by {size}");
                assert!(back.has_next);
            }
            assert!(!back.has_previous);
        }
    }
    Ok(())
}

/// Lists of views are read for the rows of the page alone; a cursor of entities fits, and its JSON is the page's.
pub async fn a_page_of_views_has_their_lists<B: Backend>() -> Result<()> {
    #[derive(View, serde::Serialize, Debug)]
    #[view(of = Author)]
    struct Shelf {
        name: String,
        #[view(nested)]
        books: Vec<Title>,
    }
    #[derive(View, serde::Serialize, Debug)]
    #[view(of = Book)]
    struct Title {
        title: String,
    }
    let db = library::<B>().await?;
    let em = db.em();
    let all = || em.find_all::<Author>().order_by(Author::AGE.asc().nulls_last());
    let first = all().page(2).await?;
    db.recorder.reset();
    let second = all().view::<Shelf>().page(2).after(cursor(&first.end_cursor))?.await?;
    assert_eq!(db.statements(), 2);
    let shelves: Vec<_> = second.items.iter().map(|shelf| (&*shelf.name, shelf.books.len())).collect();
    assert_eq!(shelves, [("arya", 3), ("Sam", 2)]);
    assert_eq!((second.has_next, second.has_previous), (false, true));
    let json = serde_json::to_value(&second).map_err(Error::other)?;
    assert_eq!(json["items"][0]["books"][0]["title"], "c");
    assert_eq!(json["start_cursor"], cursor(&second.start_cursor));
    let text = all().view::<Shelf>().page(2).after(cursor(&first.end_cursor))?.to_sql()?;
    assert!(text.values.len() >= 2, "{text:?}");
    Ok(())
}

/// A stream goes on from chunk to chunk in such an order too.
pub async fn streams_go_by_related_values<B: Backend>() -> Result<()> {
    let db = library::<B>().await?;
    for order in orders() {
        let em = db.em();
        let all = || em.find_all::<Book>().order_by(order.clone());
        let expected = ids(&all().order_by(Book::ID.asc()).await?);
        let mut stream = all().stream().chunk_size(3);
        let mut streamed = Vec::new();
        while let Some(book) = stream.next().await {
            streamed.push(book?.id());
        }
        assert_eq!(streamed, expected, "{order:?}");
    }
    Ok(())
}

/// A cursor is of the very expression that it was made in: fields, functions and values.
pub async fn cursors_know_what_is_computed<B: Backend>() -> Result<()> {
    let db = library::<B>().await?;
    let em = db.em();
    let by = |order: OrderBy<Book>| em.find_all::<Book>().select(Book::ID).order_by(order);
    let page = by((Book::PRICE * 2).asc()).page(2).await?;
    let good = cursor(&page.end_cursor);
    db.recorder.reset();
    for other in [
        (Book::PRICE * -2).asc(),
        (Book::PRICE + 2).asc(),
        (Book::PRICE * 2).desc(),
        Book::PRICE.asc(),
        Book::AUTHOR.order(Author::ID.asc()),
        Book::AUTHOR.field(Author::ID).asc().nulls_last(),
    ] {
        let error = by(other).page(2).after(good).expect_err("another order");
        assert!(matches!(error, Error::Cursor { problem: CursorProblem::OtherOrder, .. }), "{error:?}");
    }
    for at in 0..good.len() {
        let error = by((Book::PRICE * 2).asc()).page(2).before(&good[..at]).expect_err("a part");
        assert!(matches!(error, Error::Cursor { problem: CursorProblem::Damaged, .. }), "{error:?}");
    }
    assert_eq!(db.statements(), 0);
    assert_eq!(by((Book::PRICE * 2).asc()).page(20).after(good)?.await?.items.len(), 9);
    Ok(())
}

/// What has no row of its own, no order or no size can't be read by pages, and says so before anything is sent.
pub async fn groups_have_no_pages<B: Backend>() -> Result<()> {
    let db = library::<B>().await?;
    let em = db.em();
    let titles = || em.find_all::<Book>().select(Book::TITLE);
    for groups in [titles().distinct(), titles().group_by(Book::TITLE)] {
        let error = groups.page(2).await.expect_err("groups");
        assert!(matches!(error, Error::PageOfGroups { entity: "Book" }), "{error:?}");
    }
    let error = em.find_all::<Book>().select(Book::PRICE.sum()).page(2).await.expect_err("one group");
    assert!(matches!(error, Error::PageOfGroups { .. }), "{error:?}");
    let error = titles().page(0).await.expect_err("of nothing");
    assert!(matches!(error, Error::PageSize { .. }), "{error:?}");
    let error = titles().limit(1).page(2).await.expect_err("a limit");
    assert!(matches!(error, Error::PageLimit { .. }), "{error:?}");
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A cursor holds no value of a row that a filter hides, and pages go on past such rows.
pub async fn pages_tell_nothing_of_hidden_rows<B: Backend>() -> Result<()> {
    let db = newsroom::seeded::<B>().await?;
    let em = db.em();
    let all = || em.find_all::<Article>().order_by(Article::EDITOR.order(Editor::NAME.asc().nulls_first()));
    let first = all().page(1).await?;
    assert_eq!(first.items[0].get().title, "Watch");
    let bob = em.find_all::<Article>().without_filters().order_by(Article::EDITOR.order(Editor::NAME.desc()));
    let bob = bob.page(1).await?;
    assert_ne!(cursor(&first.end_cursor).len(), cursor(&bob.end_cursor).len(), "NULL and a name");
    let rest = all().page(5).after(cursor(&first.end_cursor))?.await?;
    let titles: Vec<String> = rest.items.iter().map(|one| one.get().title.clone()).collect();
    assert_eq!(titles, ["Wall", "Egg"]);
    let values = all().select(Article::TITLE).page(5).after(cursor(&first.end_cursor))?.await?;
    assert_eq!(values.items, ["Wall", "Egg"]);
    Ok(())
}
