//! What a database says that it holds.
//!
//! Here are the questions; what the answers mean is with the database's dialect where it is a text, and here where it is
//! rows of a catalog.

#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use orm_core::driver::{DriverError, DriverErrorKind, RowReader};
#[cfg(feature = "postgres")]
use orm_core::driver::{TransactionMode, TransactionStep};
use orm_core::value::ValueError;
use orm_sql::{Bound, Statement};

use crate::backend::{Backend, RowOf};
use crate::driver::connection::run;
#[cfg(feature = "postgres")]
use crate::driver::connection::transaction;
use crate::driver::log::StatementKind;
use crate::driver::pool::Pool;
use crate::driver::transaction::Running;

/// A connection, to be asked about its database.
#[expect(missing_debug_implementations, reason = "it lends a connection, which shows nothing")]
pub struct Catalog<'c, 'r, B: Backend> {
    pub(crate) pool: &'c Pool<B>,
    pub(crate) running: &'c mut Running<'r, B>,
}

impl<B: Backend> Catalog<'_, '_, B> {
    /// Asks, and takes every row.
    pub(crate) async fn rows<T: Send>(
        &mut self,
        question: &str,
        values: Vec<Bound>,
        read: impl Fn(&dyn RowReader) -> Result<T, ValueError> + Send + Sync,
    ) -> Result<Vec<T>, DriverError> {
        let mut rows = Vec::new();
        let take = |row: &RowOf<B>| {
            rows.push(read(&B::columns(row)).map_err(not_understood)?);
            Ok(())
        };
        let statement = Statement { sql: question.into(), values, reusable: false };
        run(self.pool, self.running, statement, StatementKind::Read, take).await?;
        Ok(rows)
    }

    /// Changes something, for a time.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) async fn change(&mut self, sql: &str) -> Result<(), DriverError> {
        let statement = Statement { sql: sql.into(), values: Vec::new(), reusable: false };
        run(self.pool, self.running, statement, StatementKind::Schema, |_| Ok(())).await.map(drop)
    }

    /// Begins a transaction, which [`take_back`](Self::take_back) ends.
    #[cfg(feature = "postgres")]
    pub(crate) async fn try_out(&mut self) -> Result<(), DriverError> {
        if self.running.is_in_transaction() {
            let message =
                "tables are compared outside of transactions only; a transaction is open on this connection";
            return Err(DriverError::new(DriverErrorKind::Unsupported, message));
        }
        let begin = TransactionStep::Begin(TransactionMode::default());
        transaction(self.pool, self.running, begin).await
    }

    /// Changes something for which not everything may be there yet, in the transaction that [`try_out`](Self::try_out) began.
    /// Returns whether the database took it.
    #[cfg(feature = "postgres")]
    pub(crate) async fn try_change(&mut self, sql: &str) -> Result<bool, DriverError> {
        transaction(self.pool, self.running, TransactionStep::Savepoint(1)).await?;
        let (is_taken, end) = match self.change(sql).await {
            Ok(()) => (true, TransactionStep::Release(1)),
            Err(error) if error.kind() == DriverErrorKind::ConnectionLost => return Err(error),
            Err(_) => (false, TransactionStep::RollbackTo(1)),
        };
        transaction(self.pool, self.running, end).await?;
        Ok(is_taken)
    }

    #[cfg(feature = "postgres")]
    pub(crate) async fn take_back(&mut self) -> Result<(), DriverError> {
        transaction(self.pool, self.running, TransactionStep::Rollback).await
    }
}

fn not_understood(error: ValueError) -> DriverError {
    DriverError::new(DriverErrorKind::Other, "the database says of itself what can't be understood")
        .with_source(error)
}

/// A text that may be NULL.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) fn optional_text(row: &dyn RowReader, index: usize) -> Result<Option<String>, ValueError> {
    if row.is_null(index)? { Ok(None) } else { text(row, index).map(Some) }
}

pub(crate) fn text(row: &dyn RowReader, index: usize) -> Result<String, ValueError> {
    row.text(index).map(str::to_owned)
}
