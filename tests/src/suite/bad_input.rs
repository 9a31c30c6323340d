//! Input without sense, of every kind: a clear error, and nothing else has changed. What each error says is tested where
//! its subject is.

use orm_core::condition::{Expr, count_rows};
use orm_core::{Condition, EntityManager, Error, Result};

use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::{Backend, TestDb};

/// What the input with this number is, and what came of it; `None` behind the last.
async fn input(em: &EntityManager, number: usize) -> Option<(&'static str, Option<Error>)> {
    let books = || em.find_all::<Book>();
    let nan = Expr::<Book, f64>::sql("{} * 1.0", (Book::PRICE,)).gt(f64::NAN);
    Some(match number {
        0 => ("a value too many", em.sql("select 1", (1,)).fetch_one_as::<i64>().await.err()),
        1 => ("a value too few", em.sql("select {} + {}", (1,)).execute().await.err()),
        2 => ("text for a number", em.sql("select title from book", ()).fetch_as::<i64>().await.err()),
        3 => {
            let written = em.sql("update book set price = 0 returning title", ());
            ("a written row that does not fit", written.fetch_as::<i64>().await.err())
        }
        4 => ("no SQL", em.sql("selct title from book", ()).fetch_as::<String>().await.err()),
        5 => ("no table", em.sql("select id from nowhere", ()).execute().await.err()),
        6 => {
            let rows = em.sql("select title from book", ()).each_as(|_: String| Err(Error::other("enough")));
            ("rows that are left in the middle", rows.await.err())
        }
        7 => (
            "a fragment that ends early",
            em.count(Condition::<Book>::sql("1 = 1) or (1 = 1", ())).await.err(),
        ),
        8 => ("a fragment of nothing there", em.count(Condition::<Book>::sql("no_such = 1", ())).await.err()),
        9 => ("a cursor that is none", books().page(2).after("' or 1=1 --").err()),
        10 => {
            let cursor = books().order_by(Book::TITLE.asc()).page(1).await.ok()?.end_cursor?;
            ("a cursor of another order", books().page(2).after(cursor).err())
        }
        11 => ("a page of nothing", books().page(0).await.err()),
        12 => {
            let groups = books().select((Book::TITLE, count_rows())).group_by(Book::PRICE);
            ("a field outside the groups", groups.await.err())
        }
        13 => ("NaN", em.count(nan).await.err()),
        14 => ("NaN for groups", books().select(count_rows()).having(nan).await.err()),
        15 => ("a path that leads nowhere", books().populate_path("author.nowhere").err()),
        16 => ("a value that is taken", em.insert(Tag::new("war")).await.err()),
        17 => {
            let twice = ["one", "one"].map(Tag::new);
            ("one key twice", em.upsert_many(twice).on_conflict(Tag::LABEL).await.err())
        }
        18 => {
            let raised = em.update_many(Book::PRICE.gt(0)).set(Book::PRICE, Book::PRICE + i64::MAX);
            ("a number that is too large", raised.await.err())
        }
        19 => ("nothing to find", em.find_one_or_fail(Author::NAME.eq("Nobody")).await.err()),
        _ => return None,
    })
}

/// The rows that no bad input may change.
async fn content(em: &EntityManager) -> Result<(Vec<(String, i64)>, Vec<String>)> {
    let books = em.find_all::<Book>().select((Book::TITLE, Book::PRICE)).order_by(Book::TITLE.asc()).await?;
    let war = em.find(Tag::LABEL.in_(["war", "winter", "one"])).select(Tag::LABEL).order_by(Tag::LABEL.asc());
    Ok((books, war.await?))
}

/// By itself: the connection is free and in no transaction, and the context goes on.
pub async fn bad_input_leaves_the_connection_clean<B: Backend>() -> Result<()> {
    let db: TestDb = blog::seeded::<B>().await?;
    let em = db.em();
    let before = content(&em).await?;
    let mut number = 0;
    while let Some((what, error)) = input(&em, number).await {
        assert!(error.is_some(), "{what} is taken");
        db.begin_and_roll_back().await?;
        assert_eq!(content(&em).await?, before, "{what}");
        assert!(!em.is_in_transaction(), "{what}");
        em.flush().await?;
        number += 1;
    }
    assert_eq!(number, 20);
    Ok(())
}

/// Where a failed statement leaves its transaction without use, under a savepoint.
async fn in_transaction<B: Backend>(em: &EntityManager, number: usize) -> Result<&'static str> {
    let mut what = "";
    let mut tried = async |em: &EntityManager| {
        let (input, error) = input(em, number).await.expect("there are as many");
        what = input;
        error.map_or(Ok(()), Err)
    };
    let outcome = match B::facts().goes_on_after_failure {
        true => tried(em).await,
        false => em.transactional(async |em| tried(&em).await).await,
    };
    assert!(outcome.is_err(), "{what} is taken");
    Ok(what)
}

/// In a transaction: what was done before it and what is done after it is committed, and nothing of it.
pub async fn bad_input_leaves_its_transaction_clean<B: Backend>() -> Result<()> {
    let db: TestDb = blog::seeded::<B>().await?;
    let em = db.em();
    let before = content(&em).await?;
    for number in 0..20 {
        let labels = ["before", "after"].map(|when| format!("{when} {number}"));
        em.transactional(async |em| {
            em.persist(Tag::new(&labels[0]))?;
            em.flush().await?;
            let what = in_transaction::<B>(&em, number).await?;
            assert_eq!(content(&em).await?, before, "{what}");
            em.persist(Tag::new(&labels[1]))?;
            Ok(())
        })
        .await?;
        db.begin_and_roll_back().await?;
        assert_eq!(db.em().count(Tag::LABEL.in_(labels)).await?, 2, "{number}");
    }
    assert_eq!(content(&db.em()).await?, before);
    Ok(())
}
