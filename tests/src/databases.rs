//! Which databases the suite runs on, and which of them a thread is given.
//!
//! SQLite always, the others where a variable says where they are: see CONTRIBUTING.md.

use std::cell::Cell;
use std::env;
use std::fmt;

/// A database that the suite can run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// SQLite.
    Sqlite,
    /// PostgreSQL, at `ORM_TEST_POSTGRES_URL`.
    Postgres,
    /// MariaDB, at `ORM_TEST_MARIADB_URL`.
    MariaDb,
    /// The same server, written to as if it had no RETURNING, as MySQL has none.
    MariaDbWithoutReturning,
    /// MySQL's own server, at `ORM_TEST_MYSQL_URL`.
    MySql,
}

thread_local! {
    static GIVEN: Cell<Option<Database>> = const { Cell::new(None) };
}

/// Gives the thread a database.
pub fn give(database: Database) {
    GIVEN.set(Some(database));
}

/// The database of the thread.
///
/// # Panics
///
/// On a thread that was given none.
pub(crate) fn given() -> Database {
    match GIVEN.get() {
        Some(database) => database,
        None => panic!("this thread was given no database; open it on that of the test"),
    }
}

impl Database {
    const ALL: [Self; 5] =
        [Self::Sqlite, Self::Postgres, Self::MariaDb, Self::MariaDbWithoutReturning, Self::MySql];

    /// Its name in tests and in `ORM_TEST_REQUIRE`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::MariaDbWithoutReturning => "mariadb_without_returning",
            Self::MySql => "mysql",
        }
    }

    /// The variable that says where it is.
    pub(crate) fn variable(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("ORM_TEST_POSTGRES_URL"),
            Self::MariaDb | Self::MariaDbWithoutReturning => Some("ORM_TEST_MARIADB_URL"),
            Self::MySql => Some("ORM_TEST_MYSQL_URL"),
        }
    }

    /// Whether it is another process, that the way to can be cut.
    #[must_use]
    pub fn is_server(self) -> bool {
        match self {
            Self::Sqlite => false,
            Self::Postgres | Self::MariaDb | Self::MariaDbWithoutReturning | Self::MySql => true,
        }
    }

    fn is_there(self) -> bool {
        self.variable().is_none_or(|variable| env::var_os(variable).is_some())
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
            Self::MariaDbWithoutReturning => "MariaDB without RETURNING",
            Self::MySql => "MySQL",
        })
    }
}

/// The databases that are there, and those that are not.
///
/// # Errors
///
/// A line for people, when `ORM_TEST_REQUIRE`, a list of names, has one that is not there.
pub fn found() -> Result<(Vec<Database>, Vec<Database>), String> {
    let (there, left_out): (Vec<Database>, Vec<Database>) =
        Database::ALL.into_iter().partition(|database| database.is_there());
    let required = env::var("ORM_TEST_REQUIRE").unwrap_or_default();
    for name in required.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if !there.iter().any(|database| database.name() == name) {
            let variable = left_out.iter().find(|database| database.name() == name);
            let variable = variable.and_then(|database| database.variable());
            return Err(match variable {
                Some(variable) => format!("{name} is required, and {variable} does not say where it is"),
                None => format!("{name} is required, and no suite knows it"),
            });
        }
    }
    Ok((there, left_out))
}

/// What is said of a database that is left out.
#[must_use]
pub fn left_out(database: Database) -> String {
    let variable = database.variable().unwrap_or_default();
    format!("{database}: left out, since {variable} is not set")
}
