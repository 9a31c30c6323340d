//! Savepoints, read-only transactions, and transactions that the database takes back by itself.

use orm_core::condition::Expression;
use orm_core::driver::{
    Access, Connection, Driver, DriverErrorKind, IsolationLevel, RowLocks, TransactionMode, TransactionStep,
    Write, Writers,
};
use orm_sqlx::Sqlite;

use crate::database::{BEGIN, count, execute, open, open_with, step, write};
use crate::operations::{on, text};
use crate::options::File;

const READ_ONLY: TransactionStep =
    TransactionStep::Begin(TransactionMode { isolation: None, access: Access::ReadOnly });

fn insert(name: &str) -> Write {
    on("Author").insert(&["name"], vec![vec![text(name)]], &["id"])
}

async fn add(connection: &mut dyn Connection, name: &str) {
    connection.write(&insert(name)).await.unwrap();
}

async fn authors(driver: &Sqlite) -> u64 {
    count(driver, &on("Author").select(Expression::always())).await
}

#[tokio::test]
async fn what_came_after_a_savepoint_is_taken_back_alone() {
    let (driver, statements) = open().await;
    let mut connection = driver.acquire().await.unwrap();
    step(&mut *connection, BEGIN).await;
    add(&mut *connection, "a").await;
    step(&mut *connection, TransactionStep::Savepoint(1)).await;
    add(&mut *connection, "b").await;
    step(&mut *connection, TransactionStep::Savepoint(2)).await;
    add(&mut *connection, "c").await;
    step(&mut *connection, TransactionStep::RollbackTo(2)).await;
    add(&mut *connection, "d").await;
    step(&mut *connection, TransactionStep::Release(2)).await;
    // The savepoint stays, and can be gone back to again.
    for _ in 0..2 {
        step(&mut *connection, TransactionStep::RollbackTo(1)).await;
        add(&mut *connection, "e").await;
    }
    step(&mut *connection, TransactionStep::Release(1)).await;
    step(&mut *connection, TransactionStep::Commit).await;
    drop(connection);
    assert_eq!(authors(&driver).await, 2);
    assert_eq!(statements.texts()[2], "SAVEPOINT orm_1");
}

#[tokio::test]
async fn a_savepoint_needs_a_transaction() {
    let (driver, statements) = open().await;
    let mut connection = driver.acquire().await.unwrap();
    assert!(connection.transaction(TransactionStep::Savepoint(1)).await.is_err());
    assert_eq!(statements.count(), 0);
    step(&mut *connection, BEGIN).await;
    assert!(connection.transaction(TransactionStep::Release(7)).await.is_err());
    assert!(connection.transaction(TransactionStep::RollbackTo(7)).await.is_err());
    add(&mut *connection, "a").await;
    step(&mut *connection, TransactionStep::Commit).await;
    drop(connection);
    assert_eq!(authors(&driver).await, 1);
}

#[tokio::test]
async fn a_read_only_transaction_writes_nothing() {
    let (driver, _) = open().await;
    write(&driver, &insert("a")).await.unwrap();
    for end in [TransactionStep::Commit, TransactionStep::Rollback] {
        let mut connection = driver.acquire().await.unwrap();
        step(&mut *connection, READ_ONLY).await;
        let all = on("Author").select(Expression::always());
        assert_eq!(connection.count(&all).await.unwrap(), 1);
        assert_eq!(connection.write(&insert("b")).await.unwrap_err().kind(), DriverErrorKind::ReadOnly);
        assert_eq!(connection.count(&all).await.unwrap(), 1);
        step(&mut *connection, end).await;
        // The same connection writes again.
        step(&mut *connection, BEGIN).await;
        add(&mut *connection, "c").await;
        step(&mut *connection, TransactionStep::Rollback).await;
    }
    // Dropped inside one, the connection is not handed out again.
    let mut connection = driver.acquire().await.unwrap();
    step(&mut *connection, READ_ONLY).await;
    drop(connection);
    write(&driver, &insert("d")).await.unwrap();
    assert_eq!(authors(&driver).await, 2);
}

