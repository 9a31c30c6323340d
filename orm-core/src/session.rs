//! What one context says to the database, and over which connection.
//!
//! Outside a transaction each statement borrows a connection and gives it back. While one is open, everything of the
//! context runs on its connection, one statement after the other. Transactions, savepoints and flushes that stand side
//! by side take turns at the [`Level`] that they stand on.
//!
//! Every wait has a deadline, and an error that names who is waited for.

mod lease;
mod lent;
mod level;
mod unit;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Mutex as AsyncMutex;

use self::lease::SharedConnection;

pub(crate) use lease::Lease;
pub(crate) use lent::{LentConnection, LentConnections};
pub(crate) use level::{EndHooks, Holder, Level, Turn};
pub(crate) use unit::Unit;

use crate::activity::Activity;
use crate::cache::{Touched, Watched, Written};
use crate::driver::{Access, Connection, Origin, TransactionMode, TransactionStep};
use crate::error::{Error, Result};
use crate::orm::OrmCore;
use crate::unit_of_work::HookScope;
use crate::wait::within;

/// The way of one context to its database.
pub(crate) struct Session {
    id: u64,
    orm: Arc<OrmCore>,
    /// The level outside any transaction.
    root: Arc<Level>,
    open: Mutex<Option<Open>>,
    /// The number of the open transaction, 0 for none: a read of it costs nothing.
    transaction: AtomicU64,
    savepoints: AtomicU32,
}

/// The transaction that is open.
#[derive(Clone)]
struct Open {
    number: u64,
    holder: Holder,
    access: Access,
    /// Of the context that has begun it.
    activity: Arc<Activity>,
    connection: Arc<AsyncMutex<Watched>>,
    /// What its commit will void.
    written: Arc<Mutex<Written>>,
    /// Whether anything was written, so that rows read from now on may be taken back.
    has_written: bool,
    /// A step of it was cut off: all that is left is to roll it back.
    is_doomed: Arc<AtomicBool>,
}

