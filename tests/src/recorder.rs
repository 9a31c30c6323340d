//! A driver that writes down what it is asked, and fails or stalls when told to.

use std::any::Any;
use std::sync::Arc;

use orm_core::driver::{
    BoxFuture, Capabilities, Connection, Driver, DriverError, DriverErrorKind, Origin, Raw, RawEffect,
    RawRows, Reading, RowLock, RowReader, RowSink, RowSinkError, Select, StatementText, TransactionStep,
    Write, WriteOutcome,
};
use orm_core::schema::database::DatabaseSchema;
use orm_core::schema::{Schema, SchemaComparison, SchemaDiff, UnderstoodSchema};
use parking_lot::Mutex;

/// One thing that a driver was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A select of this entity, which returned so many rows.
    Select(String, usize),
    /// A count of this entity.
    Count(String),
    /// The plan of a select or a count of this entity.
    Explain(String),
    /// An insert of so many rows of this entity.
    Insert(String, usize),
    /// An update of so many rows of this entity, setting these columns.
    Update(String, usize, Vec<String>),
    /// A delete of so many rows of this entity.
    Delete(String, usize),
    /// An upsert of so many rows of this entity.
    Upsert(String, usize),
    /// An update of this entity by condition, setting these columns.
    UpdateWhere(String, Vec<String>),
    /// A delete of this entity by condition.
    DeleteWhere(String),
    /// So many new links of `Entity.relation`.
    Link(String, usize),
    /// So many removed links of `Entity.relation`.
    Unlink(String, usize),
    /// A statement as text.
    Raw,
    /// The driver's own connection was lent.
    Native,
    /// A step of a transaction.
    Begin,
    /// A step of a transaction.
    Commit,
    /// A step of a transaction.
    Rollback,
    /// A step of a transaction.
    Savepoint(u32),
    /// A step of a transaction.
    Release(u32),
    /// A step of a transaction.
    RollbackTo(u32),
}

/// What goes wrong, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next select fails.
    Select,
    /// The next write fails before it is sent.
    Write,
    /// The next write is sent, but the connection is reported lost.
    WriteUnanswered,
    /// The next BEGIN fails before it is sent.
    Begin,
    /// The next BEGIN finds another writer at work.
    Busy,
    /// The next commit is refused: it is not sent, and the transaction is still open.
    CommitRefused,
    /// The next commit is not sent, and the connection is reported lost.
    CommitLost,
    /// The next commit is sent, but the connection is reported lost.
    CommitUnanswered,
    /// The next ROLLBACK fails before it is sent.
    Rollback,
    /// The next select finds a row that another transaction has locked.
    LockNotAvailable,
    /// The next select never returns.
    SelectStalls,
}

#[derive(Debug, Default)]
struct Log {
    operations: Vec<Operation>,
    /// For what each of them was.
    origins: Vec<Option<Origin>>,
    /// What the selects locked.
    locks: Vec<RowLock>,
    statements: u64,
    /// What goes wrong, after so many times that it does not.
    fault: Option<(Fault, usize)>,
    /// Whether every operation gives way once before it is sent, and once after its answer.
    gives_way: bool,
    /// At how many such points it goes on before it stops for ever.
    stall: Option<usize>,
    is_stalled: bool,
}

/// What was sent to a driver. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Log>>);

impl Recorder {
    /// Forgets everything so far.
    pub fn reset(&self) {
        let mut log = self.0.lock();
        log.operations.clear();
        log.origins.clear();
        log.locks.clear();
        log.statements = 0;
    }

