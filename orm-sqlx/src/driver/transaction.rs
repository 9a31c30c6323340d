//! A connection that is never handed out again inside a transaction.
//!
//! sqlx's own `begin` can give a connection back while its BEGIN is still on the way, so that transactions here are
//! plain statements. The guard notes that one may be open before BEGIN is sent, and forgets it only after COMMIT or
//! ROLLBACK succeeded. Dropped in between, or while any statement runs, it closes the connection: SQLite then rolls
//! back, and whatever is still running can't reach the next borrower.

use orm_core::driver::{DriverError, DriverErrorKind, TransactionStep};
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

    /// Notes what may hold once `step` is sent, before it is.
    pub(super) fn before(&mut self, step: TransactionStep) -> Result<(), DriverError> {
        let refused = |message| Err(DriverError::new(DriverErrorKind::Other, message));
        match (step, self.state.maybe_in_transaction) {
            (TransactionStep::Begin(_), true) => refused("a transaction is open on this connection already"),
            (TransactionStep::Begin(_), false) => {
                self.state.maybe_in_transaction = true;
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
        }
    }
}
