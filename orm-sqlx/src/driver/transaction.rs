//! A connection that is never handed out again inside a transaction.
//!
//! sqlx's own `begin` can give a connection back while its BEGIN is still on the way, so that transactions here are
//! plain statements. The guard notes that one may be open before BEGIN is sent, and forgets it only after COMMIT or
//! ROLLBACK succeeded. Dropped in between, or while any statement runs, it closes the connection: SQLite then rolls
//! back, and whatever is still running can't reach the next borrower.

use orm_core::driver::{Access, DriverError, DriverErrorKind, TransactionStep};
use sqlx_core::pool::PoolConnection;
use sqlx_sqlite::{Sqlite, SqliteConnection};

pub(super) struct Guard {
    /// Taken only by `drop`.
    connection: Option<PoolConnection<Sqlite>>,
    state: State,
}

#[derive(Default)]
struct State {
    /// Whether a transaction is open, or may be.
    maybe_in_transaction: bool,
    /// Whether it may not write.
    is_read_only: bool,
    /// Whether the database has rolled it back by itself, and an empty one is open in its place.
    is_lost: bool,
    /// Whether a method is running, or was cut off.
    is_running: bool,
}

/// A method that runs. Dropped before [`finish`](Self::finish), it leaves the connection to be closed.
pub(super) struct Running<'a> {
    pub(super) connection: &'a mut SqliteConnection,
    state: &'a mut State,
}

impl Guard {
    pub(super) fn new(connection: PoolConnection<Sqlite>) -> Self {
        Self { connection: Some(connection), state: State::default() }
    }

    /// Notes that a method runs. Refused after one was cut off: nobody knows what of it happened.
    pub(super) fn start(&mut self) -> Result<Running<'_>, DriverError> {
        match &mut self.connection {
            Some(connection) if !self.state.is_running => {
                self.state.is_running = true;
                Ok(Running { connection, state: &mut self.state })
            }
            Some(_) | None => {
                let message = "an earlier statement on this connection was cut off; take another connection";
                Err(DriverError::new(DriverErrorKind::ConnectionLost, message))
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if tokio::runtime::Handle::try_current().is_err() {
            // The pool takes connections back in a task, and there is nothing to run one.
            drop(connection.detach());
        } else if self.state.maybe_in_transaction || self.state.is_running {
            connection.close_on_drop();
        }
    }
}

impl Running<'_> {
    /// Notes that the method has come to its end, well or not.
    pub(super) fn finish(self) {
        self.state.is_running = false;
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        self.state.maybe_in_transaction
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.state.is_read_only
    }

    /// Notes that the database has rolled the transaction back by itself.
    pub(super) fn lose(&mut self) {
        self.state.is_lost = true;
    }

    /// Refuses what would be done outside of the transaction that it was meant for.
    pub(super) fn refuse_if_lost(&self) -> Result<(), DriverError> {
        if self.state.is_lost {
            let message =
                "after an earlier error the database has rolled back the whole transaction; begin another";
            return Err(DriverError::new(DriverErrorKind::RolledBack, message));
        }
        Ok(())
    }

    /// Notes what may hold once `step` is sent, before it is.
    pub(super) fn before(&mut self, step: TransactionStep) -> Result<(), DriverError> {
        if step != TransactionStep::Rollback {
            self.refuse_if_lost()?;
        }
        let refused = |message| Err(DriverError::new(DriverErrorKind::Other, message));
        match (step, self.state.maybe_in_transaction) {
            (TransactionStep::Begin(_), true) => refused("a transaction is open on this connection already"),
            (TransactionStep::Begin(mode), false) => {
                self.state.maybe_in_transaction = true;
                self.state.is_read_only = mode.access == Access::ReadOnly;
                Ok(())
            }
            // SQLite would begin one.
            (TransactionStep::Savepoint(_), false) => refused("a savepoint needs an open transaction"),
            _ => Ok(()),
        }
    }

    /// Notes what holds after `step` was answered.
    pub(super) fn after(&mut self, step: TransactionStep, outcome: &Result<(), DriverError>) {
        let is_over = match outcome {
            Ok(()) => matches!(step, TransactionStep::Commit | TransactionStep::Rollback),
            // A BEGIN that did not get the lock began nothing.
            Err(error) => matches!(step, TransactionStep::Begin(_)) && error.kind() == DriverErrorKind::Busy,
        };
        if is_over {
            self.state.maybe_in_transaction = false;
            self.state.is_read_only = false;
            self.state.is_lost = false;
        }
    }
}
