//! What differs between the databases of sqlx; everything else of a driver is generic over it.

pub(crate) mod migration;
#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use orm_core::driver::{DriverError, RowReader, TransactionStep, Violation, Write};
use orm_core::schema::Schema;
use orm_core::schema::database::DatabaseSchema;
use orm_sql::Bound;
use sqlx_core::Either;
use sqlx_core::database::{Database, HasStatementCache};
use sqlx_core::error::{BoxDynError, DatabaseError, Error};

use crate::backend::migration::MigrationFacts;
use crate::error::Problem;
use crate::introspect::Catalog;

/// A connection of sqlx.
pub(crate) type ConnectionOf<B> = <<B as Backend>::Database as Database>::Connection;

/// A row of sqlx.
pub(crate) type RowOf<B> = <<B as Backend>::Database as Database>::Row;

/// What a statement gives: a row, or at its end what it did.
pub(crate) type Answer<B> = Result<Either<Done, RowOf<B>>, Error>;

/// What a statement did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// How many rows it changed.
    pub(crate) affected: u64,
    /// The first key that it generated, where the database tells it with its answer.
    pub(crate) first_key: u64,
}

impl Done {
    /// One that tells no keys.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn affecting(rows: u64) -> Self {
        Self { affected: rows, first_key: 0 }
    }
}

/// One kind of database. Only this crate implements it.
pub trait Backend: fmt::Debug + Sized + Send + Sync + 'static {
    /// It, as sqlx knows it.
    #[doc(hidden)]
    type Database: Database + HasStatementCache;

    /// A row, as the core reads it.
    #[doc(hidden)]
    type Columns<'r>: RowReader;

    /// Its name, as people write it.
    #[doc(hidden)]
    const NAME: &'static str;

    /// Whether it is a server, which may end a connection by itself, and rolls back where the socket of one is closed.
    #[doc(hidden)]
    const HAS_SERVER: bool;

    /// Whether inserts are tried again without its record of last keys where something is missing.
    #[doc(hidden)]
    const MAY_LACK_KEY_RECORD: bool;

    /// How it takes migrations.
    #[doc(hidden)]
    const MIGRATIONS: &'static MigrationFacts;

    /// Whether a change of the schema commits the transaction that it is in.
    #[doc(hidden)]
    const COMMITS_SCHEMA_CHANGES: bool = false;

    /// The query for how far keys are apart that one insert generates, where [`Done::first_key`] tells the first.
    #[doc(hidden)]
    const KEY_STEP: Option<&'static str> = None;

    /// What is bound.
    ///
    /// # Errors
    ///
    /// A value that can't be encoded.
    #[doc(hidden)]
    fn arguments(values: Vec<Bound>) -> Result<<Self::Database as Database>::Arguments, BoxDynError>;

    /// Sends a statement. Without arguments it is sent as it is, else prepared, and kept prepared where it is reusable.
    #[doc(hidden)]
    fn run<'c>(
        connection: &'c mut ConnectionOf<Self>,
        sql: Arc<str>,
        arguments: Option<<Self::Database as Database>::Arguments>,
        reusable: bool,
    ) -> BoxStream<'c, Answer<Self>>;

    #[doc(hidden)]
    fn columns(row: &RowOf<Self>) -> Self::Columns<'_>;

    /// Takes the rows of an explained statement.
    #[doc(hidden)]
    type Plan: PlanLines;

    /// A refusal of the database, in the ORM's words.
    #[doc(hidden)]
    fn problem(error: &dyn DatabaseError) -> Problem;

    /// Whether the server says with `error` that it has ended the connection before it ran the statement, and will not run
    /// it. Not asked of errors that come in the middle of an answer.
    #[doc(hidden)]
    fn ended_before(error: &dyn DatabaseError) -> bool {
        let _ = error;
        false
    }

    /// Adds what the database does not say about a violation, but the write that it refused does.
    #[doc(hidden)]
    fn complete(violation: &mut Violation, write: &Write);

    /// What a column refused that cannot hold the value, where the database has no constraint to name for that.
    #[doc(hidden)]
    fn unfit(error: &DriverError, write: &Write) -> Option<Violation> {
        let _ = (error, write);
        None
    }

    /// The statement of a step, in a transaction that may be read-only.
    ///
    /// # Errors
    ///
    /// A step that this database does not have.
    #[doc(hidden)]
    fn step(step: TransactionStep, is_read_only: bool) -> Result<Cow<'static, str>, DriverError>;

    /// What has become of the transaction after a statement in it failed.
    #[doc(hidden)]
    fn after_failure<'c>(
        connection: &'c mut ConnectionOf<Self>,
        error: &'c DriverError,
    ) -> BoxFuture<'c, Fate>;

    /// Whether a transaction is open, by asking the database.
    #[doc(hidden)]
    fn is_in_transaction(connection: &mut ConnectionOf<Self>) -> BoxFuture<'_, bool>;

    /// What the database holds in its own schema and in those of these names.
    #[doc(hidden)]
    fn read_schema<'a>(
        catalog: &'a mut Catalog<'_, '_, Self>,
        schemas: &'a [String],
    ) -> BoxFuture<'a, Result<DatabaseSchema, DriverError>>;

    /// What the database would say of what is made of `schema`.
    #[doc(hidden)]
    fn describe_schema<'a>(
        catalog: &'a mut Catalog<'_, '_, Self>,
        schema: &'a Schema,
    ) -> BoxFuture<'a, Result<DatabaseSchema, DriverError>>;

    /// Whether a statement on the schema works outside of transactions only.
    #[doc(hidden)]
    fn is_outside_transactions(sql: &str) -> bool {
        let _ = sql;
        false
    }

    /// Looks at a row that a statement on the schema gives.
    ///
    /// # Errors
    ///
    /// A row that says that the change can't stay.
    #[doc(hidden)]
    fn schema_row(sql: &str, row: &RowOf<Self>) -> Result<(), DriverError> {
        let _ = (sql, row);
        Ok(())
    }

    /// Whether a ROLLBACK was refused because nothing is left to be rolled back.
    #[doc(hidden)]
    fn is_no_transaction(error: &DriverError) -> bool {
        let _ = error;
        false
    }
}

/// Takes the rows of an explained statement, and gives what they say, a line each.
pub trait PlanLines: Default + Send {
    /// Takes a row.
    fn extend(&mut self, row: &impl RowReader);

    /// All lines.
    fn finish(self) -> Vec<String>;
}

/// What a failed statement leaves of the transaction that it was in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    #[default]
    /// All of it but the statement.
    Goes,
    /// Nothing can be done in it before a savepoint, or all of it, is rolled back.
    Stuck,
    /// Nothing: the database has rolled it back.
    Lost,
}
