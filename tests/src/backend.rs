//! Databases that the suite runs on: each test gets an empty one of its own.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use orm_core::driver::{
    BoxFuture, Capabilities, Connection, Driver, DriverError, Raw, RawEffect, Reading, Select, StatementText,
    TransactionMode, TransactionStep,
};
use orm_core::schema::database::DatabaseSchema;
use orm_core::schema::{Schema, SchemaComparison, SchemaDiff, UnderstoodSchema};
use orm_core::{EntityManager, Error, Orm, OrmBuilder, Result};

use orm_sqlx::SqliteOptions;

use crate::fixtures::printed::Printed;
use crate::plain::begin_left_open;
use crate::proxy::Proxy;
use crate::recorder::{Recorder, Recording};

pub mod given;
mod mysql;
mod postgres;

/// What tests have to know of a database: not what is promised of it, but what it is.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Whether its texts and its JSON may have a NUL.
    pub keeps_nul: bool,
    /// Whether its floats may be no number.
    pub keeps_nan: bool,
    /// Whether a column holds its own type alone, dates and UUIDs included, so that others can't write nonsense into it.
    pub is_typed: bool,
    /// The type of a key that it generates from 4 on, in a table that others make with three rows in it.
    pub generated_key: &'static str,
    /// How it is made to generate 128 next for `tiny.id`, where that does not follow from the rows.
    pub next_is_128: Option<&'static str>,
    /// Whether a transaction goes on after a statement in it failed, and not only after a rollback to a savepoint.
    pub goes_on_after_failure: bool,
    /// Whether changes of the schema are taken back with the transaction that they are in.
    pub takes_back_schema: bool,
    /// Text that is no UTF-8.
    pub text_that_is_none: &'static str,
    /// Fields of `Parcel` whose columns take what is none of their values all the same.
    pub takes_anything: &'static [&'static str],
    /// Whether bytes that are too few for a UUID are filled up to one, whatever they were meant for.
    pub fills_uuids: bool,
    /// Whether floats may be infinite.
    pub keeps_infinity: bool,
    /// Whether the zeros behind a decimal stay.
    pub keeps_scale: bool,
    /// How deep JSON may be nested at least.
    pub json_depth: usize,
    /// Kinds of statements of programs that can give back the rows that they write.
    pub returning: &'static [&'static str],
    /// What names are quoted with, inside of which it is doubled.
    pub quote: char,
    /// A statement that lists the names of all tables, and what they look like where that is easily said.
    pub tables: &'static str,
    /// A query for all comments on tables and columns, where it keeps any.
    pub comments: Option<&'static str>,
    /// Whether it computes columns when they are read.
    pub has_virtual_columns: bool,
    /// Whether an upsert that leaves rows as they are gives back those that it inserted.
    pub gives_back_missing: bool,
    /// How many statements an upsert takes whose rows are wanted: itself, or with a read and what makes the two one.
    pub upsert_statements: u64,
    /// How its sessions are seen and ended, where it has any.
    pub sessions: Option<SessionFacts>,
    /// What a transaction is told first so that it finds circles of waiting soon, where it does not by itself.
    pub finds_deadlocks_soon: Option<&'static str>,
    /// Changes of the type of `seat.price` after which the values that it has still fit.
    pub narrows_and_widens: &'static [&'static str],
    /// How a session is made to read only, and to write again.
    pub only_reads: [&'static str; 2],
    /// What it refuses inside a transaction and runs outside of one, without doing anything.
    pub refused_inside: &'static str,
    /// Whether a `begin` of sqlx's own pool that is dropped can leave a transaction open.
    pub plain_begin_is_left_open: bool,
    /// A type of columns that the ORM has nothing for.
    pub unknown_type: &'static str,
    /// What is printed of it.
    pub printed: Printed,
    /// Collations that hold keys equal that are spelled in two ways.
    pub spellings: &'static [Spelling],
}

/// A collation that holds keys equal that are spelled in two ways.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// What it takes to have it.
    pub before: &'static [&'static str],
    /// The type of a column with it.
    pub column: &'static str,
    /// Three keys as they are written.
    pub stored: [&'static str; 3],
    /// The first two of them, spelled otherwise than the database gives them back.
    pub other: [&'static str; 2],
}

impl Spelling {
    /// Letters of any case are equal.
    const fn folded(before: &'static [&'static str], column: &'static str) -> Self {
        Self { before, column, stored: ["abc", "abd", "abe"], other: ["ABC", "aBD"] }
    }

    /// A type that may fill up or cut off what it is given, and gives it back as it was written.
    pub const FIXED: Self = Self { other: ["abc", "abd"], ..Self::padded("CHAR(5)") };

    /// Spaces at the end do not count.
    const fn padded(column: &'static str) -> Self {
        Self { before: &[], column, stored: ["abc", "abd", "abe"], other: ["abc ", "abd  "] }
    }
}

