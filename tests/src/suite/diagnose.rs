//! Which rows a flush fails for: all of them, each alone, and nothing is changed by looking.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;

use futures::FutureExt;
use orm_core::driver::{DriverErrorKind, ViolationKind};
use orm_core::subscriber::{EntityEvent, FlushEvent, TransactionEvent};
use orm_core::{
    Diagnosis, EntityManager, Error, Loaded, NewEntity, Ref, Result, Subscriber, TransactionOptions,
};
use parking_lot::Mutex;

use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::fixtures::diary::{self, Entry, Line, Script};
use crate::fixtures::document::{self, Document};
use crate::fixtures::library::{self, Copy};
use crate::fixtures::node::{self, Node};
use crate::fixtures::tenancy::{self, CurrentTenant, Customer, Order};
use crate::model::polls::poll_times;
use crate::recorder::{Fault, Operation};
use crate::{Backend, Limited, TestDb};

/// The email that somebody has already.
const TAKEN: &str = "jon@wall.org";

/// Several rows of a batch, and of batches after it; corrected and taken out, the same flush succeeds.
pub async fn all_bad_rows_of_all_steps_are_named<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let mut authors = authors(&em, 20, &[3, 4, 17])?;
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    sam.edit().email = Some(TAKEN.to_owned());
    let book = em.persist(Book::new("Nobody's", Ref::key(-1)))?;
    let war = em.persist(Tag::new("war"))?;
    let plan = em.flush_plan()?.to_string();
    db.recorder.reset();

    let diagnosis = refusal(&em).await.diagnose(&em).await?;

    assert_eq!(positions(&diagnosis, "Author"), [3, 4, 17, 0], "{diagnosis}");
    assert_eq!(positions(&diagnosis, "Book"), [0]);
    assert_eq!(positions(&diagnosis, "Tag"), [0]);
    for row in diagnosis.rows() {
        let violation = row.error().violation().expect("a constraint refused it");
        let expected = match row.entity() {
            "Author" => (ViolationKind::Unique, "email"),
            "Book" => (ViolationKind::ForeignKey, "author"),
            _ => (ViolationKind::Unique, "label"),
        };
        assert_eq!((violation.kind, violation.fields[0]), expected, "{row}");
        assert_eq!(violation.entity, Some(row.entity()));
    }
    assert_eq!(em.flush_plan()?.to_string(), plan);
    assert_eq!(db.em().count_all::<Author>().await?, 2);

    for row in diagnosis.rows().iter().filter(|row| row.key().values().is_empty()) {
        if let Some(author) = row.handle::<Author>() {
            em.detach(&author)?;
            authors.retain(|one| *one != author);
        }
    }
    sam.edit().email = None;
    em.detach(&book)?;
    war.edit().label = "peace".to_owned();
    em.flush().await?;
    assert_eq!(db.em().count_all::<Author>().await?, 19);
    assert!(authors.iter().all(|author| author.try_id().is_some()));
    Ok(())
}

/// What keeps the whole flush from being sent is named beside what the database refuses.
pub async fn rows_that_can_not_be_sent_are_named_too<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    authors(&em, 4, &[2])?;
    for title in ["Orphan", "Foundling"] {
        em.persist(Book { title: title.to_owned(), ..Book::default() })?;
    }
    let error = refusal(&em).await;
    assert!(matches!(error, Error::RequiredRelation { relation: "author", .. }), "{error}");

    let diagnosis = error.diagnose(&em).await?;

    assert_eq!(positions(&diagnosis, "Book"), [0, 1], "{diagnosis}");
    assert_eq!(positions(&diagnosis, "Author"), [2]);
    assert!(matches!(diagnosis.rows()[0].error(), Error::RequiredRelation { .. }));
    detach_all(&em, &diagnosis)?;
    em.flush().await
}

/// Two rows of one batch that conflict with one another: the first could be saved.
pub async fn the_second_of_two_rows_that_want_one_value_is_named<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    authors(&em, 10, &[2, 8])?;

    let diagnosis = refusal(&em).await.diagnose(&em).await?;

    assert_eq!(positions(&diagnosis, "Author"), [8], "{diagnosis}");
    detach_all(&em, &diagnosis)?;
    em.flush().await?;
    assert_eq!(db.em().count_all::<Author>().await?, 9);
    Ok(())
}

