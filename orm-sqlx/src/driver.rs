//! The driver contract over a sqlx pool.

mod connection;
mod log;
mod native;
mod options;
mod pool;
mod transaction;
mod write;

pub use log::{StatementCounter, StatementEvent, StatementKind, StatementOutcome};
pub use options::SqliteOptions;

use std::fmt;
use std::sync::Arc;

use orm_core::driver::{
    BoxFuture, Capabilities, Connection, Driver, DriverError, Raw, RawEffect, Reading, Select, StatementText,
};
use orm_core::schema::Schema;

use self::connection::PooledConnection;
use self::pool::Pool;

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
#[derive(Clone)]
pub struct Sqlite {
    pool: Arc<Pool>,
}

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

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("pool", &self.pool).finish()
    }
}

impl Driver for Sqlite {
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

    fn statement(&self, select: &Select, reading: Reading) -> Result<StatementText, DriverError> {
        let statement = self.pool.statements.reading(select, reading)?;
        Ok(StatementText { text: statement.sql, values: statement.values })
    }

    fn raw_effect(&self, raw: &Raw) -> Result<RawEffect, DriverError> {
        self.pool.statements.raw_effect(raw)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.pool.close())
    }
}
