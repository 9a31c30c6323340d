//! What can be set before connecting to PostgreSQL.

use std::fmt;
use std::str::FromStr;

use orm_core::driver::{DriverError, DriverErrorKind};
use orm_sql::Statements;
use sqlx_core::connection::ConnectOptions;
use sqlx_core::error::Error;
use sqlx_postgres::{PgConnectOptions, PgSslMode};

use super::tls::{self, TlsMode, TlsSettings, Way, tls_settings};
use crate::backend::postgres::PostgresBackend;
use crate::driver::Postgres;
use crate::driver::pool::{Opening, Pool, PoolSettings};
use crate::error::driver_error;

/// Settings of a [`Postgres`] driver; made by [`Postgres::options`].
///
/// ```no_run
/// # async fn run() -> orm_core::Result<()> {
/// use orm_sqlx::Postgres;
///
/// let driver = Postgres::options()
///     .url("postgres://ann@localhost/library")
///     .max_connections(20)
///     .application_name("library")
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "options do nothing until `connect` is awaited"]
pub struct PostgresOptions {
    url: Option<String>,
    pool: PoolSettings,
    tls: TlsSettings,
    statement_cache: usize,
    application_name: Option<String>,
}

impl PostgresOptions {
    pub(in crate::driver) fn new() -> Self {
        Self {
            url: None,
            pool: PoolSettings::default(),
            tls: TlsSettings::default(),
            statement_cache: 500,
            application_name: None,
        }
    }

    /// The database, as `postgres://user:password@host:port/name`; parameters such as `?sslmode=require` are those of
    /// libpq. What it leaves out, and all of it where none is given, comes from `PGHOST` and its kin.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Opens so many connections at the most, at least one. 5 by default.
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.pool.max_connections = connections.max(1);
        self
    }

    /// Keeps so many prepared statements on each connection. 500 by default; none behind a pooler that hands each
    /// transaction another connection and does not follow prepared statements.
    pub fn statement_cache(mut self, statements: usize) -> Self {
        self.statement_cache = statements;
        self
    }

    /// What the server shows this program as.
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.application_name = Some(name.into());
        self
    }

    tls_settings!();
    pool_settings!();
    pool_taken_over!();

    /// Connects.
    ///
    /// # Errors
    ///
    /// [`orm_core::Error::Driver`] when the URL is wrong, the server can't be reached, or it refuses user, password or
    /// database; the message says which, and never the password.
    pub async fn connect(self) -> orm_core::Result<Postgres> {
        let opened = self.open().await;
        let pool = opened.map_err(|source| orm_core::Error::Driver { action: "connect", source })?;
        Ok(Postgres::new(pool))
    }

    async fn open(self) -> Result<Pool<PostgresBackend>, DriverError> {
        let connect = match &self.url {
            Some(url) => parse(url)?,
            None => PgConnectOptions::new(),
        };
        let connect = connect.statement_cache_capacity(self.statement_cache).disable_statement_logging();
        let connect = match &self.application_name {
            Some(name) => connect.application_name(name),
            None => connect,
        };
        let connect = encrypted(connect, &self.tls);
        tls::check(tls_mode(connect.get_ssl_mode()))?;
        let host = connect.get_host().to_owned();
        let database = connect.get_database().unwrap_or_else(|| connect.get_username()).to_owned();
        let name = format!("{database} at {host}:{}", connect.get_port());
        let way = if connect.get_socket().is_some() { Way::Socket } else { Way::Network };
        // The pool does not know what the database is called, and would wait for a server that is about to start.
        let first = connect.connect().await.map_err(|error| cannot_reach(&name, way, error))?;
        let opening = Opening { first: Some(first), ..Opening::plain(connect, name, Statements::postgres()) };
        Pool::open(self.pool, opening).await
    }
}

/// What sqlx reads of a URL, but for single settings in `options[..]`.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

fn parse(url: &str) -> Result<PgConnectOptions, DriverError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(wrong("it is no PostgreSQL URL; write postgres://user@host/database"));
    }
    let url =
        tls::with_known_parameters(url, |name| PARAMETERS.contains(&name) || name.starts_with("options["));
    // The cause might name parts of the URL, and so the password.
    PgConnectOptions::from_str(&url).map_err(|_| {
        wrong("the URL can't be read; write postgres://user:password@host:port/database, with % escapes")
    })
}

fn cannot_reach(name: &str, way: Way, error: Error) -> DriverError {
    match tls::cannot_reach(name, way, error) {
        Ok(reason) => reason,
        Err(other) => driver_error::<PostgresBackend>(other, &format!("opening the database {name}")),
    }
}

fn encrypted(connect: PgConnectOptions, tls: &TlsSettings) -> PgConnectOptions {
    let connect = match tls.mode {
        Some(mode) => connect.ssl_mode(ssl_mode(mode)),
        None => connect,
    };
    match &tls.root_certificate {
        Some(path) => connect.ssl_root_cert(path),
        None => connect,
    }
}

fn ssl_mode(mode: TlsMode) -> PgSslMode {
    match mode {
        TlsMode::Off => PgSslMode::Disable,
        TlsMode::Preferred => PgSslMode::Prefer,
        TlsMode::Required => PgSslMode::Require,
        TlsMode::VerifyCa => PgSslMode::VerifyCa,
        TlsMode::VerifyFull => PgSslMode::VerifyFull,
    }
}

fn tls_mode(mode: PgSslMode) -> TlsMode {
    match mode {
        // sqlx does not encrypt where it is only allowed.
        PgSslMode::Disable | PgSslMode::Allow => TlsMode::Off,
        PgSslMode::Prefer => TlsMode::Preferred,
        PgSslMode::Require => TlsMode::Required,
        PgSslMode::VerifyCa => TlsMode::VerifyCa,
        PgSslMode::VerifyFull => TlsMode::VerifyFull,
    }
}

fn wrong(problem: &str) -> DriverError {
    DriverError::new(DriverErrorKind::Other, problem)
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may have a password in it.
        f.debug_struct("PostgresOptions")
            .field("max_connections", &self.pool.max_connections)
            .field("acquire_timeout", &self.pool.acquire_timeout)
            .field("tls", &self.tls)
            .field("statement_cache", &self.statement_cache)
            .field("application_name", &self.application_name)
            .finish_non_exhaustive()
    }
}
