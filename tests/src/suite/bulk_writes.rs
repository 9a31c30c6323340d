//! Rows without the unit of work: `insert`, `insert_many`, `update_many`, `delete_many`.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::pin;
use std::task::Poll;

use orm_core::{Condition, Error, FlushMode, ForkOptions, Ref, Result};

use crate::fixtures::archive::{self, Binder, Letter};
use crate::fixtures::blog::{self, Author, Book, Profile, Tag};
use crate::fixtures::document::{self, Document};
use crate::fixtures::keys::{self, Currency, Draft, Ticket, Token};
use crate::fixtures::tenancy::{self, CurrentTenant, Customer};
use crate::{Backend, Fault, Operation, TestDb};

fn inserts(entity: &str, rows: usize) -> Operation {
    Operation::Insert(entity.to_owned(), rows)
}

// ---- insert

/// A row is inserted by one statement, and the context knows nothing of it.
pub async fn an_inserted_row_is_not_managed<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let id = em.insert(Author::new("Jon Snow")).await?;
    assert_eq!(db.recorder.operations(), [inserts("Author", 1)]);
    assert_eq!(em.managed_count()?, 0);

    let jon = em.find_by_id::<Author>(id).await?.expect("the row is there");
    assert_eq!(jon.get().name, "Jon Snow");
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 1);
    Ok(())
}

/// Keys come back in the order of the values, whatever shapes their rows have.
pub async fn the_keys_of_inserted_rows_come_in_order<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let given = Author { id: 70, ..Author::new("Given") };
    let names = ["Ann", "Bea", "Given", "Cleo"];
    let authors = [Author::new("Ann"), Author::new("Bea"), given, Author::new("Cleo")];
    let ids = em.insert_many(authors).await?;
    assert_eq!(ids[2], 70);
    for (id, name) in ids.into_iter().zip(names) {
        assert_eq!(em.find_by_id_or_fail::<Author>(id).await?.get().name, name);
    }
    Ok(())
}

/// Many rows are inserted in one transaction, in batches of the size asked for. Case K181.
pub async fn many_rows_are_inserted_in_batches<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let tags = (0..1_000).map(|at| Tag::new(&format!("tag {at}")));
    let keys = db.em().insert_many(tags).batch_size(100).await?;
    assert_eq!(keys.len(), 1_000);
    let mut expected = vec![Operation::Begin];
    expected.extend(std::iter::repeat_n(inserts("Tag", 100), 10));
    expected.push(Operation::Commit);
    assert_eq!(db.recorder.operations(), expected);
    Ok(())
}

/// Inserting no rows sends nothing.
pub async fn inserting_nothing_sends_nothing<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    assert!(db.em().insert_many(Vec::<Tag>::new()).await?.is_empty());
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// Every kind of key: made by the database, by the program, assigned.
pub async fn every_kind_of_key_comes_back<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let token = em.insert(Token { holder: "Ann".into(), ..Token::default() }).await?;
    assert!(!token.is_nil());
    let code = em.insert(Ticket { subject: "Opera".into(), ..Ticket::default() }).await?;
    assert!(code.starts_with("T-"));
    assert_eq!(em.insert(Currency { code: "EUR".into(), name: "Euro".into() }).await?, "EUR");
    let draft = em.insert(Draft { id: None, title: "First".into() }).await?;
    assert_eq!(em.find_by_id_or_fail::<Draft>(draft).await?.get().title, "First");
    Ok(())
}

/// Relations are written by key: one that is given, or that of a handle.
pub async fn relations_are_inserted_by_key<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    em.insert(Book::new("By handle", &jon)).await?;
    em.insert(Book::new("By key", Ref::key(jon.id()))).await?;
    assert_eq!(em.count(Book::AUTHOR.eq(&jon)).await?, 5);
    Ok(())
}

