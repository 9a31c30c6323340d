//! What can be set before connecting to SQLite.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use orm_core::driver::{DriverError, DriverErrorKind};
use orm_sql::Statements;
use sqlx_core::connection::ConnectOptions;
use sqlx_core::executor::Executor;
use sqlx_core::query_scalar::query_scalar;
use sqlx_sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::backend::sqlite::SqliteBackend;
use crate::driver::Sqlite;
use crate::driver::pool::{Opening, Pool, PoolSettings, cannot_open};
use crate::error::driver_error;

/// Settings of a [`Sqlite`] driver; made by [`Sqlite::options`].
///
/// ```no_run
/// # async fn run() -> orm_core::Result<()> {
/// use std::time::Duration;
///
/// use orm_sqlx::Sqlite;
///
/// let driver = Sqlite::options()
///     .path("library.db")
///     .max_connections(10)
///     .busy_timeout(Duration::from_secs(10))
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "options do nothing until `connect` is awaited"]
pub struct SqliteOptions {
    location: Location,
    pool: PoolSettings,
    busy_timeout: Duration,
    write_ahead_log: bool,
    read_only: bool,
    statement_cache: usize,
}

/// Where the database is.
#[derive(Clone, Debug)]
enum Location {
    Memory,
    Path(PathBuf),
    Url(String),
}

/// What a location means for opening connections.
struct Target {
    connect: SqliteConnectOptions,
    /// Shown in `Debug` of the driver.
    name: String,
    is_in_memory: bool,
    is_read_only: bool,
}

impl SqliteOptions {
    pub(in crate::driver) fn new() -> Self {
        Self {
            location: Location::Memory,
            pool: PoolSettings::default(),
            busy_timeout: Duration::from_secs(5),
            write_ahead_log: true,
            read_only: false,
            statement_cache: 500,
        }
    }

    /// Opens what `url` names; see [`Sqlite::connect`].
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.location = Location::Url(url.into());
        self
    }

    /// Opens the file at `path`, and makes it if it does not exist.
    pub fn path(mut self, path: impl AsRef<Path>) -> Self {
        self.location = Location::Path(path.as_ref().to_owned());
        self
    }

    /// Opens a new database in memory, which lives as long as the driver. The default.
    ///
    /// It has one connection, whatever [`max_connections`](Self::max_connections) says: it has no write-ahead log,
    /// so that readers and a writer would wait for each other. It can hold 1 GiB.
    pub fn memory(mut self) -> Self {
        self.location = Location::Memory;
        self
    }

    /// Opens so many connections at the most, at least one. 5 by default.
    ///
    /// SQLite has one writer at a time; more connections help those that read.
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.pool.max_connections = connections.max(1);
        self
    }

    /// Waits so long for another writer, of this program or another one. 5 seconds by default.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout.min(Duration::from_millis(i32::MAX.unsigned_abs().into()));
        self
    }

    /// Whether a file is switched to write-ahead logging, so that readers never wait for the writer. On by default;
    /// off leaves the file's journal mode as it is.
    pub fn write_ahead_log(mut self, on: bool) -> Self {
        self.write_ahead_log = on;
        self
    }

    /// Opens the file read-only; it must exist.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Keeps so many prepared statements on each connection. 500 by default.
    pub fn statement_cache(mut self, statements: usize) -> Self {
        self.statement_cache = statements;
        self
    }

    pool_settings!();
    pool_taken_over!();

    /// Opens the database.
    ///
    /// # Errors
    ///
    /// [`orm_core::Error::Driver`] when the URL is wrong or the file can't be opened.
    pub async fn connect(self) -> orm_core::Result<Sqlite> {
        let opened = self.open().await;
        let pool = opened.map_err(|source| orm_core::Error::Driver { action: "connect", source })?;
        Ok(Sqlite::new(pool))
    }

    /// A wrong path or a file that is none fails here, not at the first query.
    async fn open(self) -> Result<Pool<SqliteBackend>, DriverError> {
        let target = self.target()?;
        let mut settings = self.pool;
        let anchor = match target.is_in_memory {
            true => {
                settings.max_connections = 1;
                Some(target.connect.connect().await.map_err(cannot_open::<SqliteBackend>)?)
            }
            false => None,
        };
        let switches = self.write_ahead_log && !target.is_in_memory && !target.is_read_only;
        let opening =
            Opening { anchor, ..Opening::plain(target.connect, target.name.clone(), Statements::sqlite()) };
        let pool = Pool::open(settings, opening).await?;
        prepare(&pool, &target.name, switches, self.busy_timeout).await?;
        Ok(pool)
    }

    fn target(&self) -> Result<Target, DriverError> {
        let (connect, name, is_in_memory) = match &self.location {
            Location::Memory => (in_memory(), "memory".to_owned(), true),
            Location::Path(path) => {
                let connect = SqliteConnectOptions::new().filename(path).create_if_missing(!self.read_only);
                (connect, path.display().to_string(), false)
            }
            Location::Url(url) => self.parse(url)?,
        };
        let is_read_only =
            self.read_only || matches!(&self.location, Location::Url(url) if mode(url) == Some("ro"));
        if is_in_memory && is_read_only {
            return Err(wrong("a new database in memory can't be read-only"));
        }
        let connect = connect
            .read_only(is_read_only)
            .busy_timeout(self.busy_timeout)
            .statement_cache_capacity(self.statement_cache)
            .collation(orm_sql::sqlite::DECIMAL_COLLATION, orm_sql::decimal::compare)
            .thread_name(|number| format!("orm-sqlite-{number}"))
            .disable_statement_logging();
        Ok(Target { connect, name, is_in_memory, is_read_only })
    }

    fn parse(&self, url: &str) -> Result<(SqliteConnectOptions, String, bool), DriverError> {
        if let Some((scheme, _)) = url.split_once("://")
            && scheme != "sqlite"
        {
            return Err(wrong(format!(
                "`{scheme}://` is no SQLite URL; write sqlite::memory:, sqlite:PATH or a path"
            )));
        }
        let place = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or(url);
        let path = place.split_once('?').map_or(place, |(path, _)| path);
        if path == ":memory:" || mode(url) == Some("memory") {
            return Ok((in_memory(), "memory".to_owned(), true));
        }
        if path.is_empty() {
            return Err(wrong(
                "the URL names no file; write sqlite:PATH, or sqlite::memory: for one in memory",
            ));
        }
        let parsed = SqliteConnectOptions::from_str(url);
        let connect = parsed.map_err(|error| driver_error::<SqliteBackend>(error, "reading the URL"))?;
        let creates = !self.read_only && matches!(mode(url), None | Some("rwc"));
        Ok((connect.create_if_missing(creates), path.to_owned(), false))
    }
}

