//! A database as the core sees it: operations in, rows out.
//!
//! The core decides what is read and written and in which order. A driver renders operations, runs them and
//! reports what happened; it never sees an entity. Nothing here knows SQL.

mod capability;
mod error;
mod operation;
mod raw;
mod row;
mod transaction;
mod value_row;
mod write;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

pub use crate::activity::Origin;
pub use capability::{Capabilities, IdentifierLength, NullOrder, Reads, RowLocks, Writers};
pub use error::{DriverError, DriverErrorKind, Violation, ViolationKind};
pub use operation::{
    Items, Join, LimitEach, Link, LockStrength, LockWait, Reading, RowLock, Select, Selection, StatementText,
};
pub use raw::{Raw, RawEffect, RawPart, RawRows};
pub use row::{RowReader, RowSink, RowSinkError};
pub use transaction::{Access, IsolationLevel, TransactionMode, TransactionStep};
pub(crate) use value_row::ValueRow;
pub use write::{
    Delete, DeleteRow, DeleteWhere, Insert, OnConflict, PivotWrite, Update, UpdateRow, UpdateWhere, Upsert,
    Write, WriteOutcome,
};

use crate::schema::database::DatabaseSchema;
use crate::schema::{Schema, SchemaComparison, SchemaDiff, UnderstoodSchema};

/// The future of a driver's method.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A database.
///
/// # Contract
///
/// - A lost connection MUST be reported as [`DriverErrorKind::ConnectionLost`] and nothing else.
/// - A refused constraint MUST be reported with its [`Violation`], as far as the database tells.
/// - Dropping any of its futures at any point MUST leave every connection that it hands out later clean: never
///   inside a transaction, never with results of an earlier statement pending.
pub trait Driver: fmt::Debug + Send + Sync + 'static {
    /// What this database can do; the core plans only that.
    fn capabilities(&self) -> &Capabilities;

    /// Borrows a connection; dropping it gives it back.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::PoolClosed`], [`DriverErrorKind::PoolTimeout`] or
    /// [`DriverErrorKind::ConnectionLost`].
    fn acquire(&self) -> BoxFuture<'_, Result<Box<dyn Connection>, DriverError>>;

    /// The statements that create `schema`, each ready to run.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`] for what this database can't have.
    fn create_schema(&self, schema: &Schema) -> Result<Vec<String>, DriverError>;

    /// The statements that drop `schema`, as far as it exists.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`] for what this database can't have.
    fn drop_schema(&self, schema: &Schema) -> Result<Vec<String>, DriverError>;

    /// What changes `comparison.live` to `comparison.wanted`, where both are in this database's words. Sends nothing.
    ///
    /// Left as it is by drivers that can't change tables.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`] for a change that this database can't make.
    fn diff_schema(&self, comparison: &SchemaComparison) -> Result<SchemaDiff, DriverError> {
        let _ = comparison;
        Err(no_catalog())
    }

    /// What `live`, in this database's words, is in those of a [`Schema`]. Sends nothing.
    ///
    /// Left as it is by drivers that can't tell.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`] where the driver can't tell. What can't be understood is no error.
    fn understand_schema(&self, live: &DatabaseSchema) -> Result<UnderstoodSchema, DriverError> {
        let _ = live;
        Err(no_catalog())
    }

    /// The statement that reads `select`, without sending it.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`] for what this database can't read, and where statements have no text.
    fn statement(&self, select: &Select, reading: Reading) -> Result<StatementText, DriverError> {
        let _ = (select, reading);
        Err(DriverError::new(DriverErrorKind::Unsupported, "this driver sends no texts that it could show"))
    }

    /// What `raw` can do, and whether it is one statement that may run here. Looks at its text only.
    ///
    /// Left as it is by drivers that take no text of programs.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`], with a message that says what is wrong with the text.
    fn raw_effect(&self, raw: &Raw) -> Result<RawEffect, DriverError> {
        let _ = raw;
        Err(no_text())
    }

    /// Closes every connection; later calls fail with [`DriverErrorKind::PoolClosed`].
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// One connection of a [`Driver`].
///
/// # Contract
///
/// - Each statement that is sent SHOULD be counted by [`Origin::note_statement`] of the origin that was set last.
/// - Dropping it inside a transaction, or while a method's future was dropped unfinished, MUST NOT let anyone
///   else continue that transaction: roll back, or close the connection.
pub trait Connection: Send {
    /// Says for what the statements are that are sent from now on, for logs and counters. Not called for what belongs to no
    /// context, such as changes of the schema.
    ///
    /// Left as it is by drivers that don't log.
    fn set_origin(&mut self, origin: Origin) {
        let _ = origin;
    }

