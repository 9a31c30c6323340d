//! Databases that the suite runs on: each test gets an empty one of its own.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use orm_core::driver::{
    BoxFuture, Capabilities, Connection, Driver, DriverError, Raw, RawEffect, Reading, Select, StatementText,
    TransactionMode, TransactionStep,
};
use orm_core::schema::Schema;
use orm_core::{EntityManager, Error, Orm, OrmBuilder, Result};

use orm_sqlx::SqliteOptions;

use crate::recorder::{Recorder, Recording};

mod postgres;

/// A kind of database.
pub trait Backend: 'static {
    /// Its driver.
    type Driver: Driver;

    /// A statement that lists the names of all tables, and what they look like where that is easily said.
    const TABLES: &'static str = "select table_name from information_schema.tables where table_schema not in \
                                  ('information_schema', 'pg_catalog', 'mysql', 'sys', 'performance_schema') order by 1";

    /// Connects to a new, empty database.
    fn connect() -> impl Future<Output = Result<Self::Driver>> + Send;

    /// Connects to a new, empty database that lends so many connections at the same time; one that has as many as it
    /// likes, if not said otherwise.
    fn connect_pool(connections: u32) -> impl Future<Output = Result<Arc<dyn Driver>>> + Send {
        let _ = connections;
        async { Ok(Arc::new(Self::connect().await?) as Arc<dyn Driver>) }
    }
}

/// Everything in the schema of a SQLite database.
const SQLITE_TABLES: &str = "select type || name || coalesce(sql, '') from sqlite_schema order by 1";

/// SQLite in memory.
#[derive(Clone, Copy, Debug)]
pub struct Sqlite;

impl Backend for Sqlite {
    type Driver = orm_sqlx::Sqlite;

    const TABLES: &'static str = SQLITE_TABLES;

    async fn connect() -> Result<Self::Driver> {
        orm_sqlx::Sqlite::connect("sqlite::memory:").await
    }

    async fn connect_pool(connections: u32) -> Result<Arc<dyn Driver>> {
        SqliteFile::connect_pool(connections).await
    }
}

/// The database that `ORM_TEST_DATABASE` names: `postgres`, or else SQLite in memory.
#[derive(Clone, Copy, Debug)]
pub struct Given;

impl Backend for Given {
    type Driver = SharedDriver;

    async fn connect() -> Result<Self::Driver> {
        match std::env::var("ORM_TEST_DATABASE").as_deref() {
            Ok("postgres") => Ok(SharedDriver(Arc::new(postgres::connect(5).await?))),
            _ => Ok(SharedDriver(Arc::new(Sqlite::connect().await?))),
        }
    }

    async fn connect_pool(connections: u32) -> Result<Arc<dyn Driver>> {
        match std::env::var("ORM_TEST_DATABASE").as_deref() {
            Ok("postgres") => Ok(Arc::new(postgres::connect(connections).await?)),
            _ => Sqlite::connect_pool(connections).await,
        }
    }
}

/// SQLite in a file, with as many connections as it has by default: contexts really run side by side.
#[derive(Clone, Copy, Debug)]
pub struct SqliteFile;

impl Backend for SqliteFile {
    type Driver = OnFile;

    const TABLES: &'static str = SQLITE_TABLES;

    async fn connect() -> Result<Self::Driver> {
        OnFile::open(|options| options).await
    }

    async fn connect_pool(connections: u32) -> Result<Arc<dyn Driver>> {
        Ok(Arc::new(OnFile::open(|options| options.max_connections(connections)).await?))
    }
}

/// A driver on a file that goes with it.
#[derive(Debug)]
pub struct OnFile {
    driver: orm_sqlx::Sqlite,
    folder: PathBuf,
}

impl OnFile {
    async fn open(configure: impl FnOnce(SqliteOptions) -> SqliteOptions) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("orm-tests-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(Error::other)?;
        let driver = configure(orm_sqlx::Sqlite::options()).path(folder.join("test.db")).connect().await?;
        Ok(Self { driver, folder })
    }
}

