//! What can be set before connecting to whichever database a URL names.

use std::fmt;

use orm_core::driver::{DriverError, DriverErrorKind};

use crate::driver::AnyDriver;
use crate::driver::pool::PoolSettings;

/// Settings of an [`AnyDriver`]; made by [`AnyDriver::options`].
///
/// They are what all databases have. What one alone has is in its URL, or in the options of its own driver.
///
/// ```no_run
/// # async fn run(url: &str) -> orm_core::Result<()> {
/// use orm_sqlx::AnyDriver;
///
/// let driver = AnyDriver::options().url(url).max_connections(20).connect().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "options do nothing until `connect` is awaited"]
pub struct AnyOptions {
    url: String,
    pool: PoolSettings,
}

impl AnyOptions {
    pub(in crate::driver) fn new() -> Self {
        Self { url: String::new(), pool: PoolSettings::default() }
    }

    /// The database, of the kind that the scheme names; see [`connect`](crate::connect).
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// Opens so many connections at the most, at least one. 5 by default, and always one on SQLite in memory.
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.pool.max_connections = connections.max(1);
        self
    }

    pool_settings!();

    /// Connects.
    ///
    /// # Errors
    ///
    /// As [`connect`](crate::connect).
    pub async fn connect(self) -> orm_core::Result<AnyDriver> {
        let Self { url, pool } = self;
        match scheme(&url) {
            #[cfg(feature = "sqlite")]
            "sqlite" => crate::Sqlite::options().url(url).pool(pool).connect().await.map(AnyDriver::Sqlite),
            #[cfg(not(feature = "sqlite"))]
            "sqlite" => Err(is_off("sqlite")),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => {
                crate::Postgres::options().url(url).pool(pool).connect().await.map(AnyDriver::Postgres)
            }
            #[cfg(not(feature = "postgres"))]
            "postgres" | "postgresql" => Err(is_off("postgres")),
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => {
                crate::MySql::options().url(url).pool(pool).connect().await.map(AnyDriver::MySql)
            }
            #[cfg(not(feature = "mysql"))]
            "mysql" | "mariadb" => Err(is_off("mysql")),
            _ => Err(refused(
                "the URL names no database that is known; write sqlite:PATH, postgres://user@host/database or \
                 mysql://user@host/database",
            )),
        }
    }
}

/// `sqlite:` may stand without slashes.
fn scheme(url: &str) -> &str {
    match url.split_once("://") {
        Some((scheme, _)) => scheme,
        None if url.starts_with("sqlite:") => "sqlite",
        None => "",
    }
}

#[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
fn is_off(feature: &str) -> orm_core::Error {
    refused(&format!("the URL needs the feature `{feature}` of orm-sqlx; switch it on in Cargo.toml"))
}

fn refused(problem: &str) -> orm_core::Error {
    let source = DriverError::new(DriverErrorKind::Unsupported, problem);
    orm_core::Error::Driver { action: "connect", source }
}

impl Default for AnyOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for AnyOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may have a password in it.
        f.debug_struct("AnyOptions")
            .field("max_connections", &self.pool.max_connections)
            .field("acquire_timeout", &self.pool.acquire_timeout)
            .finish_non_exhaustive()
    }
}
