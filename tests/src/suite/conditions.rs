//! Conditions on an entity's own fields, and how they are put together.

use orm_core::{Condition, Error, Result};

use crate::fixtures::blog::{Author, Book};
use crate::fixtures::catalogue;
use crate::{Backend, TestDb};

/// Equal and not equal; NULL is neither.
pub async fn equal_and_not_equal<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    check(&db, Author::AGE.eq(20), &["bob"]).await?;
    check(&db, Author::AGE.eq(Some(20)), &["bob"]).await?;
    check(&db, Author::AGE.eq(21), &[]).await?;
    check(&db, Author::AGE.ne(20), &["ann", "cid"]).await?;
    check(&db, Author::NAME.eq("ann"), &["ann"]).await?;
    check(&db, Author::NAME.eq(String::from("ann")), &["ann"]).await?;
    let name = String::from("ann");
    check(&db, Author::NAME.eq(&name), &["ann"]).await?;
    check(&db, Author::NAME.ne("ann"), &["bob", "cid", "dan"]).await
}

/// `None` stands for NULL: equal means "is NULL", not equal "is not NULL", nothing is greater or less.
pub async fn none_stands_for_null<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    check(&db, Author::AGE.eq(None), &["dan"]).await?;
    check(&db, Author::AGE.ne(None), &["ann", "bob", "cid"]).await?;
    check(&db, Author::AGE.gt(None), &[]).await?;
    check(&db, Author::AGE.lte(None), &[]).await?;
    check(&db, Author::EMAIL.is_null(), &["bob"]).await?;
    check(&db, Author::EMAIL.is_not_null(), &["ann", "cid", "dan"]).await?;
    check(&db, Author::NAME.is_null(), &[]).await
}

/// Greater and less, with and without the value itself, on numbers and text.
pub async fn greater_and_less<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    check(&db, Author::AGE.gt(20), &["cid"]).await?;
    check(&db, Author::AGE.gte(20), &["bob", "cid"]).await?;
    check(&db, Author::AGE.lt(20), &["ann"]).await?;
    check(&db, Author::AGE.lte(20), &["ann", "bob"]).await?;
    check(&db, Author::NAME.gt("bob"), &["cid", "dan"]).await?;
    check(&db, Author::NAME.lte("bob"), &["ann", "bob"]).await
}

/// Between two values, both included; the wrong way round it is nothing.
pub async fn between_includes_both_ends<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    check(&db, Author::AGE.between(10, 20), &["ann", "bob"]).await?;
    check(&db, Author::AGE.between(20, 20), &["bob"]).await?;
    check(&db, Author::AGE.between(20, 10), &[]).await?;
    check(&db, Author::AGE.between(10, None), &[]).await?;
    check(&db, Author::AGE.between(10, 20).not(), &["cid"]).await
}

/// One of a list, none of it; an empty list matches nothing, its opposite everything.
pub async fn one_of_a_list<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    check(&db, Author::AGE.in_([10, 30, 99]), &["ann", "cid"]).await?;
    check(&db, Author::AGE.in_(vec![10]), &["ann"]).await?;
    check(&db, Author::AGE.in_([10, 10, 10]), &["ann"]).await?;
    check(&db, Author::AGE.in_([None, Some(10)]), &["ann", "dan"]).await?;
    check(&db, Author::AGE.in_([None::<i32>]), &["dan"]).await?;
    check(&db, Author::AGE.not_in([10, 30]), &["bob"]).await?;
    check(&db, Author::AGE.not_in([None, Some(10)]), &["bob", "cid"]).await?;
    check(&db, Author::NAME.in_(["ann", "dan", "it's"]), &["ann", "dan"]).await?;
    check(&db, Author::AGE.in_(Vec::<i32>::new()), &[]).await?;
    check(&db, Author::AGE.not_in(Vec::<i32>::new()), &["ann", "bob", "cid", "dan"]).await
}

