//! Columns, computed values and aggregates instead of entities.

use orm_core::condition::count_rows;
use orm_core::{Error, Result};

use crate::fixtures::account::{self, Account};
use crate::fixtures::banquet::{self, Guest};
use crate::fixtures::blog::{self, Author, Book, Publisher};
use crate::{Backend, TestDb};

/// Books with prices: 10, 20 and 30 of Jon, 7 of Sam, who has no email.
async fn priced<B: Backend>() -> Result<TestDb> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let books = em.find_all::<Book>().order_by(Book::TITLE.asc()).await?;
    for (book, price) in books.iter().zip([10, 20, 30]) {
        book.edit().price = price;
    }
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    em.persist(Book { price: 7, ..Book::new("Ravens", &sam) })?;
    em.flush().await?;
    db.recorder.reset();
    Ok(db)
}

/// Only what is named is read, by one statement, and nothing is managed.
pub async fn columns_are_read_into_tuples<B: Backend>() -> Result<()> {
    let db = priced::<B>().await?;
    let em = db.em();
    let rows: Vec<(String, i64)> =
        em.find(Book::PRICE.gt(9)).select((Book::TITLE, Book::PRICE)).order_by(Book::PRICE.desc()).await?;
    assert_eq!(rows, [("The Wall".into(), 30), ("A Storm".into(), 20), ("A Clash".into(), 10)]);
    assert_eq!((db.statements(), em.managed_count()?), (1, 0));

    let titles: Vec<String> =
        em.find_all::<Book>().select(Book::TITLE).order_by(Book::TITLE.asc()).limit(2).offset(1).await?;
    assert_eq!(titles, ["A Storm", "Ravens"]);
    let emails = em.find_all::<Author>().select(Author::EMAIL).order_by(Author::ID.asc()).await?;
    assert_eq!(emails, [Some("jon@wall.org".to_owned()), None]);
    assert_eq!(em.find(Author::NAME.eq("Nobody")).select(Author::ID).one().await?, None);
    let error = em.find(Author::NAME.eq("Nobody")).select(Author::ID).one_or_fail().await;
    assert!(matches!(error, Err(Error::NotFound { .. })));
    Ok(())
}

/// A field of a related entity is joined; where there is none, there is no value.
pub async fn fields_of_related_entities_are_selected<B: Backend>() -> Result<()> {
    let db = priced::<B>().await?;
    let em = db.em();
    let rows = em
        .find_all::<Book>()
        .select((Book::TITLE, Book::AUTHOR.field(Author::NAME), Book::PUBLISHER.field(Publisher::NAME)))
        .order_by((Book::PRICE.asc(), Book::ID.asc()))
        .limit(2)
        .await?;
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(rows[0], ("Ravens".into(), some("Sam Tarly"), None));
    assert_eq!(rows[1], ("A Clash".into(), some("Jon Snow"), some("Ravens")));
    assert_eq!(db.statements(), 1);
    Ok(())
}

/// Computed values are selected, compared and ordered by.
pub async fn values_are_computed<B: Backend>() -> Result<()> {
    let db = priced::<B>().await?;
    let em = db.em();
    let rows = em
        .find((Book::PRICE * 2).gt(20))
        .select((Book::TITLE.lower(), Book::PRICE + Book::ID - Book::ID, Book::TITLE.length()))
        .order_by((Book::PRICE * -1).asc())
        .await?;
    assert_eq!(rows, [("the wall".into(), 30, Some(8)), ("a storm".into(), 20, Some(7))]);
    let names = em
        .find(Author::NAME.upper().eq("SAM TARLY"))
        .select((
            Author::NAME.concat("!").concat(Author::NAME),
            Author::EMAIL.coalesce("none"),
            Author::AGE.coalesce(1) + 1,
        ))
        .await?;
    assert_eq!(names, [("Sam Tarly!Sam Tarly".into(), "none".into(), 2)]);
    let quotients = em
        .find(Book::PRICE.eq(7))
        .select((Book::PRICE / 2, Book::PRICE % 2, (Book::PRICE - 10).abs()))
        .await?;
    assert_eq!(quotients, [(Some(3), Some(1), 3)]);
    Ok(())
}

