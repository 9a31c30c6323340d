//! Pages by cursor: the same sequence as one query, whatever comes and goes between them.

use orm_core::condition::count_rows;
use orm_core::{CursorProblem, Error, Loaded, OrderBy, Page, Ref, Result};

use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::fixtures::keys::{self, Order, OrderLine};
use crate::fixtures::stock::{self, Product};
use crate::{Backend, Operation, TestDb};

/// Twelve authors, whose ages and emails are shuffled, with ties and NULLs.
async fn people<B: Backend>() -> Result<TestDb> {
    let db = blog::empty::<B>().await?;
    let ages = [Some(30), None, Some(10), Some(20), None, Some(10), None, Some(30), Some(20), None, Some(5)];
    let people = ages.into_iter().enumerate().map(|(at, age)| Author {
        age,
        email: (at % 3 == 0).then(|| format!("{}@x", (at * 7) % 11)),
        ..Author::new(["b", "a", "c"][at % 3])
    });
    db.em().insert_many(people).await?;
    db.recorder.reset();
    Ok(db)
}

fn orders() -> Vec<OrderBy<Author>> {
    vec![
        vec![].into(),
        Author::AGE.asc(),
        Author::AGE.desc(),
        Author::AGE.asc().nulls_first(),
        Author::AGE.asc().nulls_last(),
        Author::AGE.desc().nulls_first(),
        Author::AGE.desc().nulls_last(),
        (Author::NAME.desc(), Author::AGE.asc()).into(),
        (Author::EMAIL.desc().nulls_first(), Author::AGE.desc().nulls_last(), Author::ID.desc()).into(),
    ]
}

fn ids(authors: &[Loaded<Author>]) -> Vec<i64> {
    authors.iter().map(Loaded::id).collect()
}

fn cursor(cursor: &Option<String>) -> &str {
    cursor.as_deref().expect("a page with items has cursors")
}

/// Forwards and then back again, by any size, pages give what one query gives, each by one statement.
pub async fn pages_are_what_one_query_gives<B: Backend>() -> Result<()> {
    let db = people::<B>().await?;
    for order in orders() {
        let all = || db.em().find(Author::NAME.ne("none")).order_by(order.clone());
        let expected = ids(&all().order_by(Author::ID.asc()).await?);
        assert_eq!(expected.len(), 11);
        for size in 1..=12 {
            let mut pages = vec![all().page(size).await?];
            while pages[pages.len() - 1].has_next {
                db.recorder.reset();
                let next = all().page(size).after(cursor(&pages[pages.len() - 1].end_cursor))?.await?;
                assert_eq!(db.statements(), 1);
                assert!(next.has_previous);
                pages.push(next);
            }
            assert!(!pages[0].has_previous);
            let forwards: Vec<i64> = pages.iter().flat_map(|page| ids(&page.items)).collect();
            assert_eq!(forwards, expected, "{order:?} by {size}");

            let mut back = pages.pop().expect("there is one");
            while let Some(page) = pages.pop() {
                assert!(back.has_previous);
                db.recorder.reset();
                back = all().page(size).before(cursor(&back.start_cursor))?.await?;
                assert_eq!(db.statements(), 1);
                assert_eq!(ids(&back.items), ids(&page.items), "{order:?} by {size}");
                assert!(back.has_next);
            }
            assert!(!back.has_previous, "{order:?} by {size}");
        }
    }
    Ok(())
}

/// Rows that come and go between two pages, that of the cursor too, let none be left out or come twice.
pub async fn what_comes_and_goes_between_pages_shifts_nothing<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    em.insert_many(["b", "d", "f", "h", "j"].map(Tag::new)).await?;
    let all = || db.em().find_all::<Tag>().order_by(Tag::LABEL.asc());
    let labels = |page: &Page<Loaded<Tag>>| {
        page.items.iter().map(|tag| tag.get().label.clone()).collect::<Vec<_>>().join("")
    };
    let first = all().page(2).await?;
    assert_eq!(labels(&first), "bd");
    // Before the cursor two rows come, and the row of the cursor goes.
    em.insert_many(["a", "c"].map(Tag::new)).await?;
    em.delete_many(Tag::LABEL.eq("d")).await?;
    let second = all().page(2).after(cursor(&first.end_cursor))?.await?;
    assert_eq!((labels(&second), second.has_previous), ("fh".to_owned(), true));
    em.insert_many([Tag::new("i")]).await?;
    let third = all().page(2).after(cursor(&second.end_cursor))?.await?;
    assert_eq!((labels(&third), third.has_next), ("ij".to_owned(), false));
    let back = all().page(2).before(cursor(&second.start_cursor))?.await?;
    assert_eq!((labels(&back), back.has_next, back.has_previous), ("bc".to_owned(), true, true));
    Ok(())
}

