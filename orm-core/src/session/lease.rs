//! A connection for one statement, or for a few that belong together.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OwnedMutexGuard;

use crate::cache::{Touched, Watched};
use crate::driver::{
    BoxFuture, Connection, DriverError, DriverErrorKind, Origin, Raw, RawRows, Reading, RowSink, Select,
    TransactionStep, Write, WriteOutcome,
};

/// A connection for a while.
pub(crate) enum Lease {
    /// Given back to the pool when dropped.
    Pooled(Watched),
    /// The open transaction's; the next statement of the context waits for it.
    Shared(SharedConnection),
}

impl Lease {
    /// The number of the transaction that is open on it.
    pub(super) fn open_transaction(&self) -> Option<u64> {
        match self {
            Self::Pooled(_) => None,
            Self::Shared(shared) => Some(shared.transaction),
        }
    }

    pub(crate) fn is_in_transaction(&self) -> bool {
        self.open_transaction().is_some()
    }

    /// Notes what the next statement, which only the program understands, may write.
    pub(crate) fn note(&self, touched: impl IntoIterator<Item = Touched>) {
        match self {
            Self::Pooled(connection) => connection.note(touched),
            Self::Shared(shared) => shared.connection.note(touched),
        }
    }

    /// Runs `work` with the connection as the type that the driver made, as one statement of its transaction.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`] when it is of another type, and what `work` fails with.
    pub(crate) async fn native<C: Any + Send, V>(
        &mut self,
        work: impl AsyncFnOnce(&mut C) -> Result<V, DriverError>,
    ) -> Result<V, DriverError> {
        match self {
            Self::Pooled(connection) => {
                connection.begin_unseen();
                let outcome = run_native(connection, work).await;
                connection.end_unseen(&outcome);
                outcome
            }
            Self::Shared(shared) => {
                shared.connection.begin_unseen();
                let outcome = run_native(shared.begin(), work).await;
                shared.connection.end_unseen(&outcome);
                shared.end(outcome)
            }
        }
    }
}

async fn run_native<C: Any + Send, V>(
    connection: &mut dyn Connection,
    work: impl AsyncFnOnce(&mut C) -> Result<V, DriverError>,
) -> Result<V, DriverError> {
    match connection.as_any_mut().and_then(|connection| connection.downcast_mut()) {
        Some(connection) => work(connection).await,
        None => {
            let message = "this manager works with another driver; use the one that its ORM was made from";
            Err(DriverError::new(DriverErrorKind::Unsupported, message))
        }
    }
}

/// The connection of the open transaction. A statement that is cut off, or whose connection is lost, dooms it.
pub(crate) struct SharedConnection {
    connection: OwnedMutexGuard<Watched>,
    transaction: u64,
    is_doomed: Arc<AtomicBool>,
    is_running: bool,
}

impl SharedConnection {
    pub(super) fn new(
        connection: OwnedMutexGuard<Watched>,
        transaction: u64,
        is_doomed: Arc<AtomicBool>,
    ) -> Self {
        Self { connection, transaction, is_doomed, is_running: false }
    }

    fn begin(&mut self) -> &mut dyn Connection {
        self.is_running = true;
        &mut *self.connection
    }

    fn end<V>(&mut self, outcome: Result<V, DriverError>) -> Result<V, DriverError> {
        self.is_running = false;
        let ends_it = |error: &DriverError| {
            matches!(error.kind(), DriverErrorKind::ConnectionLost | DriverErrorKind::TransactionChanged)
        };
        if outcome.as_ref().is_err_and(ends_it) {
            self.is_doomed.store(true, Ordering::Release);
        }
        outcome
    }
}

impl Drop for SharedConnection {
    fn drop(&mut self) {
        if self.is_running {
            self.is_doomed.store(true, Ordering::Release);
        }
    }
}

impl Connection for Lease {
    fn set_origin(&mut self, origin: Origin) {
        match self {
            Self::Pooled(connection) => connection.set_origin(origin),
            Self::Shared(shared) => shared.connection.set_origin(origin),
        }
    }

    fn select<'a>(
        &'a mut self,
        select: &'a Select,
        rows: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<(), DriverError>> {
        match self {
            Self::Pooled(connection) => connection.select(select, rows),
            Self::Shared(shared) => Box::pin(async move {
                let outcome = shared.begin().select(select, rows).await;
                shared.end(outcome)
            }),
        }
    }

    fn count<'a>(&'a mut self, select: &'a Select) -> BoxFuture<'a, Result<u64, DriverError>> {
        match self {
            Self::Pooled(connection) => connection.count(select),
            Self::Shared(shared) => Box::pin(async move {
                let outcome = shared.begin().count(select).await;
                shared.end(outcome)
            }),
        }
    }

    fn explain<'a>(
        &'a mut self,
        select: &'a Select,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Vec<String>, DriverError>> {
        match self {
            Self::Pooled(connection) => connection.explain(select, reading),
            Self::Shared(shared) => Box::pin(async move {
                let outcome = shared.begin().explain(select, reading).await;
                shared.end(outcome)
            }),
        }
    }

    fn write<'a>(&'a mut self, write: &'a Write) -> BoxFuture<'a, Result<WriteOutcome, DriverError>> {
        match self {
            Self::Pooled(connection) => connection.write(write),
            Self::Shared(shared) => Box::pin(async move {
                let outcome = shared.begin().write(write).await;
                shared.end(outcome)
            }),
        }
    }

    fn raw<'a>(
        &'a mut self,
        raw: &'a Raw,
        rows: &'a mut dyn RawRows,
    ) -> BoxFuture<'a, Result<u64, DriverError>> {
        match self {
            Self::Pooled(connection) => connection.raw(raw, rows),
            Self::Shared(shared) => Box::pin(async move {
                let outcome = shared.begin().raw(raw, rows).await;
                shared.end(outcome)
            }),
        }
    }

    fn transaction(&mut self, step: TransactionStep) -> BoxFuture<'_, Result<(), DriverError>> {
        match self {
            Self::Pooled(connection) => connection.transaction(step),
            Self::Shared(shared) => Box::pin(async move {
                let outcome = shared.begin().transaction(step).await;
                shared.end(outcome)
            }),
        }
    }

    fn execute_schema<'a>(&'a mut self, statements: &'a [String]) -> BoxFuture<'a, Result<(), DriverError>> {
        match self {
            Self::Pooled(connection) => connection.execute_schema(statements),
            Self::Shared(shared) => Box::pin(async move {
                let outcome = shared.begin().execute_schema(statements).await;
                shared.end(outcome)
            }),
        }
    }
}
