//! A connection that is never handed out again inside a transaction.
//!
//! sqlx's own `begin` can give a connection back while its BEGIN is still on the way, so that transactions here are
//! plain statements. The guard notes that one may be open before BEGIN is sent, and forgets it only after COMMIT or
//! ROLLBACK succeeded. Dropped in between, while any statement runs, or after the connection broke, it closes the
//! connection: the database then rolls back, and whatever is still running can't reach the next borrower.

use std::time::Duration;

use orm_core::driver::{Access, DriverError, DriverErrorKind, Origin, TransactionStep};

use super::pool::{Ending, Lent};
use crate::backend::{Backend, ConnectionOf, Fate};

pub(super) struct Guard<B: Backend> {
    /// Taken at its end only.
    connection: Option<Lent<B>>,
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
    /// How long it was idle before, while nothing has been answered on it since.
    unproven: Option<Duration>,
    /// Whether it broke at its first statement, which may be sent again on another one.
    may_repeat: bool,
    /// Whether a statement was refused because it was prepared before a change of its tables, and is forgotten.
    is_outdated: bool,
    /// Whether a method is running, or was cut off.
    is_running: bool,
    /// For what its statements are sent.
    origin: Option<Origin>,
    /// How far keys of one insert are apart, once it was asked.
    key_step: Option<u64>,
}

/// A method that runs. Dropped before [`finish`](Self::finish), it leaves the connection to be closed.
pub(crate) struct Running<'a, B: Backend> {
    pub(super) connection: &'a mut ConnectionOf<B>,
    state: &'a mut State,
}

impl<B: Backend> Guard<B> {
    pub(super) fn new(connection: Lent<B>) -> Self {
        let unproven = connection.rested().filter(|_| B::HAS_SERVER);
        Self { connection: Some(connection), state: State { unproven, ..State::default() } }
    }

    /// As [`new`](Self::new), in place of this one.
    pub(super) fn replaced_by(&mut self, connection: Lent<B>) -> Self {
        let mut other = Self::new(connection);
        other.state.origin = self.state.origin.take();
        other
    }

    pub(super) fn set_origin(&mut self, origin: Origin) {
        self.state.origin = Some(origin);
    }

    /// How long the connection was idle before, while nothing has been answered on it since.
    pub(super) fn unproven(&self) -> Option<Duration> {
        self.state.unproven
    }

    /// Whether it broke at its first statement, which may be sent again on another one.
    pub(super) fn may_repeat(&self) -> bool {
        self.state.may_repeat
    }

    /// Whether a statement was refused because it was prepared before a change of its tables, and can be sent again: no
    /// transaction was taken along. Tells it once.
    pub(super) fn take_outdated(&mut self) -> bool {
        std::mem::take(&mut self.state.is_outdated) && !self.state.maybe_in_transaction
    }

    /// Ends the connection, or gives it back.
    pub(super) fn end(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let State { is_running, is_broken, maybe_in_transaction, .. } = self.state;
        if is_broken {
            connection.end(Ending::Broken);
        } else if is_running {
            connection.end(Ending::CutOff);
        } else if maybe_in_transaction {
            connection.end(Ending::Unwanted);
        }
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
        self.end();
    }
}

impl<B: Backend> Running<'_, B> {
    /// Notes that the method has come to its end, well or not.
    pub(super) fn finish(self) {
        self.state.is_running = false;
    }

    /// For what it was called.
    pub(super) fn origin(&self) -> Option<&Origin> {
        self.state.origin.as_ref()
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

    /// Notes that the statements that were prepared before a change of their tables are forgotten.
    pub(super) fn outdates(&mut self) {
        self.state.is_outdated = true;
    }

    /// Notes that the server has answered.
    pub(super) fn proves(&mut self) {
        self.state.unproven = None;
    }

    /// Notes that the connection broke. `is_harmless`: a statement that it broke at may be run twice, or was not run.
    pub(crate) fn breaks(&mut self, is_harmless: bool) {
        self.state.is_broken = true;
        self.state.may_repeat = is_harmless && self.state.unproven.is_some();
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
            // A BEGIN that did not get the lock, or that may not write, began nothing.
            Err(error) => {
                let began_nothing = matches!(error.kind(), DriverErrorKind::Busy | DriverErrorKind::ReadOnly);
                matches!(step, TransactionStep::Begin(_)) && began_nothing
            }
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
