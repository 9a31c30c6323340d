//! Databases that the suite runs on: each test gets an empty one of its own.

use std::future::Future;
use std::sync::Arc;

use orm_core::driver::{BoxFuture, Capabilities, Connection, Driver, DriverError};
use orm_core::schema::Schema;
use orm_core::{EntityManager, Error, Orm, OrmBuilder, Result};

use crate::recorder::{Recorder, Recording};

/// A kind of database.
pub trait Backend: 'static {
    /// Its driver.
    type Driver: Driver;

    /// Connects to a new, empty database.
    fn connect() -> impl Future<Output = Result<Self::Driver>> + Send;
}

/// SQLite in memory.
#[derive(Clone, Copy, Debug)]
pub struct Sqlite;

impl Backend for Sqlite {
    type Driver = orm_sqlx::Sqlite;

    async fn connect() -> Result<Self::Driver> {
        orm_sqlx::Sqlite::connect("sqlite::memory:").await
    }
}

/// An ORM on a database of its own, with its tables, and the record of what was sent since.
#[derive(Clone, Debug)]
pub struct TestDb {
    /// The ORM.
    pub orm: Orm,
    /// What was sent to the driver.
    pub recorder: Recorder,
    driver: SharedDriver,
}

impl TestDb {
    /// Opens a database with the entities that `configure` adds, and creates their tables.
    ///
    /// # Errors
    ///
    /// Whatever the driver or the metadata refuses.
    pub async fn open<B: Backend>(configure: impl FnOnce(OrmBuilder) -> OrmBuilder) -> Result<Self> {
        let db = Self::open_without_tables::<B>(configure).await?;
        db.orm.schema().create().await?;
        db.recorder.reset();
        Ok(db)
    }

    /// Opens a database without creating tables.
    ///
    /// # Errors
    ///
    /// Whatever the driver or the metadata refuses.
    pub async fn open_without_tables<B: Backend>(
        configure: impl FnOnce(OrmBuilder) -> OrmBuilder,
    ) -> Result<Self> {
        let recorder = Recorder::default();
        let driver = SharedDriver(Arc::new(Recording::new(B::connect().await?, recorder.clone())));
        let orm = configure(Orm::builder(driver.clone())).build().await?;
        Ok(Self { orm, recorder, driver })
    }

    /// Another ORM on the same database, with other entities: how another program sees it.
    ///
    /// # Errors
    ///
    /// Whatever the metadata refuses.
    pub async fn beside(&self, configure: impl FnOnce(OrmBuilder) -> OrmBuilder) -> Result<Self> {
        let orm = configure(Orm::builder(self.driver.clone())).build().await?;
        Ok(Self { orm, recorder: self.recorder.clone(), driver: self.driver.clone() })
    }

    /// Runs statements in the database's own words, as another program would.
    ///
    /// # Errors
    ///
    /// Whatever the database refuses.
    pub async fn run(&self, statements: &[&str]) -> Result<()> {
        let statements: Vec<String> = statements.iter().map(|sql| (*sql).to_owned()).collect();
        let mut connection = self.driver.acquire().await.map_err(Error::other)?;
        connection.execute_schema(&statements).await.map_err(Error::other)
    }

    /// A fresh fork.
    #[must_use]
    pub fn em(&self) -> EntityManager {
        self.orm.em().fork()
    }

    /// How many statements were sent since the last [`Recorder::reset`].
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.recorder.statements()
    }
}

/// A driver that several ORMs share.
#[derive(Clone, Debug)]
struct SharedDriver(Arc<dyn Driver>);

impl Driver for SharedDriver {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    fn acquire(&self) -> BoxFuture<'_, Result<Box<dyn Connection>, DriverError>> {
        self.0.acquire()
    }

    fn create_schema(&self, schema: &Schema) -> Result<Vec<String>, DriverError> {
        self.0.create_schema(schema)
    }

    fn drop_schema(&self, schema: &Schema) -> Result<Vec<String>, DriverError> {
        self.0.drop_schema(schema)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.close()
    }
}
