//! What a query would send, and how the database would go about it.

use orm_core::condition::count_rows;
use orm_core::driver::StatementText;
use orm_core::{Error, FlushMode, Result, Value};

use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::{Backend, Operation};

fn int(number: i64) -> Value {
    Value::Int(number)
}

/// The text of each kind of query, with its values beside it and not in it. Nothing is sent.
pub async fn statements_are_shown_without_sending_them<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let shown = |statement: StatementText, values: &[Value]| {
        assert!(!statement.text.contains("4711"), "{statement:?}");
        assert_eq!(statement.values, values, "{statement:?}");
        statement.text.to_lowercase()
    };
    let dear = || Book::PRICE.gt(4711);
    let text = shown(em.find(dear()).limit(8).offset(9).to_sql()?, &[int(4711), int(8), int(9)]);
    assert!(text.contains("book") && text.contains("title") && text.contains("limit"), "{text}");
    shown(em.find_one(dear()).to_sql()?, &[int(4711), int(1)]);
    shown(em.find_one_or_fail(dear()).to_sql()?, &[int(4711), int(1)]);
    shown(em.find(dear()).populate(Book::TAGS).to_sql()?, &[int(4711)]);
    shown(em.find(dear()).page(20).to_sql()?, &[int(4711), int(21)]);
    let text = shown(em.count(dear()).to_sql()?, &[int(4711)]);
    assert!(text.contains("count("), "{text}");
    let text = shown(
        em.find(dear())
            .select((Book::AUTHOR.field(Author::NAME), count_rows()))
            .group_by(Book::AUTHOR.field(Author::NAME))
            .to_sql()?,
        &[int(4711)],
    );
    assert!(text.contains("group by") && !text.contains("title"), "{text}");
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// `Debug` tells what kind of values there are, and none of them.
pub async fn values_are_hidden_in_debug<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let statement = db.em().find(Author::EMAIL.eq("secret@wall.org")).to_sql()?;
    assert_eq!(statement.values, [Value::Text("secret@wall.org".to_owned())]);
    let debug = format!("{statement:?}");
    assert!(debug.contains("email") && debug.contains("text") && !debug.contains("secret"), "{debug}");
    Ok(())
}

/// The statement is the one that awaiting the query would send, filters and references of the context included; what
/// is pending is neither flushed nor lost.
pub async fn showing_a_statement_flushes_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    em.transactional(async |em| {
        jon.edit().age = Some(30);
        db.recorder.reset();
        let find = em.find(Author::AGE.eq(30)).flush_mode(FlushMode::Always);
        find.to_sql()?;
        assert!(em.find(Book::AUTHOR.eq(&jon)).to_sql()?.values.contains(&int(jon.id())));
        assert_eq!(db.statements(), 0);
        find.explain().await?;
        assert_eq!(db.recorder.operations(), [Operation::Explain("Author".to_owned())]);
        assert_eq!(find.await?.len(), 1);
        Ok(())
    })
    .await
}

/// The plan of each kind of query tells how it finds its rows, by one statement that reads none of them.
pub async fn the_plan_is_told_in_lines<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let plans = [
        em.find(Tag::LABEL.eq("x")).order_by(Tag::ID.asc()).explain().await?,
        em.find_one(Tag::LABEL.eq("x")).explain().await?,
        em.find_all::<Tag>().page(3).explain().await?,
        em.count(Tag::LABEL.eq("x")).explain().await?,
        em.find(Tag::LABEL.eq("x")).select(Tag::LABEL).explain().await?,
    ];
    for plan in &plans {
        assert!(!plan.is_empty() && plan.iter().all(|line| !line.trim().is_empty()), "{plan:?}");
    }
    // A row found by its unique label is not found by going through the table.
    assert_ne!(plans[1], plans[2]);
    assert_eq!((db.statements(), em.managed_count()?), (5, 0));
    // The connection is as clean as before.
    assert_eq!(em.count_all::<Tag>().await?, 2);
    db.begin_and_roll_back().await
}

/// What the query would refuse is refused here too, before anything is sent.
pub async fn what_a_query_refuses_is_not_shown<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let error = db.em().find_all::<Book>().page(0).to_sql().expect_err("a page of nothing");
    assert!(matches!(error, Error::PageSize { .. }), "{error:?}");
    let error = db.em().find_all::<Book>().select((Book::TITLE, count_rows())).explain().await;
    assert!(matches!(error, Err(Error::Ungrouped { .. })), "{error:?}");
    let error = db.orm.em().find_all::<Book>().to_sql().expect_err("no context");
    assert!(matches!(error, Error::GlobalContext { method: "to_sql", .. }), "{error:?}");
    assert_eq!(db.statements(), 0);
    Ok(())
}
