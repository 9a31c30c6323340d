//! What a transaction can be asked to be.

use super::super::FlushMode;
use crate::driver::{Access, IsolationLevel, TransactionMode};

/// How a transaction stands to one that is open already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// A savepoint in it, or a transaction if there is none.
    #[default]
    Nested,
    /// Joins it, or begins one. A part that joined and fails, or is dropped before its end, refuses the commit of the
    /// whole.
    Required,
    /// Another transaction beside it, in a fork with an identity map of its own. Needs a second connection.
    RequiresNew,
    /// Joins it, or goes without.
    Supports,
    /// Joins it, or fails.
    Mandatory,
    /// Fails if there is one.
    Never,
    /// Goes without, beside it, in a fork with an identity map of its own. Needs a second connection.
    NotSupported,
}

impl Propagation {
    /// Whether it runs beside the transaction that is open, in a fork.
    pub(super) fn leaves_the_transaction(self) -> bool {
        matches!(self, Self::RequiresNew | Self::NotSupported)
    }
}

/// How a transaction is to run.
///
/// ```
/// use orm_core::{IsolationLevel, TransactionOptions};
///
/// let options = TransactionOptions::new().isolation(IsolationLevel::Serializable);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransactionOptions {
    /// What it does when one is open already.
    pub propagation: Propagation,
    /// How well it is kept apart from others; `None`: the database's default. A database that has not this level gives a
    /// stronger one, or refuses.
    pub isolation: Option<IsolationLevel>,
    /// Whether it writes.
    pub access: Access,
    /// When queries in it flush; `None`: as the context.
    pub flush_mode: Option<FlushMode>,
}

impl TransactionOptions {
    /// A nested transaction with the database's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`propagation`](Self#structfield.propagation).
    #[must_use]
    pub fn propagation(mut self, propagation: Propagation) -> Self {
        self.propagation = propagation;
        self
    }

    /// Sets [`isolation`](Self#structfield.isolation).
    #[must_use]
    pub fn isolation(mut self, level: IsolationLevel) -> Self {
        self.isolation = Some(level);
        self
    }

    /// Refuses to write.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.access = Access::ReadOnly;
        self
    }

    /// Sets [`flush_mode`](Self#structfield.flush_mode).
    #[must_use]
    pub fn flush_mode(mut self, mode: FlushMode) -> Self {
        self.flush_mode = Some(mode);
        self
    }

    pub(super) fn mode(&self) -> TransactionMode {
        TransactionMode { isolation: self.isolation, access: self.access }
    }
}

impl From<Propagation> for TransactionOptions {
    fn from(propagation: Propagation) -> Self {
        Self::new().propagation(propagation)
    }
}

impl From<IsolationLevel> for TransactionOptions {
    fn from(level: IsolationLevel) -> Self {
        Self::new().isolation(level)
    }
}
