//! What would make a wrong statement is an error that names the place, never a panic.

use std::error::Error;

use orm_core::Value;
use orm_core::condition::{Comparison, Expression, OrderTerm};
use orm_core::driver::{DriverErrorKind, Join, Select, Selection, UpdateRow, Write};
use orm_core::value::ValueError;
use orm_sql::Statements;

use crate::operations::{On, int, key, not, on, text};

#[track_caller]
fn refused(select: &Select, reason: &str) {
    let error = Statements::sqlite().select(select).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (DriverErrorKind::Unsupported, reason));
}

#[track_caller]
fn refused_write(write: &Write, reason: &str) {
    let error = Statements::sqlite().write(write).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (DriverErrorKind::Unsupported, reason));
}

#[test]
fn values_that_sqlite_would_change() {
    let author = on("Author");
    let nan = || Value::Float(f64::NAN);
    let place = "a value for Author.rating can't be stored";
    refused(&author.select(author.compare("rating", Comparison::Less, nan())), place);
    refused_write(&author.insert(&["rating"], vec![vec![nan()]], &[]), place);
    let row = UpdateRow { key: key([int(1)]), values: vec![nan()], expected: vec![] };
    refused_write(&author.update(&["rating"], vec![row], &[]), place);
    let profile = on("Profile");
    let far = || Value::Date(i32::MAX);
    refused(
        &profile.select(profile.in_("born", [far(), far()])),
        "Profile.born: a value for a key can't be stored",
    );
    let error = Statements::sqlite().select(&profile.select(profile.eq("born", far()))).unwrap_err();
    let expected = ValueError::OutOfRange { expected: "a date from year 0000 to 9999" };
    assert_eq!(error.source().and_then(|source| source.downcast_ref::<ValueError>()), Some(&expected));
}

#[test]
fn invalid_operands_are_reported_when_the_query_runs() {
    let author = on("Author");
    let error = ValueError::OutOfRange { expected: "a column of 64 signed bits" };
    let invalid = Expression::Invalid { property: author.field("rating"), error };
    refused(&author.select(not(invalid)), "a value for Author.rating can't be stored");
}

#[test]
fn nesting_has_a_limit_and_chains_have_none() {
    let category = on("Category");
    let named = || category.eq("name", text("a"));
    let nested = (0..1_000).fold(named(), |inner, _| not(inner));
    refused(&category.select(nested), "the condition is nested more than 48 levels deep");
    let chain = (0..5_000).fold(named(), |all, _| named().and(all));
    Statements::sqlite().select(&category.select(chain)).unwrap();
    let deep = (0..20).fold(named(), |inner, _| category.some("children", not(inner)));
    Statements::sqlite().select(&category.select(deep)).unwrap();
}

#[test]
fn indexes_of_something_else() {
    let author = on("Author");
    refused(&author.select(Expression::IsNull { property: 99 }), "Author has no such property");
    let related = Expression::Related {
        relation: 99,
        quantifier: orm_core::condition::Quantifier::Some,
        inner: Box::new(Expression::always()),
    };
    refused(&author.select(related), "Author has no relation 99");
    let order = |path: Vec<usize>, property| vec![OrderTerm::new(path, property, false)];
    let all = author.select(Expression::always());
    refused(&Select { order: order(vec![], 99), ..all.clone() }, "Author has no such property");
    let books = author.relation("books").index;
    refused(
        &Select { order: order(vec![books], 0), ..all },
        "Author.books has several targets and can't be joined as one",
    );
}

#[test]
fn writes_that_contradict_themselves() {
    let (author, book) = (on("Author"), on("Book"));
    refused_write(
        &author.insert(&["name"], vec![vec![]], &[]),
        "a row of Author does not have one value a column",
    );
    let row = UpdateRow { key: key([int(1)]), values: vec![text("a")], expected: vec![] };
    refused_write(&book.update(&[], vec![row.clone()], &[]), "an update of Book changes no column");
    refused_write(
        &book.update(&["title"], vec![row.clone()], &["version"]),
        "a row of an update of Book does not have one value for each column that it expects something of",
    );
    let keyless = UpdateRow { key: key([Value::Null]), ..row };
    refused_write(
        &book.update(&["title"], vec![keyless], &[]),
        "a row of an update of Book has no complete key",
    );
    refused_write(
        &author.delete(vec![key([int(1), int(2)])]),
        "a row of a delete of Author has no complete key",
    );
    refused_write(
        &Write::Link(book.links("tags", vec![(key([int(1)]), key([Value::Null]))])),
        "a link of book_tags has a key that is NULL",
    );
}

#[test]
fn joins_that_lead_nowhere() {
    let (book, author) = (on("Book"), on("Author"));
    let joined = |on: &On, parent, relation| Select {
        selection: Selection::Joined(vec![Join { parent, relation, condition: Expression::always() }]),
        ..on.select(Expression::always())
    };
    let author_of_book = book.relation("author").index;
    refused(&joined(&book, Some(0), author_of_book), "a join that hangs on one that comes after it");
    let profile = author.relation("profile").index;
    refused(
        &joined(&author, None, profile),
        "Author.profile has no foreign key and can't be read with its owner",
    );
}