/// Behind the last row there is an empty page, which says what lies before it; without any row, nothing lies anywhere.
pub async fn an_empty_page_has_no_cursors<B: Backend>() -> Result<()> {
    let db = people::<B>().await?;
    let em = db.em();
    let all = em.find_all::<Author>().page(11).await?;
    assert!(!all.has_next);
    let behind = em.find_all::<Author>().page(1).after(cursor(&all.end_cursor))?.await?;
    assert!(behind.items.is_empty() && behind.has_previous && !behind.has_next);
    assert_eq!((behind.start_cursor, behind.end_cursor), (None, None));
    let none = em.find(Author::NAME.eq("none")).page(u64::MAX).await?;
    assert!(none.items.is_empty() && !none.has_previous && !none.has_next);
    Ok(())
}

/// A page is populated by one statement a relation, for its own rows alone; instances are those of the context.
pub async fn a_page_is_populated<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    db.recorder.reset();
    let books = || em.find_all::<Book>().populate((Book::AUTHOR, Book::TAGS)).order_by(Book::TITLE.desc());
    let page = books().page(2).await?;
    assert_eq!(
        (page.items[0].get().title.as_str(), page.items[0].author().get().name.as_str()),
        ("The Wall", "Jon Snow")
    );
    assert_eq!(page.items[1].tags().len(), 2);
    assert!(page.items[0] == wall);
    assert_eq!(db.statements(), 3);
    let next = books().page(2).after(cursor(&page.end_cursor))?.await?;
    assert_eq!((next.items.len(), next.has_next), (1, false));
    let json = serde_json::to_value(&next).map_err(Error::other)?;
    assert_eq!(json["items"][0]["title"], "A Clash");
    assert_eq!(json["has_previous"], true);
    Ok(())
}

/// Numbers of relations come with a page too, by one statement more each.
pub async fn a_page_has_numbers_of_relations<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let page = em.find_all::<Book>().with_count(Book::TAGS).order_by(Book::TITLE.asc()).page(2).await?;
    assert_eq!(page.items.iter().map(|book| book.count_of(Book::TAGS)).collect::<Vec<_>>(), [2, 2]);
    assert!(page.has_next);
    assert_eq!(db.statements(), 2);
    Ok(())
}

/// A row that is scheduled to be removed is on no page, and takes no place on one; an unsaved edit moves no row.
pub async fn pending_changes_do_not_shift_pages<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    em.insert_many(["a", "b", "c", "d", "e"].map(Tag::new)).await?;
    em.remove(em.find_one_or_fail(Tag::LABEL.eq("b")).await?)?;
    let all = || em.find_all::<Tag>().order_by(Tag::LABEL.asc());
    let first = all().page(2).await?;
    let last = first.items.last().expect("there are two");
    assert_eq!(last.get().label, "c");
    last.edit().label = "z".to_owned();
    let again = all().page(2).await?;
    let next = all().page(2).after(cursor(&again.end_cursor))?.await?;
    assert_eq!(next.items.iter().map(|tag| tag.get().label.clone()).collect::<Vec<_>>(), ["d", "e"]);
    assert!(!next.has_next);
    Ok(())
}

/// Keys of several columns and references in keys decide between equals too.
pub async fn composite_keys_are_gone_through<B: Backend>() -> Result<()> {
    let db = stock::seeded::<B>().await?;
    let em = db.em();
    em.insert_many([("B", 1), ("B", 2), ("A", 3)].map(|(sku, variant)| Product::new(sku, variant))).await?;
    let expected = [("A", 1), ("A", 2), ("A", 3), ("B", 1), ("B", 2)].map(|(a, b)| (a.to_owned(), b));
    for size in 1..=5 {
        let (mut seen, mut page) = (Vec::new(), em.find_all::<Product>().page(size).await?);
        loop {
            seen.extend(page.items.iter().map(Loaded::id));
            if !page.has_next {
                break;
            }
            page = em.find_all::<Product>().page(size).after(cursor(&page.end_cursor))?.await?;
        }
        assert_eq!(seen, expected, "by {size}");
    }

    let db = keys::empty::<B>().await?;
    let em = db.em();
    let orders = em.insert_many([Order::default(), Order::default()]).await?;
    let line = |order, position| OrderLine { order: Ref::key(order), position, ..OrderLine::default() };
    em.insert_many(orders.iter().flat_map(|order| [2, 1, 3].map(|position| line(*order, position)))).await?;
    let lines = || em.find_all::<OrderLine>().order_by(OrderLine::POSITION.desc());
    let first = lines().page(4).await?;
    let second = lines().page(4).after(cursor(&first.end_cursor))?.await?;
    let back = lines().page(3).before(cursor(&second.start_cursor))?.await?;
    let positions = |page: &Page<Loaded<OrderLine>>| {
        page.items.iter().map(|line| line.get().position).collect::<Vec<_>>()
    };
    assert_eq!(positions(&first), [3, 3, 2, 2]);
    assert_eq!(positions(&second), [1, 1]);
    assert_eq!(positions(&back), [3, 2, 2]);
    Ok(())
}