impl Session {
    pub(crate) fn new(orm: Arc<OrmCore>) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            id,
            orm,
            root: Level::root(id),
            open: Mutex::new(None),
            transaction: AtomicU64::new(0),
            savepoints: AtomicU32::new(1),
        })
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn orm(&self) -> &Arc<OrmCore> {
        &self.orm
    }

    pub(crate) fn root(&self) -> &Arc<Level> {
        &self.root
    }

    fn open(&self) -> Option<Open> {
        self.open.lock().clone()
    }

    /// The number of the open transaction.
    pub(crate) fn transaction(&self) -> Option<u64> {
        match self.transaction.load(Ordering::Acquire) {
            0 => None,
            transaction => Some(transaction),
        }
    }

    /// Whether the open transaction may write; `None` outside any.
    pub(crate) fn transaction_access(&self) -> Option<Access> {
        self.transaction()?;
        self.open.lock().as_ref().map(|open| open.access)
    }

    /// Whether what is read now may never be committed.
    pub(crate) fn reads_uncommitted(&self) -> bool {
        self.transaction().is_some() && self.open.lock().as_ref().is_some_and(|open| open.has_written)
    }

    /// Whether a query now sees what is committed, and nothing else.
    pub(crate) fn reads_for_everybody(&self) -> bool {
        self.transaction().is_none() && !HookScope::is_waited_for(self.id)
    }

    /// Notes what the program says that the open transaction touches. Does nothing outside any.
    pub(crate) fn note_touched(&self, touched: Touched) {
        if let Some(open) = self.open() {
            open.written.lock().note(touched);
        }
    }

    /// Notes that the open transaction writes.
    pub(crate) fn note_write(&self) {
        if let Some(open) = &mut *self.open.lock() {
            open.has_written = true;
        }
    }

    /// After a step of this transaction was cut off: if it is open, nothing more can be done in it but to roll it back.
    pub(crate) fn doom(&self, transaction: Option<u64>) {
        if let Some(open) = self.open().filter(|open| Some(open.number) == transaction) {
            open.is_doomed.store(true, Ordering::Release);
        }
    }

    fn next_savepoint(&self) -> u32 {
        self.savepoints.fetch_add(1, Ordering::Relaxed)
    }

    /// Begins the context's transaction on a connection of its own.
    pub(crate) async fn begin(
        &self,
        mode: TransactionMode,
        holder: Holder,
        activity: &Arc<Activity>,
    ) -> Result<()> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut connection = self.orm.connection("begin").await?;
        connection.set_origin(Origin::of(activity));
        let begun = connection.transaction(TransactionStep::Begin(mode)).await;
        begun.map_err(|error| self.orm.error("begin", error))?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        self.orm.note_transaction(number, holder);
        *self.open.lock() = Some(Open {
            number,
            holder,
            access: mode.access,
            activity: Arc::clone(activity),
            written: Arc::clone(connection.written()),
            connection: Arc::new(AsyncMutex::new(connection)),
            has_written: false,
            is_doomed: Arc::default(),
        });
        self.transaction.store(number, Ordering::Release);
        Ok(())
    }

    /// Marks a place in the open transaction, which `level` stands in, to come back to.
    pub(crate) async fn set_savepoint(&self, level: &Level, activity: &Arc<Activity>) -> Result<u32> {
        let number = self.next_savepoint();
        let mut connection = self.connection_at(level, "set a savepoint", activity).await?;
        let set = connection.transaction(TransactionStep::Savepoint(number)).await;
        set.map_err(|error| self.orm.error("set a savepoint", error))?;
        Ok(number)
    }

    /// Keeps what was done since the savepoint.
    pub(crate) async fn release_savepoint(
        &self,
        level: &Level,
        number: u32,
        activity: &Arc<Activity>,
    ) -> Result<()> {
        let mut connection = self.connection_at(level, "release a savepoint", activity).await?;
        let released = connection.transaction(TransactionStep::Release(number)).await;
        released.map_err(|error| self.orm.error("release a savepoint", error))
    }

    /// Takes back what was done since the savepoint. A failure dooms the transaction, and is only logged: there is an
    /// error to tell already.
    pub(crate) async fn roll_back_to(&self, level: &Level, number: u32, activity: &Arc<Activity>) {
        let result = match self.connection_at(level, "roll back to a savepoint", activity).await {
            Ok(mut connection) => unit::roll_back_to(&mut connection, number)
                .await
                .map_err(|error| self.orm.error("roll back to a savepoint", error)),
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            tracing::warn!(target: "orm", %error, "a savepoint could not be rolled back; the transaction can't go on");
            self.doom(level.transaction());
        }
    }

    /// Sends COMMIT. The transaction is over when it succeeds.
    pub(crate) async fn commit(&self, activity: &Arc<Activity>) -> Result<()> {
        let mut connection = self.connection("commit", activity).await?;
        let committed = connection.transaction(TransactionStep::Commit).await;
        committed.map_err(|error| self.orm.error("commit", error))?;
        self.close();
        Ok(())
    }

    /// Sends ROLLBACK. If that fails, or others don't give the connection back in time, it is closed, which does the
    /// same.
    pub(crate) async fn roll_back(&self) {
        let Some(Open { connection, is_doomed, activity, .. }) = self.open() else { return };
        match within(self.orm.wait_timeout, connection.lock()).await {
            Some(mut connection) => {
                connection.set_origin(Origin::of(&activity));
                if let Err(error) = connection.transaction(TransactionStep::Rollback).await {
                    tracing::warn!(target: "orm", %error, "rollback failed; the connection is closed");
                }
                self.close();
            }
            None => {
                tracing::warn!(
                    target: "orm",
                    "rollback waited too long for a statement that has the connection; the connection is closed"
                );
                is_doomed.store(true, Ordering::Release);
                self.close();
            }
        }
    }

    /// No transaction is open any more; its connection goes back, or is closed if it is still inside one.
    pub(crate) fn close(&self) {
        let number = self.transaction.swap(0, Ordering::AcqRel);
        let open = self.open.lock().take();
        self.orm.forget_transaction(number);
        drop(open);
    }

    /// The connection for one statement of a context, or for several that belong together: the open transaction's, or one of the
    /// pool. A transaction that ended while this waited for its connection is not the open one any more.
    ///
    /// # Errors
    ///
    /// [`Error::Wait`], [`Error::Transaction`] after a step of the transaction was cut off, and [`Error::Driver`].
    pub(crate) async fn connection(&self, action: &'static str, activity: &Arc<Activity>) -> Result<Lease> {
        let mut lease = self.lease(action).await?;
        lease.set_origin(Origin::of(activity));
        Ok(lease)
    }

    async fn lease(&self, action: &'static str) -> Result<Lease> {
        if HookScope::is_waited_for(self.id) {
            return Err(Error::Transaction {
                action,
                problem: "the flush has the connection of its context while hooks run after its writes; query before the \
                          write, in `after_flush`, or on a fork",
            });
        }
        let limit = self.orm.wait_timeout;
        loop {
            let Some(Open { number, holder, connection, is_doomed, .. }) = self.open() else {
                return self.orm.connection(action).await.map(Lease::Pooled);
            };
            let Some(guard) = within(limit, connection.lock_owned()).await else {
                return Err(Error::Wait { action, holder: holder.to_string(), waited: limit });
            };
            if self.transaction() != Some(number) {
                continue;
            }
            if is_doomed.load(Ordering::Acquire) {
                return Err(doomed(action));
            }
            return Ok(Lease::Shared(SharedConnection::new(guard, number, is_doomed)));
        }
    }

    /// As [`connection`](Self::connection), for what stands on `level`: of its transaction and no other.
    ///
    /// # Errors
    ///
    /// As there, and [`Error::Transaction`] when the transaction has ended.
    pub(crate) async fn connection_at(
        &self,
        level: &Level,
        action: &'static str,
        activity: &Arc<Activity>,
    ) -> Result<Lease> {
        let lease = self.connection(action, activity).await?;
        if lease.open_transaction() == level.transaction() && level.is_open() {
            return Ok(lease);
        }
        Err(ended(action))
    }

    /// Refuses to go on with a transaction that was cut off.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`].
    pub(crate) fn check_usable(&self, action: &'static str) -> Result<()> {
        match self.open() {
            Some(open) if open.is_doomed.load(Ordering::Acquire) => Err(doomed(action)),
            Some(_) | None => Ok(()),
        }
    }
}

/// Says that something outlived the transaction that it stood in.
pub(crate) fn ended(action: &'static str) -> Error {
    Error::Transaction {
        action,
        problem: "the transaction that it stood in has ended meanwhile; await everything of a transaction inside its \
                  closure, or do it again outside",
    }
}

fn doomed(action: &'static str) -> Error {
    Error::Transaction {
        action,
        problem: "a step of this transaction was cut off or its connection lost, so that it can only be rolled back; \
                  run it again from the start",
    }
}

impl Drop for Session {
    /// A transaction that nobody ended goes with its context, and is no holder of a connection any more.
    fn drop(&mut self) {
        if self.transaction().is_some() {
            self.close();
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("transaction", &self.transaction())
            .finish_non_exhaustive()
    }
}
