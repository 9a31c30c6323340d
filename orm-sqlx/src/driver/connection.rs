//! One borrowed connection: runs the operations of the contract, one statement after the other.
//!
//! Every method runs under the guard of [`super::transaction`]: started before the first statement is sent, finished
//! when the last one was answered. In between are this crate's only awaits on the database.
//!
//! A connection that was idle may have died meanwhile, and nobody looks before it is lent. So if the first statement on one
//! breaks it, and being sent twice does no harm, the connection is replaced and the statement sent again: reads and BEGIN,
//! and whatever the server certainly did not run. What would be in doubt, a write that is a commit of its own, is preceded
//! by an empty round trip where the connection was idle for long.

use std::any::Any;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::StreamExt;
use orm_core::driver::{
    BoxFuture, Connection, DriverError, DriverErrorKind, LockWait, Origin, Raw, RawEffect, RawRows, Reading,
    RowSink, RowSinkError, Select, TransactionMode, TransactionStep, Write, WriteOutcome,
};
use orm_core::schema::Schema;
use orm_core::schema::database::DatabaseSchema;
use orm_sql::{Bound, Statement};
use sqlx_core::Either;
use sqlx_core::column::Column;
use sqlx_core::connection::Connection as _;
use sqlx_core::database::Database;
use sqlx_core::row::Row;

use super::log::StatementKind;
use super::pool::Pool;
use super::transaction::{Guard, Running};
use super::write;
use crate::backend::{Backend, Done, Fate, PlanLines, RowOf};
use crate::codec;
use crate::error::{driver_error, never_ran};
use crate::introspect::Catalog;

/// What was idle for no longer is taken to be alive by who can't send twice.
const TRUSTED: Duration = Duration::from_secs(1);

pub(super) struct PooledConnection<B: Backend> {
    pub(super) guard: Guard<B>,
    /// Held too so that a database in memory outlives its last borrower.
    pub(super) pool: Arc<Pool<B>>,
    /// How many were replaced for this borrower.
    replaced: usize,
    /// Whether what is sent now was sent before and is prepared anew.
    is_prepared_anew: bool,
}

impl<B: Backend> PooledConnection<B> {
    pub(super) async fn acquire(pool: &Arc<Pool<B>>) -> Result<Self, DriverError> {
        let connection = pool.acquire().await?;
        Ok(Self {
            guard: Guard::new(connection),
            pool: Arc::clone(pool),
            replaced: 0,
            is_prepared_anew: false,
        })
    }

