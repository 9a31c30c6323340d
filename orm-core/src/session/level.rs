//! A transaction or savepoint of a context, seen as a place where others stand on.
//!
//! The root is no transaction; a transaction stands on it, savepoints on the transaction. What stands on one level takes
//! turns: flushes, and the next deeper transactions.

use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::driver::{Access, BoxFuture};
use crate::entity_manager::FlushMode;
use crate::error::{Error, Result};
use crate::wait::within;

/// Who has a turn or a connection, for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    what: &'static str,
    at: &'static Location<'static>,
}

impl Holder {
    pub(crate) fn new(what: &'static str, at: &'static Location<'static>) -> Self {
        Self { what, at }
    }

    /// Where it was called.
    pub(crate) fn at(&self) -> &'static Location<'static> {
        self.at
    }

    /// What it does.
    pub(crate) fn what(&self) -> &'static str {
        self.what
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} of {}:{}", self.what, self.at.file(), self.at.line())
    }
}

/// What runs when a transaction has ended.
pub(crate) type EndHook = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// What runs after the end of a transaction, by how it ended.
#[derive(Default)]
pub(crate) struct EndHooks {
    pub(crate) after_commit: Vec<EndHook>,
    pub(crate) after_rollback: Vec<EndHook>,
}

/// What a level is in the program's eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// No transaction.
    Root,
    /// A transaction, or a savepoint.
    Transaction,
    /// That of a test: a transaction which the program is not to notice, and so the root of what stands on it.
    Test,
}

/// See the module.
pub(crate) struct Level {
    session: u64,
    depth: u32,
    /// What it stands on.
    base: Option<Arc<Level>>,
    /// The number of the transaction that it is, or is a savepoint of.
    transaction: Option<u64>,
    turn: Arc<AsyncMutex<()>>,
    holder: Mutex<Option<Holder>>,
    is_open: AtomicBool,
    /// A part that joined it failed, so that it can't be committed any more.
    must_roll_back: AtomicBool,
    /// What was begun on it by `begin`, and so holds for everything of the context, which keeps it alive.
    explicit: Mutex<Weak<Level>>,
    hooks: Mutex<EndHooks>,
    kind: Kind,
    pub(crate) flush_mode: Option<FlushMode>,
    pub(crate) access: Access,
}

impl Level {
    pub(super) fn root(session: u64) -> Arc<Self> {
        Arc::new(Self::at(session, Kind::Root, None, None, None, Access::ReadWrite))
    }

    /// A level that stands on this one, in the transaction of this number. It writes only if this one does.
    pub(crate) fn deeper(
        self: &Arc<Self>,
        transaction: Option<u64>,
        flush_mode: Option<FlushMode>,
        access: Access,
    ) -> Arc<Self> {
        let flush_mode = flush_mode.or(self.flush_mode);
        let access = match self.access {
            Access::ReadOnly => Access::ReadOnly,
            Access::ReadWrite => access,
        };
        let base = Some(Arc::clone(self));
        Arc::new(Self::at(self.session, Kind::Transaction, base, transaction, flush_mode, access))
    }

    /// The level of a test that stands on this one, in the transaction of this number.
    pub(crate) fn deeper_for_test(self: &Arc<Self>, transaction: Option<u64>) -> Arc<Self> {
        let base = Some(Arc::clone(self));
        Arc::new(Self::at(self.session, Kind::Test, base, transaction, self.flush_mode, self.access))
    }

    fn at(
        session: u64,
        kind: Kind,
        base: Option<Arc<Self>>,
        transaction: Option<u64>,
        flush_mode: Option<FlushMode>,
        access: Access,
    ) -> Self {
        Self {
            session,
            depth: base.as_ref().map_or(0, |base| base.depth + 1),
            base,
            transaction,
            turn: Arc::default(),
            holder: Mutex::new(None),
            is_open: AtomicBool::new(true),
            must_roll_back: AtomicBool::new(false),
            explicit: Mutex::default(),
            hooks: Mutex::default(),
            kind,
            flush_mode,
            access,
        }
    }