/// Two fields of a row are compared with each other, through relations too.
pub async fn fields_are_compared_with_fields<B: Backend>() -> Result<()> {
    let db = banquet::seeded::<B>().await?;
    let em = db.em();
    let equal = em.count(Guest::NUMBER.eq(Guest::NUMBER)).await?;
    assert_eq!(equal, 3);
    assert_eq!(em.count(Guest::NUMBER.gt(Guest::NUMBER)).await?, 0);
    assert_eq!(em.count(Guest::EMAIL.eq(Guest::NAME.concat("@example.org"))).await?, 3);
    assert_eq!(em.count(Guest::EMAIL.ne(Guest::NAME)).await?, 3);
    assert_eq!(em.count(Guest::NUMBER.between(Guest::NUMBER - 1, Guest::NUMBER + 1)).await?, 3);
    assert_eq!(em.count((Guest::NUMBER + 0).in_([1, 3])).await?, 2);
    assert_eq!(em.count((Guest::NUMBER + 0).in_([1; 0])).await?, 0);
    assert_eq!(
        em.count(Guest::NAME.concat("!").ends_with("n!")).await?,
        em.count(Guest::NAME.ends_with("n")).await?
    );
    assert_eq!(em.count(Guest::NAME.trim().starts_with("j")).await?, 1);
    assert_eq!(em.count(Guest::NAME.lower().concat("x").is_null()).await?, 0);
    assert_eq!(em.count(Guest::NAME.ilike("J%").or(Guest::NAME.lower().ilike("SA_"))).await?, 2);
    Ok(())
}

/// Aggregates over all rows are one row, over groups one each.
pub async fn rows_are_aggregated<B: Backend>() -> Result<()> {
    let db = priced::<B>().await?;
    let em = db.em();
    let all = em
        .find_all::<Book>()
        .select((count_rows(), Book::PRICE.sum(), Book::PRICE.avg(), Book::PRICE.min(), Book::PRICE.max()))
        .one_or_fail()
        .await?;
    assert_eq!(all, (4, Some(67), Some(16.75), Some(7), Some(30)));
    let none =
        em.find(Book::PRICE.lt(0)).select((Book::PRICE.count(), Book::PRICE.sum())).one_or_fail().await?;
    assert_eq!(none, (0, None));
    let publishers = Book::PUBLISHER.key();
    let distinct =
        em.find_all::<Book>().select((publishers.clone().count(), publishers.count_distinct())).await?;
    assert_eq!(distinct, [(3, 1)]);

    let groups = em
        .find_all::<Book>()
        .select((Book::AUTHOR.field(Author::NAME), count_rows(), Book::PRICE.max()))
        .group_by(Book::AUTHOR.field(Author::NAME))
        .order_by(count_rows::<Book>().desc())
        .await?;
    assert_eq!(groups, [(Some("Jon Snow".into()), 3, Some(30)), (Some("Sam Tarly".into()), 1, Some(7))]);

    let by_author =
        em.find_all::<Book>().select((Book::AUTHOR.key(), Book::PRICE.sum())).group_by(Book::AUTHOR.key());
    assert_eq!(
        by_author.having(count_rows().gt(1)).await?.iter().map(|row| row.1).collect::<Vec<_>>(),
        [Some(60)]
    );
    let groups = em.find_all::<Book>().select(Book::AUTHOR.key()).group_by(Book::AUTHOR.key());
    assert_eq!(groups.count().await?, 2);
    Ok(())
}

/// Equal rows once, and counted once.
pub async fn equal_rows_are_read_once<B: Backend>() -> Result<()> {
    let db = priced::<B>().await?;
    let em = db.em();
    let authors = || em.find_all::<Book>().select(Book::AUTHOR.key()).distinct();
    assert_eq!(authors().await?.len(), 2);
    assert_eq!(authors().count().await?, 2);
    Ok(())
}

