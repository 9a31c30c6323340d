//! A connection whose writes void entries of the cache, once they are committed.
//!
//! Every connection of an ORM is one of these, so that no write goes past: flushes, bulk writes, transactions and schemas.
//! What is rolled back voids nothing. From sending a commit to its answer nobody knows the outcome; if the answer is lost,
//! or nobody waits for it any more, what was written is in doubt.

use std::any::Any;
use std::sync::Arc;

use parking_lot::Mutex;

use super::caching::Caching;
use super::touched::{Touched, Written};
use crate::driver::{
    BoxFuture, Connection, DriverError, DriverErrorKind, Origin, Raw, RawRows, Reading, RowSink, Select,
    TransactionStep, Write, WriteOutcome,
};
use crate::metadata::Metadata;
use crate::schema::Schema;
use crate::schema::database::DatabaseSchema;
use crate::session::LentConnection;

/// See the module.
pub(crate) struct Watched {
    connection: Box<dyn Connection>,
    caching: Arc<Caching>,
    metadata: Arc<Metadata>,
    /// What waits for its commit. Shared with the session, which notes what the program says to be void.
    written: Arc<Mutex<Written>>,
    is_in_transaction: bool,
    /// Whether a commit, or a write that commits itself, is on its way.
    is_committing: bool,
    /// Notes when it is given back.
    _lent: Option<LentConnection>,
}

impl Watched {
    pub(crate) fn new(
        connection: Box<dyn Connection>,
        caching: Arc<Caching>,
        metadata: Arc<Metadata>,
        lent: Option<LentConnection>,
    ) -> Self {
        Self {
            connection,
            caching,
            metadata,
            written: Arc::default(),
            is_in_transaction: false,
            is_committing: false,
            _lent: lent,
        }
    }

    /// What waits for its commit.
    pub(crate) fn written(&self) -> &Arc<Mutex<Written>> {
        &self.written
    }

    /// Notes what the next statement, which only the program understands, may write.
    pub(crate) fn note(&self, touched: impl IntoIterator<Item = Touched>) {
        let mut written = self.written.lock();
        touched.into_iter().for_each(|touched| written.note(touched));
    }

    /// What is sent now commits itself, unless a transaction is open.
    fn begin_statement(&mut self) {
        self.is_committing = !self.is_in_transaction && !self.written.lock().is_empty();
    }

    fn end_statement<V>(&mut self, outcome: Result<V, DriverError>) -> Result<V, DriverError> {
        if self.is_committing {
            self.end_commit(&outcome);
            if outcome.is_err() {
                self.written.lock().forget();
            }
        }
        outcome
    }

    /// What is done next, nobody sees: with the driver's own connection, or to the schema.
    pub(crate) fn begin_unseen(&mut self) {
        self.note([Touched::Everything]);
        self.begin_statement();
    }

    /// Ends what nobody saw. Of several statements some may be done, even if one failed.
    pub(crate) fn end_unseen<V>(&mut self, outcome: &Result<V, DriverError>) {
        match (self.is_committing, outcome.as_ref().err().map(DriverError::kind)) {
            (true, Some(DriverErrorKind::ConnectionLost)) => self.end_commit(outcome),
            // The program may have ended the transaction by a commit of its own.
            (true, _) | (false, Some(DriverErrorKind::TransactionChanged)) => {
                self.end_commit(&Ok::<_, DriverError>(()));
            }
            (false, _) => {}
        }
    }

    fn end_commit<V>(&mut self, outcome: &Result<V, DriverError>) {
        self.is_committing = false;
        let mut written = self.written.lock();
        match outcome {
            Ok(_) => self.caching.note_committed(&mut written, &self.metadata),
            Err(error) if error.kind() == DriverErrorKind::ConnectionLost => {
                self.caching.note_unknown(&mut written, &self.metadata);
            }
            Err(_) => {}
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.is_committing {
            self.caching.note_unknown(&mut self.written.lock(), &self.metadata);
        }
    }
}

impl Connection for Watched {
    fn set_origin(&mut self, origin: Origin) {
        self.connection.set_origin(origin);
    }

    fn select<'a>(
        &'a mut self,
        select: &'a Select,
        rows: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<(), DriverError>> {
        self.connection.select(select, rows)
    }

    fn count<'a>(&'a mut self, select: &'a Select) -> BoxFuture<'a, Result<u64, DriverError>> {
        self.connection.count(select)
    }

    fn explain<'a>(
        &'a mut self,
        select: &'a Select,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Vec<String>, DriverError>> {
        self.connection.explain(select, reading)
    }

    fn write<'a>(&'a mut self, write: &'a Write) -> BoxFuture<'a, Result<WriteOutcome, DriverError>> {
        Box::pin(async move {
            self.written.lock().note_write(write);
            self.begin_statement();
            let outcome = self.connection.write(write).await;
            self.end_statement(outcome)
        })
    }

    fn raw<'a>(
        &'a mut self,
        raw: &'a Raw,
        rows: &'a mut dyn RawRows,
    ) -> BoxFuture<'a, Result<u64, DriverError>> {
        Box::pin(async move {
            self.begin_statement();
            let outcome = self.connection.raw(raw, rows).await;
            self.end_statement(outcome)
        })
    }

    fn as_any_mut(&mut self) -> Option<&mut (dyn Any + Send)> {
        self.connection.as_any_mut()
    }

    fn transaction(&mut self, step: TransactionStep) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(async move {
            let is_commit = matches!(step, TransactionStep::Commit);
            self.is_committing = is_commit;
            let outcome = self.connection.transaction(step).await;
            if is_commit {
                self.end_commit(&outcome);
            }
            match step {
                TransactionStep::Begin(_) => self.is_in_transaction = outcome.is_ok(),
                TransactionStep::Commit if outcome.is_ok() => self.is_in_transaction = false,
                TransactionStep::Rollback => {
                    self.written.lock().forget();
                    self.is_in_transaction &= outcome.is_err();
                }
                // What is rolled back to a savepoint stays noted: at worst an entry is voided that was not stale.
                _ => {}
            }
            outcome
        })
    }

    fn read_schema<'a>(
        &'a mut self,
        schemas: &'a [String],
    ) -> BoxFuture<'a, Result<DatabaseSchema, DriverError>> {
        self.connection.read_schema(schemas)
    }

    fn describe_schema<'a>(
        &'a mut self,
        schema: &'a Schema,
    ) -> BoxFuture<'a, Result<DatabaseSchema, DriverError>> {
        self.connection.describe_schema(schema)
    }

    fn execute_schema<'a>(&'a mut self, statements: &'a [String]) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(async move {
            self.begin_unseen();
            let outcome = self.connection.execute_schema(statements).await;
            self.end_unseen(&outcome);
            outcome
        })
    }
}
