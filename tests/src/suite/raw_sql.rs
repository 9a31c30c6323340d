//! Raw SQL: text that the program trusts, values that are bound, on the context's own connection.
//!
//! The text here is what every database that speaks SQL takes.

use std::error::Error as _;

use orm_core::condition::Expr;
use orm_core::driver::DriverErrorKind;
use orm_core::{Condition, EntityManager, Error, FlushMode, FromRow, Result, Sql, sql};

use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::{Backend, Fault, Operation, TestDb};

/// Values go into `{}`, rows come out as tuples, single values or one by one; one statement each, nothing is managed.
pub async fn rows_are_read_into_tuples<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let rows: Vec<(i64, String, Option<i64>)> = em
        .sql(
            "select price, title, publisher_id from book where title <> {} and price > {} order by title",
            ("A Storm", 9),
        )
        .fetch_as()
        .await?;
    assert_eq!(rows, [(10, "A Clash".into(), Some(1)), (10, "The Wall".into(), Some(1))]);
    let titles: Vec<String> = em.sql("select title from book order by title", ()).fetch_as().await?;
    assert_eq!(titles, ["A Clash", "A Storm", "The Wall"]);
    let names = ["Jon Snow", "Sam Tarly"];
    let emails: Vec<Option<String>> =
        em.sql("select email from author where name in ({}, {}) order by id", names).fetch_as().await?;
    assert_eq!(emails, [Some("jon@wall.org".into()), None]);
    let one: (i64,) = em.sql("select count(*) from book", ()).fetch_one_as().await?;
    assert_eq!(one, (3,));
    let none: Option<i64> =
        em.sql("select id from book where price = {}", &[99_i64][..]).fetch_optional_as().await?;
    assert_eq!(none, None);
    let none = em.sql("select id from book where price = {}", vec![99_i64]).fetch_one_as::<i64>().await;
    assert!(matches!(none, Err(Error::NotFound { .. })));
    let mut lengths = Vec::new();
    let each = em.sql("select title from book order by title", ());
    each.each_as(|title: String| {
        lengths.push(title.len());
        Ok(())
    })
    .await?;
    assert_eq!(lengths, [7, 7, 8]);
    assert_eq!((db.statements(), em.managed_count()?), (7, 0));
    assert!(db.recorder.operations().iter().all(|operation| *operation == Operation::Raw));
    Ok(())
}

/// A write gives the number of rows; by itself it is one statement, in a transaction it is taken back with it.
pub async fn a_write_says_how_many_rows<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let changed =
        em.sql("update book set price = price + {} where title like {}", (5, "A %")).execute().await?;
    assert_eq!((changed, db.statements()), (2, 1));
    let undone: Result<()> = em
        .transactional(async |em| {
            assert_eq!(em.sql("delete from profile", ()).execute().await?, 2);
            let left: i64 = em.sql("select count(*) from profile", ()).fetch_one_as().await?;
            assert_eq!(left, 0);
            Err(Error::other("no"))
        })
        .await;
    assert!(undone.is_err());
    assert_eq!(em.sql("select count(*) from profile", ()).fetch_one_as::<i64>().await?, 2);
    Ok(())
}

/// What is bound is data, whatever is in it; what looks like a placeholder in quotes is text.
pub async fn values_are_never_text<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    for hostile in ["'; drop table tag; --", "\" or 1=1", "{}", "?", "$1", ":a", "\\", "a\u{1F600}'"] {
        em.sql("insert into tag (label) values ({})", (hostile,)).execute().await?;
        let read: String =
            em.sql("select label from tag where label = {}", (hostile,)).fetch_one_as().await?;
        assert_eq!(read, hostile);
    }
    let text: String = em.sql("select concat('? {{}} ''x'' :a $1', {})", ("!",)).fetch_one_as().await?;
    assert_eq!(text, "? {} 'x' :a $1!");
    let table = "tag";
    let count: i64 = em.sql(Sql::trusted(format!("select count(*) from {table}")), ()).fetch_one_as().await?;
    assert_eq!(count, 8);
    Ok(())
}