/// NULL stands where the query says, in either direction.
pub async fn nulls_stand_where_they_are_put<B: Backend>() -> Result<()> {
    let db = priced::<B>().await?;
    let em = db.em();
    for (order, first_is_null) in [
        (Author::EMAIL.asc().nulls_first(), true),
        (Author::EMAIL.asc().nulls_last(), false),
        (Author::EMAIL.desc().nulls_first(), true),
        (Author::EMAIL.desc().nulls_last(), false),
    ] {
        let emails = em.find_all::<Author>().select(Author::EMAIL).order_by(order).await?;
        assert_eq!(emails[0].is_none(), first_is_null);
    }
    Ok(())
}

/// What is neither grouped by nor an aggregate has no one value, and is refused before anything is sent.
pub async fn an_ungrouped_column_is_refused<B: Backend>() -> Result<()> {
    let db = priced::<B>().await?;
    let em = db.em();
    let error = em
        .find_all::<Book>()
        .select((Book::TITLE, count_rows()))
        .group_by(Book::AUTHOR.key())
        .await
        .expect_err("titles differ");
    assert!(matches!(&error, Error::Ungrouped { term, .. } if term == "title"), "{error}");
    let error = em.find_all::<Book>().select((Book::TITLE.lower(), Book::PRICE.sum())).await;
    assert!(matches!(&error, Err(Error::Ungrouped { term, .. }) if term == "lower(title)"));
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// Whether there is a match is asked without reading one.
pub async fn existence_is_asked<B: Backend>() -> Result<()> {
    let db = priced::<B>().await?;
    let em = db.em();
    assert!(em.find(Book::PRICE.gt(20)).exists().await?);
    assert!(!em.find(Book::PRICE.gt(30)).exists().await?);
    assert_eq!((db.statements(), em.managed_count()?), (2, 0));
    Ok(())
}

/// NaN can't be compared with, and says so, wherever it stands.
pub async fn nan_is_refused<B: Backend>() -> Result<()> {
    let db = account::empty::<B>().await?;
    let em = db.em();
    for condition in [
        Account::SCORE.gt(f64::NAN),
        Account::SCORE.in_([1.0, f64::NAN]),
        (Account::SCORE + 1.0).eq(f64::NAN),
        (Account::SCORE + f64::NAN).eq(1.0),
    ] {
        let error = em.count(condition).await.expect_err("NaN equals nothing");
        assert!(matches!(error, Error::Value { .. }), "{error:?}");
    }
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// What `update_many` writes may be computed of the row as it is, by one statement.
pub async fn an_update_computes_of_the_row<B: Backend>() -> Result<()> {
    let db = priced::<B>().await?;
    let em = db.em();
    let updated = em
        .update_many(Book::AUTHOR.is(Author::NAME.eq("Jon Snow")).and((Book::PRICE * 2).gt(20)))
        .set(Book::PRICE, Book::PRICE * 2 + 1)
        .set(Book::TITLE, Book::TITLE.upper())
        .await?;
    assert_eq!((updated, db.statements()), (2, 1));
    let rows = em.find_all::<Book>().select((Book::TITLE, Book::PRICE)).order_by(Book::PRICE.asc()).await?;
    let expected = [("Ravens", 7), ("A Clash", 10), ("A STORM", 41), ("THE WALL", 61)];
    assert_eq!(rows, expected.map(|(title, price)| (title.to_owned(), price)));

    let joined = Book::AUTHOR.field(Author::ID).coalesce(0);
    let error = em.update_many(Book::PRICE.gt(0)).set(Book::PRICE, joined).await;
    let error = error.expect_err("it is of another row");
    assert!(error.to_string().contains("update_many") || error.driver_kind().is_some(), "{error}");
    let nan = em.update_many(Book::PRICE.gt(0)).set(Book::PRICE, Book::PRICE + i64::MAX).await;
    assert!(nan.is_err(), "the column can't hold it");
    Ok(())
}
