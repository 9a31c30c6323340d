//! A connection as migrations use it: statements as they are, one by one, without a transaction of their own.

use orm_core::driver::{BoxFuture, Connection, DriverError};
use orm_sql::{ScriptProblem, ScriptStatement, Statement};

use super::connection::{PooledConnection, run};
use super::log::StatementKind;
use crate::backend::migration::MigrationFacts;
use crate::backend::{Backend, RowOf};

/// A connection that migrations are run on.
pub(crate) trait MigrationConnection: Send {
    /// What its database is.
    fn facts(&self) -> &'static MigrationFacts;

    /// The folder of the files that are for it alone.
    fn folder(&self) -> &'static str;

    /// Whether changes of the schema are taken back with the transaction that they are in.
    fn takes_back_schema(&self) -> bool;

    /// The statements of a script.
    fn script(&self, text: &str) -> Result<Vec<ScriptStatement>, ScriptProblem>;

    /// Whether a statement works outside of transactions only, and so stands around one.
    fn is_outside_transactions(&self, sql: &str) -> bool;

    /// Runs one statement where it stands: in the transaction that is open, or by itself.
    fn run<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<(), DriverError>>;

    /// Has the connection closed instead of lent again.
    fn spoil(&mut self);
}

/// The connection behind one of the core's; `None` where another driver made it.
pub(crate) fn migration_connection(connection: &mut dyn Connection) -> Option<&mut dyn MigrationConnection> {
    let made = connection.as_any_mut()?;
    #[cfg(feature = "sqlite")]
    if made.is::<PooledConnection<crate::backend::sqlite::SqliteBackend>>() {
        let own = made.downcast_mut::<PooledConnection<crate::backend::sqlite::SqliteBackend>>();
        return own.map(|own| own as &mut dyn MigrationConnection);
    }
    #[cfg(feature = "postgres")]
    if made.is::<PooledConnection<crate::backend::postgres::PostgresBackend>>() {
        let own = made.downcast_mut::<PooledConnection<crate::backend::postgres::PostgresBackend>>();
        return own.map(|own| own as &mut dyn MigrationConnection);
    }
    #[cfg(feature = "mysql")]
    if made.is::<PooledConnection<crate::backend::mysql::MySqlBackend>>() {
        let own = made.downcast_mut::<PooledConnection<crate::backend::mysql::MySqlBackend>>();
        return own.map(|own| own as &mut dyn MigrationConnection);
    }
    None
}

impl<B: Backend> MigrationConnection for PooledConnection<B> {
    fn facts(&self) -> &'static MigrationFacts {
        B::MIGRATIONS
    }

    fn folder(&self) -> &'static str {
        self.pool.statements.database()
    }

    fn takes_back_schema(&self) -> bool {
        !B::COMMITS_SCHEMA_CHANGES
    }

    fn script(&self, text: &str) -> Result<Vec<ScriptStatement>, ScriptProblem> {
        self.pool.statements.script(text)
    }

    fn is_outside_transactions(&self, sql: &str) -> bool {
        B::is_outside_transactions(sql)
    }

    fn run<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(async move {
            let mut running = self.guard.start()?;
            let statement = Statement { sql: sql.into(), values: Vec::new(), reusable: false };
            let look = |row: &RowOf<B>| B::schema_row(sql, row);
            let result = run(&self.pool, &mut running, statement, StatementKind::Schema, look).await;
            running.finish();
            result.map(drop)
        })
    }

    fn spoil(&mut self) {
        // Begun and never finished, as if it had been cut off.
        let _ = self.guard.start();
    }
}
