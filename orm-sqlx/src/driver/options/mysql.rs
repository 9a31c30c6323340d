//! What can be set before connecting to MySQL or MariaDB, and what is set on each connection.

use std::fmt;
use std::str::FromStr;

use orm_core::driver::{DriverError, DriverErrorKind};
use sqlx_core::connection::ConnectOptions;
use sqlx_core::error::Error;
use sqlx_mysql::{MySqlConnectOptions, MySqlSslMode};

use super::tls::{self, TlsMode, TlsSettings, Way, tls_settings};
use crate::backend::mysql::{MySqlBackend, Server};
use crate::driver::MySql;
use crate::driver::pool::{Opening, Pool, PoolSettings};
use crate::error::driver_error;

/// Settings of a [`MySql`] driver; made by [`MySql::options`].
///
/// What a server could have otherwise by its own settings is set on every connection: strict modes, so that no value is
/// cut or changed silently, UTC, utf8mb4 with a collation that tells all texts apart, and messages in English.
///
/// ```no_run
/// # async fn run() -> orm_core::Result<()> {
/// use orm_sqlx::MySql;
///
/// let driver = MySql::options().url("mysql://ann@localhost/library").max_connections(20).connect().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "options do nothing until `connect` is awaited"]
pub struct MySqlOptions {
    url: Option<String>,
    pool: PoolSettings,
    tls: TlsSettings,
    statement_cache: usize,
    returning: bool,
}

impl MySqlOptions {
    pub(in crate::driver) fn new() -> Self {
        Self {
            url: None,
            pool: PoolSettings::default(),
            tls: TlsSettings::default(),
            statement_cache: 500,
            returning: true,
        }
    }

    /// The database, as `mysql://user:password@host:port/name` or `mariadb://…`; with `?socket=/path` over a socket.
    /// Without one it is the user `root` of the server on this machine, without a password.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Opens so many connections at the most, at least one. 5 by default.
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.pool.max_connections = connections.max(1);
        self
    }

    /// Keeps so many prepared statements on each connection. 500 by default; the server has a limit for all connections
    /// together, `max_prepared_stmt_count`.
    pub fn statement_cache(mut self, statements: usize) -> Self {
        self.statement_cache = statements;
        self
    }

    /// Whether a server that has RETURNING is asked with it for what it generates. On by default; off, MariaDB is written
    /// to in the way of MySQL, which has none.
    pub fn returning(mut self, on: bool) -> Self {
        self.returning = on;
        self
    }

    tls_settings!();
    pool_settings!();
    pool_taken_over!();

    /// Connects.
    ///
    /// # Errors
    ///
    /// [`orm_core::Error::Driver`] when the URL is wrong, the server can't be reached, is too old, or refuses user,
    /// password or database; the message says which, and never the password.
    pub async fn connect(self) -> orm_core::Result<MySql> {
        let opened = self.open().await;
        let pool = opened.map_err(|source| orm_core::Error::Driver { action: "connect", source })?;
        Ok(MySql::new(pool))
    }

    async fn open(self) -> Result<Pool<MySqlBackend>, DriverError> {
        let connect = match &self.url {
            Some(url) => parse(url)?,
            None => MySqlConnectOptions::new(),
        };
        // Everything that sqlx would set is among the settings of the server.
        let connect = connect
            .statement_cache_capacity(self.statement_cache)
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None)
            .set_names(false)
            .disable_statement_logging();
        let connect = encrypted(connect, &self.tls);
        tls::check(tls_mode(connect.get_ssl_mode()))?;
        let name = name_of(&connect);
        let way = if connect.get_socket().is_some() { Way::Socket } else { Way::Network };
        // The pool does not know what the database is called, and would wait for a server that is about to start.
        let mut first = connect.connect().await.map_err(|error| cannot_reach(&name, way, error))?;
        let server = Server::of(&mut first).await?;
        Pool::open(
            self.pool,
            Opening {
                connect,
                name,
                anchor: None,
                first: Some(first),
                statements: server.statements(self.returning),
                settings: Some(server.settings().into()),
                largest_message: Some(server.largest_message),
            },
        )
        .await
    }
}

fn name_of(connect: &MySqlConnectOptions) -> String {
    let place = match connect.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", connect.get_host(), connect.get_port()),
    };
    match connect.get_database() {
        Some(database) => format!("{database} at {place}"),
        None => format!("at {place}"),
    }
}

/// What sqlx reads of a URL.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslca",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "charset",
    "collation",
    "statement-cache-capacity",
    "socket",
    "timezone",
    "time-zone",
];

fn parse(url: &str) -> Result<MySqlConnectOptions, DriverError> {
    let Some(rest) = url.strip_prefix("mysql://").or_else(|| url.strip_prefix("mariadb://")) else {
        return Err(wrong("it is no MySQL URL; write mysql://user@host/database"));
    };
    let url = tls::with_known_parameters(&format!("mysql://{rest}"), |name| PARAMETERS.contains(&name));
    // The cause might name parts of the URL, and so the password.
    MySqlConnectOptions::from_str(&url).map_err(|_| {
        wrong("the URL can't be read; write mysql://user:password@host:port/database, with % escapes")
    })
}

fn cannot_reach(name: &str, way: Way, error: Error) -> DriverError {
    match tls::cannot_reach(name, way, error) {
        Ok(reason) => reason,
        Err(Error::Configuration(cause)) if cause.to_string().contains("RSA") => {
            let message = format!(
                "opening the database {name}: the server takes the password over TLS only; switch on the feature \
                 `tls-rustls` of orm-sqlx, and ask for TLS"
            );
            DriverError::new(DriverErrorKind::Unsupported, message)
        }
        Err(other) => driver_error::<MySqlBackend>(other, &format!("opening the database {name}")),
    }
}

fn encrypted(connect: MySqlConnectOptions, tls: &TlsSettings) -> MySqlConnectOptions {
    let connect = match tls.mode {
        Some(mode) => connect.ssl_mode(ssl_mode(mode)),
        None => connect,
    };
    match &tls.root_certificate {
        Some(path) => connect.ssl_ca(path),
        None => connect,
    }
}

fn ssl_mode(mode: TlsMode) -> MySqlSslMode {
    match mode {
        TlsMode::Off => MySqlSslMode::Disabled,
        TlsMode::Preferred => MySqlSslMode::Preferred,
        TlsMode::Required => MySqlSslMode::Required,
        TlsMode::VerifyCa => MySqlSslMode::VerifyCa,
        TlsMode::VerifyFull => MySqlSslMode::VerifyIdentity,
    }
}

fn tls_mode(mode: MySqlSslMode) -> TlsMode {
    match mode {
        MySqlSslMode::Disabled => TlsMode::Off,
        MySqlSslMode::Preferred => TlsMode::Preferred,
        MySqlSslMode::Required => TlsMode::Required,
        MySqlSslMode::VerifyCa => TlsMode::VerifyCa,
        MySqlSslMode::VerifyIdentity => TlsMode::VerifyFull,
    }
}

fn wrong(problem: &str) -> DriverError {
    DriverError::new(DriverErrorKind::Other, problem)
}

impl Default for MySqlOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MySqlOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may have a password in it.
        f.debug_struct("MySqlOptions")
            .field("max_connections", &self.pool.max_connections)
            .field("acquire_timeout", &self.pool.acquire_timeout)
            .field("tls", &self.tls)
            .field("statement_cache", &self.statement_cache)
            .field("returning", &self.returning)
            .finish_non_exhaustive()
    }
}
