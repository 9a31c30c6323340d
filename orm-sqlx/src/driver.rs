//! The driver contract over connections of sqlx.

mod any;
pub(crate) mod connection;
pub(crate) mod log;
mod migration;
mod native;
mod options;
pub(crate) mod pool;
mod query_log;
pub(crate) mod transaction;
mod write;

pub use any::{AnyDriver, connect};
pub use log::{StatementCounter, StatementEvent, StatementKind, StatementOutcome};
pub(crate) use migration::{MigrationConnection, migration_connection};
pub use options::AnyOptions;
#[cfg(feature = "mysql")]
pub use options::MySqlOptions;
#[cfg(feature = "postgres")]
pub use options::PostgresOptions;
#[cfg(feature = "sqlite")]
pub use options::SqliteOptions;
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub use options::TlsMode;
pub use query_log::QueryLog;

use std::fmt;
use std::sync::Arc;

use orm_core::driver::{
    BoxFuture, Capabilities, Connection, Driver, DriverError, Raw, RawEffect, Reading, Select, StatementText,
};
use orm_core::schema::database::DatabaseSchema;
use orm_core::schema::{Schema, SchemaComparison, SchemaDiff, UnderstoodSchema};
use orm_sql::Bound;

use self::connection::PooledConnection;
use self::pool::Pool;
use crate::backend::Backend;
use crate::migration::is_history;

/// A driver over a pool of connections of sqlx; [`Sqlite`], [`Postgres`] and [`MySql`] are its kinds.
///
/// Cheap to clone; clones share the pool.
pub struct SqlxDriver<B: Backend> {
    pool: Arc<Pool<B>>,
}

/// SQLite, by file or in memory.
///
/// Cheap to clone; clones share the pool. How values are stored, compared and matched is in [`orm_sql::sqlite`].
///
/// ```no_run
/// # async fn run() -> orm_core::Result<()> {
/// use orm_sqlx::Sqlite;
///
/// let in_memory = Sqlite::connect("sqlite::memory:").await?;
/// let by_file = Sqlite::connect("sqlite://library.db").await?;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "sqlite")]
pub type Sqlite = SqlxDriver<crate::backend::sqlite::SqliteBackend>;

/// PostgreSQL 15 and later.
///
/// Cheap to clone; clones share the pool. How values are stored and matched is in [`orm_sql::postgres`].
///
/// ```no_run
/// # async fn run() -> orm_core::Result<()> {
/// use orm_sqlx::Postgres;
///
/// let library = Postgres::connect("postgres://ann:secret@localhost/library").await?;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "postgres")]
pub type Postgres = SqlxDriver<crate::backend::postgres::PostgresBackend>;

/// MySQL 8.0.19 and later, and MariaDB 10.6 and later: which one a server is follows from its version.
///
/// Cheap to clone; clones share the pool. How values are stored and matched is in [`orm_sql::mysql`].
///
/// Changes of the schema end the transaction that they are in, so that none can be made inside one.
///
/// ```no_run
/// # async fn run() -> orm_core::Result<()> {
/// use orm_sqlx::MySql;
///
/// let library = MySql::connect("mysql://ann:secret@localhost/library").await?;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "mysql")]
pub type MySql = SqlxDriver<crate::backend::mysql::MySqlBackend>;

#[cfg(feature = "sqlite")]
impl Sqlite {
    /// Opens the database at `url`: `sqlite::memory:`, `sqlite:path` or `sqlite://path`, or just a path.
    ///
    /// A file that does not exist is made, unless the URL says `?mode=rw`; `?mode=ro` opens it read-only. Everything
    /// else is as [`SqliteOptions`] has it by default. Needs a tokio runtime with its timer.
    ///
    /// # Errors
    ///
    /// [`orm_core::Error::Driver`] when the URL is wrong or the file can't be opened.
    pub async fn connect(url: &str) -> orm_core::Result<Self> {
        Self::options().url(url).connect().await
    }

    /// What can be set before connecting.
    pub fn options() -> SqliteOptions {
        SqliteOptions::new()
    }
}

#[cfg(feature = "postgres")]
impl Postgres {
    /// Connects to the database at `url`, such as `postgres://user:password@host:port/name`.
    ///
    /// Everything else is as [`PostgresOptions`] has it by default. Needs a tokio runtime with its timer.
    ///
    /// # Errors
    ///
    /// [`orm_core::Error::Driver`] when the URL is wrong, or the server can't be reached or refuses.
    pub async fn connect(url: &str) -> orm_core::Result<Self> {
        Self::options().url(url).connect().await
    }

    /// What can be set before connecting.
    pub fn options() -> PostgresOptions {
        PostgresOptions::new()
    }
}

#[cfg(feature = "mysql")]
impl MySql {
    /// Connects to the database at `url`, such as `mysql://user:password@host:port/name`.
    ///
    /// Everything else is as [`MySqlOptions`] has it by default. Needs a tokio runtime with its timer.
    ///
    /// # Errors
    ///
    /// [`orm_core::Error::Driver`] when the URL is wrong, or the server can't be reached, is too old or refuses.
    pub async fn connect(url: &str) -> orm_core::Result<Self> {
        Self::options().url(url).connect().await
    }

    /// What can be set before connecting.
    pub fn options() -> MySqlOptions {
        MySqlOptions::new()
    }
}

impl<B: Backend> SqlxDriver<B> {
    fn new(pool: Pool<B>) -> Self {
        Self { pool: Arc::new(pool) }
    }
}

impl<B: Backend> Clone for SqlxDriver<B> {
    fn clone(&self) -> Self {
        Self { pool: Arc::clone(&self.pool) }
    }
}

impl<B: Backend> fmt::Debug for SqlxDriver<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(B::NAME).field("pool", &self.pool).finish()
    }
}

impl<B: Backend> Driver for SqlxDriver<B> {
    fn capabilities(&self) -> &Capabilities {
        &self.pool.capabilities
    }

    fn acquire(&self) -> BoxFuture<'_, Result<Box<dyn Connection>, DriverError>> {
        Box::pin(async {
            let connection = PooledConnection::acquire(&self.pool).await?;
            Ok(Box::new(connection) as Box<dyn Connection>)
        })
    }

    fn create_schema(&self, schema: &Schema) -> Result<Vec<String>, DriverError> {
        self.pool.statements.create_schema(schema)
    }

    fn drop_schema(&self, schema: &Schema) -> Result<Vec<String>, DriverError> {
        self.pool.statements.drop_schema(schema)
    }

    fn diff_schema(&self, comparison: &SchemaComparison) -> Result<SchemaDiff, DriverError> {
        self.pool.statements.diff_schema(comparison)
    }

    fn understand_schema(&self, live: &DatabaseSchema) -> Result<UnderstoodSchema, DriverError> {
        let mut live = live.clone();
        live.tables.retain(|table| !is_history(table));
        Ok(self.pool.statements.understand_schema(&live))
    }

    fn statement(&self, select: &Select, reading: Reading) -> Result<StatementText, DriverError> {
        let statement = self.pool.statements.reading(select, reading)?;
        let values = statement.values.into_iter().map(Bound::into_value).collect();
        Ok(StatementText { text: statement.sql, values })
    }

    fn raw_effect(&self, raw: &Raw) -> Result<RawEffect, DriverError> {
        self.pool.statements.raw_effect(raw)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.pool.close())
    }
}