    /// Says by `None` that what failed is to be sent again: on another connection where this one has died while it was idle,
    /// or on this one, once, where it was prepared before a change of its tables. Otherwise gives the error back.
    async fn again<V>(&mut self, result: Result<V, DriverError>) -> Result<Option<V>, DriverError> {
        let was_prepared_anew = std::mem::take(&mut self.is_prepared_anew);
        let is_outdated = self.guard.take_outdated();
        match result {
            Ok(value) => Ok(Some(value)),
            Err(_) if self.guard.may_repeat() && self.replaced < self.pool.most() => {
                self.replace().await.map(|()| None)
            }
            Err(_) if is_outdated && !was_prepared_anew => {
                self.is_prepared_anew = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn replace(&mut self) -> Result<(), DriverError> {
        self.replaced += 1;
        // First, since the other one may be the only one that the pool may have.
        self.guard.end();
        self.guard = self.guard.replaced_by(self.pool.acquire().await?);
        Ok(())
    }

    /// Makes sure that what can't be sent twice is not sent to a server that has hung up long ago.
    pub(super) async fn prove(&mut self) -> Result<(), DriverError> {
        while self.guard.unproven().is_some_and(|rested| rested >= TRUSTED) {
            let mut running = self.guard.start()?;
            let answer = running.connection.ping().await;
            match answer {
                Ok(()) => running.proves(),
                Err(_) => running.breaks(true),
            }
            running.finish();
            if self.guard.may_repeat() {
                self.replace().await?;
            }
        }
        Ok(())
    }
}

impl<B: Backend> Connection for PooledConnection<B> {
    fn set_origin(&mut self, origin: Origin) {
        self.guard.set_origin(origin);
    }

    fn select<'a>(
        &'a mut self,
        select: &'a Select,
        rows: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(async move {
            loop {
                let statement = self.pool.statements.select(select)?;
                let mut running = self.guard.start()?;
                let lend = |row: &RowOf<B>| rows.row(&B::columns(row)).map_err(refused);
                let result = run(&self.pool, &mut running, statement, StatementKind::Read, lend).await;
                running.finish();
                let result = result.map_err(|error| not_waited_for(error, select));
                if self.again(result).await?.is_some() {
                    return Ok(());
                }
            }
        })
    }

    fn count<'a>(&'a mut self, select: &'a Select) -> BoxFuture<'a, Result<u64, DriverError>> {
        Box::pin(async move {
            loop {
                let statement = self.pool.statements.count(select)?;
                let mut running = self.guard.start()?;
                let mut count = None;
                let read = |row: &RowOf<B>| {
                    count = codec::count(&B::columns(row));
                    Ok(())
                };
                let result = run(&self.pool, &mut running, statement, StatementKind::Read, read).await;
                running.finish();
                if self.again(result).await?.is_some() {
                    let none = || DriverError::new(DriverErrorKind::Other, "counting gave no number");
                    return count.ok_or_else(none);
                }
            }
        })
    }

    fn explain<'a>(
        &'a mut self,
        select: &'a Select,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Vec<String>, DriverError>> {
        Box::pin(async move {
            loop {
                let statement = self.pool.statements.explain(select, reading)?;
                let mut running = self.guard.start()?;
                let mut lines = B::Plan::default();
                let read = |row: &RowOf<B>| {
                    lines.extend(&B::columns(row));
                    Ok(())
                };
                let result = run(&self.pool, &mut running, statement, StatementKind::Read, read).await;
                running.finish();
                if self.again(result).await?.is_some() {
                    return Ok(lines.finish());
                }
            }
        })
    }

    fn write<'a>(&'a mut self, write: &'a Write) -> BoxFuture<'a, Result<WriteOutcome, DriverError>> {
        Box::pin(async move {
            loop {
                let statements = self.pool.statements.write(write)?;
                // Several begin a transaction first.
                if statements.len() == 1 {
                    self.prove().await?;
                }
                let mut running = self.guard.start()?;
                let result = write::run(&self.pool, &mut running, statements, write).await;
                running.finish();
                let result = result.map_err(|error| completed::<B>(error, write));
                if let Some(outcome) = self.again(result).await? {
                    return Ok(outcome);
                }
            }
        })
    }

    fn raw<'a>(
        &'a mut self,
        raw: &'a Raw,
        rows: &'a mut dyn RawRows,
    ) -> BoxFuture<'a, Result<u64, DriverError>> {
        Box::pin(async move {
            loop {
                let (statement, effect) = self.pool.statements.raw(raw)?;
                let kind = match effect {
                    RawEffect::Reads => StatementKind::Read,
                    RawEffect::Writes | RawEffect::Anything => StatementKind::Write,
                };
                self.prove().await?;
                let mut running = self.guard.start()?;
                let lend = LendRaw { rows, has_names: false };
                let result = run_at_pace(&self.pool, &mut running, statement, kind, lend).await;
                let result = match (result, effect) {
                    (Ok(done), RawEffect::Anything) => still_open(&mut running).await.map(|()| done.affected),
                    (other, _) => other.map(|done| done.affected),
                };
                running.finish();
                match result {
                    // What a function does that a query calls, only the program knows.
                    Err(error) if self.guard.may_repeat() && !never_ran::<B>(&error) => return Err(error),
                    result => {
                        if let Some(affected) = self.again(result).await? {
                            return Ok(affected);
                        }
                    }
                }
            }
        })
    }

    fn as_any_mut(&mut self) -> Option<&mut (dyn Any + Send)> {
        Some(self)
    }

    fn transaction(&mut self, step: TransactionStep) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(async move {
            loop {
                let mut running = self.guard.start()?;
                let result = transaction(&self.pool, &mut running, step).await;
                running.finish();
                if self.again(result).await?.is_some() {
                    return Ok(());
                }
            }
        })
    }

    fn read_schema<'a>(
        &'a mut self,
        schemas: &'a [String],
    ) -> BoxFuture<'a, Result<DatabaseSchema, DriverError>> {
        Box::pin(async move {
            loop {
                let mut running = self.guard.start()?;
                let mut catalog = Catalog { pool: &self.pool, running: &mut running };
                let result = B::read_schema(&mut catalog, schemas).await;
                running.finish();
                if let Some(schema) = self.again(result).await? {
                    return Ok(schema);
                }
            }
        })
    }

    fn describe_schema<'a>(
        &'a mut self,
        schema: &'a Schema,
    ) -> BoxFuture<'a, Result<DatabaseSchema, DriverError>> {
        Box::pin(async move {
            loop {
                let mut running = self.guard.start()?;
                let mut catalog = Catalog { pool: &self.pool, running: &mut running };
                let result = B::describe_schema(&mut catalog, schema).await;
                running.finish();
                if let Some(schema) = self.again(result).await? {
                    return Ok(schema);
                }
            }
        })
    }

    fn execute_schema<'a>(&'a mut self, statements: &'a [String]) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(async move {
            self.prove().await?;
            loop {
                let mut running = self.guard.start()?;
                let result = schema(&self.pool, &mut running, statements).await;
                running.finish();
                if self.again(result).await?.is_some() {
                    return Ok(());
                }
            }
        })
    }
}