/// How the sessions of a server are seen and ended. `{}` stands for the number of one.
#[derive(Clone, Copy, Debug)]
pub struct SessionFacts {
    /// A query that tells its own number.
    pub own: &'static str,
    /// A query that counts those of a number.
    pub count: &'static str,
    /// A statement that ends one.
    pub kill: &'static str,
    /// A query that lasts for ten seconds.
    pub lasting: &'static str,
    /// A query that counts those of a number that wait for a lock.
    pub waits: &'static str,
    /// How long that has to rest before it gives another answer.
    pub looks_again: Duration,
}

impl Facts {
    const SQLITE: Self = Self {
        keeps_nul: true,
        keeps_nan: false,
        is_typed: false,
        generated_key: "INTEGER PRIMARY KEY",
        next_is_128: None,
        goes_on_after_failure: true,
        takes_back_schema: true,
        text_that_is_none: "CAST(X'73336372ff' AS TEXT)",
        takes_anything: &[],
        fills_uuids: false,
        keeps_infinity: true,
        keeps_scale: true,
        json_depth: 100,
        returning: &["insert", "update"],
        quote: '"',
        tables: "select type || name || coalesce(sql, '') from sqlite_schema order by 1",
        comments: None,
        has_virtual_columns: true,
        gives_back_missing: true,
        upsert_statements: 1,
        sessions: None,
        finds_deadlocks_soon: None,
        // It does not change the type of a column, but has to prepare anew as well.
        narrows_and_widens: &[
            "ALTER TABLE seat ADD COLUMN more INTEGER",
            "ALTER TABLE seat DROP COLUMN more",
        ],
        only_reads: ["PRAGMA query_only = ON", "PRAGMA query_only = OFF"],
        refused_inside: "VACUUM",
        // Its worker rolls back what nobody waits for.
        plain_begin_is_left_open: false,
        spellings: &[Spelling::folded(&[], "TEXT COLLATE NOCASE"), Spelling::padded("TEXT COLLATE RTRIM")],
        unknown_type: "GEOMETRY",
        printed: Printed::SQLITE,
    };
    const POSTGRES: Self = Self {
        keeps_nul: false,
        keeps_nan: true,
        is_typed: true,
        generated_key: "INTEGER GENERATED BY DEFAULT AS IDENTITY (START WITH 4) PRIMARY KEY",
        next_is_128: Some("ALTER TABLE tiny ALTER COLUMN id RESTART WITH 128"),
        goes_on_after_failure: false,
        takes_back_schema: true,
        text_that_is_none: "E's3cr\\xff'",
        takes_anything: &[],
        fills_uuids: false,
        keeps_infinity: true,
        keeps_scale: true,
        json_depth: 100,
        returning: &["insert", "update"],
        quote: '"',
        tables: "select table_name::text from information_schema.tables where table_schema = current_schema() order by 1",
        comments: Some(
            "select description from pg_description join pg_class on oid = objoid \
                        where relnamespace = current_schema()::regnamespace",
        ),
        has_virtual_columns: false,
        gives_back_missing: true,
        upsert_statements: 1,
        sessions: Some(SessionFacts {
            own: "select pg_backend_pid()::bigint",
            count: "select count(*) from pg_stat_activity where pid = {}",
            kill: "select pg_terminate_backend({})",
            lasting: "select pg_sleep(10)::text",
            waits: "select count(*) from pg_stat_activity where pid = {} and wait_event_type = 'Lock'",
            looks_again: Duration::from_millis(5),
        }),
        finds_deadlocks_soon: Some("set local deadlock_timeout = '10ms'"),
        narrows_and_widens: &[
            "ALTER TABLE seat ALTER COLUMN price TYPE integer",
            "ALTER TABLE seat ALTER COLUMN price TYPE bigint",
        ],
        only_reads: [
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        ],
        refused_inside: "DISCARD ALL",
        plain_begin_is_left_open: true,
        spellings: &[Spelling::folded(
            &["CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"],
            "TEXT COLLATE folded",
        )],
        unknown_type: "box",
        printed: Printed::POSTGRES,
    };
    const MYSQL: Self = Self {
        keeps_nul: true,
        keeps_nan: false,
        is_typed: true,
        generated_key: "BIGINT AUTO_INCREMENT PRIMARY KEY",
        next_is_128: None,
        goes_on_after_failure: true,
        takes_back_schema: false,
        text_that_is_none: "X'73336372ff'",
        takes_anything: &["fragile", "sent_at"],
        fills_uuids: true,
        keeps_infinity: false,
        keeps_scale: false,
        json_depth: 30,
        returning: &[],
        quote: '`',
        tables: "select table_name from information_schema.tables where table_schema = database() order by 1",
        comments: Some(
            "select table_comment from information_schema.tables where table_schema = database() and table_comment <> '' \
             union all select column_comment from information_schema.columns \
             where table_schema = database() and column_comment <> ''",
        ),
        has_virtual_columns: true,
        gives_back_missing: false,
        upsert_statements: 4,
        sessions: Some(SessionFacts {
            own: "select cast(connection_id() as signed)",
            count: "select count(*) from information_schema.processlist where id = {}",
            kill: "KILL {}",
            lasting: "select cast(sleep(10) as char)",
            waits: "select count(*) from information_schema.innodb_trx where trx_mysql_thread_id = {} and trx_state = 'LOCK WAIT'",
            looks_again: Duration::from_millis(150),
        }),
        finds_deadlocks_soon: None,
        narrows_and_widens: &[
            "ALTER TABLE seat MODIFY COLUMN price INTEGER NOT NULL",
            "ALTER TABLE seat MODIFY COLUMN price BIGINT NOT NULL",
        ],
        only_reads: ["SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION READ WRITE"],
        refused_inside: "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        plain_begin_is_left_open: true,
        spellings: &[
            Spelling::folded(&[], "VARCHAR(8) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"),
            Spelling::padded("VARCHAR(8) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"),
            // It cuts off what it is given.
            Spelling::padded("CHAR(8) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"),
        ],
        unknown_type: "geometry",
        printed: Printed::MYSQL,
    };
    const MARIADB: Self =
        Self { returning: &["insert"], upsert_statements: 1, printed: Printed::MARIADB, ..Self::MYSQL };
    const MARIADB_WITHOUT_RETURNING: Self = Self { upsert_statements: 4, ..Self::MARIADB };
}