/// Who refers to a refused row is not at fault, however far away; neither is a row that others refer to.
pub async fn what_needs_a_refused_row_is_not_named<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let bad = em.persist(Author { email: Some(TAKEN.to_owned()), ..Author::new("Bad") })?;
    let pupil = em.persist(Author { mentor: (&bad).into(), ..Author::new("Pupil") })?;
    let book = em.persist(Book::new("Book", &pupil))?;
    book.tags_ref().add(&em.persist(Tag::new("new"))?)?;

    let diagnosis = refusal(&em).await.diagnose(&em).await?;

    let [row] = diagnosis.rows() else { panic!("{diagnosis}") };
    assert_eq!(row.handle::<Author>(), Some(bad.without_hints()));
    bad.edit().email = None;
    em.flush().await?;
    assert!(book.try_id().is_some());

    // A link of a row that can't even be sent.
    let invalid = em.persist(Book { title: "Orphan".into(), ..Book::default() })?;
    invalid.tags_ref().add(&em.persist(Tag::new("of the orphan"))?)?;
    let diagnosis = refusal(&em).await.diagnose(&em).await?;
    assert_eq!(diagnosis.rows().len(), 1, "{diagnosis}");
    assert_eq!(diagnosis.rows()[0].handle::<Book>(), Some(invalid.without_hints()));
    Ok(())
}

/// Rows that refer to each other, in a line and in a ring, are not at fault for it.
pub async fn rows_that_refer_to_each_other_are_deleted_together<B: Backend>() -> Result<()> {
    let db = node::empty::<B>().await?;
    let em = db.em();
    let root = em.persist(Node::new("root"))?;
    let middle = em.persist(Node::below("middle", &root))?;
    let leaf = em.persist(Node::below("leaf", &middle))?;
    let ring = [em.persist(Node::new("ring 0"))?, em.persist(Node::new("ring 1"))?];
    let wanted = em.persist(Node::new("wanted"))?;
    em.flush().await?;
    ring[0].edit().parent = (&ring[1]).into();
    ring[1].edit().parent = (&ring[0]).into();
    em.flush().await?;
    let other = db.em();
    other.persist(Node::below("stays", Ref::key(wanted.id())))?;
    other.flush().await?;
    for node in [&root, &wanted, &middle, &ring[0], &leaf, &ring[1]] {
        em.remove(node)?;
    }

    let error = refusal(&em).await;
    let diagnosis = error.diagnose(&em).await?;

    let [row] = diagnosis.rows() else { panic!("{diagnosis}") };
    assert_eq!((row.handle::<Node>(), row.position()), (Some(wanted.without_hints()), Some(1)));
    let violation = row.error().violation().expect("another node refers to it");
    assert_eq!((violation.entity, violation.fields.as_slice()), (Some("Node"), ["parent"].as_slice()));
    em.detach(&wanted)?;
    em.flush().await?;
    assert_eq!(db.em().count_all::<Node>().await?, 2);
    Ok(())
}

/// Rows that somebody else changed are named one by one, beside rows that are refused.
pub async fn every_stale_row_is_named_alone<B: Backend>() -> Result<()> {
    let db = document::empty::<B>().await?;
    let em = db.em();
    let documents = ["a", "b", "c", "d"].map(|title| em.persist(Document::new(title)));
    let documents: Vec<_> = documents.into_iter().collect::<Result<_>>()?;
    em.flush().await?;
    let other = db.em();
    for document in [&documents[1], &documents[3]] {
        other.find_by_id_or_fail::<Document>(document.id()).await?.edit().title = "changed".into();
    }
    other.flush().await?;
    documents.iter().for_each(|document| document.edit().title = "mine".into());

    let diagnosis = refusal(&em).await.diagnose(&em).await?;

    assert_eq!(positions(&diagnosis, "Document"), [1, 3], "{diagnosis}");
    for row in diagnosis.rows() {
        assert_eq!(row.error().stale_keys(), std::slice::from_ref(row.key()));
        let document = row.handle::<Document>().expect("it was loaded");
        em.refresh(&document).await?;
        document.edit().title = "mine".into();
    }
    em.flush().await
}

