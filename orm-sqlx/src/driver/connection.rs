//! One borrowed connection: runs the operations of the contract, one statement after the other.
//!
//! Every method runs under the guard of [`super::transaction`]: started before the first statement is sent, finished
//! when the last one was answered. In between are this crate's only awaits on the database.

use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use futures::StreamExt;
use orm_core::driver::{
    Access, BoxFuture, Connection, DriverError, DriverErrorKind, Raw, RawEffect, RawRows, Reading, RowSink,
    RowSinkError, Select, TransactionMode, TransactionStep, Write, WriteOutcome,
};
use orm_sql::Statement;
use sqlx_core::Either;
use sqlx_core::column::Column;
use sqlx_core::executor::Executor;
use sqlx_core::query::query_with;
use sqlx_core::row::Row;
use sqlx_core::sql_str::AssertSqlSafe;
use sqlx_sqlite::SqliteRow;

use super::log::StatementKind;
use super::pool::Pool;
use super::transaction::{Guard, Running};
use super::write;
use crate::codec::sqlite as codec;
use crate::error::driver_error;
use crate::error::sqlite::complete;

pub(super) struct PooledConnection {
    pub(super) guard: Guard,
    /// Held too so that a database in memory outlives its last borrower.
    pub(super) pool: Arc<Pool>,
}

impl PooledConnection {
    pub(super) async fn acquire(pool: &Arc<Pool>) -> Result<Self, DriverError> {
        let connection = pool.acquire().await?;
        Ok(Self { guard: Guard::new(connection), pool: Arc::clone(pool) })
    }
}

impl Connection for PooledConnection {
    fn select<'a>(
        &'a mut self,
        select: &'a Select,
        rows: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(async move {
            let statement = self.pool.statements.select(select)?;
            let mut running = self.guard.start()?;
            let lend = |row: &SqliteRow| rows.row(&codec::Columns(row)).map_err(refused);
            let result = run(&self.pool, &mut running, statement, StatementKind::Read, lend).await;
            running.finish();
            result.map(drop)
        })
    }

    fn count<'a>(&'a mut self, select: &'a Select) -> BoxFuture<'a, Result<u64, DriverError>> {
        Box::pin(async move {
            let statement = self.pool.statements.count(select)?;
            let mut running = self.guard.start()?;
            let mut count = None;
            let read = |row: &SqliteRow| {
                count = codec::count(row);
                Ok(())
            };
            let result = run(&self.pool, &mut running, statement, StatementKind::Read, read).await;
            running.finish();
            result?;
            count.ok_or_else(|| DriverError::new(DriverErrorKind::Other, "counting gave no number"))
        })
    }

    fn explain<'a>(
        &'a mut self,
        select: &'a Select,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Vec<String>, DriverError>> {
        Box::pin(async move {
            let statement = self.pool.statements.explain(select, reading)?;
            let mut running = self.guard.start()?;
            let mut steps = Vec::new();
            let read = |row: &SqliteRow| {
                steps.extend(codec::plan_step(row));
                Ok(())
            };
            let result = run(&self.pool, &mut running, statement, StatementKind::Read, read).await;
            running.finish();
            result?;
            Ok(plan_lines(&steps))
        })
    }

    fn write<'a>(&'a mut self, write: &'a Write) -> BoxFuture<'a, Result<WriteOutcome, DriverError>> {
        Box::pin(async move {
            let statements = self.pool.statements.write(write)?;
            let mut running = self.guard.start()?;
            let result = write::run(&self.pool, &mut running, statements, write).await;
            running.finish();
            result.map_err(|error| completed(error, write))
        })
    }

    fn raw<'a>(
        &'a mut self,
        raw: &'a Raw,
        rows: &'a mut dyn RawRows,
    ) -> BoxFuture<'a, Result<u64, DriverError>> {
        Box::pin(async move {
            let (statement, effect) = self.pool.statements.raw(raw)?;
            let kind = match effect {
                RawEffect::Reads => StatementKind::Read,
                RawEffect::Writes | RawEffect::Anything => StatementKind::Write,
            };
            let mut running = self.guard.start()?;
            let lend = LendRaw { rows, has_names: false };
            let result = run_at_pace(&self.pool, &mut running, statement, kind, lend).await;
            running.finish();
            result
        })
    }

    fn as_any_mut(&mut self) -> Option<&mut (dyn Any + Send)> {
        Some(self)
    }

    fn transaction(&mut self, step: TransactionStep) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(async move {
            let mut running = self.guard.start()?;
            let result = transaction(&self.pool, &mut running, step).await;
            running.finish();
            result
        })
    }

    fn execute_schema<'a>(&'a mut self, statements: &'a [String]) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(async move {
            let mut running = self.guard.start()?;
            let result = schema(&self.pool, &mut running, statements).await;
            running.finish();
            result
        })
    }
}