/// Takes the rows of a statement.
trait TakeRows<B: Backend>: Send {
    fn row(&mut self, row: &RowOf<B>) -> Result<(), DriverError>;

    /// As [`RawRows::poll_ready`].
    fn poll_ready(&mut self) -> Poll<Result<(), DriverError>> {
        Poll::Ready(Ok(()))
    }
}

impl<B: Backend, F: FnMut(&RowOf<B>) -> Result<(), DriverError> + Send> TakeRows<B> for F {
    fn row(&mut self, row: &RowOf<B>) -> Result<(), DriverError> {
        self(row)
    }
}

/// Lends the rows of raw SQL, whose columns the first one tells.
struct LendRaw<'a> {
    rows: &'a mut dyn RawRows,
    has_names: bool,
}

impl<B: Backend> TakeRows<B> for LendRaw<'_> {
    fn row(&mut self, row: &RowOf<B>) -> Result<(), DriverError> {
        if !self.has_names {
            let names: Vec<&str> = row.columns().iter().map(Column::name).collect();
            self.rows.columns(&names).map_err(refused)?;
            self.has_names = true;
        }
        self.rows.row(&B::columns(row)).map_err(refused)
    }

    fn poll_ready(&mut self) -> Poll<Result<(), DriverError>> {
        self.rows.poll_ready().map_err(refused)
    }
}

fn refused(error: RowSinkError) -> DriverError {
    DriverError::new(DriverErrorKind::RowRefused, "a row was refused").with_source(error)
}

/// A lock that was not to be waited for, where the database says no more than that it was not had.
fn not_waited_for(error: DriverError, select: &Select) -> DriverError {
    let waits = select.lock.is_none_or(|lock| lock.wait != LockWait::NoWait);
    if waits || error.kind() != DriverErrorKind::LockTimeout {
        return error;
    }
    DriverError::new(DriverErrorKind::LockNotAvailable, error.to_string()).with_source(error)
}

/// Whether the transaction goes on after a statement of the program that may have ended it.
async fn still_open<B: Backend>(running: &mut Running<'_, B>) -> Result<(), DriverError> {
    running.forget_key_step();
    let is_open = !B::COMMITS_SCHEMA_CHANGES
        || !running.is_in_transaction()
        || B::is_in_transaction(running.connection).await;
    if is_open {
        return Ok(());
    }
    running.meets(Fate::Lost);
    let message = "the statement has committed the transaction that it was in, as changes of the schema do here; run it \
                   outside of one";
    Err(DriverError::new(DriverErrorKind::TransactionChanged, message))
}