/// Lists of any length: more values than any database takes at once.
pub async fn lists_may_be_longer_than_the_bind_limit<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let ages = || -100_000..=20;
    check(&db, Author::AGE.in_(ages()), &["ann", "bob"]).await?;
    check(&db, Author::AGE.not_in(ages()), &["cid"]).await?;
    let names = (0..100_000).map(|number| format!("name {number}")).chain(["dan".to_owned()]);
    check(&db, Author::NAME.in_(names), &["dan"]).await?;
    check(&db, Author::MENTOR.in_(0..100_000_i64), &["bob", "cid", "dan"]).await?;
    assert_eq!(db.statements(), db.recorder.operations().len() as u64);
    Ok(())
}

/// Patterns with the database's own wildcards.
pub async fn like_has_wildcards<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    check(&db, Author::EMAIL.like("%@x.org"), &["ann", "cid"]).await?;
    check(&db, Author::EMAIL.like("a__@%"), &["ann"]).await?;
    check(&db, Author::EMAIL.like("ann"), &[]).await?;
    check(&db, Author::EMAIL.like("%@x.org").not(), &["dan"]).await
}

/// Literal text anywhere, at the start, at the end: wildcards and escapes in it are letters like others.
pub async fn literal_text_is_escaped<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    check(&db, Author::EMAIL.contains("%"), &["cid", "dan"]).await?;
    check(&db, Author::EMAIL.contains("_"), &["cid"]).await?;
    check(&db, Author::EMAIL.contains(r"\"), &["dan"]).await?;
    check(&db, Author::EMAIL.contains(r"\%@"), &["dan"]).await?;
    check(&db, Author::EMAIL.contains("100%"), &["cid"]).await?;
    check(&db, Author::EMAIL.contains("%org"), &[]).await?;
    check(&db, Author::EMAIL.starts_with("100%_"), &["cid"]).await?;
    check(&db, Author::EMAIL.starts_with("_nn"), &[]).await?;
    check(&db, Author::EMAIL.starts_with("@"), &[]).await?;
    check(&db, Author::EMAIL.ends_with("@x.org"), &["ann", "cid"]).await?;
    check(&db, Author::EMAIL.ends_with("%"), &[]).await?;
    check(&db, Author::NAME.ends_with("nn").or(Author::NAME.starts_with("d")), &["ann", "dan"]).await
}

/// Every text contains, begins and ends with the empty one; NULL is no text.
pub async fn every_text_contains_the_empty_one<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    for condition in [Author::EMAIL.contains(""), Author::EMAIL.starts_with(""), Author::EMAIL.ends_with("")]
    {
        check(&db, condition, &["ann", "cid", "dan"]).await?;
    }
    Ok(())
}

/// Letters beyond ASCII, and texts longer than the column's.
pub async fn literal_text_of_any_plane<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let em = db.em();
    let (name, end) = if B::facts().keeps_nul {
        ("zoë 🏳️‍🌈 b\0c", "b\0c")
    } else {
        ("zoë 🏳️‍🌈 b c", "b c")
    };
    em.persist(Author::new(name))?;
    em.flush().await?;
    let name = [name];
    check(&db, Author::NAME.contains("🏳️‍🌈"), &name).await?;
    check(&db, Author::NAME.starts_with("zoë"), &name).await?;
    check(&db, Author::NAME.ends_with(end), &name).await?;
    check(&db, Author::NAME.contains("o\u{308}"), &[]).await?;
    check(&db, Author::NAME.starts_with(&*"zoë".repeat(1_000)), &[]).await?;
    check(&db, Author::NAME.ends_with("n".repeat(1_000)), &[]).await
}

/// Both, either, neither.
pub async fn conditions_are_put_together<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let young = || Author::AGE.lt(25);
    let at_x = || Author::EMAIL.ends_with("@x.org");
    check(&db, young().and(at_x()), &["ann"]).await?;
    check(&db, young().or(at_x()), &["ann", "bob", "cid"]).await?;
    check(&db, young().not(), &["cid"]).await?;
    check(&db, !young(), &["cid"]).await?;
    check(&db, young().or(at_x()).not(), &[]).await?;
    check(&db, young().and(at_x()).not(), &["cid", "dan"]).await?;
    check(&db, young().not().not(), &["ann", "bob"]).await?;
    check(&db, young().and(at_x()).or(Author::NAME.eq("dan")), &["ann", "dan"]).await?;
    check(&db, young().and(at_x().or(Author::NAME.eq("bob"))), &["ann", "bob"]).await
}