/// Takes the rows of a statement.
trait TakeRows: Send {
    fn row(&mut self, row: &SqliteRow) -> Result<(), DriverError>;

    /// As [`RawRows::poll_ready`].
    fn poll_ready(&mut self) -> Poll<Result<(), DriverError>> {
        Poll::Ready(Ok(()))
    }
}

impl<F: FnMut(&SqliteRow) -> Result<(), DriverError> + Send> TakeRows for F {
    fn row(&mut self, row: &SqliteRow) -> Result<(), DriverError> {
        self(row)
    }
}

/// Lends the rows of raw SQL, whose columns the first one tells.
struct LendRaw<'a> {
    rows: &'a mut dyn RawRows,
    has_names: bool,
}

impl TakeRows for LendRaw<'_> {
    fn row(&mut self, row: &SqliteRow) -> Result<(), DriverError> {
        if !self.has_names {
            let names: Vec<&str> = row.columns().iter().map(Column::name).collect();
            self.rows.columns(&names).map_err(refused)?;
            self.has_names = true;
        }
        self.rows.row(&codec::Columns(row)).map_err(refused)
    }

    fn poll_ready(&mut self) -> Poll<Result<(), DriverError>> {
        self.rows.poll_ready().map_err(refused)
    }
}

/// The steps of a plan, each indented below the one that it is part of, which comes before it.
fn plan_lines(steps: &[(i64, i64, String)]) -> Vec<String> {
    let mut depths: HashMap<i64, usize> = HashMap::new();
    let lines = steps.iter().map(|(step, whole, text)| {
        let depth = depths.get(whole).map_or(0, |depth| depth + 1);
        depths.insert(*step, depth);
        format!("{}{text}", "  ".repeat(depth))
    });
    lines.collect()
}

fn refused(error: RowSinkError) -> DriverError {
    DriverError::new(DriverErrorKind::RowRefused, "a row was refused").with_source(error)
}

/// Sends `step` under the guard.
pub(super) async fn transaction(
    pool: &Pool,
    running: &mut Running<'_>,
    step: TransactionStep,
) -> Result<(), DriverError> {
    running.before(step)?;
    let sql: Cow<'_, str> = match step {
        // SQLite has no read-only transactions, but connections that refuse to write for a time.
        TransactionStep::Begin(TransactionMode { access: Access::ReadOnly, .. }) => {
            "BEGIN; PRAGMA query_only = ON".into()
        }
        TransactionStep::Commit if running.is_read_only() => "PRAGMA query_only = OFF; COMMIT".into(),
        TransactionStep::Rollback if running.is_read_only() => "PRAGMA query_only = OFF; ROLLBACK".into(),
        // A transaction that starts as a reader and then writes fails at once when another one wrote meanwhile;
        // one that starts as a writer waits for its turn.
        TransactionStep::Begin(_) => "BEGIN IMMEDIATE".into(),
        TransactionStep::Savepoint(number) => format!("SAVEPOINT orm_{number}").into(),
        TransactionStep::Release(number) => format!("RELEASE orm_{number}").into(),
        TransactionStep::RollbackTo(number) => format!("ROLLBACK TO orm_{number}").into(),
        TransactionStep::Commit => "COMMIT".into(),
        TransactionStep::Rollback => "ROLLBACK".into(),
        _ => return Err(DriverError::new(DriverErrorKind::Unsupported, "an unknown step of a transaction")),
    };
    let statement = Statement { sql: (*sql).into(), values: Vec::new(), reusable: true };
    let result = run(pool, running, statement, StatementKind::Transaction, |_| Ok(())).await.map(drop);
    let result = match result {
        // SQLite rolls back by itself after some errors, such as a full disk.
        Err(error) if step == TransactionStep::Rollback && is_no_transaction(&error) => Ok(()),
        other => other,
    };
    running.after(step, &result);
    result
}

