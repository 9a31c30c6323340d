//! The result cache: which questions an entry answers, and what becomes of its rows.

use std::time::Duration;

use orm_core::{Condition, EntityManager, Error, Loaded, LockMode, Result, View};
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

use crate::fixtures::archive::{self, Binder};
use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::fixtures::minutes::Hands;
use crate::fixtures::scalars::{self, Colour, Level, Optional, Season};
use crate::fixtures::tenancy::{self, CurrentTenant, Customer, OfTenant};
use crate::{Backend, Hoard, TestDb};

const MINUTE: Duration = Duration::from_secs(60);

/// How many statements `query` takes when it is asked for the second time, in another context.
async fn again<V: PartialEq + std::fmt::Debug>(
    db: &TestDb,
    query: impl AsyncFn(EntityManager) -> Result<V>,
) -> Result<u64> {
    let first = query(db.em()).await?;
    db.recorder.reset();
    assert_eq!(query(db.em()).await?, first);
    Ok(db.statements())
}

/// A second context gets the answer without a statement, in an instance of its own.
pub async fn an_answer_is_shared_by_contexts<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (one, other) = (db.em(), db.em());
    let jon = || Author::NAME.eq("Jon Snow");
    let first = one.find_one_or_fail(jon()).cache(MINUTE).await?;
    assert_eq!(db.statements(), 1);

    let second = other.find_one_or_fail(jon()).cache(MINUTE).await?;
    let fork = other.fork().find_one_or_fail(jon()).cache(MINUTE).await?;

    assert_eq!(db.statements(), 1);
    assert_eq!((second.id(), second.get().age, &second.get().email), (first.id(), None, &first.get().email));
    assert!(first != second && second != fork, "each is of its own context");
    assert!(
        other.find_by_id::<Author>(first.id()).await?.as_ref() == Some(&second),
        "and in its identity map"
    );
    second.edit().age = Some(17);
    other.flush().await?;
    assert_eq!(db.em().find_one_or_fail(jon()).cache(MINUTE).await?.get().age, Some(17));
    Ok(())
}

/// The identity map and the cache are two things: clearing one empties only that one.
pub async fn clearing_a_context_leaves_the_cache<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    em.find_all::<Author>().cache(MINUTE).await?;
    em.clear()?;
    assert_eq!(em.managed_count()?, 0);
    assert_eq!(em.find_all::<Author>().cache(MINUTE).await?.len(), 2);
    assert_eq!(db.statements(), 1);

    em.result_cache().clear().await?;
    assert_eq!(em.managed_count()?, 2);
    em.find_all::<Author>().cache(MINUTE).await?;
    assert_eq!(db.statements(), 2);
    Ok(())
}

/// A row from the cache is merged as one from the database: unsaved edits stay, and else the later row wins.
pub async fn cached_rows_are_merged_as_fresh_ones<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let jon = || Author::NAME.eq("Jon Snow").or(Author::NAME.eq("Aegon"));
    db.em().find_one_or_fail(jon()).cache(MINUTE).await?;
    // Another program.
    db.run(&["update author set name = 'Aegon', age = 20"]).await?;
    let em = db.em();
    let fresh = em.find_one_or_fail(jon()).order_by(Author::ID.asc()).await?;
    assert_eq!(fresh.get().name, "Aegon");
    fresh.edit().email = Some("edited".into());

    let cached = em.find_one_or_fail(jon()).cache(MINUTE).await?;

    assert!(cached == fresh);
    assert_eq!((cached.get().name.as_str(), cached.get().age), ("Jon Snow", None));
    assert_eq!(cached.get().email.as_deref(), Some("edited"));
    Ok(())
}

