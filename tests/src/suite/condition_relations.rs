//! Conditions through relations: on a key, on the one related entity, on some, none or each of many.

use orm_core::{Condition, Entity, Error, Loaded, OrderBy, Ref, Result};

use crate::fixtures::blog::{Author, Book, Profile, Publisher, Tag};
use crate::fixtures::{catalogue, legacy};
use crate::{Backend, TestDb};

/// The related entity meets a condition; where there is none it does not, and its opposite does.
pub async fn the_related_entity_meets_a_condition<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    books(&db, Book::AUTHOR.is(Author::NAME.eq("ann")), &["apples", "berries"]).await?;
    books(&db, Book::AUTHOR.is(Author::AGE.gt(10)), &["cherries", "dates"]).await?;
    books(&db, Book::PUBLISHER.is(Publisher::NAME.eq("Orchard")), &["apples", "dates"]).await?;
    books(&db, Book::PUBLISHER.is(Publisher::NAME.eq("Orchard")).not(), &["berries", "cherries"]).await?;
    books(&db, Book::PUBLISHER.is(Publisher::NAME.ne("Orchard")), &[]).await?;
    books(&db, Book::PUBLISHER.is(Condition::always()), &["apples", "dates"]).await?;
    books(&db, Book::PUBLISHER.is(Condition::never()), &[]).await
}

/// To-one relations nest, to their own type too.
pub async fn to_one_conditions_nest<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let mentor = |condition| Author::MENTOR.is(condition);
    authors(&db, mentor(Author::NAME.eq("bob")), &["cid", "dan"]).await?;
    authors(&db, mentor(mentor(Author::NAME.eq("ann"))), &["cid", "dan"]).await?;
    authors(&db, mentor(mentor(mentor(Condition::always()))), &[]).await?;
    books(&db, Book::AUTHOR.is(mentor(mentor(Author::NAME.eq("ann")))), &["dates"]).await?;
    let twice = Book::AUTHOR.is(Author::AGE.gt(5)).and(Book::AUTHOR.is(mentor(Condition::always())));
    books(&db, twice, &["cherries", "dates"]).await
}

/// The one-to-one relation that the target owns.
pub async fn the_other_side_of_one_to_one_meets_a_condition<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    authors(&db, Author::PROFILE.is(Profile::BIO.eq("Eats")), &["ann"]).await?;
    authors(&db, Author::PROFILE.is_null(), &["bob", "dan"]).await?;
    authors(&db, Author::PROFILE.is_not_null(), &["ann", "cid"]).await?;
    let profile = db.em().find_one_or_fail(Profile::BIO.eq("Sleeps")).await?;
    authors(&db, Author::PROFILE.eq(&profile), &["cid"]).await?;
    authors(&db, Author::PROFILE.ne(profile.id()), &["ann", "bob", "dan"]).await
}

/// Some, none and each of many; of no items none and each hold.
pub async fn some_none_and_every<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let dear = || Book::PRICE.gt(10);
    authors(&db, Author::BOOKS.some(dear()), &["ann", "bob", "cid"]).await?;
    authors(&db, Author::BOOKS.none(dear()), &["dan"]).await?;
    authors(&db, Author::BOOKS.every(dear()), &["bob", "cid", "dan"]).await?;
    authors(&db, Author::BOOKS.some(dear()).not(), &["dan"]).await?;
    authors(&db, Author::BOOKS.every(dear()).not(), &["ann"]).await?;
    authors(&db, Author::BOOKS.some(Condition::always()), &["ann", "bob", "cid"]).await?;
    authors(&db, Author::BOOKS.none(Condition::always()), &["dan"]).await?;
    authors(&db, Author::BOOKS.every(Condition::never()), &["dan"]).await?;
    authors(&db, Author::BOOKS.every(Condition::always()), &["ann", "bob", "cid", "dan"]).await?;
    authors(&db, Author::BOOKS.none(Condition::never()), &["ann", "bob", "cid", "dan"]).await
}

/// An item that is neither one nor the other, for NULL, does not meet the condition.
pub async fn an_unknown_item_does_not_meet_a_condition<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    authors(&db, Author::STUDENTS.some(Author::AGE.gt(15)), &["ann", "bob"]).await?;
    authors(&db, Author::STUDENTS.every(Author::AGE.gt(15)), &["ann", "cid", "dan"]).await?;
    authors(&db, Author::STUDENTS.none(Author::AGE.gt(35)), &["ann", "bob", "cid", "dan"]).await
}

/// Many-to-many, from both sides.
pub async fn conditions_on_many_to_many<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let red = || Tag::LABEL.eq("red");
    books(&db, Book::TAGS.some(red()), &["apples", "berries"]).await?;
    books(&db, Book::TAGS.none(red()), &["cherries", "dates"]).await?;
    books(&db, Book::TAGS.every(red()), &["apples", "cherries"]).await?;
    books(&db, Book::TAGS.some(red()).and(Book::TAGS.some(Tag::LABEL.eq("blue"))), &["berries"]).await?;
    books(&db, Book::TAGS.some(red().and(Tag::LABEL.eq("blue"))), &[]).await?;
    let labels = |condition| named(&db, condition, Tag::LABEL.asc(), |tag: &Tag| tag.label.clone());
    assert_eq!(labels(Tag::BOOKS.some(Book::PRICE.lt(10))).await?, ["red"]);
    assert_eq!(labels(Tag::BOOKS.none(Condition::always())).await?, ["green"]);
    assert_eq!(labels(Tag::BOOKS.every(Book::AUTHOR.is(Author::NAME.eq("ann")))).await?, ["green", "red"]);
    Ok(())
}