/// A kind of database.
pub trait Backend: 'static {
    /// Its driver.
    type Driver: Driver;

    /// What it is.
    #[must_use]
    fn facts() -> Facts {
        Facts::SQLITE
    }

    /// Connects to a new, empty database.
    fn connect() -> impl Future<Output = Result<Self::Driver>> + Send;

    /// Connects to a new, empty database that lends so many connections at the same time; one that has as many as it
    /// likes, if not said otherwise.
    fn connect_pool(connections: u32) -> impl Future<Output = Result<Arc<dyn Driver>>> + Send {
        let _ = connections;
        async { Ok(Arc::new(Self::connect().await?) as Arc<dyn Driver>) }
    }

    /// Finds a new, empty database, and a way to it that can be cut; an error where the database is no
    /// [server](crate::databases::Database::is_server).
    fn connect_by_proxy() -> impl Future<Output = Result<ByProxy>> + Send {
        async { Err(Error::other("this backend has no server")) }
    }

    /// As [`begin_left_open`], of a new, empty database.
    fn plain_begin_left_open() -> impl Future<Output = Result<Option<usize>>> {
        async {
            begin_left_open::<sqlx_sqlite::Sqlite>("sqlite::memory:", Self::facts().refused_inside).await
        }
    }
}

/// A database on a server, and the way to it that can be cut.
pub struct ByProxy {
    /// Past the proxy.
    pub past: SharedDriver,
    /// What can cut the others.
    pub proxy: Proxy,
    connect: ConnectThrough,
}

impl fmt::Debug for ByProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByProxy")
            .field("past", &self.past)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

type ConnectThrough = Box<dyn Fn(u32) -> BoxFuture<'static, Result<SharedDriver>> + Send + Sync>;

impl ByProxy {
    /// A new driver through the proxy, with so many connections.
    ///
    /// # Errors
    ///
    /// Whatever the driver refuses.
    pub async fn connect(&self, connections: u32) -> Result<SharedDriver> {
        (self.connect)(connections).await
    }
}

/// SQLite in memory.
#[derive(Clone, Copy, Debug)]
pub struct Sqlite;

impl Backend for Sqlite {
    type Driver = orm_sqlx::Sqlite;

    async fn connect() -> Result<Self::Driver> {
        orm_sqlx::Sqlite::connect("sqlite::memory:").await
    }

