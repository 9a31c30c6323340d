//! Order, limit, offset and count: right whatever the condition goes through.

use futures::StreamExt;
use orm_core::{Condition, Loaded, Result};

use crate::Backend;
use crate::fixtures::blog::{Author, Book, Tag};
use crate::fixtures::catalogue;

/// By one field, up and down.
pub async fn results_are_ordered_by_a_field<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let em = db.em();
    assert_eq!(
        titles(&em.find_all::<Book>().order_by(Book::TITLE.desc()).await?),
        ["dates", "cherries", "berries", "apples"]
    );
    let known = em.find(Author::AGE.is_not_null()).order_by(Author::AGE.desc()).await?;
    assert_eq!(names(&known), ["cid", "bob", "ann"]);
    Ok(())
}

/// By several fields: as a tuple, as a list, one call after another, or with `then`.
pub async fn results_are_ordered_by_several_fields<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let em = db.em();
    let expected = ["dates", "cherries", "berries", "apples"];
    let by = || (Book::PRICE.desc(), Book::TITLE.desc());
    assert_eq!(titles(&em.find_all::<Book>().order_by(by()).await?), expected);
    assert_eq!(titles(&em.find_all::<Book>().order_by(vec![by().0, by().1]).await?), expected);
    assert_eq!(titles(&em.find_all::<Book>().order_by([by().0, by().1]).await?), expected);
    assert_eq!(titles(&em.find_all::<Book>().order_by(by().0).order_by(by().1).await?), expected);
    assert_eq!(titles(&em.find_all::<Book>().order_by(by().0.then(by().1)).await?), expected);
    let by = (Book::PRICE.desc(), Book::TITLE.asc());
    assert_eq!(
        titles(&em.find_all::<Book>().order_by(by).await?),
        ["dates", "berries", "cherries", "apples"]
    );
    Ok(())
}

/// By a field of a related entity, several steps away, without losing rows that have none.
pub async fn results_are_ordered_through_relations<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let em = db.em();
    let by = (Book::AUTHOR.order(Author::NAME.desc()), Book::TITLE.asc());
    assert_eq!(
        titles(&em.find_all::<Book>().order_by(by).await?),
        ["dates", "cherries", "apples", "berries"]
    );

    let by_mentor = Author::MENTOR.order(Author::NAME.desc());
    let found =
        em.find(Author::MENTOR.is_not_null()).order_by((by_mentor.clone(), Author::NAME.asc())).await?;
    assert_eq!(names(&found), ["cid", "dan", "bob"]);
    assert_eq!(em.find_all::<Author>().order_by(by_mentor.clone()).await?.len(), 4);

    let by = (Book::AUTHOR.order(by_mentor), Book::TITLE.asc());
    let found = em.find(Book::AUTHOR.is(Author::MENTOR.is_not_null())).order_by(by).await?;
    assert_eq!(titles(&found), ["dates", "cherries"]);
    Ok(())
}

/// Limit and offset cut the ordered result.
pub async fn limit_and_offset_cut_a_page<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let em = db.em();
    let all = || em.find_all::<Book>().order_by(Book::TITLE.asc());
    assert_eq!(titles(&all().limit(2).await?), ["apples", "berries"]);
    assert_eq!(titles(&all().limit(2).offset(1).await?), ["berries", "cherries"]);
    assert_eq!(titles(&all().offset(3).await?), ["dates"]);
    assert_eq!(titles(&all().limit(0).await?), [""; 0]);
    assert_eq!(titles(&all().offset(4).await?), [""; 0]);
    assert_eq!(titles(&all().limit(u64::MAX).offset(0).await?).len(), 4);
    assert_eq!(titles(&all().offset(u64::MAX).await?), [""; 0]);
    Ok(())
}

/// No limit and no offset is too small or too large, wherever it is given. A limit of 0 is one statement without rows.
pub async fn limits_of_any_size_are_no_problem<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let em = db.em();
    db.recorder.reset();
    assert_eq!(em.find_all::<Book>().limit(0).await?.len(), 0);
    assert_eq!(em.find_all::<Book>().select(Book::TITLE).limit(0).await?.len(), 0);
    assert_eq!(db.statements(), 2);
    let past = u64::try_from(i64::MAX).unwrap_or(u64::MAX);
    for huge in [past, past + 1, u64::MAX] {
        assert_eq!(em.find_all::<Book>().limit(huge).await?.len(), 4);
        assert_eq!(em.find_all::<Book>().limit(huge).offset(huge).await?.len(), 0);
        assert_eq!(em.find_all::<Book>().select(Book::TITLE).limit(huge).offset(3).await?.len(), 1);
        assert_eq!(em.find_all::<Book>().select(Book::TITLE).offset(huge).await?.len(), 0);
        assert_eq!(em.find_all::<Book>().page(huge).await?.items.len(), 4);
        assert_eq!(em.find_all::<Book>().limit(huge).stream().count().await, 4);
        assert_eq!(em.find_all::<Book>().offset(huge).stream().count().await, 0);
    }
    Ok(())
}