/// In a transaction the statement sees what is not flushed; outside, as `FlushMode::Always` says.
pub async fn pending_changes_are_flushed_before<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let count = async |em: &EntityManager| em.sql("select count(*) from tag", ()).fetch_one_as::<i64>().await;
    em.persist(Tag::new("ice"))?;
    assert_eq!(count(&em).await?, 0);
    em.transactional(async |em| {
        em.persist(Tag::new("fire"))?;
        assert_eq!(count(&em).await?, 2);
        em.persist(Tag::new("earth"))?;
        assert_eq!(em.sql("update tag set label = concat(label, '!')", ()).execute().await?, 3);
        Ok(())
    })
    .await?;
    em.persist(Tag::new("air"))?;
    let seen = em.sql("select count(*) from tag", ()).flush_mode(FlushMode::Always);
    assert_eq!(seen.fetch_one_as::<i64>().await?, 4);
    Ok(())
}

/// Text that can't be one statement with its values never reaches the database, and the error says what to do.
pub async fn text_without_sense_is_refused<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let refused = [
        ("", "empty"),
        ("select {", "byte 7"),
        ("select }", "byte 7"),
        ("select {title} from book", "sql!"),
        ("select {} from book", "1 place(s)"),
        ("select 1\0", "NUL"),
        ("delete from tag; delete from book", "several statements"),
        ("select '{{}}", "not closed"),
        ("-- nothing", "no statement"),
        ("commit", "em.transactional"),
        ("/* a */ begin", "em.transactional"),
    ];
    for (text, expected) in refused {
        let error = em.sql(text, ()).execute().await.expect_err(text);
        assert!(matches!(error, Error::SqlText { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let error = em.sql("select 1", (1,)).fetch_one_as::<i64>().await.expect_err("a value too many");
    assert_eq!(
        error.to_string(),
        "`select 1`: it has 0 place(s) `{}` and was given 1 value(s); give as many"
    );
    let error = em.sql("select '{}'", (1,)).fetch_one_as::<i64>().await.expect_err("quotes");
    assert!(error.to_string().contains("leave the quotes out"), "{error}");
    let error = em.sql("select {}", (u64::MAX,)).fetch_one_as::<i64>().await.expect_err("too large");
    assert!(matches!(error, Error::SqlText { .. }), "{error:?}");
    if !B::facts().keeps_nan {
        let error = em.sql("select {}", (f64::NAN,)).fetch_one_as::<f64>().await.expect_err("no number");
        assert!(error.to_string().contains("a value can't be bound"), "{error}");
    }
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// The database's own words come through, with the text and without values; the context goes on.
pub async fn errors_of_the_database_are_said<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let error = em.sql("selct {} from nowhere", ("secret",)).fetch_one_as::<i64>().await.expect_err("syntax");
    assert!(matches!(error, Error::Sql { .. }), "{error:?}");
    assert_eq!(error.to_string(), "`selct {} from nowhere` failed");
    let said = error.source().map(ToString::to_string).unwrap_or_default();
    assert!(said.contains("selct") && !format!("{error:?} {said}").contains("secret"), "{said}");

    let error = em.sql("select * from nowhere", ()).fetch_one_as::<i64>().await.expect_err("no table");
    assert_eq!(error.driver_kind(), Some(DriverErrorKind::MissingSchemaObject));
    let twice = em.sql("insert into tag (label) values ({})", ("war",)).execute().await;
    assert!(twice.is_err_and(|error| error.is_violation_of(Tag::LABEL)));

    em.transactional(async |em| {
        em.persist(Tag::new("peace"))?;
        assert!(em.sql("selct", ()).execute().await.is_err());
        assert!(em.sql("insert into tag (label) values ({})", ("war",)).execute().await.is_err());
        Ok(())
    })
    .await?;
    assert_eq!(em.count(Tag::LABEL.eq("peace")).await?, 1);
    Ok(())
}

/// A row that does not fit names the column and what it was read into; a write whose rows do not fit is taken back.
pub async fn rows_that_do_not_fit_are_refused<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let error = em.sql("select id, title from book", ()).fetch_as::<(i64,)>().await.expect_err("two columns");
    assert_eq!(
        error.to_string(),
        "a row has 2 column(s) (id, title) and was to be read into 1; take as many as it has"
    );
    let error =
        em.sql("select id, email from author", ()).fetch_as::<(i64, String)>().await.expect_err("NULL");
    assert!(
        error.to_string().starts_with("`value 2` of the row can't be read from the column `email`"),
        "{error}"
    );
    let error = em.sql("select title from book", ()).fetch_as::<i64>().await.expect_err("text");
    assert!(error.to_string().contains("expected integer"), "{error}");
    let stopped = em.sql("select title from book", ()).each_as(|_: String| Err(Error::other("enough"))).await;
    assert_eq!(stopped.expect_err("stopped").to_string(), "enough");

    if !B::facts().returning.contains(&"update") {
        return Ok(());
    }
    let write = em.sql("update book set price = 0 returning title", ()).fetch_as::<i64>().await;
    assert!(matches!(write, Err(Error::SqlRow { .. })), "{write:?}");
    assert_eq!(em.count(Book::PRICE.eq(0)).await?, 0);
    let written = em.sql("update book set price = 0 where title = {} returning title, price", ("A Storm",));
    assert_eq!(written.fetch_as::<(String, i64)>().await?, [("A Storm".into(), 0)]);
    assert_eq!(em.count(Book::PRICE.eq(0)).await?, 1);
    Ok(())
}

/// A write whose connection is lost may have happened, and the error says so; a read is just gone.
pub async fn a_lost_write_is_said<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    db.recorder.inject(Fault::WriteUnanswered);
    let error = em.sql("update book set price = 0", ()).execute().await.expect_err("lost");
    assert!(matches!(error, Error::WriteOutcomeUnknown { .. }), "{error:?}");
    db.recorder.inject(Fault::WriteUnanswered);
    let error = em.sql("select 1", ()).fetch_one_as::<i64>().await.expect_err("lost");
    assert_eq!(error.driver_kind(), Some(DriverErrorKind::ConnectionLost));
    assert_eq!(em.sql("select 1", ()).fetch_one_as::<i64>().await?, 1);
    Ok(())
}

/// A statement whose future is dropped leaves a clean connection, whoever gets it next.
pub async fn a_statement_may_be_dropped<B: Backend>() -> Result<()> {
    let db: TestDb = blog::seeded::<B>().await?;
    let em = db.em();
    for points in 0..4 {
        db.recorder.stall_after(points);
        let cut = tokio::time::timeout(
            std::time::Duration::from_millis(20),
            em.sql("insert into tag (label) values ('x')", ()).execute(),
        );
        let _ = cut.await;
        db.recorder.go_on();
        em.sql("delete from tag where label = 'x'", ()).execute().await?;
        assert_eq!(db.em().count_all::<Author>().await?, 2);
    }
    Ok(())
}

/// What a shop asks of its books.
#[derive(FromRow, Debug, PartialEq)]
struct Sales {
    author: String,
    #[from_row(column = "how_many")]
    books: i64,
    email: Option<String>,
}

/// Structs take columns by name, in any order, and leave others aside.
pub async fn rows_are_read_into_structs<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let text = "select count(book.id) as how_many, author.email, author.id, author.name as author \
                from author left join book on book.author_id = author.id \
                group by author.id, author.email, author.name order by author.id";
    let sales = em.sql(text, ()).fetch_as::<Sales>().await?;
    let jon = Sales { author: "Jon Snow".into(), books: 3, email: Some("jon@wall.org".into()) };
    assert_eq!(sales, [jon, Sales { author: "Sam Tarly".into(), books: 0, email: None }]);
    assert_eq!((db.statements(), em.managed_count()?), (1, 0));

    let refused = [
        (
            "select name as author, email from author",
            "`books` of Sales can't be read from the column `how_many`: there is none, only author, email",
        ),
        (
            "select name as author, 'x' as how_many, email from author",
            "`books` of Sales can't be read from the column `how_many`: expected integer",
        ),
        (
            "select null as author, 1 as how_many, email from author",
            "`author` of Sales can't be read from the column `author`: NULL does not fit",
        ),
        (
            "select name as author, 1 as how_many, email, email from author",
            "`email` of Sales can't be read from the column `email`: several columns",
        ),
    ];
    for (text, expected) in refused {
        let error = em.sql(text, ()).fetch_as::<Sales>().await.expect_err(text);
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    Ok(())
}

/// A row is one instance, whichever way it is found; unsaved edits stay, and the next flush saves them.
pub async fn rows_become_entities<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let storm = em.find_one_or_fail(Book::TITLE.eq("A Storm")).await?;
    storm.edit().price = 77;
    db.em()
        .sql("update book set price = 5, title = concat(title, '!') where id = {}", (storm.get().id,))
        .execute()
        .await?;
    db.recorder.reset();

    let text = "select publisher_id, author_id, price, title, id, 1 as extra from book where price < {} order by title";
    let books = em.sql(text, (100,)).fetch::<Book>().await?;
    assert_eq!((books.len(), db.statements(), em.managed_count()?), (3, 1, 3));
    assert!(books[1] == storm);
    assert_eq!((storm.get().title.as_str(), storm.get().price), ("A Storm!", 77));
    assert!(em.find_by_id_or_fail::<Book>(books[0].get().id).await? == books[0]);
    em.flush().await?;
    assert_eq!(db.em().count(Book::PRICE.eq(77)).await?, 1);

    em.remove(&books[0])?;
    assert_eq!(em.sql("select * from book", ()).fetch::<Book>().await?.len(), 2);
    let error =
        em.sql("select id, title from book", ()).fetch::<Book>().await.expect_err("columns are missing");
    let expected = "`price` of Book can't be read from the column `price`: there is none, only id, title";
    assert!(error.to_string().starts_with(expected), "{error}");
    let error = em.sql("select b.*, 'x' as price from book as b", ()).fetch::<Book>().await;
    assert!(matches!(error, Err(Error::SqlRow { .. })), "{error:?}");
    let text = "select id, title, 'x' as price, author_id, publisher_id from book";
    let error = em.sql(text, ()).fetch::<Book>().await.expect_err("no number");
    assert!(matches!(error, Error::Value { field: "price", .. }), "{error:?}");
    let global = db.orm.em().sql("select * from book", ()).fetch::<Book>().await;
    assert!(matches!(global, Err(Error::GlobalContext { .. })));
    Ok(())
}