fn is_no_transaction(error: &DriverError) -> bool {
    error.to_string().ends_with("no transaction is active")
}

/// Runs schema statements, all or none, in a transaction of their own unless one is open.
async fn schema(pool: &Pool, running: &mut Running<'_>, statements: &[String]) -> Result<(), DriverError> {
    let has_own = !running.is_in_transaction();
    if has_own {
        transaction(pool, running, TransactionStep::Begin(TransactionMode::default())).await?;
    }
    for sql in statements {
        let statement = Statement { sql: sql.as_str().into(), values: Vec::new(), reusable: false };
        let result = run(pool, running, statement, StatementKind::Schema, |_| Ok(())).await;
        if let Err(error) = result {
            if has_own {
                // If this fails too, the guard closes the connection; the first error is the one to tell.
                let _ = transaction(pool, running, TransactionStep::Rollback).await;
            }
            return Err(error);
        }
    }
    if has_own {
        let committed = transaction(pool, running, TransactionStep::Commit).await;
        if committed.is_err() {
            let _ = transaction(pool, running, TransactionStep::Rollback).await;
        }
        return committed;
    }
    Ok(())
}

/// Runs one statement to its end, and gives how many rows it affected.
pub(super) async fn run(
    pool: &Pool,
    running: &mut Running<'_>,
    statement: Statement,
    kind: StatementKind,
    take: impl FnMut(&SqliteRow) -> Result<(), DriverError> + Send,
) -> Result<u64, DriverError> {
    run_at_pace(pool, running, statement, kind, take).await
}

/// As [`run`], no faster than `take` takes rows.
async fn run_at_pace(
    pool: &Pool,
    running: &mut Running<'_>,
    statement: Statement,
    kind: StatementKind,
    mut take: impl TakeRows,
) -> Result<u64, DriverError> {
    if kind != StatementKind::Transaction {
        running.refuse_if_lost()?;
    }
    let Statement { sql, values, reusable } = statement;
    let mut sent = pool.log.sent(Arc::clone(&sql), kind, &values);
    let result = async {
        let arguments = codec::arguments(values).map_err(|error| {
            DriverError::new(DriverErrorKind::Unsupported, "a value can't be stored").with_source(error)
        })?;
        let query = query_with(AssertSqlSafe(sql), arguments).persistent(reusable);
        let mut answers = running.connection.fetch_many(query);
        let mut affected = 0;
        while let Some(answer) = answers.next().await {
            match answer.map_err(|error| driver_error(error, kind.action()))? {
                Either::Left(done) => affected += done.rows_affected(),
                Either::Right(row) => {
                    sent.rows += 1;
                    take.row(&row)?;
                    poll_fn(|_| take.poll_ready()).await?;
                }
            }
        }
        Ok(affected)
    }
    .await;
    if let (StatementKind::Write, Ok(affected)) = (kind, &result) {
        sent.rows = *affected;
    }
    sent.end(&result);
    let is_refused = |error: &DriverError| error.kind() != DriverErrorKind::RowRefused;
    if kind != StatementKind::Transaction
        && running.is_in_transaction()
        && result.as_ref().is_err_and(is_refused)
    {
        find_lost_transaction(running).await;
    }
    result
}

/// Some errors roll the whole transaction back, such as a full disk, or a constraint of a table that says so; what
/// came after one would be outside of any transaction. That one can be begun tells it.
async fn find_lost_transaction(running: &mut Running<'_>) {
    if running.connection.execute("BEGIN").await.is_ok() {
        running.lose();
    }
}

/// Says in the error which table and columns were meant, as far as the write tells.
fn completed(error: DriverError, write: &Write) -> DriverError {
    let Some(violation) = error.violation() else { return error };
    let mut violation = violation.clone();
    complete(&mut violation, write);
    error.with_violation(violation)
}
