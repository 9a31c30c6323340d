//! A driver of whichever database a URL names.

use orm_core::driver::{
    BoxFuture, Capabilities, Connection, Driver, DriverError, Raw, RawEffect, Reading, Select, StatementText,
};
use orm_core::schema::database::DatabaseSchema;
use orm_core::schema::{Schema, SchemaComparison, SchemaDiff, UnderstoodSchema};

use super::options::AnyOptions;

/// Connects to the database at `url`, of the kind that its scheme names: `sqlite:`, `postgres://` or `postgresql://`,
/// `mysql://` or `mariadb://`.
///
/// Everything else is as the options of that database's driver have it by default; [`AnyDriver::options`] sets what
/// all of them have. Needs a tokio runtime with its timer.
///
/// ```no_run
/// # async fn run(url: &str) -> orm_core::Result<()> {
/// use orm_core::Orm;
///
/// let orm = Orm::builder(orm_sqlx::connect(url).await?).build().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`orm_core::Error::Driver`] for a scheme that is unknown or whose feature is off, and as `connect` of the driver. The
/// message says what to do, and never the password.
pub async fn connect(url: &str) -> orm_core::Result<AnyDriver> {
    AnyDriver::options().url(url).connect().await
}

/// A driver of one of the databases; made by [`connect`] and by [`options`](Self::options).
///
/// Cheap to clone; clones share the pool. Its variants are for what only one kind of driver has, such as
/// [`with_connection`](super::SqlxDriver::with_connection).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AnyDriver {
    /// SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(super::Sqlite),
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(super::Postgres),
    /// MySQL or MariaDB.
    #[cfg(feature = "mysql")]
    MySql(super::MySql),
}

impl AnyDriver {
    /// What can be set before connecting, whatever the database.
    pub fn options() -> AnyOptions {
        AnyOptions::new()
    }

    fn driver(&self) -> &dyn Driver {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(driver) => driver,
            #[cfg(feature = "postgres")]
            Self::Postgres(driver) => driver,
            #[cfg(feature = "mysql")]
            Self::MySql(driver) => driver,
        }
    }
}

impl Driver for AnyDriver {
    fn capabilities(&self) -> &Capabilities {
        self.driver().capabilities()
    }

    fn acquire(&self) -> BoxFuture<'_, Result<Box<dyn Connection>, DriverError>> {
        self.driver().acquire()
    }

    fn create_schema(&self, schema: &Schema) -> Result<Vec<String>, DriverError> {
        self.driver().create_schema(schema)
    }

    fn drop_schema(&self, schema: &Schema) -> Result<Vec<String>, DriverError> {
        self.driver().drop_schema(schema)
    }

    fn diff_schema(&self, comparison: &SchemaComparison) -> Result<SchemaDiff, DriverError> {
        self.driver().diff_schema(comparison)
    }

    fn understand_schema(&self, live: &DatabaseSchema) -> Result<UnderstoodSchema, DriverError> {
        self.driver().understand_schema(live)
    }

    fn statement(&self, select: &Select, reading: Reading) -> Result<StatementText, DriverError> {
        self.driver().statement(select, reading)
    }

    fn raw_effect(&self, raw: &Raw) -> Result<RawEffect, DriverError> {
        self.driver().raw_effect(raw)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.driver().close()
    }
}