/// What a write gives back is managed, and goes with the transaction that wrote it.
pub async fn written_rows_become_entities<B: Backend>() -> Result<()> {
    let facts = B::facts();
    if !facts.returning.contains(&"insert") {
        return Ok(());
    }
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let tag = em.sql("insert into tag (label) values ({}) returning *", ("ice",)).fetch::<Tag>().await?;
    tag[0].edit().label = "fire".into();
    em.flush().await?;
    assert_eq!(db.em().count(Tag::LABEL.eq("fire")).await?, 1);
    if !facts.returning.contains(&"update") {
        return Ok(());
    }
    let undone: Result<()> = em
        .transactional(async |em| {
            let changed = em.sql("update tag set label = 'air' returning *", ()).fetch::<Tag>().await?;
            assert!(changed[0] == tag[0] && tag[0].get().label == "air");
            Err(Error::other("no"))
        })
        .await;
    assert!(undone.is_err());
    assert_eq!(tag[0].get().label, "fire");
    Ok(())
}

/// Variables in the text are bound as values, by reference.
pub async fn variables_are_bound<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (title, price, owned) = ("A Storm'; --", 10_i64, "The Wall".to_owned());
    let borrowed = &price;
    let text = sql!(
        "select title from book where title <> {title} and price = { borrowed } and title <> {owned} and id > {} and '{{}}' <> '{{'"
    );
    assert!(!format!("{text:?}").contains("Storm'"));
    let titles: Vec<String> = em.sql(text, (0,)).fetch_as().await?;
    assert_eq!(titles.len(), 2);
    let text = sql!("{} = {owned}");
    assert_eq!(em.count(Condition::<Book>::sql(text, (Book::TITLE,))).await?, 1);
    Ok(())
}