/// Rows that do not meet a filter which guards writes: known in memory, or counted when they are written.
pub async fn rows_that_a_filter_refuses_are_named<B: Backend>() -> Result<()> {
    let db = tenancy::seeded::<B>().await?;
    let em = db.em();
    em.set(CurrentTenant(1))?;
    for tenant in [1, 2, 1, 2] {
        em.persist(Customer { tenant, name: format!("of {tenant}"), ..Customer::default() })?;
    }

    let diagnosis = refusal(&em).await.diagnose(&em).await?;

    assert_eq!(positions(&diagnosis, "Customer"), [1, 3], "{diagnosis}");
    assert!(matches!(diagnosis.rows()[0].error(), Error::RefusedByFilter { .. }));
    detach_all(&em, &diagnosis)?;
    em.flush().await?;

    let house = db.em();
    house.disable_filters()?;
    let customers = house.find_all::<Customer>().await?;
    for customer in &customers {
        em.persist(Order { customer: Ref::key(customer.id()), ..Order::default() })?;
    }
    let diagnosis = refusal(&em).await.diagnose(&em).await?;
    let of_others = customers.iter().enumerate().filter(|(_, customer)| customer.get().tenant != 1);
    let of_others: Vec<usize> = of_others.map(|(at, _)| at).collect();
    assert_eq!(positions(&diagnosis, "Order"), of_others, "{diagnosis}");
    Ok(())
}

/// A link to a row that is gone.
pub async fn a_refused_link_names_both_ends<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    let gone = em.get_reference::<Tag>(-5)?;
    book.tags_ref().add(&gone)?;
    book.tags_ref().add(&em.persist(Tag::new("here"))?)?;

    let diagnosis = refusal(&em).await.diagnose(&em).await?;

    let [row] = diagnosis.rows() else { panic!("{diagnosis}") };
    assert_eq!((row.entity(), row.position()), ("Book", None));
    assert_eq!(row.handle::<Book>(), Some(book));
    assert_eq!(row.linked().map(ToString::to_string).as_deref(), Some("Tag[-5]"));
    assert!(row.to_string().starts_with(&format!("link of {}.tags to Tag[-5]: ", row.key())), "{row}");
    Ok(())
}

/// A check of a length; and how a diagnosis reads.
pub async fn a_value_that_is_too_long_is_named<B: Backend>() -> Result<()> {
    let db = library::empty::<B>().await?;
    let em = db.em();
    let copies: Vec<_> = (0..10).map(|at| em.persist(Copy::at("A", at))).collect::<Result<_>>()?;
    em.flush().await?;
    for at in [4, 9] {
        copies[at].edit().code = "far too long".into();
    }
    copies[0].edit().code = "fits".into();

    let diagnosis = refusal(&em).await.diagnose(&em).await?;

    let violation = diagnosis.rows()[0].error().violation().expect("a check refused it");
    assert_eq!((violation.kind, violation.fields.as_slice()), (ViolationKind::Check, ["code"].as_slice()));
    let text = diagnosis.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0], "2 rows are refused:");
    let of_row = |at: usize, position: usize| {
        format!("- update of Copy[{}] at position {position}: check constraint ", copies[at].id())
    };
    assert!(lines[1].starts_with(&of_row(4, 0)), "{text}");
    assert!(lines[2].starts_with(&of_row(9, 1)), "{text}");
    assert!(!text.contains("far too long"));
    Ok(())
}

/// One bad row of a hundred: the batch is halved, not sent row by row.
pub async fn it_halves_the_batch_and_sends_little<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    authors(&em, 100, &[42])?;
    let error = refusal(&em).await;
    db.recorder.reset();

    let diagnosis = error.diagnose(&em).await?;

    assert_eq!(positions(&diagnosis, "Author"), [42]);
    assert_eq!((db.recorder.writes(), db.statements()), (15, 39));
    let operations = db.recorder.operations();
    assert_eq!((&operations[0], &operations[38]), (&Operation::Begin, &Operation::Rollback));
    assert!(!operations.contains(&Operation::Commit));
    Ok(())
}

/// In a transaction it works under a savepoint: what the transaction did before stays, and it can be committed.
pub async fn inside_a_transaction_it_takes_back_what_it_did<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    em.transactional(async |em| {
        em.persist(Tag::new("before"))?;
        em.flush().await?;
        let authors = authors(&em, 10, &[5, 6])?;
        let error = refusal(&em).await;
        db.recorder.reset();

        let diagnosis = error.diagnose(&em).await?;

        assert_eq!(positions(&diagnosis, "Author"), [5, 6], "{diagnosis}");
        let operations = db.recorder.operations();
        assert!(matches!(operations.first(), Some(Operation::Savepoint(_))), "{operations:?}");
        assert!(!operations.contains(&Operation::Begin) && !operations.contains(&Operation::Rollback));
        assert!(authors.iter().all(|author| author.try_id().is_none() && em.contains(author)));
        assert_eq!(em.count_all::<Tag>().await?, 3);
        detach_all(&em, &diagnosis)
    })
    .await?;
    assert_eq!(db.em().count_all::<Author>().await?, 10);
    assert_eq!(db.em().count_all::<Tag>().await?, 3);
    Ok(())
}