    /// Runs `select` and lends each row, in the database's order, to `rows`.
    ///
    /// # Errors
    ///
    /// [`DriverError`] when the database refuses it or cannot be reached, or with what `rows` refused.
    fn select<'a>(
        &'a mut self,
        select: &'a Select,
        rows: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<(), DriverError>>;

    /// Counts the rows that `select` matches; its order, limit and offset do not matter.
    ///
    /// # Errors
    ///
    /// [`DriverError`] when the database refuses it or cannot be reached.
    fn count<'a>(&'a mut self, select: &'a Select) -> BoxFuture<'a, Result<u64, DriverError>>;

    /// How the database would go about reading `select`, line by line, in its own words. Reads none of its rows.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`] where the database does not tell; otherwise as [`select`](Self::select).
    fn explain<'a>(
        &'a mut self,
        select: &'a Select,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Vec<String>, DriverError>> {
        let _ = (select, reading);
        let refused = DriverError::new(DriverErrorKind::Unsupported, "this driver explains no plans");
        Box::pin(std::future::ready(Err(refused)))
    }

    /// Runs one write, all of it or nothing.
    ///
    /// # Errors
    ///
    /// [`DriverError`] when the database refuses it or cannot be reached.
    fn write<'a>(&'a mut self, write: &'a Write) -> BoxFuture<'a, Result<WriteOutcome, DriverError>>;

    /// Runs one statement in the database's own language, lends its rows to `rows`, and gives how many rows it changed.
    ///
    /// Left as it is by drivers that take no text of programs.
    ///
    /// # Errors
    ///
    /// [`DriverError`] when the database refuses it or cannot be reached, or with what `rows` refused.
    fn raw<'a>(
        &'a mut self,
        raw: &'a Raw,
        rows: &'a mut dyn RawRows,
    ) -> BoxFuture<'a, Result<u64, DriverError>> {
        let _ = (raw, rows);
        Box::pin(std::future::ready(Err(no_text())))
    }

    /// This as the type that the driver made, for what only that driver can do with it; a wrapper gives what it wraps.
    /// Whoever takes it leaves the transaction as it was, or the connection unusable.
    ///
    /// Left as it is by drivers that hand nothing out.
    fn as_any_mut(&mut self) -> Option<&mut (dyn Any + Send)> {
        None
    }

    /// Begins, ends or marks a transaction.
    ///
    /// # Errors
    ///
    /// [`DriverError`] when the database refuses it or cannot be reached.
    fn transaction(&mut self, step: TransactionStep) -> BoxFuture<'_, Result<(), DriverError>>;

    /// What the database holds: in the connection's own schema, and in those of these names.
    ///
    /// Left as it is by drivers that can't tell.
    ///
    /// # Errors
    ///
    /// [`DriverError`] when the database refuses it or cannot be reached.
    fn read_schema<'a>(
        &'a mut self,
        schemas: &'a [String],
    ) -> BoxFuture<'a, Result<DatabaseSchema, DriverError>> {
        let _ = schemas;
        Box::pin(std::future::ready(Err(no_catalog())))
    }

    /// What [`read_schema`](Self::read_schema) would report if the database held exactly what
    /// [`Driver::create_schema`] makes of `schema`. What it needs to find out is gone again afterwards.
    ///
    /// Left as it is by drivers that can't tell.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`] for what this database can't have, and [`DriverError`] when the database refuses
    /// it or cannot be reached.
    fn describe_schema<'a>(
        &'a mut self,
        schema: &'a Schema,
    ) -> BoxFuture<'a, Result<DatabaseSchema, DriverError>> {
        let _ = schema;
        Box::pin(std::future::ready(Err(no_catalog())))
    }

    /// Runs statements of [`Driver::create_schema`], [`Driver::drop_schema`] or [`Driver::diff_schema`].
    ///
    /// # Errors
    ///
    /// [`DriverError`] when the database refuses one or cannot be reached.
    fn execute_schema<'a>(&'a mut self, statements: &'a [String]) -> BoxFuture<'a, Result<(), DriverError>>;
}

fn no_catalog() -> DriverError {
    let message = "this driver doesn't tell what its database holds, so that it can't be compared";
    DriverError::new(DriverErrorKind::Unsupported, message)
}

fn no_text() -> DriverError {
    let message = "this driver takes no statements as text; use the finders and `update_many`";
    DriverError::new(DriverErrorKind::Unsupported, message)
}
