//! Failures of the database are told by kind, and violations by name.

use std::error::Error;
use std::time::Duration;

use orm_core::condition::Expression;
use orm_core::driver::{
    Driver, DriverErrorKind, RowReader, RowSink, RowSinkError, TransactionStep, UpdateRow, Violation,
    ViolationKind, Write,
};
use orm_core::value::Value;
use orm_sqlx::Sqlite;

use crate::database::{BEGIN, count, execute, open, open_with, rows, step, write};
use crate::operations::{decimal, int, key, on, text};

#[track_caller]
fn names(table: &str, columns: &[&str], constraint: Option<&str>, kind: ViolationKind) -> Violation {
    Violation {
        kind,
        table: Some(table.to_owned()),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        constraint: constraint.map(str::to_owned),
    }
}

#[tokio::test]
async fn a_violation_names_table_and_columns() {
    let (driver, _) = open().await;
    let (author, book) = (on("Author"), on("Book"));
    let first = author.insert(&["name", "email"], vec![vec![text("secret"), text("secret@x.org")]], &[]);
    write(&driver, &first).await.unwrap();
    let with_price = |title: &str, of: i64| {
        let row = vec![text(title), decimal("1"), int(of), int(1)];
        book.insert(&["title", "price", "author_id", "version"], vec![row], &[])
    };
    write(&driver, &with_price("secret", 1)).await.unwrap();
    let renamed = UpdateRow { key: key([int(1)]), values: vec![text(&"secret".repeat(9))], expected: vec![] };
    let link = (key([int(1)]), key([text("secret")]));
    for (refused, expected) in [
        (first, names("author", &["email"], None, ViolationKind::Unique)),
        (with_price("secret", 1), names("book", &["author_id", "title"], None, ViolationKind::Unique)),
        (with_price("other", 7), names("book", &["author_id"], None, ViolationKind::ForeignKey)),
        (
            author.insert(&["email"], vec![vec![Value::Null]], &[]),
            names("author", &["name"], None, ViolationKind::NotNull),
        ),
        (
            author.update(&["name"], vec![renamed], &[]),
            names("author", &["name"], Some("author_name_length"), ViolationKind::Check),
        ),
        (
            Write::Link(book.links("tags", vec![link])),
            names("book_tags", &[], None, ViolationKind::ForeignKey),
        ),
    ] {
        let error = write(&driver, &refused).await.unwrap_err();
        assert_eq!(error.kind(), DriverErrorKind::ConstraintViolation);
        assert_eq!(error.violation(), Some(&expected));
        let source = error.source().unwrap().to_string();
        assert!(!error.to_string().contains("secret") && !source.contains("secret"), "{error}: {source}");
    }
    // Rows of which table still refer to the author, SQLite does not say.
    let error = write(&driver, &author.delete(vec![key([int(1)])])).await.unwrap_err();
    let expected = Violation { table: None, ..names("", &[], None, ViolationKind::ForeignKey) };
    assert_eq!(error.violation(), Some(&expected));
}

#[tokio::test]
async fn a_unique_index_on_an_expression_is_named() {
    let (driver, _) = open().await;
    execute(
        &driver,
        &[
            "DROP INDEX author_email_unique",
            "CREATE UNIQUE INDEX author_email_unique ON author (lower(email))",
        ],
    )
    .await;
    let author = on("Author");
    let insert = |email: &str| author.insert(&["name", "email"], vec![vec![text("a"), text(email)]], &[]);
    write(&driver, &insert("a@x.org")).await.unwrap();
    let error = write(&driver, &insert("A@x.org")).await.unwrap_err();
    let expected = names("author", &["email"], Some("author_email_unique"), ViolationKind::Unique);
    assert_eq!(error.violation(), Some(&expected));
}

#[tokio::test]
async fn a_missing_table_or_column_is_told() {
    let (driver, _) = open().await;
    let note = on("Note");
    execute(&driver, &["DROP TABLE \"a \"\"note\"\"\""]).await;
    let all = note.select(Expression::always());
    assert_eq!(rows(&driver, &all).await.unwrap_err().kind(), DriverErrorKind::MissingSchemaObject);
    execute(&driver, &["CREATE TABLE \"a \"\"note\"\"\" (\"the ?key\" BLOB)"]).await;
    assert_eq!(rows(&driver, &all).await.unwrap_err().kind(), DriverErrorKind::MissingSchemaObject);
    let insert = note.insert(&["select"], vec![vec![text("a")]], &[]);
    assert_eq!(write(&driver, &insert).await.unwrap_err().kind(), DriverErrorKind::MissingSchemaObject);
    // The statement is prepared again once the column is there.
    execute(&driver, &["ALTER TABLE \"a \"\"note\"\"\" ADD COLUMN \"select\" TEXT"]).await;
    assert_eq!(rows(&driver, &all).await.unwrap(), Vec::<Vec<Value>>::new());
}

#[tokio::test]
async fn another_writer_is_waited_for_and_then_told() {
    let file = crate::options::File::new("busy");
    let options = Sqlite::options().path(&file.path).busy_timeout(Duration::from_millis(50));
    let (driver, _) = open_with(options).await;
    let (mut one, mut other) = (driver.acquire().await.unwrap(), driver.acquire().await.unwrap());
    step(&mut *one, BEGIN).await;
    let error = other.transaction(BEGIN).await.unwrap_err();
    assert_eq!(error.kind(), DriverErrorKind::Busy);
    // Readers do not wait, and see what was there before.
    assert_eq!(other.count(&on("Author").select(Expression::always())).await.unwrap(), 0);
    step(&mut *one, TransactionStep::Rollback).await;
    step(&mut *other, BEGIN).await;
}

#[tokio::test]
async fn a_pool_without_a_free_connection_is_told() {
    let (driver, _) = open_with(Sqlite::options().acquire_timeout(Duration::from_millis(50))).await;
    let held = driver.acquire().await.unwrap();
    assert_eq!(driver.acquire().await.err().unwrap().kind(), DriverErrorKind::PoolTimeout);
    drop(held);
    assert!(driver.acquire().await.is_ok());
}

#[tokio::test]
async fn a_closed_pool_is_told() {
    let (driver, _) = open().await;
    driver.close().await;
    assert_eq!(driver.acquire().await.err().unwrap().kind(), DriverErrorKind::PoolClosed);
    driver.close().await;
}

#[tokio::test]
async fn a_refused_row_stops_the_query_and_nothing_else() {
    struct Refuse(usize);
    impl RowSink for Refuse {
        fn row(&mut self, _: &dyn RowReader) -> Result<(), RowSinkError> {
            self.0 += 1;
            if self.0 == 2 { Err("the second row".into()) } else { Ok(()) }
        }
    }
    let (driver, statements) = open().await;
    let author = on("Author");
    write(&driver, &author.insert(&["name"], vec![vec![text("a")]; 5_000], &[])).await.unwrap();
    statements.reset();
    let all = author.select(Expression::always());
    let mut connection = driver.acquire().await.unwrap();
    let mut refuse = Refuse(0);
    let error = connection.select(&all, &mut refuse).await.unwrap_err();
    assert_eq!((error.kind(), refuse.0), (DriverErrorKind::RowRefused, 2));
    assert_eq!(error.into_source().unwrap().to_string(), "the second row");
    assert_eq!(connection.count(&all).await.unwrap(), 5_000);
    drop(connection);
    assert_eq!(count(&driver, &all).await, 5_000);
    assert_eq!(statements.count(), 3);
}
