//! Databases for tests: an empty one for each.

use std::env;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use orm_core::sql::Sql;
use orm_core::{Error, Orm, Result};
use orm_sqlx::{AnyDriver, AnyOptions};

/// A kind of database.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
    MariaDb,
}

impl Database {
    /// Those that are there.
    ///
    /// # Errors
    ///
    /// A line for people, for one that has to be and is not.
    pub(crate) fn there() -> Result<Vec<Self>, String> {
        let required = env::var("ORM_TEST_REQUIRE").unwrap_or_default();
        let mut there = vec![Self::Sqlite];
        for database in [Self::Postgres, Self::MariaDb] {
            let variable = database.variable();
            if env::var_os(variable).is_some() {
                there.push(database);
            } else if required.split(',').any(|name| name.trim() == database.to_string()) {
                return Err(format!("{database} is required, and {variable} does not say where it is"));
            } else {
                eprintln!("{database}: left out, since {variable} is not set");
            }
        }
        Ok(there)
    }

    fn variable(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => "ORM_TEST_POSTGRES_URL",
            Self::MariaDb => "ORM_TEST_MARIADB_URL",
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
        })
    }
}

/// An empty database, which goes when it is dropped by [`remove`](Self::remove).
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) options: AnyOptions,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    /// Where to say what takes it away.
    Server {
        url: String,
        statement: String,
    },
}

impl Own {
    pub(crate) async fn make(database: Database) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("realworld_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let url = env::var(database.variable()).unwrap_or_default();
        let (own, place) = match database {
            Database::Sqlite => {
                let path = env::temp_dir().join(&name);
                fs::create_dir_all(&path).map_err(Error::other)?;
                (format!("sqlite://{}", path.join("conduit.db").display()), Place::File(path))
            }
            Database::Postgres => {
                run(&url, format!("create schema {name}")).await?;
                let statement = format!("drop schema {name} cascade");
                (format!("{url}?options=-csearch_path%3D{name}"), Place::Server { url, statement })
            }
            Database::MariaDb => {
                run(&url, format!("create database {name}")).await?;
                let server = url.rsplit_once('/').map_or(&*url, |(server, _)| server);
                let statement = format!("drop database {name}");
                (format!("{server}/{name}"), Place::Server { url, statement })
            }
        };
        Ok(Self { options: AnyDriver::options().url(own).max_connections(4), place })
    }

    pub(crate) async fn remove(self) -> Result<()> {
        match self.place {
            Place::File(path) => fs::remove_dir_all(path).map_err(Error::other),
            Place::Server { url, statement } => run(&url, statement).await,
        }
    }
}

async fn run(url: &str, statement: String) -> Result<()> {
    let driver = AnyDriver::options().url(url).max_connections(1).connect().await?;
    let orm = Orm::builder(driver).build().await?;
    orm.em().fork().sql(Sql::trusted(statement), ()).execute().await?;
    orm.close().await;
    Ok(())
}