    /// Statements sent, transaction steps included, as the driver reports them.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.0.lock().statements
    }

    /// What was asked, in order.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        self.0.lock().operations.clone()
    }

    /// For what each of the [`operations`](Self::operations) was.
    #[must_use]
    pub fn origins(&self) -> Vec<Option<Origin>> {
        self.0.lock().origins.clone()
    }

    /// The locks that selects asked for, in order.
    #[must_use]
    pub fn locks(&self) -> Vec<RowLock> {
        self.0.lock().locks.clone()
    }

    /// How many selects were sent.
    #[must_use]
    pub fn selects(&self) -> usize {
        self.0.lock().operations.iter().filter(|operation| matches!(operation, Operation::Select(..))).count()
    }

    /// How many writes were asked for.
    #[must_use]
    pub fn writes(&self) -> usize {
        let is_write = |operation: &&Operation| {
            !matches!(
                operation,
                Operation::Select(..)
                    | Operation::Count(_)
                    | Operation::Explain(_)
                    | Operation::Raw
                    | Operation::Native
                    | Operation::Begin
                    | Operation::Commit
                    | Operation::Rollback
                    | Operation::Savepoint(_)
                    | Operation::Release(_)
                    | Operation::RollbackTo(_)
            )
        };
        self.0.lock().operations.iter().filter(is_write).count()
    }

    /// Makes something go wrong, once.
    pub fn inject(&self, fault: Fault) {
        self.inject_after(0, fault);
    }

    /// Makes something go wrong, once, after it went well `times` times.
    pub fn inject_after(&self, times: usize, fault: Fault) {
        self.0.lock().fault = Some((fault, times));
    }

    /// Lets an injected fault that has yet to happen never happen.
    pub fn disarm(&self) {
        self.0.lock().fault = None;
    }

    /// From now on every operation gives way once before it is sent and once after its answer, so that a test can
    /// cut in, or cut it off, at each of these points.
    pub fn give_way(&self) {
        self.0.lock().gives_way = true;
    }

    /// As [`give_way`](Self::give_way), and after so many of these points never goes on.
    pub fn stall_after(&self, points: usize) {
        let mut log = self.0.lock();
        (log.gives_way, log.stall, log.is_stalled) = (true, Some(points), false);
    }

    /// From now on nothing gives way or stalls any more. Whether something has stalled.
    pub fn go_on(&self) -> bool {
        let mut log = self.0.lock();
        (log.gives_way, log.stall) = (false, None);
        log.is_stalled
    }

    /// Whether an operation has stopped for ever.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.0.lock().is_stalled
    }

    async fn pause(&self) {
        let (gives_way, stalls) = {
            let mut log = self.0.lock();
            let stalls = log.stall == Some(0);
            log.stall = log.stall.map(|points| points.saturating_sub(1));
            log.is_stalled |= stalls;
            (log.gives_way, stalls)
        };
        if stalls {
            std::future::pending::<()>().await;
        } else if gives_way {
            tokio::task::yield_now().await;
        }
    }

    /// Whether an injected fault has yet to happen.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.0.lock().fault.is_some()
    }

    fn take(&self, fault: Fault) -> bool {
        let mut log = self.0.lock();
        match &mut log.fault {
            Some((waiting, 0)) if *waiting == fault => {
                log.fault = None;
                true
            }
            Some((waiting, times)) if *waiting == fault => {
                *times -= 1;
                false
            }
            Some(_) | None => false,
        }
    }

    fn note(&self, operation: Operation, statements: u64, origin: Option<Origin>) {
        let mut log = self.0.lock();
        log.operations.push(operation);
        log.origins.push(origin);
        log.statements += statements;
    }
}

/// A driver whose use is recorded.
#[derive(Debug)]
pub struct Recording<D> {
    driver: D,
    recorder: Recorder,
}

impl<D: Driver> Recording<D> {
    /// Wraps `driver`.
    pub fn new(driver: D, recorder: Recorder) -> Self {
        Self { driver, recorder }
    }
}

impl<D: Driver> Driver for Recording<D> {
    fn capabilities(&self) -> &Capabilities {
        self.driver.capabilities()
    }

