//! Dropped at any point, a future leaves the connections that come after clean.
//!
//! Each piece of work is polled once, twice, … and dropped, until it gets to its end, with a pool of one. After each
//! time the next borrower must not be inside a transaction, and see the whole piece of work or nothing of it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use orm_core::condition::{Expression, TextMatch};
use orm_core::driver::{
    Access, Connection, DeleteRow, Driver, DriverErrorKind, OnConflict, TransactionMode, TransactionStep,
    UpdateRow, Write,
};
use orm_core::value::Value;
use orm_sqlx::{Sqlite, SqliteOptions};

use crate::database::{BEGIN, count, open_with, rows_on, step, write};
use crate::operations::{int, key, on, text};
use crate::options::File;

/// When the future is dropped after its last poll.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// At once.
    Now,
    /// When it would have been polled again, so that what it waited for has happened.
    WhenWoken,
}

/// Polls `future` so many times and drops it; gives its result if it got to its end.
async fn cut<T>(future: impl Future<Output = T>, polls: usize, when: Cut) -> Option<T> {
    let mut future = Box::pin(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match (Pin::new(&mut future).poll(context), when) {
            (Poll::Ready(value), _) => Poll::Ready(Some(value)),
            (Poll::Pending, Cut::Now) if left == 0 => Poll::Ready(None),
            (Poll::Pending, Cut::Now | Cut::WhenWoken) => Poll::Pending,
        }
    })
    .await
}

async fn authors(driver: &Sqlite) -> u64 {
    count(driver, &on("Author").select(Expression::always())).await
}

fn insert(rows: usize, returning: &[&str]) -> Write {
    on("Author").insert(&["name"], vec![vec![text("a")]; rows], returning)
}

/// Sweeps over `work`, whose writes add `adds` rows in one transaction or statement.
async fn sweep<F: Future<Output = ()>>(options: SqliteOptions, adds: u64, work: impl Fn(Sqlite) -> F) -> u32 {
    let (driver, _) = open_with(options).await;
    write(&driver, &insert(2_000, &[])).await.unwrap();
    let (mut total, mut cuts) = (2_000, 0);
    for when in [Cut::Now, Cut::WhenWoken] {
        for polls in 0.. {
            let finished = cut(work(driver.clone()), polls, when).await.is_some();
            let mut next = driver.acquire().await.unwrap();
            step(&mut *next, BEGIN).await;
            step(&mut *next, TransactionStep::Rollback).await;
            drop(next);
            let now = authors(&driver).await;
            assert!(now == total || now == total + adds, "{} rows more after {polls} polls", now - total);
            assert!(!finished || now == total + adds);
            total = now;
            if finished {
                break;
            }
            cuts += 1;
        }
    }
    cuts
}

/// On a database in memory, and on a file with a pool of one. Again where the threads of SQLite answered faster than the
/// future was polled, so that nothing was cut.
async fn sweep_both<F: Future<Output = ()>>(adds: u64, work: impl Fn(Sqlite) -> F) {
    let file = File::new("cancel");
    for _ in 0..20 {
        let mut cuts = sweep(Sqlite::options(), adds, &work).await;
        cuts += sweep(Sqlite::options().path(&file.path).max_connections(1), adds, &work).await;
        // Each of the four sweeps starts with a future that is dropped before it is polled.
        if cuts > 4 {
            return;
        }
    }
    panic!("nothing was cut in the middle");
}

#[tokio::test]
async fn a_find() {
    sweep_both(0, async |driver| {
        let mut connection = driver.acquire().await.unwrap();
        let all = on("Author").select(Expression::always());
        assert!(rows_on(&mut *connection, &all).await.unwrap().len() >= 2_000);
    })
    .await;
}

#[tokio::test]
async fn a_count() {
    sweep_both(0, async |driver| {
        let author = on("Author");
        let slow = author.matches("name", TextMatch::Contains, "a");
        assert!(count(&driver, &author.select(slow)).await >= 2_000);
    })
    .await;
}