/// A condition that may be absent.
pub async fn and_if_takes_what_is_there<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let wanted = |age: Option<i32>| Author::NAME.ne("ann").and_if(age.map(|age| Author::AGE.gte(age)));
    check(&db, wanted(None), &["bob", "cid", "dan"]).await?;
    check(&db, wanted(Some(25)), &["cid"]).await
}

/// All of nothing is everything, any of nothing is nothing.
pub async fn all_of_nothing_is_everything_and_any_is_nothing<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let everybody = ["ann", "bob", "cid", "dan"];
    check(&db, Condition::all([]), &everybody).await?;
    check(&db, Condition::any([]), &[]).await?;
    check(&db, Condition::always(), &everybody).await?;
    check(&db, Condition::default(), &everybody).await?;
    check(&db, Condition::never(), &[]).await?;
    check(&db, Condition::all([]).not(), &[]).await?;
    check(&db, Condition::any([]).not(), &everybody).await?;
    check(&db, Author::AGE.eq(10).or(Condition::any([])), &["ann"]).await?;
    check(&db, Author::AGE.eq(10).or(Condition::all([])), &everybody).await?;
    check(&db, Author::AGE.eq(10).and(Condition::any([])), &[]).await?;
    check(&db, Condition::all([Author::AGE.gt(10), Author::AGE.lt(30)]), &["bob"]).await?;
    check(&db, Condition::any([Author::AGE.eq(10), Author::AGE.eq(30)]), &["ann", "cid"]).await
}

/// A finder narrows its condition further.
pub async fn filter_narrows_a_query<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let found =
        db.em().find_all::<Author>().filter(Author::AGE.gt(10)).filter(Author::EMAIL.is_null()).await?;
    assert_eq!(found.iter().map(|one| one.get().name.clone()).collect::<Vec<_>>(), ["bob"]);
    Ok(())
}

/// The same condition is used for many queries: it is cloned, and says what it is.
pub async fn a_condition_is_used_more_than_once<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let condition = Author::AGE.gt(10).and(Author::BOOKS.some(Book::PRICE.gt(20)));
    check(&db, condition.clone(), &["cid"]).await?;
    check(&db, condition.clone(), &["cid"]).await?;
    assert!(format!("{condition:?}").contains("10"));
    Ok(())
}

/// Deeply nested conditions need no deep stack.
pub async fn long_chains_are_no_problem<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let any = (0..500).fold(Condition::never(), |any, age| any.or(Author::AGE.eq(age)));
    check(&db, any, &["ann", "bob", "cid"]).await?;
    let all = (40..500).fold(Condition::always(), |all, age| all.and(Author::AGE.ne(age)));
    check(&db, all, &["ann", "bob", "cid"]).await
}

/// A query for nothing says what was asked for, without its values.
pub async fn a_missing_row_says_what_was_asked_for<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let condition = Author::NAME.eq("secret").and(Author::BOOKS.some(Book::PRICE.between(1, 2)));
    let error = db.em().find_one_or_fail(condition).await.expect_err("there is none");
    let Error::NotFound { entity: "Author", condition } = &error else { panic!("{error}") };
    assert_eq!(condition, "name = ? and books some (price between ? and ?)");
    assert!(!error.to_string().contains("secret"));
    Ok(())
}

/// The authors that meet the condition, and their number.
async fn check(db: &TestDb, condition: Condition<Author>, names: &[&str]) -> Result<()> {
    let shown = format!("{condition:?}").chars().take(300).collect::<String>();
    let em = db.em();
    let found = em.find(condition.clone()).order_by(Author::NAME.asc()).await?;
    assert_eq!(found.iter().map(|one| one.get().name.clone()).collect::<Vec<_>>(), names, "{shown}");
    assert_eq!(em.count(condition).await?, names.len() as u64, "{shown}");
    Ok(())
}