/// It sees one state of the database from its first read on, and does not wait for the writer.
#[tokio::test]
async fn a_read_only_transaction_sees_one_state() {
    let file = File::new("read-only");
    let (driver, _) = open_with(Sqlite::options().path(&file.path).max_connections(2)).await;
    write(&driver, &insert("a")).await.unwrap();
    let all = on("Author").select(Expression::always());
    let mut writer = driver.acquire().await.unwrap();
    let mut reader = driver.acquire().await.unwrap();
    step(&mut *writer, BEGIN).await;
    step(&mut *reader, READ_ONLY).await;
    assert_eq!(reader.count(&all).await.unwrap(), 1);
    add(&mut *writer, "b").await;
    step(&mut *writer, TransactionStep::Commit).await;
    assert_eq!(reader.count(&all).await.unwrap(), 1);
    step(&mut *reader, TransactionStep::Commit).await;
    assert_eq!(reader.count(&all).await.unwrap(), 2);
}

/// A constraint that rolls everything back would leave what follows outside of any transaction.
#[tokio::test]
async fn nothing_more_runs_in_a_transaction_that_the_database_has_taken_back() {
    let (driver, _) = open().await;
    execute(
        &driver,
        &[
            "DROP TABLE category",
            "CREATE TABLE category (id INTEGER PRIMARY KEY ON CONFLICT ROLLBACK, name TEXT, parent_id)",
        ],
    )
    .await;
    let category = on("Category");
    let one = category.insert(&["id", "name"], vec![vec![orm_core::Value::Int(1), text("a")]], &[]);
    let mut connection = driver.acquire().await.unwrap();
    step(&mut *connection, BEGIN).await;
    add(&mut *connection, "a").await;
    step(&mut *connection, TransactionStep::Savepoint(1)).await;
    connection.write(&one).await.unwrap();
    assert_eq!(connection.write(&one).await.unwrap_err().kind(), DriverErrorKind::ConstraintViolation);
    for refused in [
        TransactionStep::RollbackTo(1),
        TransactionStep::Release(1),
        TransactionStep::Savepoint(2),
        TransactionStep::Commit,
    ] {
        assert_eq!(connection.transaction(refused).await.unwrap_err().kind(), DriverErrorKind::RolledBack);
    }
    assert_eq!(connection.write(&insert("b")).await.unwrap_err().kind(), DriverErrorKind::RolledBack);
    let all = on("Author").select(Expression::always());
    assert_eq!(connection.count(&all).await.unwrap_err().kind(), DriverErrorKind::RolledBack);
    step(&mut *connection, TransactionStep::Rollback).await;
    // Then it is as good as new.
    assert_eq!(connection.count(&all).await.unwrap(), 0);
    step(&mut *connection, BEGIN).await;
    add(&mut *connection, "c").await;
    step(&mut *connection, TransactionStep::Commit).await;
    drop(connection);
    assert_eq!(authors(&driver).await, 1);
}

/// An error that takes back its statement alone leaves the transaction as it was.
#[tokio::test]
async fn an_ordinary_violation_leaves_the_transaction_open() {
    let (driver, _) = open().await;
    let mut connection = driver.acquire().await.unwrap();
    step(&mut *connection, BEGIN).await;
    add(&mut *connection, "a").await;
    connection.write(&insert(&"too long".repeat(9))).await.unwrap_err();
    add(&mut *connection, "b").await;
    step(&mut *connection, TransactionStep::Commit).await;
    drop(connection);
    assert_eq!(authors(&driver).await, 2);
}

#[tokio::test]
async fn the_driver_says_what_it_can() {
    let (driver, _) = open().await;
    let capabilities = driver.capabilities();
    assert!(capabilities.savepoints);
    assert_eq!((capabilities.row_locks, capabilities.writers), (RowLocks::WholeDatabase, Writers::One));
    assert_eq!(capabilities.connections, 1);
    assert!(capabilities.supports(IsolationLevel::Serializable));
    assert!(capabilities.supports(IsolationLevel::ReadCommitted));
    let file = File::new("capabilities");
    let (driver, _) = open_with(Sqlite::options().path(&file.path).max_connections(4)).await;
    assert_eq!(driver.capabilities().connections, 4);
}