/// Quantifiers nest, and mix with to-one relations.
pub async fn quantifiers_nest<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let blue = || Tag::LABEL.eq("blue");
    authors(&db, Author::BOOKS.some(Book::TAGS.some(blue())), &["ann", "cid"]).await?;
    authors(&db, Author::BOOKS.every(Book::TAGS.some(blue())), &["cid", "dan"]).await?;
    authors(&db, Author::BOOKS.some(Book::TAGS.none(blue())), &["ann", "bob"]).await?;
    authors(&db, Author::STUDENTS.some(Author::BOOKS.some(Book::TAGS.some(blue()))), &["bob"]).await?;
    authors(&db, Author::STUDENTS.every(Author::BOOKS.none(Condition::always())), &["cid", "dan"]).await?;
    books(&db, Book::AUTHOR.is(Author::BOOKS.some(Book::TAGS.every(blue()))), &["cherries", "dates"]).await?;
    let orchards = Author::BOOKS.some(Book::PUBLISHER.is(Publisher::BOOKS.every(Book::PRICE.gt(4))));
    authors(&db, orchards, &["ann", "cid"]).await
}

/// A relation equals a handle, a reference, a `Ref` or a key; not equal is not met without one.
pub async fn a_relation_equals_an_entity_or_its_key<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let em = db.em();
    let ann = em.find_one_or_fail(Author::NAME.eq("ann")).await?;
    let bob = em.find_one_or_fail(Author::NAME.eq("bob")).await?;
    let by_key: Ref<Author> = Ref::key(ann.id());
    books(&db, Book::AUTHOR.eq(&ann), &["apples", "berries"]).await?;
    books(&db, Book::AUTHOR.eq(ann.id()), &["apples", "berries"]).await?;
    books(&db, Book::AUTHOR.eq(ann.to_ref()), &["apples", "berries"]).await?;
    books(&db, Book::AUTHOR.eq(&by_key), &["apples", "berries"]).await?;
    books(&db, Book::AUTHOR.ne(&ann), &["cherries", "dates"]).await?;
    books(&db, Book::AUTHOR.in_([&ann, &bob]), &["apples", "berries", "cherries"]).await?;
    books(&db, Book::AUTHOR.in_([ann.id(), 99]), &["apples", "berries"]).await?;
    books(&db, Book::AUTHOR.in_(Vec::<i64>::new()), &[]).await?;
    authors(&db, Author::MENTOR.eq(&ann), &["bob"]).await?;
    authors(&db, Author::MENTOR.ne(&ann), &["cid", "dan"]).await?;
    authors(&db, Author::MENTOR.is_null(), &["ann"]).await?;
    authors(&db, Author::MENTOR.is_not_null(), &["bob", "cid", "dan"]).await
}

/// Comparing a relation reads the foreign key alone: rows whose target is gone are found, and nothing is joined.
pub async fn comparing_a_relation_joins_nothing<B: Backend>() -> Result<()> {
    let db = legacy::seeded::<B>().await?;
    db.run(&[r#"INSERT INTO "NOTES" VALUES (7, 'stray', 'GONE', 9)"#]).await?;
    let em = db.em();
    assert_eq!(em.count(legacy::Note::ORDER.eq(("GONE".to_owned(), 9))).await?, 1);
    assert_eq!(em.count(legacy::Note::ORDER.ne(("GONE".to_owned(), 9))).await?, 1);
    assert_eq!(em.count(legacy::Note::ORDER.is_not_null()).await?, 2);
    assert_eq!(em.count(legacy::Note::ORDER.is(Condition::always())).await?, 1);
    Ok(())
}

/// An entity without a key is referred to by no row; one of another context must be named by its key.
pub async fn a_relation_equals_no_new_entity<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let em = db.em();
    let eve = em.persist(Author::new("eve"))?;
    assert_eq!(em.count(Book::AUTHOR.eq(&eve)).await?, 0);
    assert_eq!(em.count(Book::AUTHOR.eq(Ref::default())).await?, 0);

    let error = db.em().find(Book::AUTHOR.eq(&eve)).await.expect_err("she is of another context");
    assert!(matches!(&error, Error::ForeignEntity { key, .. } if key.entity() == "Author"), "{error}");
    em.flush().await?;
    assert_eq!(db.em().count(Book::AUTHOR.eq(&eve)).await?, 0);
    Ok(())
}

async fn authors(db: &TestDb, condition: Condition<Author>, names: &[&str]) -> Result<()> {
    let shown = format!("{condition:?}");
    let found = named(db, condition.clone(), Author::NAME.asc(), |author| author.name.clone()).await?;
    assert_eq!(found, names, "{shown}");
    assert_eq!(db.em().count(condition).await?, names.len() as u64, "{shown}");
    Ok(())
}

async fn books(db: &TestDb, condition: Condition<Book>, titles: &[&str]) -> Result<()> {
    let shown = format!("{condition:?}");
    let found = named(db, condition.clone(), Book::TITLE.asc(), |book| book.title.clone()).await?;
    assert_eq!(found, titles, "{shown}");
    assert_eq!(db.em().count(condition).await?, titles.len() as u64, "{shown}");
    Ok(())
}

async fn named<T: Entity>(
    db: &TestDb,
    condition: Condition<T>,
    order: OrderBy<T>,
    name: impl Fn(&T) -> String,
) -> Result<Vec<String>> {
    let found: Vec<Loaded<T>> = db.em().find(condition).order_by(order).await?;
    Ok(found.iter().map(|one| name(&one.get())).collect())
}
