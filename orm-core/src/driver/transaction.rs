//! Transactions as the core asks for them.

/// Steps of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionStep {
    /// Begins one.
    Begin(TransactionMode),
    /// Sets a savepoint of this number.
    Savepoint(u32),
    /// Keeps what was done since a savepoint, and forgets the savepoint and all after it.
    Release(u32),
    /// Takes back what was done since a savepoint, which stays, and forgets all after it.
    RollbackTo(u32),
    /// Makes it durable.
    Commit,
    /// Takes it back.
    Rollback,
}

/// What kind of transaction is begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TransactionMode {
    /// How much it sees of others; `None`: as the database has it by default.
    pub isolation: Option<IsolationLevel>,
    /// Whether it writes.
    pub access: Access,
}

/// How much a transaction sees of others, from most to least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IsolationLevel {
    /// What others have not committed yet, too.
    ReadUncommitted,
    /// What was committed when each statement began.
    ReadCommitted,
    /// Rows that were read stay as they were read.
    RepeatableRead,
    /// What was committed when the transaction began.
    Snapshot,
    /// As if transactions ran one after the other.
    Serializable,
}

/// Whether a transaction writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Access {
    /// It may.
    #[default]
    ReadWrite,
    /// It may not; the database refuses writes.
    ReadOnly,
}