/// Other values, another order, limit or name are other questions.
pub async fn another_question_is_asked<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let titles = async |condition, limit| -> Result<Vec<String>> {
        let books =
            em.find(condition).order_by(Book::TITLE.asc()).limit(limit).cache_as("books", MINUTE).await?;
        Ok(books.iter().map(|book| book.get().title.clone()).collect())
    };
    assert_eq!(titles(Book::TITLE.eq("A Clash"), 9).await?, ["A Clash"]);
    assert_eq!(titles(Book::TITLE.eq("A Storm"), 9).await?, ["A Storm"]);
    assert_eq!(titles(Book::PRICE.gt(1), 1).await?, ["A Clash"]);
    assert_eq!(titles(Book::PRICE.gt(1), 2).await?, ["A Clash", "A Storm"]);
    assert_eq!(em.find_all::<Book>().order_by(Book::TITLE.desc()).cache_as("books", MINUTE).await?.len(), 3);
    assert_eq!(em.count_all::<Book>().cache_as("books", MINUTE).await?, 3);
    assert_eq!(db.statements(), 6);
    Ok(())
}

/// What one tenant asked for answers no other, whoever comes first.
pub async fn tenants_do_not_mix<B: Backend>() -> Result<()> {
    let db = tenancy::seeded::<B>().await?;
    let names = async |tenant| -> Result<Vec<String>> {
        let em = db.em();
        em.set(CurrentTenant(tenant))?;
        let found =
            em.find_all::<Customer>().populate(Customer::ORDERS).cache_as("customers", MINUTE).await?;
        let orders =
            found.iter().flat_map(|customer| customer.orders()).map(|order| order.get().article.clone());
        Ok(found.iter().map(|customer| customer.get().name.clone()).chain(orders).collect())
    };
    for _ in 0..2 {
        assert_eq!(names(1).await?, ["ann", "ann's"]);
        assert_eq!(names(2).await?, ["bob", "bob's"]);
    }
    assert_eq!(db.statements(), 4);
    let all =
        db.em().find_all::<Customer>().without_filter::<OfTenant>().cache_as("customers", MINUTE).await?;
    assert_eq!((all.len(), db.statements()), (2, 5));
    Ok(())
}

/// Every level that a query populates is cached with it.
pub async fn populated_relations_are_cached<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let sent = again(&db, async |em| {
        let authors = em.find_all::<Author>().order_by(Author::ID.asc());
        let authors =
            authors.populate((Author::BOOKS.then(Book::TAGS), Author::PROFILE)).cache(MINUTE).await?;
        let book = |book: &Loaded<Book, _>| (book.get().title.clone(), book.tags().len());
        let of = |author: &Loaded<Author, _>| {
            let bio = author.profile().map(|profile| profile.get().bio.clone());
            (author.get().name.clone(), bio, author.books().iter().map(book).collect::<Vec<_>>())
        };
        Ok(authors.iter().map(of).collect::<Vec<_>>())
    });
    assert_eq!(sent.await?, 0);
    let sent = again(&db, async |em| {
        let best = Author::BOOKS.order_by(Book::TITLE.desc()).limit_per_parent(1);
        let author = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(best).cache(MINUTE).await?;
        Ok(author.books().iter().map(|book| book.get().title.clone()).collect::<Vec<_>>())
    });
    assert_eq!(sent.await?, 0);
    Ok(())
}

#[derive(View, Debug, PartialEq)]
#[view(of = Book)]
struct Title {
    title: String,
    price: i64,
}