    fn acquire(&self) -> BoxFuture<'_, Result<Box<dyn Connection>, DriverError>> {
        Box::pin(async {
            let connection = self.driver.acquire().await?;
            let recorder = self.recorder.clone();
            Ok(Box::new(RecordingConnection { connection, recorder, origin: None }) as Box<dyn Connection>)
        })
    }

    fn create_schema(&self, schema: &Schema) -> Result<Vec<String>, DriverError> {
        self.driver.create_schema(schema)
    }

    fn drop_schema(&self, schema: &Schema) -> Result<Vec<String>, DriverError> {
        self.driver.drop_schema(schema)
    }

    fn diff_schema(&self, comparison: &SchemaComparison) -> Result<SchemaDiff, DriverError> {
        self.driver.diff_schema(comparison)
    }

    fn understand_schema(&self, live: &DatabaseSchema) -> Result<UnderstoodSchema, DriverError> {
        self.driver.understand_schema(live)
    }

    fn statement(&self, select: &Select, reading: Reading) -> Result<StatementText, DriverError> {
        self.driver.statement(select, reading)
    }

    fn raw_effect(&self, raw: &Raw) -> Result<RawEffect, DriverError> {
        self.driver.raw_effect(raw)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.driver.close()
    }
}

struct RecordingConnection {
    connection: Box<dyn Connection>,
    recorder: Recorder,
    origin: Option<Origin>,
}

impl RecordingConnection {
    fn note(&self, operation: Operation, statements: u64) {
        self.recorder.note(operation, statements, self.origin.clone());
    }
}

struct Counting<'a> {
    sink: &'a mut dyn RowSink,
    rows: usize,
}

impl RowSink for Counting<'_> {
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        self.rows += 1;
        self.sink.row(row)
    }
}

fn injected() -> DriverError {
    DriverError::new(DriverErrorKind::Other, "injected by the test")
}

fn lost() -> DriverError {
    DriverError::new(DriverErrorKind::ConnectionLost, "injected by the test")
}

impl Connection for RecordingConnection {
    fn set_origin(&mut self, origin: Origin) {
        self.origin = Some(origin.clone());
        self.connection.set_origin(origin);
    }

