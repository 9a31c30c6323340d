//! Statements that hold or fall together: in a transaction of their own, or under a savepoint of the open one.

use std::sync::Arc;

use super::{Lease, Level, Session};
use crate::driver::{Connection, DriverError, TransactionMode, TransactionStep};
use crate::entity::Region;
use crate::error::{Error, Result};

/// How a unit is held together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// A transaction of its own.
    Own,
    /// A savepoint of the open transaction.
    Savepoint(u32),
    /// Nothing: the transaction ends with it, whichever way it goes.
    Joined,
}

/// A unit that has begun. Has the connection until it is dropped.
///
/// Dropped unfinished, it dooms the open transaction, or closes its own connection.
pub(crate) struct Unit {
    session: Arc<Session>,
    lease: Lease,
    extent: Extent,
    /// Whether the program is in no other transaction.
    is_outermost: bool,
    is_done: bool,
}

impl Unit {
    /// Begins a unit of the context of `region` at `level`.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] where `level` only reads or has ended, [`Error::Wait`] and [`Error::Driver`].
    pub(crate) async fn begin(region: &Region, level: &Level, action: &'static str) -> Result<Self> {
        level.check_writable(action)?;
        let session = region.session();
        let mut lease = session.connection_at(level, action, region.activity()).await?;
        let extent = match level.transaction() {
            Some(_) => Extent::Savepoint(session.next_savepoint()),
            None => Extent::Own,
        };
        let (step, action) = match extent {
            Extent::Savepoint(number) => (TransactionStep::Savepoint(number), "set a savepoint"),
            Extent::Own | Extent::Joined => (TransactionStep::Begin(TransactionMode::default()), "begin"),
        };
        lease.transaction(step).await.map_err(|error| session.orm.error(action, error))?;
        if level.transaction().is_some() {
            session.note_write();
        }
        let is_outermost = !level.is_transaction();
        Ok(Self { session: Arc::clone(session), lease, extent, is_outermost, is_done: false })
    }

    /// Goes on in the open transaction, which the caller rolls back if this fails.
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin).
    pub(crate) async fn join(region: &Region, level: &Level, action: &'static str) -> Result<Self> {
        level.check_writable(action)?;
        let session = region.session();
        let lease = session.connection_at(level, action, region.activity()).await?;
        session.note_write();
        let (session, extent) = (Arc::clone(session), Extent::Joined);
        Ok(Self { session, lease, extent, is_outermost: false, is_done: false })
    }

    pub(crate) fn connection(&mut self) -> &mut dyn Connection {
        &mut self.lease
    }

    pub(crate) fn lease(&mut self) -> &mut Lease {
        &mut self.lease
    }

    /// Whether committing makes it durable at once, so that the outcome can be unknown.
    pub(crate) fn is_own(&self) -> bool {
        self.extent == Extent::Own
    }

    /// Whether the program is in no other transaction, so that its subscribers hear of this one. In a test that can be a
    /// savepoint.
    pub(crate) fn is_outermost(&self) -> bool {
        self.is_outermost
    }

    /// Statements that hold it together.
    pub(crate) fn statements(&self) -> u64 {
        if self.extent == Extent::Joined { 0 } else { 2 }
    }

    /// Commits its own transaction, or lets go of its savepoint.
    pub(crate) async fn commit(&mut self) -> Result<(), DriverError> {
        match self.extent {
            Extent::Own => self.lease.transaction(TransactionStep::Commit).await?,
            Extent::Savepoint(number) => self.lease.transaction(TransactionStep::Release(number)).await?,
            Extent::Joined => {}
        }
        self.is_done = true;
        Ok(())
    }

    /// Takes back what it did. A failure is logged, since there is an error to tell already; the transaction can't
    /// go on then.
    pub(crate) async fn roll_back(&mut self) {
        let outcome = match self.extent {
            Extent::Own => self.lease.transaction(TransactionStep::Rollback).await,
            Extent::Savepoint(number) => roll_back_to(&mut self.lease, number).await,
            Extent::Joined => Ok(()),
        };
        match outcome {
            Ok(()) => self.is_done = true,
            Err(error) => tracing::warn!(target: "orm", %error, "rollback failed; the connection is closed"),
        }
    }

    /// Marks a place in it to come back to.
    pub(crate) async fn set_savepoint(&mut self) -> Result<u32> {
        let number = self.session.next_savepoint();
        let set = self.lease.transaction(TransactionStep::Savepoint(number)).await;
        set.map_err(|error| self.error("set a savepoint", error))?;
        Ok(number)
    }

    /// Keeps what was done since the savepoint, and forgets it.
    pub(crate) async fn release_savepoint(&mut self, number: u32) -> Result<()> {
        let released = self.lease.transaction(TransactionStep::Release(number)).await;
        released.map_err(|error| self.error("release a savepoint", error))
    }

    /// Takes back what was done since the savepoint, which stays.
    pub(crate) async fn roll_back_to_savepoint(&mut self, number: u32) -> Result<()> {
        let rolled_back = self.lease.transaction(TransactionStep::RollbackTo(number)).await;
        rolled_back.map_err(|error| self.error("roll back to a savepoint", error))
    }

    /// An error of a statement of it, in the program's names.
    pub(crate) fn error(&self, action: &'static str, error: DriverError) -> Error {
        self.session.orm.error(action, error)
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        if !self.is_done && self.extent != Extent::Own {
            self.session.doom(self.lease.open_transaction());
        }
    }
}

/// Takes back what was done since the savepoint, and the savepoint.
pub(super) async fn roll_back_to(connection: &mut dyn Connection, number: u32) -> Result<(), DriverError> {
    connection.transaction(TransactionStep::RollbackTo(number)).await?;
    connection.transaction(TransactionStep::Release(number)).await
}
