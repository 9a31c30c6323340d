//! PostgreSQL over sqlx.

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
use sqlx_core::error::{BoxDynError, DatabaseError, Error};
use sqlx_core::executor::Executor;
use sqlx_core::query::query_with;
use sqlx_core::raw_sql::raw_sql;
use sqlx_core::sql_str::AssertSqlSafe;
use sqlx_postgres::{PgArguments, PgConnection, PgRow};

use super::migration::{MigrationFacts, MigrationLock};
use super::{Answer, Backend, Done, Fate, PlanLines};
use crate::codec::postgres as codec;
use crate::error::{Problem, postgres as error, unknown_step};
use crate::introspect::{Catalog, postgres as introspect};

/// PostgreSQL.
#[derive(Clone, Copy, Debug)]
pub struct PostgresBackend;

impl Backend for PostgresBackend {
    type Database = sqlx_postgres::Postgres;
    type Columns<'r> = codec::Columns<'r>;
    type Plan = Lines;

    const NAME: &'static str = "Postgres";
    const HAS_SERVER: bool = true;
    const MAY_LACK_KEY_RECORD: bool = false;

    const MIGRATIONS: &'static MigrationFacts = &MIGRATIONS;

    fn arguments(values: Vec<Bound>) -> Result<PgArguments, BoxDynError> {
        codec::arguments(values)
    }

    fn run<'c>(
        connection: &'c mut PgConnection,
        sql: Arc<str>,
        arguments: Option<PgArguments>,
        reusable: bool,
    ) -> BoxStream<'c, Answer<Self>> {
        let answers = match arguments {
            Some(arguments) => {
                connection.fetch_many(query_with(AssertSqlSafe(sql), arguments).persistent(reusable))
            }
            None => connection.fetch_many(raw_sql(AssertSqlSafe(sql))),
        };
        answers
            .map(|answer| answer.map(|one| one.map_left(|done| Done::affecting(done.rows_affected()))))
            .boxed()
    }

    fn columns(row: &PgRow) -> codec::Columns<'_> {
        codec::Columns(row)
    }

    fn problem(error: &dyn DatabaseError) -> Problem {
        error::problem(error)
    }

    fn ended_before(error: &dyn DatabaseError) -> bool {
        error::ended_before(error)
    }

    fn complete(violation: &mut Violation, write: &Write) {
        error::complete(violation, write);
    }

    fn unfit(error: &DriverError, write: &Write) -> Option<Violation> {
        error::unfit(error, write)
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

    /// Whatever the server refuses, the transaction takes no other statement, and its COMMIT would roll back.
    fn after_failure<'c>(_: &'c mut PgConnection, error: &'c DriverError) -> BoxFuture<'c, Fate> {
        let is_clients_own =
            matches!(error.kind(), DriverErrorKind::RowRefused | DriverErrorKind::Unsupported);
        Box::pin(std::future::ready(if is_clients_own { Fate::Goes } else { Fate::Stuck }))
    }

    /// By a savepoint, which is refused outside of one.
    fn is_in_transaction(connection: &mut PgConnection) -> BoxFuture<'_, bool> {
        const NO_ACTIVE_TRANSACTION: &str = "25P01";
        Box::pin(async {
            match connection.execute("SAVEPOINT orm_probe").await {
                Ok(_) => connection.execute("RELEASE SAVEPOINT orm_probe").await.is_ok(),
                Err(Error::Database(refused)) => refused.code().as_deref() != Some(NO_ACTIVE_TRANSACTION),
                Err(_) => true,
            }
        })
    }
}

const MIGRATIONS: MigrationFacts = MigrationFacts {
    has_table: "select case when to_regclass({}) is null then 0 else 1 end",
    lock: MigrationLock {
        of_transaction: Some(
            "select case when pg_try_advisory_xact_lock(hashtextextended('orm migrations ' || \
             coalesce(current_schema(), '') || '.' || {}, 0)) then 1 else 0 end",
        ),
        of_session: Some(
            "select case when pg_try_advisory_lock(hashtextextended('orm migrations ' || \
             coalesce(current_schema(), '') || '.' || {}, 0)) then 1 else 0 end",
        ),
        release: Some(
            "select case when pg_advisory_unlock(hashtextextended('orm migrations ' || \
             coalesce(current_schema(), '') || '.' || {}, 0)) then 1 else 0 end",
        ),
        holder: Some(
            "select 'process ' || a.pid || ' of ' || coalesce(nullif(a.application_name, ''), 'a program without a name') \
             || coalesce(' at ' || host(a.client_addr), '') || ', connected since ' || \
             to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS') \
             from pg_locks l join pg_stat_activity a on a.pid = l.pid cross join \
             (select hashtextextended('orm migrations ' || coalesce(current_schema(), '') || '.' || {}, 0) as key) k \
             where l.locktype = 'advisory' and l.granted and l.objsubid = 1 \
             and l.database = (select oid from pg_database where datname = current_database()) \
             and l.classid::bigint = ((k.key >> 32) & 4294967295) and l.objid::bigint = (k.key & 4294967295)",
        ),
    },
};

fn begin(mode: TransactionMode) -> String {
    let mut sql = String::from("BEGIN");
    if let Some(level) = mode.isolation {
        sql.push_str(" ISOLATION LEVEL ");
        sql.push_str(match level {
            IsolationLevel::ReadUncommitted => "READ UNCOMMITTED",
            IsolationLevel::ReadCommitted => "READ COMMITTED",
            // It is one of a snapshot here.
            IsolationLevel::RepeatableRead | IsolationLevel::Snapshot => "REPEATABLE READ",
            IsolationLevel::Serializable => "SERIALIZABLE",
        });
    }
    if mode.access == Access::ReadOnly {
        sql.push_str(" READ ONLY");
    }
    sql
}

/// A plan comes line by line.
#[derive(Debug, Default)]
pub struct Lines(Vec<String>);

impl PlanLines for Lines {
    fn extend(&mut self, row: &impl RowReader) {
        self.0.extend(row.text(0).ok().map(str::to_owned));
    }

    fn finish(self) -> Vec<String> {
        self.0
    }
}