/// A condition in SQL stands beside others as one; fields in it are named as the query names them.
pub async fn fragments_are_conditions<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let condition =
        Condition::<Book>::sql("{} = 'A Clash' or {} = {}", (Book::TITLE, Book::TITLE, "The Wall"));
    assert_eq!(em.count(condition.clone()).await?, 2);
    assert_eq!(em.count(condition.clone().and(Book::TITLE.eq("The Wall"))).await?, 1);
    assert_eq!(em.count(condition.clone().not()).await?, 1);
    assert_eq!(em.count(Author::BOOKS.some(condition)).await?, 1);
    let quoted = Condition::<Book>::sql("'it''s ? {{}} :a' = {}", ("it's ? {} :a",));
    assert_eq!(em.find(quoted).await?.len(), 3);
    let of_author = Condition::<Book>::sql("{} = {}", (Book::AUTHOR.field(Author::NAME), "Jon Snow"));
    assert_eq!(em.count(of_author).await?, 3);
    let computed = Condition::<Book>::sql("{} in ({}, {})", (Book::PRICE * 2, 20, 21));
    assert_eq!(em.update_many(computed).set(Book::PRICE, 3).await?, 3);

    em.transactional(async |em| {
        em.persist(Tag::new("peace"))?;
        let exists = Condition::<Book>::sql("exists (select 1 from tag where label = {})", ("peace",));
        assert_eq!(em.count(exists).await?, 3);
        Ok(())
    })
    .await
}