/// What only a unit of work could write is refused before anything is sent, with the cure.
pub async fn inserting_a_graph_is_refused<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let refused = em.insert(Book::new("New author", Author::new("Nobody"))).await;
    let Err(Error::Relation { relation: "author", problem, .. }) = refused else { panic!("{refused:?}") };
    assert!(problem.contains("`persist`"), "{problem}");

    let with_books = Author { books: vec![Book::default()].into(), ..Author::new("Ann") };
    let refused = em.insert_many([Author::new("Bea"), with_books]).await;
    assert!(matches!(refused, Err(Error::Relation { relation: "books", .. })), "{refused:?}");

    let with_profile = Author { profile: Some(Profile::default().into()), ..Author::new("Ann") };
    let refused = em.insert(with_profile).await;
    assert!(matches!(refused, Err(Error::Relation { relation: "profile", .. })), "{refused:?}");

    let unsaved = em.persist(Author::new("Unsaved"))?;
    let refused = em.insert(Book::new("Early", &unsaved)).await;
    assert!(matches!(refused, Err(Error::Relation { relation: "author", .. })), "{refused:?}");

    let other = db.em().persist(Author { id: 9, ..Author::new("Other") })?;
    let refused = em.insert(Book::new("Elsewhere", &other)).await;
    assert!(matches!(refused, Err(Error::ForeignEntity { .. })), "{refused:?}");

    let refused = em.insert(Book { title: "No author".into(), ..Book::default() }).await;
    assert!(matches!(refused, Err(Error::RequiredRelation { relation: "author", .. })), "{refused:?}");
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// One bad row, and none is inserted; the error names the field.
pub async fn a_refused_row_takes_all_with_it<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let tags = [Tag::new("one"), Tag::new("two"), Tag::new("one")];
    let refused = em.insert_many(tags.clone()).batch_size(2).await.expect_err("the label is taken");
    assert!(refused.is_violation_of(Tag::LABEL), "{refused:?}");
    assert_eq!(em.count_all::<Tag>().await?, 0);

    db.recorder.inject(Fault::CommitRefused);
    assert!(em.insert_many(tags[..2].to_vec()).batch_size(1).await.is_err());
    assert_eq!(em.count_all::<Tag>().await?, 0);
    em.insert_many(tags[..2].to_vec()).await?;
    assert_eq!(em.count_all::<Tag>().await?, 2);
    Ok(())
}

/// Dropped at any point before its end, an insert has written nothing.
pub async fn a_dropped_insert_leaves_nothing<B: Backend>() -> Result<()> {
    // Twice for BEGIN and each of two inserts, and once before COMMIT.
    for point in 0..7 {
        let db = blog::empty::<B>().await?;
        let em = db.em();
        db.recorder.stall_after(point);
        let insert = em.insert_many((0..10).map(|at| Tag::new(&at.to_string()))).batch_size(5);
        assert!(until_it_stalls(&db, insert.into_future()).await.is_none(), "done at {point}");
        assert!(db.recorder.go_on());
        assert_eq!(em.count_all::<Tag>().await?, 0, "dropped at {point}");
    }
    Ok(())
}

/// A first version is written as by a flush.
pub async fn the_first_version_is_one<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let id = em.insert(Document::new("plan")).await?;
    let plan = em.find_by_id_or_fail::<Document>(id).await?;
    plan.edit().text = "Winter is coming".into();
    em.flush().await?;
    assert_eq!(plan.get().version, 2);
    Ok(())
}

/// The global manager can insert: no identity map has part in it.
pub async fn inserting_needs_no_context<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    db.orm.em().insert(Tag::new("one")).await?;
    db.orm.em().get_repository::<Tag>().insert_many([Tag::new("two")]).await?;
    assert_eq!(db.em().count_all::<Tag>().await?, 2);
    Ok(())
}

/// The result of a future, or `None` if an operation of it stopped for ever.
async fn until_it_stalls<F: Future>(db: &TestDb, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if db.recorder.is_stalled() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

// ---- update_many

fn updates(entity: &str, columns: &[&str]) -> Operation {
    Operation::UpdateWhere(entity.to_owned(), columns.iter().map(|column| (*column).to_owned()).collect())
}

fn deletes(entity: &str) -> Operation {
    Operation::DeleteWhere(entity.to_owned())
}

/// Whatever meets the condition is changed by one statement, which says how many rows that were.
pub async fn rows_are_changed_by_condition<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let changed = em.update_many(Book::TITLE.starts_with("A ")).set(Book::PRICE, 12).await?;
    assert_eq!(changed, 2);
    assert_eq!(db.recorder.operations(), [updates("Book", &["price"])]);
    assert_eq!(em.count(Book::PRICE.eq(12)).await?, 2);
    Ok(())
}