/// Counts, pages, selections, views, aggregates and numbers beside entities are cached as entities are.
pub async fn every_finder_can_be_cached<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let all = || Condition::<Book>::always();
    assert_eq!(again(&db, async |em| em.count(Book::PRICE.gt(1)).cache(MINUTE).await).await?, 0);
    let paged = async |em: EntityManager| {
        let (books, count) = em.find_and_count(all()).limit(2).order_by(Book::ID.asc()).cache(MINUTE).await?;
        Ok((books.len(), count))
    };
    assert_eq!(again(&db, paged).await?, 0);
    let page = async |em: EntityManager| {
        let page = em.find(all()).cache(MINUTE).page(2).await?;
        let cursor = page.end_cursor.clone().unwrap_or_default();
        let next = em.find(all()).cache(MINUTE).page(2).after(&cursor)?.await?;
        Ok((page.items.len(), next.items.len(), page.end_cursor))
    };
    assert_eq!(again(&db, page).await?, 0);
    let selected = async |em: EntityManager| {
        em.find(all()).select((Book::TITLE, Book::AUTHOR.field(Author::NAME))).cache(MINUTE).await
    };
    assert_eq!(again(&db, selected).await?, 0);
    let titles = async |em: EntityManager| em.find(all()).cache(MINUTE).view::<Title>().await;
    assert_eq!(again(&db, titles).await?, 0);
    let sum = async |em: EntityManager| {
        em.find(all()).select((Book::ID.count(), Book::PRICE.sum())).cache(MINUTE).one().await
    };
    assert_eq!(again(&db, sum).await?, 0);
    assert_eq!(
        again(&db, async |em| em.find(all()).select(Book::PRICE).distinct().cache(MINUTE).count().await)
            .await?,
        0
    );
    assert_eq!(again(&db, async |em| em.find(all()).cache(MINUTE).exists().await).await?, 0);
    let counted = async |em: EntityManager| {
        let winter = em.find_one_or_fail(Tag::LABEL.eq("winter")).cache(MINUTE).await?;
        let books = em.find(all()).with_count(Book::TAGS).with_membership(Book::TAGS, &winter);
        let books = books.cache(MINUTE).await?;
        Ok(books
            .iter()
            .map(|book| (book.count_of(Book::TAGS), book.has_member(Book::TAGS)))
            .collect::<Vec<_>>())
    };
    assert_eq!(again(&db, counted).await?, 0);
    let by_id = async |em: EntityManager| {
        let book = em.find_by_id_or_fail::<Book>(1).populate(Book::AUTHOR).cache(MINUTE).await?;
        Ok(book.author().get().name.clone())
    };
    assert_eq!(again(&db, by_id).await?, 0);
    let apart = async |em: EntityManager| {
        Ok(em.find(all()).disable_identity_map().cache_as("apart", MINUTE).await?.len())
    };
    assert_eq!(again(&db, apart).await?, 0);
    Ok(())
}

/// Values of every type come back as they were, from memory and from bytes.
pub async fn values_of_every_type_are_cached<B: Backend>() -> Result<()> {
    for db in [
        scalars::empty::<B>().await?,
        TestDb::open::<B>(|builder| scalars::entities(builder).result_cache(Hoard::default())).await?,
    ] {
        let full = Optional {
            i8: Some(i8::MIN),
            i64: Some(i64::MAX),
            u64: Some(7),
            f32: Some(0.1),
            f64: Some(-0.1e300),
            boolean: Some(false),
            text: Some(if B::facts().keeps_nul { "é\0'" } else { "é'" }.into()),
            bytes: Some(vec![0, 255]),
            uuid: Some(Uuid::from_u128(u128::MAX - 1)),
            date: chrono::NaiveDate::from_ymd_opt(1, 1, 1),
            time: chrono::NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999),
            datetime: chrono::DateTime::from_timestamp(-1, 1_000).map(|time| time.naive_utc()),
            timestamp: chrono::DateTime::from_timestamp(1, 5_000),
            decimal: Some(Decimal::new(-1250, 2)),
            json: Some(json!({ "a": [1, null] })),
            season: Some(Season::default()),
            level: Some(Level::default()),
            colour: Some(Colour::default()),
            ..Optional::default()
        };
        db.em().insert_many([full, Optional::default()]).await?;
        let sent = again(&db, async |em| {
            let all = em.find_all::<Optional>().order_by(Optional::ID.asc()).cache(MINUTE).await?;
            Ok(all.iter().map(|one| one.get().clone()).collect::<Vec<_>>())
        });
        assert_eq!(sent.await?, 0);
    }
    Ok(())
}

/// A transaction asks the database and tells the cache nothing, whatever it reads.
pub async fn a_transaction_leaves_the_cache_alone<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let count = || db.em().count_all::<Author>().cache(MINUTE);
    assert_eq!(count().await?, 2);
    let em = db.em();
    em.begin().await?;
    em.persist(Author::new("Arya"))?;
    assert_eq!(em.count_all::<Author>().cache(MINUTE).await?, 3);
    assert_eq!(em.find_all::<Author>().cache(MINUTE).await?.len(), 3);
    em.rollback().await?;

    db.recorder.reset();
    assert_eq!((count().await?, db.statements()), (2, 0));
    assert_eq!((db.em().find_all::<Author>().cache(MINUTE).await?.len(), db.statements()), (2, 1));
    Ok(())
}