/// Reads the file, so that one that is no database is told now, and sets its journal mode.
async fn prepare(
    pool: &Pool<SqliteBackend>,
    name: &str,
    write_ahead_log: bool,
    patience: Duration,
) -> Result<(), DriverError> {
    let mut connection = pool.acquire().await?;
    connection.execute("PRAGMA schema_version").await.map_err(cannot_open::<SqliteBackend>)?;
    if write_ahead_log {
        let mode = switch_to_write_ahead_log(&mut connection, patience).await?;
        if mode != "wal" {
            tracing::warn!(target: "orm::driver", database = name, mode, "no write-ahead log here");
        }
    }
    Ok(())
}

/// Gives the journal mode that the file has then.
async fn switch_to_write_ahead_log(
    connection: &mut SqliteConnection,
    patience: Duration,
) -> Result<String, DriverError> {
    let deadline = Instant::now() + patience;
    loop {
        let mode = query_scalar("PRAGMA journal_mode = WAL").fetch_one(&mut *connection).await;
        match mode.map_err(cannot_open::<SqliteBackend>) {
            // SQLite's own busy timeout does not hold for this switch.
            Err(error) if error.kind() == DriverErrorKind::Busy && Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            answer => return answer,
        }
    }
}

/// The `mode` that a URL asks for.
fn mode(url: &str) -> Option<&str> {
    let (_, parameters) = url.split_once('?')?;
    parameters.split('&').find_map(|parameter| parameter.strip_prefix("mode="))
}

/// A database in memory that every connection of one driver shares, and no other.
fn in_memory() -> SqliteConnectOptions {
    use std::sync::atomic::{AtomicU64, Ordering};

    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // The version tells apart two of this crate in one program, which count on their own.
    let name = format!("file:/orm-sqlx-{}-{number}?vfs=memdb", env!("CARGO_PKG_VERSION"));
    SqliteConnectOptions::new().filename(name).create_if_missing(true)
}

fn wrong(problem: impl Into<String>) -> DriverError {
    DriverError::new(DriverErrorKind::Other, problem)
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SqliteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteOptions")
            .field("location", &self.location)
            .field("max_connections", &self.pool.max_connections)
            .field("acquire_timeout", &self.pool.acquire_timeout)
            .field("busy_timeout", &self.busy_timeout)
            .field("write_ahead_log", &self.write_ahead_log)
            .field("read_only", &self.read_only)
            .field("statement_cache", &self.statement_cache)
            .finish_non_exhaustive()
    }
}