/// Several fields, relations by handle and by key, NULL; of two values for one field the last counts.
pub async fn fields_and_relations_are_set<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    let books = em.update_many(Book::TAGS.some(Tag::LABEL.eq("war")));
    let changed = books
        .set(Book::TITLE, "Same")
        .set(Book::AUTHOR, &sam)
        .set(Book::PRICE, 1)
        .set(Book::PRICE, 2)
        .set_null(Book::PUBLISHER)
        .await?;
    assert_eq!(changed, 3);
    let meant = Book::TITLE.eq("Same").and(Book::PRICE.eq(2)).and(Book::PUBLISHER.is_null());
    assert_eq!(em.count(meant.and(Book::AUTHOR.eq(sam.id()))).await?, 3);
    em.update_many(Author::NAME.eq("Jon Snow")).set_null((Author::EMAIL, Author::MENTOR)).await?;
    em.update_many(Author::NAME.eq("Jon Snow")).set(Author::AGE, 16).set(Author::MENTOR, sam.id()).await?;
    assert_eq!(
        em.count(Author::AGE.eq(16).and(Author::MENTOR.eq(&sam)).and(Author::EMAIL.is_null())).await?,
        1
    );
    Ok(())
}

/// Instances that are loaded stay as they are until they are refreshed.
pub async fn loaded_instances_do_not_see_it<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    em.update_many(Book::ID.eq(wall.id())).set(Book::PRICE, 99).await?;
    assert_eq!(wall.get().price, 10);
    em.refresh(&wall).await?;
    assert_eq!(wall.get().price, 99);
    Ok(())
}

/// Without a condition it must be said that every row is meant; a condition that says nothing is none.
pub async fn every_row_must_be_asked_for<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let none: [&str; 0] = [];
    let nothing = [
        Condition::always(),
        Condition::all([]),
        Condition::always().and_if(None),
        Book::TITLE.not_in(none),
        Book::PRICE.gt(5).or(Condition::always()),
        Condition::never().not(),
    ];
    for condition in nothing {
        let refused = em.update_many(condition.clone()).set(Book::PRICE, 0).await;
        assert!(
            matches!(refused, Err(Error::NoCondition { entity: "Book", method: "update_many" })),
            "{refused:?}"
        );
        let refused = em.delete_many(condition).await.expect_err("it has no condition");
        assert!(refused.to_string().contains("`.all()`"), "{refused}");
    }
    assert_eq!(db.statements(), 0);
    assert_eq!(em.update_many(Condition::<Book>::always()).set(Book::PRICE, 7).all().await?, 3);
    assert_eq!(em.delete_many(Condition::<Book>::always()).all().await?, 3);
    assert_eq!(db.recorder.operations(), [updates("Book", &["price"]), deletes("Book")]);
    Ok(())
}

/// Setting nothing sends nothing.
pub async fn an_update_of_nothing_sends_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    assert_eq!(db.em().update_many(Book::PRICE.gt(1)).await?, 0);
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// What the row does not hold can't be set; a target without a row can't be pointed to.
pub async fn an_impossible_update_is_refused<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let refused = em.update_many(Author::ID.gt(0)).set_null(Author::BOOKS).await;
    assert!(matches!(refused, Err(Error::NoColumn { entity: "Author", field: "books" })), "{refused:?}");
    let arya = em.persist(Author::new("Arya"))?;
    let refused = em.update_many(Book::ID.gt(0)).set(Book::AUTHOR, &arya).await;
    assert!(matches!(refused, Err(Error::Relation { relation: "author", .. })), "{refused:?}");
    assert_eq!(db.statements(), 0);
    let refused = em.update_many(Tag::ID.gt(0)).set(Tag::LABEL, "same").await.expect_err("labels are unique");
    assert!(refused.is_violation_of(Tag::LABEL), "{refused:?}");
    let refused = em.update_many(Book::ID.gt(0)).set_null(Book::AUTHOR).await.expect_err("it is required");
    assert!(refused.violation().is_some(), "{refused:?}");
    Ok(())
}

