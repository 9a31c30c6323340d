//! Writes: their statements run as one, all or none.
//!
//! As a rule a write is one statement, which is all or nothing by itself. Several run in a transaction of their own,
//! or, where one is open, under a savepoint.

use orm_core::driver::{
    Access, DriverError, DriverErrorKind, RowReader, TransactionMode, TransactionStep, Write, WriteOutcome,
};
use orm_core::value::{ColumnType, Value};
use orm_sql::{Answered, GeneratedKeys, Statement, WriteStatement, outcome_of};

use super::connection::{self, transaction};
use super::log::StatementKind;
use super::pool::Pool;
use super::transaction::Running;
use crate::backend::{Backend, RowOf};
use crate::codec;

/// Runs the statements of `write`.
pub(super) async fn run<B: Backend>(
    pool: &Pool<B>,
    running: &mut Running<'_, B>,
    statements: Vec<WriteStatement>,
    write: &Write,
) -> Result<WriteOutcome, DriverError> {
    match (all_or_none(pool, running, statements, write).await, write) {
        (Err(error), Write::Insert(insert))
            if B::MAY_LACK_KEY_RECORD
                && error.kind() == DriverErrorKind::MissingSchemaObject
                && insert.rows.len() > 1 =>
        {
            // It may be the record of last keys that is missing. If it is something else, the error is the same.
            let statements = pool.statements.write_without_key_record(write)?;
            all_or_none(pool, running, statements, write).await
        }
        (other, _) => other,
    }
}

async fn all_or_none<B: Backend>(
    pool: &Pool<B>,
    running: &mut Running<'_, B>,
    statements: Vec<WriteStatement>,
    write: &Write,
) -> Result<WriteOutcome, DriverError> {
    // A question must find what its statement left.
    let asks = statements.iter().any(|statement| statement.question.is_some());
    if statements.len() < 2 && (!asks || running.is_in_transaction()) {
        return in_turn(pool, running, statements, write).await;
    }
    let bracket = Bracket::of(running);
    transaction(pool, running, bracket.open).await?;
    let written = in_turn(pool, running, statements, write).await;
    let result = match written {
        Ok(mut outcome) => {
            outcome.statements += 2;
            transaction(pool, running, bracket.close).await.map(|()| outcome)
        }
        Err(error) => Err(error),
    };
    if result.is_err() {
        for step in bracket.take_back {
            // If this fails, the whole transaction will be rolled back; the first error is the one to tell.
            let _ = transaction(pool, running, *step).await;
        }
    }
    result
}

async fn in_turn<B: Backend>(
    pool: &Pool<B>,
    running: &mut Running<'_, B>,
    statements: Vec<WriteStatement>,
    write: &Write,
) -> Result<WriteOutcome, DriverError> {
    let mut outcome = outcome_of(write);
    for statement in statements {
        one(pool, running, statement, &mut outcome).await?;
    }
    Ok(outcome)
}

/// Runs one statement, and asks what its answer left open.
async fn one<B: Backend>(
    pool: &Pool<B>,
    running: &mut Running<'_, B>,
    statement: WriteStatement,
    outcome: &mut WriteOutcome,
) -> Result<(), DriverError> {
    let mut next = Some(statement);
    while let Some(WriteStatement { statement, returned: types, rows, question }) = next {
        let mut returned = Vec::new();
        let keep = |row: &RowOf<B>| values(&B::columns(row), &types).map(|values| returned.push(values));
        let done = connection::run(pool, running, statement, StatementKind::Write, keep).await?;
        let generated = match rows.wants_generated_keys() {
            true => {
                let step = if done.affected < 2 { 1 } else { key_step(pool, running).await? };
                Some(GeneratedKeys { first: done.first_key, step })
            }
            false => None,
        };
        rows.enter(Answered { affected: done.affected, returned, generated }, outcome)?;
        next = question.filter(|_| rows.leaves_open(done.affected)).map(|question| *question);
    }
    Ok(())
}

/// How far keys of one insert are apart on this connection. Asked once for each borrowing, since the server's setting may
/// change between two.
async fn key_step<B: Backend>(pool: &Pool<B>, running: &mut Running<'_, B>) -> Result<u64, DriverError> {
    if let Some(step) = running.key_step() {
        return Ok(step);
    }
    let mut step = None;
    if let Some(query) = B::KEY_STEP {
        let statement = Statement { sql: query.into(), values: Vec::new(), reusable: true };
        let read = |row: &RowOf<B>| {
            step = codec::count(&B::columns(row));
            Ok(())
        };
        connection::run(pool, running, statement, StatementKind::Read, read).await?;
    }
    let message = "the database does not say how far the keys are apart that it generates";
    let step = step.ok_or_else(|| DriverError::new(DriverErrorKind::Other, message))?;
    running.knows_key_step(step);
    Ok(step)
}

/// The steps around several statements that are to be one.
struct Bracket {
    open: TransactionStep,
    close: TransactionStep,
    take_back: &'static [TransactionStep],
}

impl Bracket {
    fn of<B: Backend>(running: &Running<'_, B>) -> Self {
        /// No number that the core would come to.
        const OWN: u32 = u32::MAX;
        if running.is_in_transaction() {
            Self {
                open: TransactionStep::Savepoint(OWN),
                close: TransactionStep::Release(OWN),
                take_back: &[TransactionStep::RollbackTo(OWN), TransactionStep::Release(OWN)],
            }
        } else {
            Self {
                open: TransactionStep::Begin(TransactionMode { isolation: None, access: Access::ReadWrite }),
                close: TransactionStep::Commit,
                take_back: &[TransactionStep::Rollback],
            }
        }
    }
}

/// What came back for one row.
fn values(row: &impl RowReader, types: &[ColumnType]) -> Result<Vec<Value>, DriverError> {
    let values = types.iter().enumerate().map(|(at, column_type)| {
        codec::value(row, at, *column_type).map_err(|error| {
            DriverError::new(DriverErrorKind::Other, "a value that came back can't be read")
                .with_source(error)
        })
    });
    values.collect()
}
