//! What can go wrong between a driver and its database.

use std::error::Error as StdError;
use std::fmt;

/// A failure of the database or of the way to it.
///
/// [`kind`](Self::kind) is what programs decide by; the database's own error is in
/// [`source`](StdError::source).
#[derive(Debug)]
pub struct DriverError {
    kind: DriverErrorKind,
    message: String,
    /// Boxed, so that results stay small.
    violation: Option<Box<Violation>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl DriverError {
    /// An error of `kind`; `message` says what was tried, in lower case, without values.
    #[must_use]
    pub fn new(kind: DriverErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), violation: None, source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says which constraint was violated.
    #[must_use]
    pub fn with_violation(mut self, violation: Violation) -> Self {
        self.violation = Some(Box::new(violation));
        self
    }

    /// Which kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> DriverErrorKind {
        self.kind
    }

    /// The violated constraint, for [`DriverErrorKind::ConstraintViolation`].
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_deref()
    }

    /// Takes the cause out, such as the error that a [`RowSink`](super::RowSink) gave.
    #[must_use]
    pub fn into_source(self) -> Option<Box<dyn StdError + Send + Sync>> {
        self.source
    }
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for DriverError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

/// Kinds of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DriverErrorKind {
    /// The database refused a row for a constraint; see [`DriverError::violation`].
    ConstraintViolation,
    /// The connection broke; whatever ran is rolled back, unless it was a commit.
    ConnectionLost,
    /// The pool was closed.
    PoolClosed,
    /// No connection became free in time.
    PoolTimeout,
    /// Another transaction has what this one needs; it may succeed if tried again.
    Busy,
    /// What the transaction saw was changed by another one; the whole of it may succeed if run again.
    SerializationFailure,
    /// Transactions wait for each other, and this one was chosen to fail; the whole of it may succeed if run again.
    Deadlock,
    /// After an earlier error the database has rolled back the whole transaction; only a rollback can follow.
    RolledBack,
    /// The program has ended the transaction of the ORM by hand, or left one open on a connection that was lent to it.
    /// The connection is closed.
    TransactionChanged,
    /// A write inside a read-only transaction, or to a database that is read-only.
    ReadOnly,
    /// A row is locked by another transaction, and the statement was not to wait.
    LockNotAvailable,
    /// A row stayed locked by another transaction for longer than the database waits.
    LockTimeout,
    /// The [`RowSink`](super::RowSink) refused a row; its error is the source.
    RowRefused,
    /// This database can't do what was asked.
    Unsupported,
    /// A table or column does not exist.
    MissingSchemaObject,
    /// A prepared statement is not valid any more: its tables were changed, or the database has forgotten it. Outside a
    /// transaction the driver has prepared it anew and sent it again, without success; inside, the whole transaction may
    /// succeed if run again.
    OutdatedStatement,
    /// Anything else.
    Other,
}

/// A violated constraint, in the database's own names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which kind of constraint.
    pub kind: ViolationKind,
    /// Its table, where the database says it.
    pub table: Option<String>,
    /// Its columns, where the database says them.
    pub columns: Vec<String>,
    /// Its name, where the database says it.
    pub constraint: Option<String>,
}

/// Kinds of constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ViolationKind {
    /// A unique value, or a primary key, exists already.
    Unique,
    /// A referenced row does not exist, or a row that others reference was deleted.
    ForeignKey,
    /// NULL in a column that may not be.
    NotNull,
    /// A CHECK failed.
    Check,
}

impl fmt::Display for ViolationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unique => "unique",
            Self::ForeignKey => "foreign key",
            Self::NotNull => "not null",
            Self::Check => "check",
        })
    }
}