/// A transaction whose last flush failed is over; its work is pending again and is what is tried.
pub async fn after_a_transaction_that_failed_it_finds_the_rows<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let failed = em.transactional(async |em| authors(&em, 6, &[1]).map(drop)).await;
    let error = failed.expect_err("the email is taken");

    let diagnosis = error.diagnose(&em).await?;

    assert_eq!(positions(&diagnosis, "Author"), [1], "{diagnosis}");
    detach_all(&em, &diagnosis)?;
    em.flush().await?;
    assert_eq!(db.em().count_all::<Author>().await?, 7);
    Ok(())
}

/// What runs before the writes runs, and what it does is taken back; what runs after them does not run.
pub async fn a_diagnosis_is_a_failed_flush_to_hooks_and_subscribers<B: Backend>() -> Result<()> {
    let db = diary::empty::<B>().await?;
    db.em().insert(Entry::new("taken")).await?;
    let em = db.em();
    Script::set(&em, |hook, cx| {
        if hook == "before_create" {
            cx.em().persist(Line::new("an entry"))?;
        }
        Ok(())
    })?;
    let heard = Heard::default();
    em.add_subscriber(heard.clone());
    em.persist(Entry::new("free"))?;
    let taken = em.persist(Entry::new("taken"))?;
    let error = refusal(&em).await;
    drop((Script::steps(&em), heard.take()));

    let diagnosis = error.diagnose(&em).await?;

    assert_eq!(positions(&diagnosis, "Entry"), [1], "{diagnosis}");
    assert_eq!(Script::steps(&em), ["before_create free", "before_create taken"]);
    assert_eq!(heard.take(), ["before_flush", "begin", "rollback"]);
    // The lines that the hooks persisted are gone, and what they made of the entries too.
    assert_eq!(em.flush_plan()?.to_string().lines().count(), 1);
    assert_eq!(taken.get().slug, "");
    taken.edit().title = "fresh".into();
    em.flush().await?;
    assert_eq!(db.em().count_all::<Line>().await?, 2);
    assert_eq!(heard.take(), ["before_flush", "begin", "after_create", "commit", "after_flush"]);
    Ok(())
}

/// The row that was in the way is gone meanwhile.
pub async fn nothing_refused_any_more_is_said<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    authors(&em, 10, &[5])?;
    let error = refusal(&em).await;
    db.em().update_many(Author::EMAIL.eq(TAKEN)).set(Author::EMAIL, None).await?;

    let diagnosis = error.diagnose(&em).await?;

    assert!(diagnosis.is_empty());
    assert!(diagnosis.to_string().contains("flush again"), "{diagnosis}");
    assert_eq!(db.em().count_all::<Author>().await?, 2);
    em.flush().await
}

/// An empty diagnosis, so that the program goes on with the error that it has.
pub async fn an_error_that_is_not_about_rows_sends_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    authors(&em, 3, &[1])?;
    let not_found = em.find_by_id_or_fail::<Author>(-1).await.expect_err("there is none");
    db.recorder.inject(Fault::CommitLost);
    let other = db.em();
    other.persist(Tag::new("lost"))?;
    let lost = refusal(&other).await;
    let unknown = refusal(&other).await;
    assert!(matches!(unknown, Error::OutcomeUnknown));
    let fresh = db.em();
    fresh.persist(Tag::new("fresh"))?;
    db.recorder.inject(Fault::Write);
    let untold = refusal(&fresh).await;
    db.recorder.reset();
    for (error, em) in [(not_found, &em), (lost, &other), (unknown, &other), (untold, &fresh)] {
        let diagnosis = error.diagnose(em).await?;
        assert!(diagnosis.is_empty());
        assert_eq!(diagnosis.to_string(), "no row was tried: the error is not about the rows of a flush");
    }
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A connection lost, or a statement that fails for the state of the database, says nothing about rows.
pub async fn a_lost_connection_is_no_diagnosis<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let authors = authors(&em, 10, &[5])?;
    let error = refusal(&em).await;
    db.recorder.inject(Fault::Busy);

    let failed = error.diagnose(&em).await.expect_err("another writer is at work");

    assert_eq!(failed.driver_kind(), Some(DriverErrorKind::Busy), "{failed}");
    db.recorder.inject_after(3, Fault::Write);
    let failed = error.diagnose(&em).await.expect_err("nobody knows why");
    assert_eq!(failed.driver_kind(), Some(DriverErrorKind::Other), "{failed}");
    db.begin_and_roll_back().await?;
    assert_eq!(positions(&error.diagnose(&em).await?, "Author"), [5]);
    authors[5].edit().email = None;
    em.flush().await
}

