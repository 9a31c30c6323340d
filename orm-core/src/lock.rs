//! Locks that the program asks for: what to ask, and why it may be refused.
//!
//! An optimistic lock compares a version that is loaded; a pessimistic one is held by the database until the transaction
//! ends. What a flush compares by itself is in `unit_of_work/expected.rs`.

use std::fmt;

use crate::driver::{LockStrength, LockWait, RowLock};
use crate::value::{FieldValue, Value, ValueError};

/// How entities are locked: `LockMode::optimistic(3)`, [`LockMode::PESSIMISTIC_WRITE`],
/// `LockMode::PESSIMISTIC_READ.no_wait()`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockMode {
    /// The entity must have this version; nobody is kept from changing it afterwards.
    Optimistic(ExpectedVersion),
    /// The database locks the rows until the transaction ends. Only inside one.
    Pessimistic(RowLock),
}

impl LockMode {
    /// Others can read and share the rows until the transaction ends, but not write them.
    pub const PESSIMISTIC_READ: RowLock = RowLock { strength: LockStrength::Share, wait: LockWait::Block };

    /// Others can neither write nor lock the rows until the transaction ends.
    pub const PESSIMISTIC_WRITE: RowLock = RowLock { strength: LockStrength::Update, wait: LockWait::Block };

    /// The entity must have this version, such as the one that a form was filled in with.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "versions are numbers and times, written down in place"
    )]
    pub fn optimistic<V: FieldValue>(version: V) -> Self {
        Self::Optimistic(ExpectedVersion(version.to_value()))
    }
}

impl From<RowLock> for LockMode {
    fn from(lock: RowLock) -> Self {
        Self::Pessimistic(lock)
    }
}

impl RowLock {
    /// The same lock, refused at once where another transaction has a row locked, with
    /// [`DriverErrorKind::LockNotAvailable`](crate::driver::DriverErrorKind::LockNotAvailable).
    #[must_use]
    pub const fn no_wait(mut self) -> Self {
        self.wait = LockWait::NoWait;
        self
    }

    /// The same lock, of those rows only that no other transaction has locked: for taking jobs from a queue.
    #[must_use]
    pub const fn skip_locked(mut self) -> Self {
        self.wait = LockWait::SkipLocked;
        self
    }
}

/// A version to compare with; see [`LockMode::optimistic`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedVersion(Result<Value, ValueError>);

impl ExpectedVersion {
    /// The value, to be compared with a version of the same kind.
    pub(crate) fn matching(&self, actual: &Value) -> Result<&Value, ValueError> {
        let expected = self.0.as_ref().map_err(Clone::clone)?;
        if std::mem::discriminant(expected) == std::mem::discriminant(actual) {
            return Ok(expected);
        }
        Err(ValueError::WrongType { expected: actual.kind(), found: expected.kind().to_owned() })
    }
}

/// Why a lock can't be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LockRefusal {
    /// A pessimistic lock lasts until the transaction ends, and there is none.
    NoTransaction,
    /// The transaction may only read.
    ReadOnlyTransaction,
    /// The database can't lock rows.
    Unsupported,
    /// An optimistic lock compares versions, and the entity has none.
    Unversioned,
    /// Another transaction has the row locked, and the lock was to leave such rows out.
    Skipped,
}

impl fmt::Display for LockRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTransaction => {
                "a pessimistic lock lasts until the transaction ends, and none is open; lock inside \
                 `em.transactional(..)`"
            }
            Self::ReadOnlyTransaction => "the open transaction is read only; lock inside one that may write",
            Self::Unsupported => {
                "the database can't lock rows; use an optimistic lock, with a field marked `#[entity(version)]`"
            }
            Self::Unversioned => {
                "it has no version for an optimistic lock; mark a field `#[entity(version)]`, or use a pessimistic \
                 lock"
            }
            Self::Skipped => "another transaction has locked its row, or deleted it",
        })
    }
}
