//! How a database takes migrations.
//!
//! A `{}` in a statement stands for the name of the table of what is applied.

/// What migrations have to know of a database.
#[derive(Debug)]
pub struct MigrationFacts {
    /// One row with a number above 0 where the table is there.
    pub(crate) has_table: &'static str,
    /// How a runner is alone.
    pub(crate) lock: MigrationLock,
}

/// How a runner is alone: by a lock that it asks for again and again, so that nobody waits in a statement.
#[derive(Debug)]
pub(crate) struct MigrationLock {
    /// One row, with 1 where the lock is had until the end of the transaction. `None`: who has begun a transaction that
    /// may write is alone in it.
    pub(crate) of_transaction: Option<&'static str>,
    /// One row, with 1 where the lock is had until it is let go. `None`: there is none.
    pub(crate) of_session: Option<&'static str>,
    /// Lets go of it.
    pub(crate) release: Option<&'static str>,
    /// At most one row, with a text that says who has it.
    pub(crate) holder: Option<&'static str>,
}