    async fn connect_pool(connections: u32) -> Result<Arc<dyn Driver>> {
        SqliteFile::connect_pool(connections).await
    }
}

/// SQLite in a file, with as many connections as it has by default: contexts really run side by side.
#[derive(Clone, Copy, Debug)]
pub struct SqliteFile;

impl Backend for SqliteFile {
    type Driver = OnFile;

    async fn connect() -> Result<Self::Driver> {
        OnFile::open(|options| options).await
    }

    async fn connect_pool(connections: u32) -> Result<Arc<dyn Driver>> {
        Ok(Arc::new(OnFile::open(|options| options.max_connections(connections)).await?))
    }
}

/// A driver, and what goes when it goes.
#[derive(Debug)]
pub struct Owning<D, T> {
    driver: D,
    /// After the driver.
    _owned: T,
}

/// A driver on a file that goes with it.
pub type OnFile = Owning<orm_sqlx::Sqlite, Folder>;

/// A folder of a test.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl OnFile {
    async fn open(configure: impl FnOnce(SqliteOptions) -> SqliteOptions) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("orm-tests-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(Error::other)?;
        let driver = configure(orm_sqlx::Sqlite::options()).path(folder.join("test.db")).connect().await?;
        Ok(Self { driver, _owned: Folder(folder) })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl<D: Driver, T: fmt::Debug + Send + Sync + 'static> Driver for Owning<D, T> {
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

/// SQLite in a file, with a pool of one connection: whoever comes next gets what the one before left.
#[derive(Clone, Copy, Debug)]
pub struct SqliteAlone;

impl Backend for SqliteAlone {
    type Driver = OnFile;

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

/// An ORM on a database of its own, with its tables, and the record of what was sent since.
#[derive(Clone, Debug)]
pub struct TestDb {
    /// The ORM.
    pub orm: Orm,
    /// What was sent to the driver.
    pub recorder: Recorder,
    driver: SharedDriver,
    quote: char,
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
        let db = Self::on(B::connect().await?, configure).await?;
        Ok(Self { quote: B::facts().quote, ..db })
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
        let db = Self { quote: B::facts().quote, ..db };
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
        Ok(Self { orm, recorder, driver, quote: '"' })
    }

    /// Another ORM on the same database, with other entities: how another program sees it.
    ///
    /// # Errors
    ///
    /// Whatever the metadata refuses.
    pub async fn beside(&self, configure: impl FnOnce(OrmBuilder) -> OrmBuilder) -> Result<Self> {
        let orm = configure(Orm::builder(self.driver.clone())).build().await?;
        Ok(Self { orm, recorder: self.recorder.clone(), driver: self.driver.clone(), quote: self.quote })
    }

    /// Runs statements in the database's own words, as another program would.
    ///
    /// # Errors
    ///
    /// Whatever the database refuses.
    pub async fn run(&self, statements: &[&str]) -> Result<()> {
        let statements: Vec<String> = statements.iter().map(|sql| quoted(sql, self.quote)).collect();
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

/// A statement with double quotes around its names, with those of a database.
fn quoted(sql: &str, quote: char) -> String {
    let (mut text, mut inside) = (String::new(), None);
    let mut characters = sql.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, inside) {
            ('"', Some('"')) if characters.next_if_eq(&'"').is_some() => {
                text.push_str(if quote == '"' { "\"\"" } else { "\"" });
            }
            ('"', Some('"')) => {
                text.push(quote);
                inside = None;
            }
            ('\'', Some('\'')) => {
                text.push('\'');
                inside = None;
            }
            ('"', None) => {
                text.push(quote);
                inside = Some('"');
            }
            ('\'', None) => {
                text.push('\'');
                inside = Some('\'');
            }
            (other, Some('"')) if other == quote => text.extend([other, other]),
            (other, _) => text.push(other),
        }
    }
    text
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

    fn diff_schema(&self, comparison: &SchemaComparison) -> Result<SchemaDiff, DriverError> {
        self.0.diff_schema(comparison)
    }

    fn understand_schema(&self, live: &DatabaseSchema) -> Result<UnderstoodSchema, DriverError> {
        self.0.understand_schema(live)
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

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn names_get_the_quotes_of_the_database() {
        let sql = r#"SELECT "a""b`", 'it''s "so"' FROM "c""#;
        assert_eq!(quoted(sql, '"'), sql);
        assert_eq!(quoted(sql, '`'), r#"SELECT `a"b```, 'it''s "so"' FROM `c`"#);
    }
}
