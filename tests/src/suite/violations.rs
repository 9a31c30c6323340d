//! What a refused constraint says: which kind, of which entity and fields, by which name. The database's own words are
//! the cause; no message has a value of a row in it.

use std::error::Error as _;

use orm_core::driver::{DriverErrorKind, ViolationKind};
use orm_core::{ConstraintViolation, Error, Ref, Result};

use crate::Backend;
use crate::fixtures::blog::{self, Author, Book, Profile, Tag};
use crate::fixtures::keys::{self, Currency, Order, OrderLine};
use crate::fixtures::library::{self, Copy};

/// A unique field, by an insert and by an update.
pub async fn a_unique_field_is_named<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let taken = || Some("jon@wall.org".to_owned());
    let arya = em.persist(Author { email: taken(), ..Author::new("Arya") })?;
    let by_insert = em.flush().await.expect_err("the email is taken");
    arya.edit().email = None;
    em.flush().await?;
    arya.edit().email = taken();
    let by_update = em.flush().await.expect_err("the email is taken");

    for error in [by_insert, by_update] {
        assert_violation(&error, ViolationKind::Unique, "Author", &["email"]);
        assert!(error.is_violation_of(Author::EMAIL));
        assert!(!error.is_violation_of(Author::NAME) && !error.is_violation_of(Tag::LABEL));
        assert!(error.to_string().contains("Author.email"), "{error}");
        assert_no_value(&error, "jon@wall.org");
    }
    Ok(())
}

/// A primary key that is taken, simple and of two parts.
pub async fn a_taken_key_is_named<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    em.persist(Currency { code: "EUR".into(), name: "Euro".into() })?;
    let order = em.persist(Order::default())?;
    em.persist(OrderLine { order: (&order).into(), position: 1, ..OrderLine::default() })?;
    em.flush().await?;
    let other = db.em();
    other.persist(Currency { code: "EUR".into(), name: "Ecu".into() })?;
    let error = other.flush().await.expect_err("the key is taken");
    assert_violation(&error, ViolationKind::Unique, "Currency", &["code"]);
    assert!(error.is_violation_of(Currency::CODE));

    other.clear()?;
    other.persist(OrderLine { order: Ref::key(order.id()), position: 1, ..OrderLine::default() })?;
    let error = other.flush().await.expect_err("the key is taken");
    assert_violation(&error, ViolationKind::Unique, "OrderLine", &["order", "position"]);
    assert!(error.is_violation_of(OrderLine::POSITION));
    Ok(())
}

/// A named constraint over several fields: all of them.
pub async fn several_fields_are_named<B: Backend>() -> Result<()> {
    let db = library::empty::<B>().await?;
    let em = db.em();
    em.persist(Copy::at("A", 1))?;
    em.persist(Copy { title: "Other".into(), code: "other".into(), ..Copy::at("A", 1) })?;
    let error = em.flush().await.expect_err("the place is taken");
    assert_violation(&error, ViolationKind::Unique, "Copy", &["shelf", "position"]);
    assert_no_value(&error, "Other");
    Ok(())
}

/// A foreign key to a row that is not there: the relation, where the write leaves no doubt.
pub async fn a_foreign_key_is_named<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    em.persist(Profile { bio: "s3cret".into(), author: Ref::key(9_999_i64), ..Profile::default() })?;
    let error = em.flush().await.expect_err("there is no such author");
    assert_violation(&error, ViolationKind::ForeignKey, "Profile", &["author"]);
    assert_no_value(&error, "9999");
    assert_no_value(&error, "s3cret");
    Ok(())
}

/// A link to a row that is not there: the many-to-many relation.
pub async fn a_broken_link_is_named<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    book.tags_ref().add(Ref::<Tag>::key(9_999_i64))?;

    let error = em.flush().await.expect_err("there is no such tag");
    assert_violation(&error, ViolationKind::ForeignKey, "Book", &["tags"]);
    assert!(error.to_string().contains("Book.tags"), "{error}");

    book.tags_ref().remove(Ref::<Tag>::key(9_999_i64))?;
    book.edit().price = 11;
    em.flush().await
}

/// NULL that the table does not take: the field.
pub async fn a_null_is_named<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let loose = db.beside(|builder| builder.entity::<LooseAuthor>()).await?;
    let em = loose.em();
    em.persist(LooseAuthor { email: Some("s3cret".into()), ..LooseAuthor::default() })?;
    let error = em.flush().await.expect_err("an author has a name");
    assert_violation(&error, ViolationKind::NotNull, "LooseAuthor", &["name"]);
    assert!(error.is_violation_of(LooseAuthor::NAME));
    assert_no_value(&error, "s3cret");
    Ok(())
}

/// [`Author`] as somebody sees it who does not know that names are required.
#[derive(orm_core::Entity, Clone, Debug, Default)]
#[entity(table = "author")]
struct LooseAuthor {
    #[entity(id, auto)]
    id: i64,
    name: Option<String>,
    email: Option<String>,
}

/// A length: the field, and the constraint's name.
pub async fn a_length_is_named<B: Backend>() -> Result<()> {
    let db = library::empty::<B>().await?;
    let em = db.em();
    // The second one has no place in the column, which some databases say before they look at its constraint.
    for (code, has_constraint) in [("s3cret s3cr", true), ("s3cret s3cret", false)] {
        let copy = em.persist(Copy { code: code.into(), ..Copy::at("A", 1) })?;
        let error = em.flush().await.expect_err("the code is too long");
        assert_violation(&error, ViolationKind::Check, "Copy", &["code"]);
        let constraint = error.violation().and_then(|violation| violation.constraint.as_ref());
        assert!(constraint.is_some() || !has_constraint, "{error:?}");
        assert_no_value(&error, "s3cret");
        em.remove(&copy)?;
    }
    Ok(())
}

/// A violation is data: kind, entity, fields and constraint, shown in one line.
pub async fn a_violation_is_shown_in_one_line<B: Backend>() -> Result<()> {
    let violation = ConstraintViolation {
        kind: ViolationKind::Unique,
        entity: Some("Copy"),
        fields: vec!["shelf", "position"],
        constraint: Some("one_copy_a_place".to_owned()),
    };
    let shown = violation.to_string();
    assert_eq!(shown, "unique constraint `one_copy_a_place` of Copy.shelf, Copy.position violated");
    let unknown = ConstraintViolation { entity: None, fields: Vec::new(), constraint: None, ..violation };
    assert_eq!(unknown.to_string(), "unique constraint violated");
    Ok(())
}

/// Errors that are no violation say so.
pub async fn other_errors_are_no_violation<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let error = db.em().find_one_or_fail(Author::NAME.eq("nobody")).await.expect_err("there is none");
    assert!(error.violation().is_none() && error.driver_kind().is_none());
    assert!(!error.is_violation_of(Author::NAME));
    Ok(())
}

#[track_caller]
fn assert_violation(error: &Error, kind: ViolationKind, entity: &str, fields: &[&str]) {
    let Some(violation) = error.violation() else { panic!("{error:?}") };
    assert_eq!((violation.kind, violation.entity), (kind, Some(entity)), "{error:?}");
    assert_eq!(violation.fields, fields);
    assert_eq!(error.driver_kind(), Some(DriverErrorKind::ConstraintViolation));
    let cause = error.source().expect("the database says why");
    assert!(cause.source().is_some(), "the driver's own error is behind it");
}

/// Neither the error nor any of its causes tells the value.
#[track_caller]
fn assert_no_value(error: &Error, value: &str) {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        assert!(!error.to_string().contains(value), "{error}");
        cause = error.source();
    }
}
