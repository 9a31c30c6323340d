//! The database that the thread was given, with pools of several kinds. One instance of the suite serves all databases.

use std::sync::Arc;

use orm_core::driver::Driver;
use orm_core::{Error, Result};

use super::{Backend, ByProxy, Facts, SharedDriver, Sqlite, SqliteAlone, SqliteFile, mysql, postgres};
use crate::databases::{Database, given};

/// As many connections as a driver has by default.
const CONNECTIONS: u32 = 5;

/// The database as tests have it as a rule: SQLite in memory.
#[derive(Clone, Copy, Debug)]
pub struct Given;

/// With a pool of one connection: whoever comes next gets what the one before left.
#[derive(Clone, Copy, Debug)]
pub struct GivenAlone;

/// With several connections: contexts really run side by side.
#[derive(Clone, Copy, Debug)]
pub struct GivenShared;

impl Backend for Given {
    type Driver = SharedDriver;

    fn facts() -> Facts {
        match given() {
            Database::Sqlite => Facts::SQLITE,
            Database::Postgres => Facts::POSTGRES,
            Database::MariaDb => Facts::MARIADB,
            Database::MariaDbWithoutReturning => Facts::MARIADB_WITHOUT_RETURNING,
            Database::MySql => Facts::MYSQL,
        }
    }

    async fn connect() -> Result<SharedDriver> {
        match given() {
            Database::Sqlite => shared(Sqlite::connect().await?),
            Database::Postgres => shared(postgres::connect(CONNECTIONS).await?),
            family @ (Database::MariaDb | Database::MariaDbWithoutReturning | Database::MySql) => {
                shared(mysql::connect(family, CONNECTIONS).await?)
            }
        }
    }

    async fn connect_pool(connections: u32) -> Result<Arc<dyn Driver>> {
        match given() {
            Database::Sqlite => Sqlite::connect_pool(connections).await,
            Database::Postgres => Ok(Arc::new(postgres::connect(connections).await?)),
            family @ (Database::MariaDb | Database::MariaDbWithoutReturning | Database::MySql) => {
                Ok(Arc::new(mysql::connect(family, connections).await?))
            }
        }
    }

    async fn connect_by_proxy() -> Result<ByProxy> {
        match given() {
            Database::Sqlite => Err(Error::other("there is no way to SQLite that could be cut")),
            Database::Postgres => postgres::connect_by_proxy().await,
            family @ (Database::MariaDb | Database::MariaDbWithoutReturning | Database::MySql) => {
                mysql::connect_by_proxy(family).await
            }
        }
    }
}

impl Backend for GivenAlone {
    type Driver = SharedDriver;

    fn facts() -> Facts {
        Given::facts()
    }

    async fn plain_begin_left_open() -> Result<Option<usize>> {
        match given() {
            Database::Sqlite => SqliteAlone::plain_begin_left_open().await,
            Database::Postgres => postgres::plain_begin_left_open(Self::facts().refused_inside).await,
            family @ (Database::MariaDb | Database::MariaDbWithoutReturning | Database::MySql) => {
                mysql::plain_begin_left_open(family, Self::facts().refused_inside).await
            }
        }
    }

    async fn connect() -> Result<SharedDriver> {
        match given() {
            Database::Sqlite => shared(SqliteAlone::connect().await?),
            Database::Postgres => shared(postgres::connect(1).await?),
            family @ (Database::MariaDb | Database::MariaDbWithoutReturning | Database::MySql) => {
                shared(mysql::connect(family, 1).await?)
            }
        }
    }
}

impl Backend for GivenShared {
    type Driver = SharedDriver;

    fn facts() -> Facts {
        Given::facts()
    }

    async fn connect() -> Result<SharedDriver> {
        match given() {
            Database::Sqlite => shared(SqliteFile::connect().await?),
            Database::Postgres => shared(postgres::connect(CONNECTIONS).await?),
            family @ (Database::MariaDb | Database::MariaDbWithoutReturning | Database::MySql) => {
                shared(mysql::connect(family, CONNECTIONS).await?)
            }
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it ends what may fail")]
fn shared(driver: impl Driver) -> Result<SharedDriver> {
    Ok(SharedDriver(Arc::new(driver)))
}
