//! SQLite over sqlx.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt};
use orm_core::driver::{
    Access, DriverError, DriverErrorKind, RowReader, TransactionMode, TransactionStep, Violation,
    ViolationKind, Write,
};
use orm_core::schema::Schema;
use orm_core::schema::database::DatabaseSchema;
use orm_sql::Bound;
use sqlx_core::error::{BoxDynError, DatabaseError};
use sqlx_core::executor::Executor;
use sqlx_core::query::query_with;
use sqlx_core::sql_str::AssertSqlSafe;
use sqlx_sqlite::{SqliteArguments, SqliteConnection, SqliteRow};

use super::migration::{MigrationFacts, MigrationLock};
use super::{Answer, Backend, Done, Fate, PlanLines};
use crate::codec::sqlite as codec;
use crate::error::{Problem, sqlite as error, unknown_step};
use crate::introspect::{Catalog, sqlite as introspect};

/// SQLite.
#[derive(Clone, Copy, Debug)]
pub struct SqliteBackend;

impl Backend for SqliteBackend {
    type Database = sqlx_sqlite::Sqlite;
    type Columns<'r> = codec::Columns<'r>;
    type Plan = Steps;

    const NAME: &'static str = "Sqlite";
    const HAS_SERVER: bool = false;
    const MAY_LACK_KEY_RECORD: bool = true;

    const MIGRATIONS: &'static MigrationFacts = &MIGRATIONS;

    fn arguments(values: Vec<Bound>) -> Result<SqliteArguments, BoxDynError> {
        codec::arguments(values)
    }

    fn run<'c>(
        connection: &'c mut SqliteConnection,
        sql: Arc<str>,
        arguments: Option<SqliteArguments>,
        reusable: bool,
    ) -> BoxStream<'c, Answer<Self>> {
        let query = query_with(AssertSqlSafe(sql), arguments.unwrap_or_default()).persistent(reusable);
        let answers = connection.fetch_many(query);
        answers
            .map(|answer| answer.map(|one| one.map_left(|done| Done::affecting(done.rows_affected()))))
            .boxed()
    }

    fn columns(row: &SqliteRow) -> codec::Columns<'_> {
        codec::Columns(row)
    }

    fn problem(error: &dyn DatabaseError) -> Problem {
        error::problem(error)
    }

    fn complete(violation: &mut Violation, write: &Write) {
        error::complete(violation, write);
    }

    fn read_schema<'a>(
        catalog: &'a mut Catalog<'_, '_, Self>,
        _: &'a [String],
    ) -> BoxFuture<'a, Result<DatabaseSchema, DriverError>> {
        Box::pin(introspect::read_schema(catalog))
    }

    fn describe_schema<'a>(
        catalog: &'a mut Catalog<'_, '_, Self>,
        schema: &'a Schema,
    ) -> BoxFuture<'a, Result<DatabaseSchema, DriverError>> {
        Box::pin(std::future::ready(introspect::describe_schema(catalog, schema)))
    }

    fn is_outside_transactions(sql: &str) -> bool {
        orm_sql::sqlite::is_outside_transactions(sql)
    }

    /// The check of foreign keys gives a row for each that leads nowhere.
    fn schema_row(sql: &str, row: &SqliteRow) -> Result<(), DriverError> {
        if !orm_sql::sqlite::is_foreign_key_check(sql) {
            return Ok(());
        }
        let row = codec::Columns(row);
        let name = |index| row.text(index).unwrap_or("another table").to_owned();
        let message = format!("a row of {} refers to one of {} that does not exist", name(0), name(2));
        let violation = Violation {
            kind: ViolationKind::ForeignKey,
            table: Some(name(0)),
            columns: Vec::new(),
            constraint: None,
        };
        Err(DriverError::new(DriverErrorKind::ConstraintViolation, message).with_violation(violation))
    }

    fn step(step: TransactionStep, is_read_only: bool) -> Result<Cow<'static, str>, DriverError> {
        Ok(match step {
            // SQLite has no read-only transactions, but connections that refuse to write for a time.
            TransactionStep::Begin(TransactionMode { access: Access::ReadOnly, .. }) => {
                "BEGIN; PRAGMA query_only = ON".into()
            }
            TransactionStep::Commit if is_read_only => "PRAGMA query_only = OFF; COMMIT".into(),
            TransactionStep::Rollback if is_read_only => "PRAGMA query_only = OFF; ROLLBACK".into(),
            // A transaction that starts as a reader and then writes fails at once when another one wrote meanwhile;
            // one that starts as a writer waits for its turn.
            TransactionStep::Begin(_) => "BEGIN IMMEDIATE".into(),
            TransactionStep::Savepoint(number) => format!("SAVEPOINT orm_{number}").into(),
            TransactionStep::Release(number) => format!("RELEASE orm_{number}").into(),
            TransactionStep::RollbackTo(number) => format!("ROLLBACK TO orm_{number}").into(),
            TransactionStep::Commit => "COMMIT".into(),
            TransactionStep::Rollback => "ROLLBACK".into(),
            _ => return Err(unknown_step()),
        })
    }

    /// Some errors roll the whole transaction back, such as a full disk, or a constraint of a table that says so; what
    /// came after one would be outside of any transaction. That one can be begun tells it.
    fn after_failure<'c>(connection: &'c mut SqliteConnection, _: &'c DriverError) -> BoxFuture<'c, Fate> {
        Box::pin(async {
            match connection.execute("BEGIN").await {
                Ok(_) => Fate::Lost,
                Err(_) => Fate::Goes,
            }
        })
    }

    /// By beginning another, which is refused inside one.
    fn is_in_transaction(connection: &mut SqliteConnection) -> BoxFuture<'_, bool> {
        Box::pin(async {
            match connection.execute("BEGIN").await {
                // Nothing was done in it; if this fails the next BEGIN says so.
                Ok(_) => connection.execute("ROLLBACK").await.is_err(),
                Err(_) => true,
            }
        })
    }

    /// SQLite rolls back by itself after some errors, such as a full disk.
    fn is_no_transaction(error: &DriverError) -> bool {
        error.to_string().ends_with("no transaction is active")
    }
}

const MIGRATIONS: MigrationFacts = MigrationFacts {
    has_table: "select count(*) from sqlite_schema where type = 'table' and lower(name) = lower({})",
    // Transactions that may write are begun with the only write lock that there is.
    lock: MigrationLock { of_transaction: None, of_session: None, release: None, holder: None },
};

/// The steps of a plan, each indented below the one that it is part of, which comes before it.
#[derive(Debug, Default)]
pub struct Steps {
    depths: HashMap<i64, usize>,
    lines: Vec<String>,
}

impl PlanLines for Steps {
    fn extend(&mut self, row: &impl RowReader) {
        let (Ok(step), Ok(whole), Ok(text)) = (row.int(0), row.int(1), row.text(3)) else { return };
        let depth = self.depths.get(&whole).map_or(0, |depth| depth + 1);
        self.depths.insert(step, depth);
        self.lines.push(format!("{}{text}", "  ".repeat(depth)));
    }

    fn finish(self) -> Vec<String> {
        self.lines
    }
}