    pub(crate) fn session(&self) -> u64 {
        self.session
    }

    /// 0 outside any transaction.
    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// Whether the program is in a transaction here. In that of a test it is not.
    pub(crate) fn is_transaction(&self) -> bool {
        self.kind == Kind::Transaction
    }

    /// The level of the innermost test that this one is, or stands in.
    pub(crate) fn of_test(self: &Arc<Self>) -> Option<Arc<Self>> {
        let mut level = self;
        while level.kind != Kind::Test {
            level = level.base.as_ref()?;
        }
        Some(Arc::clone(level))
    }

    /// The number of the transaction that it belongs to, `None` outside any.
    pub(crate) fn transaction(&self) -> Option<u64> {
        self.transaction
    }

    /// Whether neither it nor what it stands on has ended.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire) && self.base.as_ref().is_none_or(|base| base.is_open())
    }

    pub(crate) fn close(&self) {
        self.is_open.store(false, Ordering::Release);
    }

    pub(crate) fn must_roll_back(&self) -> bool {
        self.must_roll_back.load(Ordering::Acquire)
    }

    pub(crate) fn refuse_commit(&self) {
        self.must_roll_back.store(true, Ordering::Release);
    }

    /// The deepest level that was begun on this one by `begin`, or this one.
    pub(crate) fn innermost(self: &Arc<Self>) -> Arc<Self> {
        let mut level = Arc::clone(self);
        while let Some(next) = level.explicit() {
            level = next;
        }
        level
    }

    /// What `begin` has begun on it and has not ended.
    pub(crate) fn explicit(&self) -> Option<Arc<Self>> {
        let explicit = self.explicit.lock().upgrade()?;
        explicit.is_open().then_some(explicit)
    }

    pub(crate) fn set_explicit(&self, child: Option<&Arc<Self>>) {
        *self.explicit.lock() = child.map_or_else(Weak::new, Arc::downgrade);
    }

    pub(crate) fn hooks(&self) -> parking_lot::MutexGuard<'_, EndHooks> {
        self.hooks.lock()
    }

    /// Refuses to write in a transaction that only reads.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`].
    pub(crate) fn check_writable(&self, action: &'static str) -> Result<()> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(Error::Transaction {
                action,
                problem: "it is read only; write in a transaction without `read_only`",
            }),
        }
    }

    /// Waits until nothing else runs on this level, which may have ended by then.
    ///
    /// # Errors
    ///
    /// [`Error::Wait`] after `limit`, naming who has the turn.
    pub(crate) async fn turn(self: &Arc<Self>, holder: Holder, limit: Duration) -> Result<Turn> {
        let Some(guard) = within(limit, Arc::clone(&self.turn).lock_owned()).await else {
            let held = self.holder.lock().map_or_else(String::new, |holder| holder.to_string());
            return Err(Error::Wait { action: holder.what, holder: held, waited: limit });
        };
        Ok(self.begin_turn(guard, holder))
    }

    /// The turn, if nobody has it.
    pub(crate) fn try_turn(self: &Arc<Self>, holder: Holder) -> Option<Turn> {
        let guard = Arc::clone(&self.turn).try_lock_owned().ok()?;
        Some(self.begin_turn(guard, holder))
    }

    fn begin_turn(self: &Arc<Self>, guard: OwnedMutexGuard<()>, holder: Holder) -> Turn {
        *self.holder.lock() = Some(holder);
        Turn { level: Arc::clone(self), _guard: guard }
    }
}

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Level({}, session {})", self.depth, self.session)
    }
}

/// A turn on a level. Ends when dropped.
pub(crate) struct Turn {
    level: Arc<Level>,
    _guard: OwnedMutexGuard<()>,
}

impl Turn {
    pub(crate) fn level(&self) -> &Arc<Level> {
        &self.level
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.level.holder.lock() = None;
    }
}
