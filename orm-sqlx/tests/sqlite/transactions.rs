//! Transactions end as they are told to, and never outlive their borrower.

use orm_core::condition::Expression;
use orm_core::driver::{Connection, Driver, DriverErrorKind, TransactionStep};
use orm_sqlx::Sqlite;

use crate::database::{BEGIN, count, execute, open, open_with, step};
use crate::operations::{on, text};

async fn insert(connection: &mut dyn Connection) {
    let insert = on("Author").insert(&["name"], vec![vec![text("a")]], &["id"]);
    connection.write(&insert).await.unwrap();
}

async fn authors(driver: &Sqlite) -> u64 {
    count(driver, &on("Author").select(Expression::always())).await
}

#[tokio::test]
async fn commit_keeps_and_rollback_takes_back() {
    let (driver, statements) = open().await;
    for (end, expected) in [(TransactionStep::Rollback, 0), (TransactionStep::Commit, 1)] {
        let mut connection = driver.acquire().await.unwrap();
        step(&mut *connection, BEGIN).await;
        insert(&mut *connection).await;
        step(&mut *connection, end).await;
        drop(connection);
        assert_eq!(authors(&driver).await, expected);
    }
    assert_eq!(
        statements.texts()[..3],
        ["BEGIN IMMEDIATE", "INSERT INTO \"author\" (\"name\") VALUES (?) RETURNING \"id\"", "ROLLBACK"]
    );
    assert_eq!((statements.count(), statements.writes(), statements.reads()), (8, 2, 2));
}

#[tokio::test]
async fn a_connection_dropped_inside_a_transaction_is_rolled_back_and_not_handed_out_again() {
    let file = crate::options::File::new("dropped");
    for options in [Sqlite::options(), Sqlite::options().path(&file.path).max_connections(1)] {
        let (driver, _) = open_with(options).await;
        for _ in 0..3 {
            let mut connection = driver.acquire().await.unwrap();
            step(&mut *connection, BEGIN).await;
            insert(&mut *connection).await;
            drop(connection);
            let mut next = driver.acquire().await.unwrap();
            step(&mut *next, BEGIN).await;
            step(&mut *next, TransactionStep::Rollback).await;
        }
        assert_eq!(authors(&driver).await, 0);
    }
}

#[tokio::test]
async fn a_second_begin_is_refused_and_the_first_goes_on() {
    let (driver, _) = open().await;
    let mut connection = driver.acquire().await.unwrap();
    step(&mut *connection, BEGIN).await;
    let error = connection.transaction(BEGIN).await.unwrap_err();
    assert_eq!(error.to_string(), "a transaction is open on this connection already");
    insert(&mut *connection).await;
    step(&mut *connection, TransactionStep::Commit).await;
    drop(connection);
    assert_eq!(authors(&driver).await, 1);
}

#[tokio::test]
async fn a_rollback_after_sqlite_rolled_back_by_itself_succeeds() {
    let (driver, _) = open().await;
    execute(&driver, &["CREATE TRIGGER t BEFORE INSERT ON author WHEN new.name = 'no' BEGIN SELECT RAISE(ROLLBACK, 'no'); END"])
        .await;
    let mut connection = driver.acquire().await.unwrap();
    step(&mut *connection, BEGIN).await;
    insert(&mut *connection).await;
    let refused = on("Author").insert(&["name"], vec![vec![text("no")]], &[]);
    assert_eq!(connection.write(&refused).await.unwrap_err().kind(), DriverErrorKind::ConstraintViolation);
    step(&mut *connection, TransactionStep::Rollback).await;
    step(&mut *connection, BEGIN).await;
    step(&mut *connection, TransactionStep::Commit).await;
    drop(connection);
    assert_eq!(authors(&driver).await, 0);
}

#[tokio::test]
async fn schema_changes_are_all_or_none() {
    let (driver, _) = open().await;
    let statements = ["CREATE TABLE extra (a)".to_owned(), "CREATE TABLE author (a)".to_owned()];
    driver.acquire().await.unwrap().execute_schema(&statements).await.unwrap_err();
    execute(&driver, &["CREATE TABLE extra (a)"]).await;
}

#[tokio::test]
async fn tables_that_refer_to_one_another_can_be_dropped_with_their_rows() {
    let (driver, _) = open().await;
    execute(
        &driver,
        &[
            "INSERT INTO author (id, name) VALUES (1, 'a')",
            "INSERT INTO book (title, author_id, version) VALUES ('b', 1, 1)",
            "INSERT INTO category (id, name, parent_id) VALUES (1, 'a', NULL), (2, 'b', 1)",
            "UPDATE category SET parent_id = 2 WHERE id = 1",
            "CREATE TABLE chicken (id INTEGER PRIMARY KEY, egg REFERENCES egg (id))",
            "CREATE TABLE egg (id INTEGER PRIMARY KEY, chicken REFERENCES chicken (id))",
            "PRAGMA defer_foreign_keys = ON",
            "INSERT INTO chicken VALUES (1, 1)",
            "INSERT INTO egg VALUES (1, 1)",
        ],
    )
    .await;
    let schema = orm_core::schema::Schema::of(&crate::fixture::metadata());
    let mut statements = driver.drop_schema(&schema).unwrap();
    statements.extend(["DROP TABLE chicken".to_owned(), "DROP TABLE egg".to_owned()]);
    driver.acquire().await.unwrap().execute_schema(&statements).await.unwrap();
    // Once more, since nothing is there.
    let statements = driver.drop_schema(&schema).unwrap();
    driver.acquire().await.unwrap().execute_schema(&statements).await.unwrap();
}

#[test]
fn a_connection_dropped_outside_of_any_runtime_is_closed_quietly() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (driver, connection) = runtime.block_on(async {
        let (driver, _) = open().await;
        let mut connection = driver.acquire().await.unwrap();
        step(&mut *connection, BEGIN).await;
        insert(&mut *connection).await;
        (driver, connection)
    });
    drop(connection);
    assert_eq!(runtime.block_on(authors(&driver)), 0);
    drop(runtime);
    drop(driver);
}
