//! MySQL and MariaDB over sqlx.

mod server;

use std::borrow::Cow;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt};
use orm_core::driver::{
    Access, DriverError, DriverErrorKind, IsolationLevel, RowReader, TransactionMode, TransactionStep,
    Violation, Write,
};
use orm_core::schema::Schema;
use orm_core::schema::database::DatabaseSchema;
use orm_sql::Bound;
use sqlx_core::Either;
use sqlx_core::error::{BoxDynError, DatabaseError, Error};
use sqlx_core::executor::Executor;
use sqlx_core::query::query_with;
use sqlx_core::raw_sql::raw_sql;
use sqlx_core::sql_str::AssertSqlSafe;
use sqlx_mysql::{MySqlArguments, MySqlConnection, MySqlDatabaseError, MySqlQueryResult, MySqlRow};

pub(crate) use server::Server;

use super::migration::{MigrationFacts, MigrationLock};
use super::{Answer, Backend, Done, Fate, PlanLines};
use crate::codec::mysql as codec;
use crate::error::{Problem, mysql as error, unknown_step};
use crate::introspect::{Catalog, mysql as introspect};

/// MySQL and MariaDB, which one server is told by its version.
#[derive(Clone, Copy, Debug)]
pub struct MySqlBackend;

impl Backend for MySqlBackend {
    type Database = sqlx_mysql::MySql;
    type Columns<'r> = codec::Columns<'r>;
    type Plan = Lines;

    const NAME: &'static str = "MySql";
    const HAS_SERVER: bool = true;
    const MAY_LACK_KEY_RECORD: bool = false;
    const MIGRATIONS: &'static MigrationFacts = &MIGRATIONS;
    const COMMITS_SCHEMA_CHANGES: bool = true;
    const KEY_STEP: Option<&'static str> = Some("SELECT @@auto_increment_increment");

    fn arguments(values: Vec<Bound>) -> Result<MySqlArguments, BoxDynError> {
        codec::arguments(values)
    }

    /// A statement that gives rows affects as many as it gives: the server itself says none where it wrote them.
    fn run<'c>(
        connection: &'c mut MySqlConnection,
        sql: Arc<str>,
        arguments: Option<MySqlArguments>,
        reusable: bool,
    ) -> BoxStream<'c, Answer<Self>> {
        let answers = match arguments {
            Some(arguments) => {
                connection.fetch_many(query_with(AssertSqlSafe(sql), arguments).persistent(reusable))
            }
            None => connection.fetch_many(raw_sql(AssertSqlSafe(sql))),
        };
        let mut given = 0;
        let counted = move |answer: Result<Either<MySqlQueryResult, MySqlRow>, Error>| {
            answer.map(|one| match one {
                Either::Left(done) => Either::Left(Done {
                    affected: done.rows_affected().max(std::mem::take(&mut given)),
                    first_key: done.last_insert_id(),
                }),
                Either::Right(row) => {
                    given += 1;
                    Either::Right(row)
                }
            })
        };
        answers.map(counted).boxed()
    }

    fn columns(row: &MySqlRow) -> codec::Columns<'_> {
        codec::Columns(row)
    }

    fn problem(error: &dyn DatabaseError) -> Problem {
        error::problem(error)
    }

    fn complete(violation: &mut Violation, write: &Write) {
        error::complete(violation, write);
    }

    fn step(step: TransactionStep, _: bool) -> Result<Cow<'static, str>, DriverError> {
        Ok(match step {
            TransactionStep::Begin(mode) => begin(mode).into(),
            TransactionStep::Savepoint(number) => format!("SAVEPOINT orm_{number}").into(),
            TransactionStep::Release(number) => format!("RELEASE SAVEPOINT orm_{number}").into(),
            TransactionStep::RollbackTo(number) => format!("ROLLBACK TO SAVEPOINT orm_{number}").into(),
            TransactionStep::Commit => "COMMIT".into(),
            TransactionStep::Rollback => "ROLLBACK".into(),
            _ => return Err(unknown_step()),
        })
    }

    fn read_schema<'a>(
        catalog: &'a mut Catalog<'_, '_, Self>,
        schemas: &'a [String],
    ) -> BoxFuture<'a, Result<DatabaseSchema, DriverError>> {
        Box::pin(introspect::read_schema(catalog, schemas))
    }

    fn describe_schema<'a>(
        catalog: &'a mut Catalog<'_, '_, Self>,
        schema: &'a Schema,
    ) -> BoxFuture<'a, Result<DatabaseSchema, DriverError>> {
        Box::pin(introspect::describe_schema(catalog, schema))
    }

    /// Each commits what it does.
    fn is_outside_transactions(_: &str) -> bool {
        true
    }

    /// As a rule only the statement is taken back. After a deadlock, and by its settings after other errors, the server
    /// has rolled the whole transaction back, and what came next would be outside of any.
    fn after_failure<'c>(connection: &'c mut MySqlConnection, error: &'c DriverError) -> BoxFuture<'c, Fate> {
        let is_clients_own =
            matches!(error.kind(), DriverErrorKind::RowRefused | DriverErrorKind::Unsupported);
        Box::pin(async move {
            if is_clients_own || Self::is_in_transaction(connection).await { Fate::Goes } else { Fate::Lost }
        })
    }

    /// By a savepoint, which outside of one is gone as soon as it is set.
    fn is_in_transaction(connection: &mut MySqlConnection) -> BoxFuture<'_, bool> {
        const NO_SUCH_SAVEPOINT: u16 = 1305;
        Box::pin(async {
            let probe = "SAVEPOINT orm_probe; RELEASE SAVEPOINT orm_probe";
            match connection.execute(raw_sql(probe)).await {
                Ok(_) => true,
                Err(Error::Database(refused)) => {
                    let refused = refused.try_downcast_ref::<MySqlDatabaseError>();
                    refused.is_none_or(|refused| refused.number() != NO_SUCH_SAVEPOINT)
                }
                Err(_) => true,
            }
        })
    }
}