/// Sends `step` under the guard.
pub(crate) async fn transaction<B: Backend>(
    pool: &Pool<B>,
    running: &mut Running<'_, B>,
    step: TransactionStep,
) -> Result<(), DriverError> {
    running.before(step)?;
    let sql = B::step(step, running.is_read_only())?;
    let statement = Statement { sql: (*sql).into(), values: Vec::new(), reusable: true };
    let result = run(pool, running, statement, StatementKind::Transaction, |_| Ok(())).await.map(drop);
    let result = match result {
        Err(error) if step == TransactionStep::Rollback && B::is_no_transaction(&error) => Ok(()),
        other => other,
    };
    running.after(step, &result);
    result
}

/// Runs schema statements, all or none, in a transaction of their own unless one is open. The first and the last ones may
/// be such that work outside of transactions only.
async fn schema<B: Backend>(
    pool: &Pool<B>,
    running: &mut Running<'_, B>,
    statements: &[String],
) -> Result<(), DriverError> {
    let inside = |sql: &String| !B::is_outside_transactions(sql);
    let first = statements.iter().position(inside).unwrap_or(statements.len());
    let end = statements.iter().rposition(inside).map_or(first, |last| last + 1);
    let has_outside = (first, end) != (0, statements.len());
    if has_outside && running.is_in_transaction() {
        let message =
            "these changes of the schema can't be made in an open transaction; make them outside of one";
        return Err(DriverError::new(DriverErrorKind::Unsupported, message));
    }
    let result = async {
        schema_statements(pool, running, &statements[..first]).await?;
        schema_transaction(pool, running, &statements[first..end]).await?;
        schema_statements(pool, running, &statements[end..]).await
    };
    let result = result.await;
    if has_outside && result.is_err() {
        // What was set for the time of the changes goes with the connection.
        running.breaks(false);
    }
    result
}

async fn schema_transaction<B: Backend>(
    pool: &Pool<B>,
    running: &mut Running<'_, B>,
    statements: &[String],
) -> Result<(), DriverError> {
    if running.is_in_transaction() {
        return schema_statements(pool, running, statements).await;
    }
    transaction(pool, running, TransactionStep::Begin(TransactionMode::default())).await?;
    let mut result = schema_statements(pool, running, statements).await;
    if result.is_ok() {
        result = transaction(pool, running, TransactionStep::Commit).await;
    }
    if result.is_err() {
        // If this fails too, the guard closes the connection; the first error is the one to tell.
        let _ = transaction(pool, running, TransactionStep::Rollback).await;
    }
    result
}

async fn schema_statements<B: Backend>(
    pool: &Pool<B>,
    running: &mut Running<'_, B>,
    statements: &[String],
) -> Result<(), DriverError> {
    for (done, sql) in statements.iter().enumerate() {
        let statement = Statement { sql: sql.as_str().into(), values: Vec::new(), reusable: false };
        let ran = run(pool, running, statement, StatementKind::Schema, |row| B::schema_row(sql, row)).await;
        match ran {
            Err(error) if B::COMMITS_SCHEMA_CHANGES && done > 0 => {
                return Err(stopped_half_way(error, &statements[..done], sql));
            }
            other => other?,
        };
    }
    Ok(())
}

/// The error of changes that the database does not take back, with what is done and what is not.
fn stopped_half_way(error: DriverError, done: &[String], refused: &str) -> DriverError {
    let done: String = done.iter().map(|sql| format!("\n{sql};")).collect();
    let message = format!(
        "the changes stopped half-way, and this database takes none of them back; this one failed:\n{refused};\nthese \
         were done before it, and stay:{done}"
    );
    let half_way = DriverError::new(error.kind(), message);
    let half_way = match error.violation().cloned() {
        Some(violation) => half_way.with_violation(violation),
        None => half_way,
    };
    half_way.with_source(error)
}

/// Runs one statement to its end, and gives what it did.
pub(crate) async fn run<B: Backend>(
    pool: &Pool<B>,
    running: &mut Running<'_, B>,
    statement: Statement,
    kind: StatementKind,
    take: impl FnMut(&RowOf<B>) -> Result<(), DriverError> + Send,
) -> Result<Done, DriverError> {
    run_at_pace(pool, running, statement, kind, take).await
}

