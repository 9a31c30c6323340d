//! A connection that is never handed out again inside a transaction.
//!
//! sqlx's own `begin` can give a connection back while its BEGIN is still on the way, so that transactions here are
//! plain statements. The guard notes that one may be open before BEGIN is sent, and forgets it only after COMMIT or
//! ROLLBACK succeeded. Dropped in between, while any statement runs, or after the connection broke, it closes the
//! connection: the database then rolls back, and whatever is still running can't reach the next borrower.

use orm_core::driver::{Access, DriverError, DriverErrorKind, TransactionStep};
use sqlx_core::pool::PoolConnection;

use crate::backend::{Backend, ConnectionOf, Fate};

pub(super) struct Guard<B: Backend> {
    /// Taken only by `drop`.
    connection: Option<PoolConnection<B::Database>>,
    state: State,
}

#[derive(Default)]
struct State {
    /// Whether a transaction is open, or may be.
    maybe_in_transaction: bool,
    /// Whether it may not write.
    is_read_only: bool,
    /// What an error has left of it.
    fate: Fate,
    /// Whether the connection broke.
    is_broken: bool,
    /// Whether a method is running, or was cut off.
    is_running: bool,
    /// How far keys of one insert are apart, once it was asked.
    key_step: Option<u64>,
}

/// A method that runs. Dropped before [`finish`](Self::finish), it leaves the connection to be closed.
pub(crate) struct Running<'a, B: Backend> {
    pub(super) connection: &'a mut ConnectionOf<B>,
    state: &'a mut State,
}

impl<B: Backend> Guard<B> {
    pub(super) fn new(connection: PoolConnection<B::Database>) -> Self {
        Self { connection: Some(connection), state: State::default() }
    }

    /// Notes that a method runs. Refused after one was cut off: nobody knows what of it happened.
    pub(super) fn start(&mut self) -> Result<Running<'_, B>, DriverError> {
        match &mut self.connection {
            Some(_) if self.state.is_broken => {
                let message = "this connection broke; take another one";
                Err(DriverError::new(DriverErrorKind::ConnectionLost, message))
            }
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

impl<B: Backend> Drop for Guard<B> {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if tokio::runtime::Handle::try_current().is_err() {
            // The pool takes connections back in a task, and there is nothing to run one.
            drop(connection.detach());
        } else if self.state.maybe_in_transaction || self.state.is_running || self.state.is_broken {
            connection.close_on_drop();
        }
    }
}

impl<B: Backend> Running<'_, B> {
    /// Notes that the method has come to its end, well or not.
    pub(super) fn finish(self) {
        self.state.is_running = false;
    }

    pub(crate) fn is_in_transaction(&self) -> bool {
        self.state.maybe_in_transaction
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.state.is_read_only
    }

    /// Notes what an error has left of the transaction.
    pub(super) fn meets(&mut self, fate: Fate) {
        self.state.fate = fate;
    }

    pub(super) fn key_step(&self) -> Option<u64> {
        self.state.key_step
    }

    pub(super) fn knows_key_step(&mut self, step: u64) {
        self.state.key_step = Some(step);
    }

    /// Notes that a program may have set it.
    pub(super) fn forget_key_step(&mut self) {
        self.state.key_step = None;
    }

    /// Notes that the connection broke.
    pub(super) fn breaks(&mut self) {
        self.state.is_broken = true;
    }

    /// Refuses what would be done outside of the transaction that it was meant for.
    pub(super) fn refuse_if_lost(&self) -> Result<(), DriverError> {
        let message = match self.state.fate {
            Fate::Goes => return Ok(()),
            Fate::Lost => {
                "after an earlier error the database has rolled back the whole transaction; begin another"
            }
            Fate::Stuck => {
                "after an earlier error this transaction takes no other statement; roll it, or a savepoint in it, back"
            }
        };
        Err(DriverError::new(DriverErrorKind::RolledBack, message))
    }

    /// Notes what may hold once `step` is sent, before it is.
    pub(super) fn before(&mut self, step: TransactionStep) -> Result<(), DriverError> {
        match (step, self.state.fate) {
            (TransactionStep::Rollback, _) | (TransactionStep::RollbackTo(_), Fate::Stuck) => {}
            _ => self.refuse_if_lost()?,
        }
        let refused = |message| Err(DriverError::new(DriverErrorKind::Other, message));
        match (step, self.state.maybe_in_transaction) {
            (TransactionStep::Begin(_), true) => refused("a transaction is open on this connection already"),
            (TransactionStep::Begin(mode), false) => {
                self.state.maybe_in_transaction = true;
                self.state.is_read_only = mode.access == Access::ReadOnly;
                Ok(())
            }
            // Some databases would begin one.
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
            self.state.fate = Fate::Goes;
        }
        if let (TransactionStep::RollbackTo(_), Ok(()), Fate::Stuck) = (step, outcome, self.state.fate) {
            self.state.fate = Fate::Goes;
        }
    }
}