const MIGRATIONS: MigrationFacts = MigrationFacts {
    has_table: "select count(*) from information_schema.tables where table_schema = database() and table_name = {}",
    lock: MigrationLock {
        of_transaction: None,
        of_session: Some(
            "select coalesce(get_lock(sha2(concat('orm migrations ', database(), '.', {}), 256), 0), 0)",
        ),
        release: Some(
            "select coalesce(release_lock(sha2(concat('orm migrations ', database(), '.', {}), 256)), 0)",
        ),
        holder: Some(
            "select concat('connection ', id, ' of ', user, ' at ', host) from information_schema.processlist \
             where id = is_used_lock(sha2(concat('orm migrations ', database(), '.', {}), 256))",
        ),
    },
};

/// A level is set for the next transaction alone, in the same message: if one of both fails, the connection is closed.
fn begin(mode: TransactionMode) -> String {
    let mut sql = String::new();
    if let Some(level) = mode.isolation {
        sql.push_str("SET TRANSACTION ISOLATION LEVEL ");
        sql.push_str(match level {
            IsolationLevel::ReadUncommitted => "READ UNCOMMITTED; ",
            IsolationLevel::ReadCommitted => "READ COMMITTED; ",
            IsolationLevel::RepeatableRead | IsolationLevel::Snapshot => "REPEATABLE READ; ",
            IsolationLevel::Serializable => "SERIALIZABLE; ",
        });
    }
    sql.push_str("START TRANSACTION");
    let characteristics = [
        // Else the snapshot is taken by the first statement that reads.
        (mode.isolation == Some(IsolationLevel::Snapshot), " WITH CONSISTENT SNAPSHOT"),
        (mode.access == Access::ReadOnly, " READ ONLY"),
    ];
    let chosen = characteristics.iter().filter(|(is_chosen, _)| *is_chosen);
    sql.push_str(&chosen.map(|(_, text)| *text).collect::<Vec<_>>().join(","));
    sql
}

/// A plan is one text of many lines, or a table whose rows are a line each.
#[derive(Debug, Default)]
pub struct Lines(Vec<String>);

impl PlanLines for Lines {
    fn extend(&mut self, row: &impl RowReader) {
        let mut cells = Vec::new();
        for index in 0.. {
            match row.is_null(index) {
                Ok(true) => {}
                Ok(false) => {
                    let number = || row.decimal(index).ok().map(Cow::into_owned);
                    cells.extend(row.text(index).ok().map(str::to_owned).or_else(number));
                }
                Err(_) => break,
            }
        }
        self.0.extend(cells.join("  ").lines().map(str::to_owned));
    }

    fn finish(self) -> Vec<String> {
        self.0
    }
}