/// What a fragment computes is selected, compared and ordered by.
pub async fn fragments_are_expressions<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let length = || Expr::<Book, i64>::sql("length({}) + {}", (Book::TITLE, 1));
    let books = em
        .find(length().gt(7))
        .order_by((length().desc(), Expr::<Book, String>::sql("lower({})", (Book::TITLE,)).desc()))
        .await?;
    let titles: Vec<String> = books.iter().map(|book| book.get().title.clone()).collect();
    assert_eq!(titles, ["The Wall", "A Storm", "A Clash"]);
    let rows =
        em.find_all::<Book>().select((length(), length() * 2)).order_by(Book::TITLE.asc()).limit(1).await?;
    assert_eq!(rows, [(8, 16)]);
    Ok(())
}

/// A fragment that would reach beyond its place is refused before anything is sent.
pub async fn fragments_without_sense_are_refused<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    for text in
        ["", "1 = 1) or (1 = 1", "1 = 1 --", "1 = 1; drop table tag", "'a", "{", "1 = {}", "a\0", "1 = ?"]
    {
        assert!(em.find(Condition::<Book>::sql(text, ())).await.is_err(), "{text}");
        let order = Expr::<Book, i64>::sql(text, ()).asc();
        assert!(em.find_all::<Book>().order_by(order).await.is_err(), "{text}");
    }
    assert_eq!(em.managed_count()?, 0);
    assert_eq!(em.count_all::<Tag>().await?, 2);
    Ok(())
}