/// Without savepoints rows can't be tried; the error says what to do.
pub async fn a_database_without_savepoints_is_refused<B: Backend>() -> Result<()> {
    let db = blog::seeded::<Coarse<B>>().await?;
    let em = db.em();
    authors(&em, 3, &[1])?;
    let error = refusal(&em).await;
    db.recorder.reset();

    let refused = error.diagnose(&em).await.expect_err("there are no savepoints");

    assert!(matches!(refused, Error::Transaction { action: "diagnose", .. }), "{refused}");
    assert!(refused.to_string().contains("fewer rows"), "{refused}");
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// Nothing is tried in a transaction that only reads.
pub async fn a_read_only_transaction_is_refused<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    authors(&em, 3, &[1])?;
    let error = refusal(&em).await;
    let read_only = TransactionOptions::default().read_only();
    let rolled_back: Result<()> = em
        .transactional_with(read_only, async |em| match error.diagnose(&em).await {
            Err(Error::Transaction { action: "diagnose", .. }) => {
                Err(Error::NotFound { entity: "Author", condition: "the test is done".to_owned() })
            }
            other => panic!("{other:?}"),
        })
        .await;
    assert!(matches!(rolled_back, Err(Error::NotFound { .. })), "{rolled_back:?}");
    assert_eq!(positions(&error.diagnose(&em).await?, "Author"), [1]);
    Ok(())
}

/// A flush of the same context and a diagnosis run one after the other.
pub async fn a_diagnosis_waits_for_its_turn<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    authors(&em, 8, &[3])?;
    let error = refusal(&em).await;
    db.recorder.give_way();

    let (first, flushed, second) = futures::join!(error.diagnose(&em), em.flush(), error.diagnose(&em));

    db.recorder.go_on();
    assert_eq!(positions(&first?, "Author"), [3]);
    assert!(flushed.is_err_and(|error| error.is_violation_of(Author::EMAIL)));
    assert_eq!(positions(&second?, "Author"), [3]);
    let operations = db.recorder.operations();
    let ends = operations.iter().filter(|one| matches!(one, Operation::Begin | Operation::Rollback));
    let expected = [Operation::Begin, Operation::Rollback].into_iter().cycle().take(8);
    assert!(ends.eq(&expected.collect::<Vec<_>>()), "{operations:?}");
    Ok(())
}

/// A hook is part of a flush, and so can't wait for one.
pub async fn a_diagnosis_in_a_hook_is_refused<B: Backend>() -> Result<()> {
    let db = diary::empty::<B>().await?;
    let em = db.em();
    Script::set(&em, |hook, cx| {
        if hook == "before_create" {
            let stale = Error::StaleEntity { keys: Vec::new() };
            let refused = stale.diagnose(cx.em()).now_or_never();
            assert!(matches!(refused, Some(Err(Error::FlushInHook))), "{refused:?}");
        }
        Ok(())
    })?;
    em.persist(Entry::new("entry"))?;
    em.flush().await?;
    assert_eq!(Script::steps(&em).len(), 2);
    Ok(())
}

/// Dropped after every possible number of polls: the next borrower of the connection is in no transaction, the database
/// and what is pending are as before.
pub async fn a_diagnosis_may_be_dropped_at_any_await<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let authors = authors(&em, 6, &[1, 4])?;
    let error = refusal(&em).await;
    let plan = em.flush_plan()?.to_string();
    let dropped = until_done(
        &db,
        || error.diagnose(&em),
        async || {
            db.begin_and_roll_back().await?;
            assert_eq!(db.em().count_all::<Author>().await?, 2);
            assert_eq!(em.flush_plan()?.to_string(), plan);
            assert!(authors.iter().all(|author| author.try_id().is_none()));
            Ok(())
        },
    );
    assert!(dropped.await? > 30);
    authors[1].edit().email = None;
    authors[4].edit().email = None;
    em.flush().await?;
    assert_eq!(db.em().count_all::<Author>().await?, 8);
    Ok(())
}