/// What has to be as it is now is asked for: a version, a refresh, a stream.
pub async fn what_must_be_fresh_is_asked_for<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let a = || db.em().find_one(Binder::NAME.eq("a")).cache(MINUTE);
    a().await?;
    db.run(&["update binder set version = 5 where name = 'a'"]).await?;
    db.recorder.reset();
    a().lock(LockMode::optimistic(5)).await?;
    assert_eq!(db.statements(), 1);
    assert_eq!(a().await?.map(|binder| binder.get().version), Some(1), "a lock renews nothing");

    assert_eq!(a().refresh().await?.map(|binder| binder.get().version), Some(5));
    assert_eq!(db.statements(), 2);
    assert_eq!(a().await?.map(|binder| binder.get().version), Some(5), "a refresh does");

    for _ in 0..2 {
        use futures::TryStreamExt;
        let stream = db.em().find_all::<Binder>().cache(MINUTE).stream();
        assert_eq!(stream.try_collect::<Vec<_>>().await?.len(), 2);
    }
    assert_eq!(db.statements(), 4);
    Ok(())
}

/// An answer is never older than the query allows, by the clock of the ORM, whatever the query allowed that asked for it.
pub async fn an_answer_gets_too_old<B: Backend>() -> Result<()> {
    let hands = Hands::default();
    let clock = hands.clone();
    let db = TestDb::open::<B>(|builder| blog::entities(builder).clock(move || clock.time())).await?;
    let count = async |lifetime| -> Result<u64> {
        db.recorder.reset();
        db.em().count_all::<Author>().cache(Duration::from_secs(lifetime)).await?;
        Ok(db.statements())
    };
    hands.set(1_000);
    assert_eq!(count(60).await?, 1);
    hands.set(1_059);
    assert_eq!(count(60).await?, 0);
    assert_eq!(count(59).await?, 1, "59 seconds is too old for a lifetime of 59 seconds");
    assert_eq!(count(60).await?, 0);
    hands.set(1_119);
    assert_eq!(count(60).await?, 1);
    hands.set(1_000);
    assert_eq!(count(60).await?, 1, "nobody knows how old an answer from the future is");
    Ok(())
}

/// A lifetime of zero is none, and the longest one is as good as for ever.
pub async fn a_lifetime_may_be_anything<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let count = async |lifetime| -> Result<u64> {
        db.recorder.reset();
        db.em().count_all::<Author>().cache(lifetime).await?;
        Ok(db.statements())
    };
    assert_eq!((count(Duration::ZERO).await?, count(Duration::ZERO).await?), (1, 1));
    assert_eq!((count(MINUTE).await?, count(Duration::ZERO).await?), (1, 1), "nor is anything taken");
    db.em().result_cache().clear().await?;
    assert_eq!((count(Duration::MAX).await?, count(Duration::MAX).await?), (1, 0));
    assert_eq!((count(Duration::from_nanos(1)).await?, count(Duration::from_nanos(1)).await?), (1, 1));
    Ok(())
}

/// What fails is not kept: the next one asks again.
pub async fn a_failure_is_not_cached<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    db.recorder.inject(crate::Fault::Select);
    db.em().find_all::<Author>().cache(MINUTE).await.expect_err("it was injected");
    assert_eq!(db.em().find_all::<Author>().cache(MINUTE).await?.len(), 2);
    let missing = || db.em().find_one_or_fail(Author::NAME.eq("nobody")).cache(MINUTE);
    assert!(matches!(missing().await, Err(Error::NotFound { .. })));
    db.recorder.reset();
    assert!(matches!(missing().await, Err(Error::NotFound { .. })), "that there is none is an answer");
    assert_eq!(db.statements(), 0);
    Ok(())
}