/// As [`run`], no faster than `take` takes rows.
async fn run_at_pace<B: Backend>(
    pool: &Pool<B>,
    running: &mut Running<'_, B>,
    statement: Statement,
    kind: StatementKind,
    mut take: impl TakeRows<B>,
) -> Result<Done, DriverError> {
    if kind != StatementKind::Transaction {
        running.refuse_if_lost()?;
    }
    let Statement { sql, values, reusable } = statement;
    refuse_too_large(pool, &sql, &values)?;
    let mut sent = pool.log.sent(Arc::clone(&sql), kind, &values, running.origin());
    let mut is_answered = false;
    let result = async {
        let arguments = match kind {
            StatementKind::Transaction | StatementKind::Schema => None,
            StatementKind::Read | StatementKind::Write => Some(arguments::<B>(values)?),
        };
        let mut answers = B::run(running.connection, sql, arguments, reusable);
        let mut all = Done::default();
        while let Some(answer) = answers.next().await {
            let answer = answer.map_err(|error| driver_error::<B>(error, kind.action()))?;
            is_answered = true;
            match answer {
                Either::Left(done) => {
                    all = Done { affected: all.affected + done.affected, first_key: done.first_key };
                }
                Either::Right(row) => {
                    sent.rows += 1;
                    take.row(&row)?;
                    poll_fn(|_| take.poll_ready()).await?;
                }
            }
        }
        Ok(all)
    }
    .await;
    if let (StatementKind::Write, Ok(done)) = (kind, &result) {
        sent.rows = done.affected;
    }
    sent.end(&result);
    let is_lost = matches!(&result, Err(error) if error.kind() == DriverErrorKind::ConnectionLost);
    if is_answered || !is_lost {
        running.proves();
    }
    if let Err(error) = &result {
        if is_lost {
            let is_harmless = match kind {
                StatementKind::Read | StatementKind::Transaction => true,
                StatementKind::Write | StatementKind::Schema => never_ran::<B>(error),
            };
            running.breaks(is_harmless);
            return result;
        }
        if error.kind() == DriverErrorKind::OutdatedStatement {
            match running.connection.clear_cached_statements().await {
                Ok(()) => running.outdates(),
                Err(_) => running.breaks(false),
            }
        }
        if kind != StatementKind::Transaction
            && running.is_in_transaction()
            && error.kind() != DriverErrorKind::RowRefused
        {
            let fate = B::after_failure(running.connection, error).await;
            running.meets(fate);
        }
    }
    result
}

/// A server that is sent more than it takes closes the connection.
fn refuse_too_large<B: Backend>(pool: &Pool<B>, sql: &str, values: &[Bound]) -> Result<(), DriverError> {
    let Some(most) = pool.largest_message else { return Ok(()) };
    let size = values.iter().fold(sql.len(), |size, value| size.saturating_add(value.size()));
    if size <= most {
        return Ok(());
    }
    let message = format!(
        "the statement and its values have {size} bytes, and the server takes {most} at once; write smaller values, or set \
         its max_allowed_packet"
    );
    Err(DriverError::new(DriverErrorKind::Unsupported, message))
}

fn arguments<B: Backend>(values: Vec<Bound>) -> Result<<B::Database as Database>::Arguments, DriverError> {
    B::arguments(values).map_err(|error| {
        DriverError::new(DriverErrorKind::Unsupported, "a value can't be stored").with_source(error)
    })
}

/// Says in the error which table and columns were meant, as far as the write tells.
fn completed<B: Backend>(error: DriverError, write: &Write) -> DriverError {
    if let Some(violation) = error.violation() {
        let mut violation = violation.clone();
        B::complete(&mut violation, write);
        return error.with_violation(violation);
    }
    let Some(violation) = B::unfit(&error, write) else { return error };
    let kind = DriverErrorKind::ConstraintViolation;
    DriverError::new(kind, error.to_string()).with_violation(violation).with_source(error)
}