/// A value that is in a list several times finds its row once.
pub async fn a_key_that_is_named_twice_is_found_once<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let em = db.em();
    let ids: Vec<i64> = em.find_all::<Book>().await?.iter().map(Loaded::id).collect();
    let twice = || Book::ID.in_([ids[0], ids[1], ids[0], ids[0], ids[1]]);
    assert_eq!(em.find(twice()).await?.len(), 2);
    assert_eq!(em.count(twice()).await?, 2);
    assert_eq!(em.find(Book::ID.in_([ids[0], ids[0]])).select(Book::ID).await?, [ids[0]]);
    let titles = ["apples", "apples", "dates"].map(str::to_owned);
    assert_eq!(em.find(Book::TITLE.in_(titles)).await?.len(), 2);
    Ok(())
}

/// Conditions on to-many relations double no row, so that limit, offset and count stay right.
pub async fn conditions_on_many_double_no_row<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let em = db.em();
    let with_tags = || Author::BOOKS.some(Book::TAGS.some(Condition::always()));
    let found = |limit| em.find(with_tags()).order_by(Author::NAME.asc()).limit(limit);
    assert_eq!(names(&found(10).await?), ["ann", "cid"]);
    assert_eq!(names(&found(1).offset(1).await?), ["cid"]);
    assert_eq!(em.count(with_tags()).await?, 2);
    let (page, total) = em.find_and_count(with_tags()).order_by(Author::NAME.asc()).limit(1).await?;
    assert_eq!((names(&page), total), (vec!["ann".to_owned()], 2));
    Ok(())
}

/// A populated to-many relation neither doubles nor cuts: the limit is one of roots.
pub async fn a_limit_is_one_of_roots<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let em = db.em();
    let page = em
        .find_all::<Author>()
        .order_by(Author::NAME.asc())
        .limit(2)
        .populate(Author::BOOKS.then(Book::TAGS));
    let page = page.await?;
    assert_eq!(page.iter().map(|author| author.books().len()).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(db.recorder.selects(), 3);
    Ok(())
}

/// A page and the number of all: two statements, the second without limit and offset.
pub async fn find_and_count_counts_without_the_page<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let em = db.em();
    let query = em.find_and_count(Book::PRICE.gt(5)).order_by(Book::TITLE.asc()).limit(1).offset(1);
    let (page, total) = query.populate(Book::AUTHOR).await?;
    assert_eq!(
        (page.len(), page[0].get().title.as_str(), page[0].author().get().name.as_str()),
        (1, "cherries", "bob")
    );
    assert_eq!(total, 3);
    assert_eq!(db.statements(), 3);
    Ok(())
}

/// The first of an order, if any.
pub async fn find_one_takes_the_first<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let em = db.em();
    let dearest = em.find_one(Condition::always()).order_by(Book::PRICE.desc()).await?;
    assert_eq!(dearest.map(|book| book.get().title.clone()).as_deref(), Some("dates"));
    let second = em.find_one(Condition::always()).order_by(Book::TITLE.asc()).offset(1).await?;
    assert_eq!(second.map(|book| book.get().title.clone()).as_deref(), Some("berries"));
    assert!(em.find_one(Book::PRICE.gt(100)).await?.is_none());
    Ok(())
}

/// A repository counts and pages like its manager.
pub async fn a_repository_counts_and_pages<B: Backend>() -> Result<()> {
    let db = catalogue::seeded::<B>().await?;
    let tags = db.em().get_repository::<Tag>();
    assert_eq!(tags.count_all().await?, 3);
    assert_eq!(tags.count(Tag::BOOKS.some(Condition::always())).await?, 2);
    let (page, total) = tags.find_and_count(Condition::always()).order_by(Tag::LABEL.asc()).limit(1).await?;
    assert_eq!((page[0].get().label.as_str(), total), ("blue", 3));
    Ok(())
}

fn titles<P: 'static>(books: &[Loaded<Book, P>]) -> Vec<String> {
    books.iter().map(|book| book.get().title.clone()).collect()
}

fn names<P: 'static>(authors: &[Loaded<Author, P>]) -> Vec<String> {
    authors.iter().map(|author| author.get().name.clone()).collect()
}