    fn select<'a>(
        &'a mut self,
        select: &'a Select,
        rows: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(async move {
            if self.recorder.take(Fault::Select) {
                return Err(injected());
            }
            if self.recorder.take(Fault::LockNotAvailable) {
                let message = "injected by the test";
                return Err(DriverError::new(DriverErrorKind::LockNotAvailable, message));
            }
            self.recorder.0.lock().locks.extend(select.lock);
            if self.recorder.take(Fault::SelectStalls) {
                std::future::pending::<()>().await;
            }
            self.recorder.pause().await;
            let mut counting = Counting { sink: rows, rows: 0 };
            let result = self.connection.select(select, &mut counting).await;
            self.note(Operation::Select(select.entity().name.to_owned(), counting.rows), 1);
            self.recorder.pause().await;
            result
        })
    }

    fn count<'a>(&'a mut self, select: &'a Select) -> BoxFuture<'a, Result<u64, DriverError>> {
        Box::pin(async move {
            self.note(Operation::Count(select.entity().name.to_owned()), 1);
            self.connection.count(select).await
        })
    }

    fn explain<'a>(
        &'a mut self,
        select: &'a Select,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Vec<String>, DriverError>> {
        self.note(Operation::Explain(select.entity().name.to_owned()), 1);
        self.connection.explain(select, reading)
    }

    fn write<'a>(&'a mut self, write: &'a Write) -> BoxFuture<'a, Result<WriteOutcome, DriverError>> {
        Box::pin(async move {
            if self.recorder.take(Fault::Write) {
                return Err(injected());
            }
            self.recorder.pause().await;
            let operation = describe(write);
            let outcome = self.connection.write(write).await;
            let statements = outcome.as_ref().map_or(1, |outcome| outcome.statements);
            self.note(operation, statements);
            self.recorder.pause().await;
            if self.recorder.take(Fault::WriteUnanswered) {
                return Err(lost());
            }
            outcome
        })
    }

    fn raw<'a>(
        &'a mut self,
        raw: &'a Raw,
        rows: &'a mut dyn RawRows,
    ) -> BoxFuture<'a, Result<u64, DriverError>> {
        Box::pin(async move {
            if self.recorder.take(Fault::Write) {
                return Err(injected());
            }
            self.recorder.pause().await;
            let outcome = self.connection.raw(raw, rows).await;
            self.note(Operation::Raw, 1);
            self.recorder.pause().await;
            if self.recorder.take(Fault::WriteUnanswered) {
                return Err(lost());
            }
            outcome
        })
    }

    fn as_any_mut(&mut self) -> Option<&mut (dyn Any + Send)> {
        self.note(Operation::Native, 1);
        self.connection.as_any_mut()
    }

    fn transaction(&mut self, step: TransactionStep) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(async move {
            let operation = match step {
                TransactionStep::Begin(_) => Operation::Begin,
                TransactionStep::Savepoint(number) => Operation::Savepoint(number),
                TransactionStep::Release(number) => Operation::Release(number),
                TransactionStep::RollbackTo(number) => Operation::RollbackTo(number),
                TransactionStep::Commit => Operation::Commit,
                _ => Operation::Rollback,
            };
            match step {
                TransactionStep::Begin(_) if self.recorder.take(Fault::Begin) => return Err(injected()),
                TransactionStep::Begin(_) if self.recorder.take(Fault::Busy) => {
                    return Err(DriverError::new(DriverErrorKind::Busy, "injected"));
                }
                TransactionStep::Commit if self.recorder.take(Fault::CommitRefused) => return Err(injected()),
                TransactionStep::Rollback if self.recorder.take(Fault::Rollback) => return Err(injected()),
                TransactionStep::Commit if self.recorder.take(Fault::CommitLost) => return Err(lost()),
                _ => {}
            }
            self.recorder.pause().await;
            self.note(operation, 1);
            let result = self.connection.transaction(step).await;
            self.recorder.pause().await;
            if step == TransactionStep::Commit && self.recorder.take(Fault::CommitUnanswered) {
                return Err(lost());
            }
            result
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
        self.connection.execute_schema(statements)
    }
}

fn describe(write: &Write) -> Operation {
    match write {
        Write::Upsert(upsert) => {
            Operation::Upsert(upsert.metadata.entity(upsert.entity).name.to_owned(), upsert.rows.len())
        }
        Write::UpdateWhere(update) => {
            let entity = update.metadata.entity(update.entity);
            let columns = update.set.iter().map(|(column, _)| column).chain(&update.raised);
            let columns = columns.map(|column| entity.columns[*column].name.clone()).collect();
            Operation::UpdateWhere(entity.name.to_owned(), columns)
        }
        Write::DeleteWhere(delete) => {
            Operation::DeleteWhere(delete.metadata.entity(delete.entity).name.to_owned())
        }
        Write::Insert(insert) => {
            Operation::Insert(insert.metadata.entity(insert.entity).name.to_owned(), insert.rows.len())
        }
        Write::Update(update) => {
            let entity = update.metadata.entity(update.entity);
            let columns = update.columns.iter().map(|column| entity.columns[*column].name.clone()).collect();
            Operation::Update(entity.name.to_owned(), update.rows.len(), columns)
        }
        Write::Delete(delete) => {
            Operation::Delete(delete.metadata.entity(delete.entity).name.to_owned(), delete.rows.len())
        }
        Write::Link(pivot) | Write::Unlink(pivot) => {
            let relation = pivot.metadata.relation(pivot.relation).name;
            let name = format!("{}.{relation}", pivot.metadata.entity(pivot.relation.entity).name);
            match write {
                Write::Link(_) => Operation::Link(name, pivot.links.len()),
                _ => Operation::Unlink(name, pivot.links.len()),
            }
        }
    }
}