/// The same in a transaction, which can only be rolled back then.
pub async fn a_diagnosis_in_a_transaction_may_be_dropped_at_any_await<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let authors = authors(&em, 6, &[1, 4])?;
    let error = refusal(&em).await;
    let plan = em.flush_plan()?.to_string();
    em.begin().await?;
    let dropped = until_done(
        &db,
        || error.diagnose(&em),
        async || {
            em.rollback().await?;
            db.begin_and_roll_back().await?;
            assert_eq!(em.flush_plan()?.to_string(), plan);
            assert!(authors.iter().all(|author| author.try_id().is_none()));
            em.begin().await
        },
    );
    assert!(dropped.await? > 30);
    authors[1].edit().email = None;
    authors[4].edit().email = None;
    em.commit().await?;
    assert_eq!(db.em().count_all::<Author>().await?, 8);
    Ok(())
}

/// Polls what `begin` begins more and more often, and drops it, until it is done; `check`s each time. Returns how often
/// it was polled at most.
async fn until_done<F: Future<Output = Result<Diagnosis>>>(
    db: &TestDb,
    begin: impl Fn() -> F,
    check: impl AsyncFn() -> Result<()>,
) -> Result<usize> {
    for polls in 0.. {
        db.recorder.give_way();
        let found = poll_times(&mut pin!(begin()), polls).await.transpose()?;
        db.recorder.go_on();
        check().await?;
        if let Some(diagnosis) = found {
            assert_eq!(positions(&diagnosis, "Author"), [1, 4], "{diagnosis}");
            return Ok(polls);
        }
    }
    Ok(0)
}

/// New authors, of whom these want an email that somebody has.
fn authors(em: &EntityManager, count: usize, bad: &[usize]) -> Result<Vec<Loaded<Author, NewEntity>>> {
    let author = |at: usize| {
        let email = if bad.contains(&at) { TAKEN.to_owned() } else { format!("{at}@wall.org") };
        em.persist(Author { email: Some(email), ..Author::new("new") })
    };
    (0..count).map(author).collect()
}

/// The error of a flush that has to fail.
async fn refusal(em: &EntityManager) -> Error {
    em.flush().await.expect_err("it can't be saved")
}

/// The places of the refused rows of one type.
fn positions(diagnosis: &Diagnosis, entity: &str) -> Vec<usize> {
    let rows = diagnosis.rows().iter().filter(|row| row.entity() == entity);
    rows.filter_map(orm_core::RefusedRow::position).collect()
}

/// Takes every refused row out.
fn detach_all(em: &EntityManager, diagnosis: &Diagnosis) -> Result<()> {
    for row in diagnosis.rows() {
        row.handle::<Author>().map(|author| em.detach(&author)).transpose()?;
        row.handle::<Book>().map(|book| em.detach(&book)).transpose()?;
        row.handle::<Customer>().map(|customer| em.detach(&customer)).transpose()?;
    }
    Ok(())
}

/// Writes down which steps of flushes and transactions it hears of.
#[derive(Clone, Debug, Default)]
struct Heard(Arc<Mutex<Vec<&'static str>>>);

impl Heard {
    fn note(&self, step: &'static str) -> Result<()> {
        let mut steps = self.0.lock();
        if steps.last() != Some(&step) {
            steps.push(step);
        }
        Ok(())
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock())
    }
}

impl Subscriber for Heard {
    async fn before_flush(&self, _: &FlushEvent<'_>) -> Result<()> {
        self.note("before_flush")
    }

    async fn after_flush(&self, _: &FlushEvent<'_>) -> Result<()> {
        self.note("after_flush")
    }

    async fn after_create(&self, _: &EntityEvent<'_>) -> Result<()> {
        self.note("after_create")
    }

    async fn after_transaction_start(&self, _: &TransactionEvent<'_>) -> Result<()> {
        self.note("begin")
    }

    async fn after_transaction_commit(&self, _: &TransactionEvent<'_>) -> Result<()> {
        self.note("commit")
    }

    async fn after_transaction_rollback(&self, _: &TransactionEvent<'_>) -> Result<()> {
        self.note("rollback")
    }
}

/// A database that can't take back a part of a transaction.
struct Coarse<B>(PhantomData<B>);

impl<B: Backend> Backend for Coarse<B> {
    type Driver = Limited<B::Driver>;

    async fn connect() -> Result<Self::Driver> {
        let driver = B::connect().await?;
        Ok(Limited::new(driver, |mut capabilities| {
            capabilities.savepoints = false;
            capabilities
        }))
    }
}