/// Whatever one character of a cursor becomes, and wherever it is cut, nothing is sent.
pub async fn a_tampered_cursor_is_refused<B: Backend>() -> Result<()> {
    let db = people::<B>().await?;
    let em = db.em();
    let page = em.find_all::<Author>().order_by(Author::NAME.asc()).page(1).await?;
    let good = cursor(&page.end_cursor);
    assert!(good.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{good}");
    db.recorder.reset();
    let refused = |bad: &str| {
        let find = em.find_all::<Author>().order_by(Author::NAME.asc());
        let error = find.page(1).after(bad).expect_err("it is no cursor");
        let damaged = matches!(error, Error::Cursor { entity: "Author", problem: CursorProblem::Damaged });
        assert!(damaged, "{bad}: {error:?}");
        assert!(error.to_string().contains("ask for the first page"), "{error}");
    };
    for at in 0..good.len() {
        refused(&good[..at]);
        for digit in "AZaz09-_=+ '".chars().filter(|digit| !good[at..].starts_with(*digit)) {
            refused(&format!("{}{digit}{}", &good[..at], &good[at + 1..]));
        }
    }
    for bad in ["", "é", "' or 1=1 --", "\0", &good.repeat(2), &format!("{good}=")] {
        refused(bad);
    }
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A cursor of another entity or order says so, before anything is sent; one of another condition is welcome.
pub async fn a_cursor_of_another_query_is_refused<B: Backend>() -> Result<()> {
    let db = people::<B>().await?;
    let em = db.em();
    let page = em.find_all::<Author>().order_by(Author::NAME.asc()).page(2).await?;
    let good = cursor(&page.end_cursor);
    db.recorder.reset();
    let others: [OrderBy<Author>; 5] = [
        Author::NAME.desc(),
        Author::NAME.asc().nulls_last(),
        Author::AGE.asc(),
        (Author::NAME.asc(), Author::AGE.asc()).into(),
        (Author::NAME.asc(), Author::ID.desc()).into(),
    ];
    for other in others {
        let error = em.find_all::<Author>().order_by(other).page(2).before(good).expect_err("another order");
        assert!(matches!(error, Error::Cursor { problem: CursorProblem::OtherOrder, .. }), "{error:?}");
        assert!(error.to_string().contains("order this query"), "{error}");
    }
    let error = em.find_all::<Tag>().order_by(Tag::LABEL.asc()).page(2).after(good).expect_err("another");
    assert!(matches!(error, Error::Cursor { problem: CursorProblem::OtherEntity, .. }), "{error:?}");
    assert_eq!(db.statements(), 0);
    let narrowed = em.find(Author::AGE.is_null()).order_by(Author::NAME.asc()).page(20).after(good)?.await?;
    assert_eq!(narrowed.items.len(), 2);
    Ok(())
}

/// What no page can be is refused before anything is sent, with the cure.
pub async fn a_page_of_nothing_is_refused<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let error = em.find_all::<Book>().page(0).await.expect_err("of nothing");
    assert!(matches!(error, Error::PageSize { entity: "Book" }), "{error:?}");
    let error = em.find_all::<Book>().limit(3).page(2).await.expect_err("a limit");
    assert!(matches!(error, Error::PageLimit { .. }), "{error:?}");
    let error = em.find_all::<Book>().offset(3).page(2).await.expect_err("an offset");
    assert!(matches!(error, Error::PageLimit { .. }), "{error:?}");
    let by_number = count_rows::<Book>().asc();
    let error = em.find_all::<Book>().order_by(by_number).page(2).await.expect_err("of a group");
    let Error::KeysetOrder { reading: "a page", field, .. } = &error else { panic!("{error:?}") };
    assert_eq!(field, "count(*)");
    assert_eq!(db.recorder.operations(), [] as [Operation; 0]);
    let error = db.orm.em().find_all::<Book>().page(2).await.expect_err("no context");
    assert!(matches!(error, Error::GlobalContext { method: "page", .. }), "{error:?}");
    Ok(())
}