impl Drop for OnFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Driver for OnFile {
    fn capabilities(&self) -> &Capabilities {
        self.driver.capabilities()
    }

    fn acquire(&self) -> BoxFuture<'_, Result<Box<dyn Connection>, DriverError>> {
        self.driver.acquire()
    }

    fn create_schema(&self, schema: &Schema) -> Result<Vec<String>, DriverError> {
        self.driver.create_schema(schema)
    }

    fn drop_schema(&self, schema: &Schema) -> Result<Vec<String>, DriverError> {
        self.driver.drop_schema(schema)
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

/// SQLite in a file, with a pool of one connection: whoever comes next gets what the one before left.
#[derive(Clone, Copy, Debug)]
pub struct SqliteAlone;

impl Backend for SqliteAlone {
    type Driver = OnFile;

    const TABLES: &'static str = SQLITE_TABLES;

    async fn connect() -> Result<OnFile> {
        OnFile::open(|options| options.max_connections(1)).await
    }
}

/// A driver that can do less, or so it says.
#[derive(Debug)]
pub struct Limited<D> {
    driver: D,
    capabilities: Capabilities,
}

impl<D: Driver> Limited<D> {
    /// Changes what `driver` says that it can do.
    pub fn new(driver: D, limit: impl FnOnce(Capabilities) -> Capabilities) -> Self {
        let capabilities = limit(driver.capabilities().clone());
        Self { driver, capabilities }
    }
}

impl<D: Driver> Driver for Limited<D> {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn acquire(&self) -> BoxFuture<'_, Result<Box<dyn Connection>, DriverError>> {
        self.driver.acquire()
    }

    fn create_schema(&self, schema: &Schema) -> Result<Vec<String>, DriverError> {
        self.driver.create_schema(schema)
    }

    fn drop_schema(&self, schema: &Schema) -> Result<Vec<String>, DriverError> {
        self.driver.drop_schema(schema)
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
        Self::on(B::connect().await?, configure).await
    }

    /// Opens a database that lends so many connections at the same time.
    ///
    /// # Errors
    ///
    /// Whatever the driver or the metadata refuses.
    pub async fn open_pool<B: Backend>(
        connections: u32,
        configure: impl FnOnce(OrmBuilder) -> OrmBuilder,
    ) -> Result<Self> {
        let db = Self::on(SharedDriver(B::connect_pool(connections).await?), configure).await?;
        db.orm.schema().create().await?;
        db.recorder.reset();
        Ok(db)
    }

    /// Opens the database of a driver that the test keeps, without creating tables.
    ///
    /// # Errors
    ///
    /// Whatever the metadata refuses.
    pub async fn on(driver: impl Driver, configure: impl FnOnce(OrmBuilder) -> OrmBuilder) -> Result<Self> {
        let recorder = Recorder::default();
        let driver = SharedDriver(Arc::new(Recording::new(driver, recorder.clone())));
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

    /// Begins a transaction on the next connection of the pool and rolls it back, which fails where somebody left one
    /// open.
    ///
    /// # Errors
    ///
    /// Whatever the database refuses.
    pub async fn begin_and_roll_back(&self) -> Result<()> {
        let mut connection = self.driver.acquire().await.map_err(Error::other)?;
        let begin = TransactionStep::Begin(TransactionMode::default());
        connection.transaction(begin).await.map_err(Error::other)?;
        connection.transaction(TransactionStep::Rollback).await.map_err(Error::other)
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
pub struct SharedDriver(Arc<dyn Driver>);

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

    fn statement(&self, select: &Select, reading: Reading) -> Result<StatementText, DriverError> {
        self.0.statement(select, reading)
    }

    fn raw_effect(&self, raw: &Raw) -> Result<RawEffect, DriverError> {
        self.0.raw_effect(raw)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.close()
    }
}