/// Whatever meets the condition is deleted by one statement; nothing of it needs a context.
pub async fn rows_are_deleted_by_condition<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.orm.em();
    assert_eq!(em.delete_many(Book::AUTHOR.is(Author::NAME.eq("Nobody"))).await?, 0);
    assert_eq!(em.get_repository::<Profile>().delete_many(Profile::BIO.eq("Reads")).await?, 1);
    assert_eq!(db.recorder.operations(), [deletes("Book"), deletes("Profile")]);
    assert_eq!(db.em().count_all::<Profile>().await?, 1);
    Ok(())
}

/// Pending changes of the entities that a condition touches are flushed first where the mode says so.
pub async fn pending_changes_are_flushed_first<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.orm.em().fork_with(ForkOptions::default().flush_mode(FlushMode::Always));
    em.persist(Tag::new("ice"))?;
    assert_eq!(em.delete_many(Tag::LABEL.eq("ice")).await?, 1);
    Ok(())
}

// ---- filters

/// Filters narrow a write by condition as they narrow a query, and can be switched off for it.
pub async fn filters_narrow_writes_by_condition<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    em.remove(em.find_one_or_fail(Letter::NUMBER.eq(1)).await?)?;
    em.flush().await?;
    let other = Ref::<Binder>::key(em.find_one_or_fail(Binder::NAME.eq("b")).await?.id());
    assert_eq!(em.update_many(Letter::NUMBER.lte(2)).set(Letter::BINDER, &other).await?, 1);
    assert_eq!(em.update_many(Letter::NUMBER.lte(2)).set(Letter::BINDER, &other).with_deleted().await?, 2);
    assert_eq!(em.delete_many(Condition::<Letter>::always()).all().for_good().await?, 2);
    assert_eq!(em.count_all::<Letter>().with_deleted().await?, 1);
    Ok(())
}

/// A filter that guards writes keeps rows of others from being inserted, changed or given away.
pub async fn a_guarding_filter_holds_for_rows_without_the_unit_of_work<B: Backend>() -> Result<()> {
    let db = tenancy::seeded::<B>().await?;
    let em = db.em();
    em.set(CurrentTenant(1))?;
    let customer = |tenant| Customer { tenant, name: "cat".into(), ..Customer::default() };
    em.insert_many([customer(1), customer(1)]).await?;
    let refused = em.insert_many([customer(1), customer(2)]).await;
    assert!(matches!(refused, Err(Error::RefusedByFilter { .. })), "{refused:?}");
    assert!(matches!(em.insert(customer(2)).await, Err(Error::RefusedByFilter { .. })));
    let refused = em.update_many(Customer::NAME.eq("cat")).set(Customer::TENANT, 2).await;
    assert!(matches!(refused, Err(Error::RefusedByFilter { .. })), "{refused:?}");
    assert_eq!(em.update_many(Customer::ID.gt(0)).set(Customer::NAME, "all").await?, 3);
    assert_eq!(em.delete_many(Customer::NAME.eq("cat").or(Customer::NAME.eq("bob"))).await?, 0);
    assert_eq!(em.count(Customer::NAME.eq("bob")).without_filters().await?, 1);
    Ok(())
}

// ---- transactions

/// What is written in a transaction is seen there and goes with it; a refused write takes only itself back.
pub async fn rows_written_in_a_transaction_go_with_it<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let result: Result<()> = em
        .transactional(async |em| {
            em.insert_many([Tag::new("ice"), Tag::new("fire")]).await?;
            let refused = em.insert_many([Tag::new("one"), Tag::new("war")]).await.expect_err("it is taken");
            assert!(refused.is_violation_of(Tag::LABEL));
            assert_eq!(em.update_many(Tag::LABEL.eq("ice")).set(Tag::LABEL, "snow").await?, 1);
            assert_eq!(em.delete_many(Tag::LABEL.eq("fire")).await?, 1);
            assert_eq!(em.count_all::<Tag>().await?, 3);
            Err(Error::other("no"))
        })
        .await;
    assert!(result.is_err());
    assert_eq!(em.count_all::<Tag>().await?, 2);
    em.transactional(async |em| em.insert(Tag::new("ice")).await).await?;
    assert_eq!(em.count_all::<Tag>().await?, 3);
    Ok(())
}