#[tokio::test]
async fn a_write_of_one_statement() {
    sweep_both(100, async |driver| {
        write(&driver, &insert(100, &[])).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_write_that_gives_back_many_keys() {
    sweep_both(60, async |driver| {
        let outcome = write(&driver, &insert(60, &["id"])).await.unwrap();
        assert_eq!(outcome.returned.len(), 60);
    })
    .await;
}

/// Numbers that do not travel together: a transaction of its own, or a savepoint of one that is open.
#[tokio::test]
async fn a_write_of_several_statements() {
    let far = || {
        let row = vec![text("a"), Value::Float(f64::MAX)];
        on("Author").insert(&["name", "rating"], vec![row; 4], &["id"])
    };
    sweep_both(4, async |driver| {
        write(&driver, &far()).await.unwrap();
    })
    .await;
    sweep_both(8, async |driver| {
        let mut connection = driver.acquire().await.unwrap();
        step(&mut *connection, BEGIN).await;
        connection.write(&far()).await.unwrap();
        connection.write(&far()).await.unwrap();
        step(&mut *connection, TransactionStep::Commit).await;
    })
    .await;
}

#[tokio::test]
async fn an_update_and_a_delete_of_many_rows() {
    let update = || {
        let row =
            |id: i64| UpdateRow { key: key([int(id)]), values: vec![text("b")], expected: vec![text("a")] };
        on("Author").update(&["name"], (1_900..2_020).map(row).collect(), &["name"])
    };
    let delete = || {
        let row = |id: i64| DeleteRow { key: key([int(id)]), expected: vec![text("nobody")] };
        on("Author").delete_expecting((1..100).map(row).collect(), &["name"])
    };
    sweep_both(0, async |driver| {
        let mut connection = driver.acquire().await.unwrap();
        step(&mut *connection, BEGIN).await;
        connection.write(&update()).await.unwrap();
        connection.write(&delete()).await.unwrap();
        step(&mut *connection, TransactionStep::Commit).await;
    })
    .await;
}

#[tokio::test]
async fn a_transaction_with_savepoints() {
    sweep_both(3, async |driver| {
        let mut connection = driver.acquire().await.unwrap();
        step(&mut *connection, BEGIN).await;
        connection.write(&insert(3, &["id"])).await.unwrap();
        step(&mut *connection, TransactionStep::Savepoint(1)).await;
        connection.write(&insert(5, &["id"])).await.unwrap();
        step(&mut *connection, TransactionStep::RollbackTo(1)).await;
        step(&mut *connection, TransactionStep::Release(1)).await;
        step(&mut *connection, TransactionStep::Commit).await;
    })
    .await;
}

/// The next borrower, whom the sweep lets write, is not read-only.
#[tokio::test]
async fn a_read_only_transaction() {
    let read_only = TransactionStep::Begin(TransactionMode { isolation: None, access: Access::ReadOnly });
    sweep_both(1, async |driver| {
        let mut connection = driver.acquire().await.unwrap();
        step(&mut *connection, read_only).await;
        connection.count(&on("Author").select(Expression::always())).await.unwrap();
        step(&mut *connection, TransactionStep::Commit).await;
        drop(connection);
        write(&driver, &insert(1, &[])).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_upsert_and_writes_by_condition() {
    let author = || on("Author");
    let upsert = |name: &str| {
        let rows = (0..20).map(|number| vec![text(name), text(&format!("{number}@x.org"))]).collect();
        let action =
            OnConflict::Update { columns: author().columns(&["name"]), set: Vec::new(), raised: Vec::new() };
        author().upsert(&["name", "email"], rows, &["email"], action, &["id"])
    };
    sweep_both(0, async |driver| {
        let mut connection = driver.acquire().await.unwrap();
        step(&mut *connection, BEGIN).await;
        connection.write(&upsert("b")).await.unwrap();
        connection.write(&upsert("c")).await.unwrap();
        let named = author().eq("name", text("c"));
        connection.write(&author().update_where(&[("name", text("d"))], named)).await.unwrap();
        connection.write(&author().delete_where(author().eq("name", text("d")))).await.unwrap();
        step(&mut *connection, TransactionStep::Commit).await;
    })
    .await;
}

#[tokio::test]
async fn a_transaction() {
    sweep_both(10, async |driver| {
        let mut connection = driver.acquire().await.unwrap();
        step(&mut *connection, BEGIN).await;
        connection.write(&insert(10, &["id"])).await.unwrap();
        let all = on("Author").select(Expression::always());
        rows_on(&mut *connection, &all).await.unwrap();
        step(&mut *connection, TransactionStep::Commit).await;
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back() {
    sweep_both(0, async |driver| {
        let mut connection = driver.acquire().await.unwrap();
        step(&mut *connection, BEGIN).await;
        connection.write(&insert(3, &["id"])).await.unwrap();
        step(&mut *connection, TransactionStep::Rollback).await;
    })
    .await;
}

#[tokio::test]
async fn a_schema_change() {
    sweep_both(0, async |driver| {
        let statements = ["CREATE TABLE extra (a)", "DROP TABLE extra"].map(str::to_owned);
        driver.acquire().await.unwrap().execute_schema(&statements).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_connection_with_a_statement_cut_off_takes_no_more() {
    let file = File::new("waiting");
    let (driver, _) = open_with(Sqlite::options().path(&file.path).max_connections(2)).await;
    let mut writer = driver.acquire().await.unwrap();
    step(&mut *writer, BEGIN).await;
    let mut waiting = driver.acquire().await.unwrap();
    assert!(cut(waiting.transaction(BEGIN), 1, Cut::Now).await.is_none());
    for end in [TransactionStep::Commit, TransactionStep::Rollback] {
        assert_eq!(waiting.transaction(end).await.unwrap_err().kind(), DriverErrorKind::ConnectionLost);
    }
    step(&mut *writer, TransactionStep::Rollback).await;
    drop((writer, waiting));
    for _ in 0..2 {
        let mut next = driver.acquire().await.unwrap();
        step(&mut *next, BEGIN).await;
        step(&mut *next, TransactionStep::Commit).await;
    }
}

/// Reading and writing at the same time, each cut off now and then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once() {
    let file = File::new("many");
    let (driver, _) = open_with(Sqlite::options().path(&file.path).max_connections(3)).await;
    let tasks = (0..8_usize).map(|task| {
        let driver = driver.clone();
        tokio::spawn(async move {
            for round in 0..40 {
                let work = async {
                    let mut connection = driver.acquire().await.unwrap();
                    step(&mut *connection, BEGIN).await;
                    connection.write(&insert(2, &["id"])).await.unwrap();
                    connection.write(&on("Author").delete(vec![key([int(-1)])])).await.unwrap();
                    step(&mut *connection, TransactionStep::Commit).await;
                };
                cut(work, (task * 7 + round) % 13, Cut::WhenWoken).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(authors(&driver).await % 2, 0);
    let mut connections = Vec::new();
    for _ in 0..3 {
        connections.push(driver.acquire().await.unwrap());
    }
    for connection in &mut connections {
        let connection: &mut dyn Connection = &mut **connection;
        step(connection, BEGIN).await;
        step(connection, TransactionStep::Rollback).await;
    }
}
