//! What can go wrong with migrations, each with what to do.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use orm_core::driver::DriverError;

use super::history::Direction;

/// The result of migrations.
pub type Result<T, E = MigrationError> = std::result::Result<T, E>;

/// Why migrations were not run, or not to their end.
///
/// It becomes an [`orm_core::Error`] by `?`, for programs that migrate where they connect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// A folder or a file can't be read or written.
    #[error("{} can't be {action}", path.display())]
    File {
        /// What was tried: `read` or `written`.
        action: &'static str,
        /// The folder or the file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },

    /// A file is no text.
    #[error("{path} is no UTF-8 at byte {at}; save it as UTF-8")]
    NotUtf8 {
        /// The file, from the folder on.
        path: String,
        /// The first byte that is none.
        at: usize,
    },

    /// A name says nothing.
    #[error("{path}: {problem}")]
    Name {
        /// The file or folder, from the folder of migrations on.
        path: String,
        /// What is wrong and what to do.
        problem: String,
    },

    /// Two migrations have one version.
    #[error("{first} and {second} have the same version; rename one of them")]
    DuplicateVersion {
        /// A file.
        first: String,
        /// Another one.
        second: String,
    },

    /// There is a way back and no way there.
    #[error("{path} has no `.up.sql` beside it; write it, or delete this one")]
    NoUp {
        /// The file.
        path: String,
    },

    /// A migration would do nothing.
    #[error("{path} has no statement; write one, or delete the migration")]
    Empty {
        /// The file.
        path: String,
    },

    /// A script can't be cut into statements that may run.
    #[error("{path}, line {line}: {problem}")]
    Script {
        /// The file.
        path: String,
        /// The line in it.
        line: usize,
        /// What is wrong and what to do.
        problem: String,
    },

    /// A version was asked for that is none.
    #[error("there is no migration with the version {version}; {}", known(versions))]
    UnknownVersion {
        /// The version.
        version: i64,
        /// Those that there are.
        versions: Vec<i64>,
    },

    /// The file of an applied migration is not there.
    #[error(
        "migration {version} ({name}) is applied, and its file is not there; get it back, or if it is gone for good resolve \
         the migration as pending, which forgets it"
    )]
    Missing {
        /// Its version.
        version: i64,
        /// Its name.
        name: String,
    },

    /// The file of an applied migration is another one than was applied.
    #[error(
        "{path} was changed after it was applied; take the change back and write another migration, or if the database is \
         as the file says resolve migration {version} as applied"
    )]
    Changed {
        /// Its version.
        version: i64,
        /// The file.
        path: String,
    },

    /// A migration that is older than the last applied one was never applied.
    #[error(
        "{path} is older than migration {latest}, which is applied; give it a later version, or allow it with \
         `allow_out_of_order` (`--out-of-order`)"
    )]
    OutOfOrder {
        /// Its version.
        version: i64,
        /// The file.
        path: String,
        /// The latest applied version.
        latest: i64,
    },

    /// A migration is to be taken back, and nothing says how.
    #[error("migration {version} ({name}) can't be taken back: {path} has no statement; write some")]
    Irreversible {
        /// Its version.
        version: i64,
        /// Its name.
        name: String,
        /// The file, which may not be there.
        path: String,
    },

    /// A migration stopped in the middle, on a database that can't take back what was done.
    #[error(
        "migration {version} ({name}) stopped while it was {direction}, after {done} of its statements; look at the \
         database, do or undo the rest by hand, and resolve it as applied or as pending"
    )]
    Dirty {
        /// Its version.
        version: i64,
        /// Its name.
        name: String,
        /// Which way it was going.
        direction: Direction,
        /// How many statements were done for certain. The next one may be.
        done: i64,
    },

    /// A statement of a migration failed.
    #[error(transparent)]
    Failed(Box<FailedStatement>),

    /// A migration is to be written, and there is no folder for it.
    #[error(
        "the migrations are part of the program, so that there is no folder to write to; name one with `folder`"
    )]
    NoFolder,

    /// Another one is at it, and did not come to its end in time.
    #[error("the migrations are locked by {holder}, for longer than {waited:?}; try again when it is done")]
    Locked {
        /// Who has the lock, as far as the database tells.
        holder: String,
        /// How long was waited.
        waited: Duration,
    },

    /// There are migrations that are not applied.
    #[error("{} not applied: {}", count(versions.len()), list(versions))]
    Pending {
        /// Their versions.
        versions: Vec<i64>,
    },

    /// A table can't have this name.
    #[error(
        "`{name}` can't name the table of migrations; use letters, digits and `_`, and begin with a letter"
    )]
    TableName {
        /// The name.
        name: String,
    },

    /// The driver is none of this crate.
    #[error("migrations need a driver of orm-sqlx, and the ORM has another one")]
    OtherDriver,

    /// The database refused something around the migrations, or went away.
    #[error("{action} failed")]
    Driver {
        /// What was being done.
        action: &'static str,
        /// The driver's error.
        #[source]
        source: DriverError,
    },

    /// The ORM failed.
    #[error(transparent)]
    Orm(#[from] orm_core::Error),
}

/// A statement that failed.
#[derive(Debug, thiserror::Error)]
#[error("{path}, line {line}: statement {number} of {of} failed, `{text}`; {}", left(*number, *is_dirty))]
#[non_exhaustive]
pub struct FailedStatement {
    /// The version of its migration.
    pub version: i64,
    /// The file.
    pub path: String,
    /// The line that it begins in.
    pub line: usize,
    /// Its number, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// How it begins.
    pub text: String,
    /// Whether something of the migration stays, or may, so that it has to be resolved by hand.
    pub is_dirty: bool,
    /// The database's own words.
    #[source]
    pub source: DriverError,
}

impl MigrationError {
    pub(super) fn driver(action: &'static str) -> impl FnOnce(DriverError) -> Self {
        move |source| Self::Driver { action, source }
    }
}

impl From<MigrationError> for orm_core::Error {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::Orm(error) => error,
            error => Self::other(error),
        }
    }
}

fn left(number: usize, is_dirty: bool) -> String {
    const RESOLVE: &str = "do or undo the rest by hand, and resolve the migration as applied or as pending";
    match (number, is_dirty) {
        (_, false) => "nothing of the migration stays".to_owned(),
        (1, true) => format!("look what it has left, {RESOLVE}"),
        (number, true) => format!("what {} did before it stays, {RESOLVE}", number - 1),
    }
}

fn known(versions: &[i64]) -> String {
    match versions {
        [] => "there are none at all".to_owned(),
        versions => format!("there are {}", list(versions)),
    }
}

fn count(migrations: usize) -> String {
    if migrations == 1 { "1 migration is".to_owned() } else { format!("{migrations} migrations are") }
}

/// The last few of them.
fn list(versions: &[i64]) -> String {
    const MOST: usize = 10;
    let first = versions.len().saturating_sub(MOST);
    let shown: Vec<String> = versions[first..].iter().map(i64::to_string).collect();
    let more = if first > 0 { format!("{first} earlier and ") } else { String::new() };
    format!("{more}{}", shown.join(", "))
}
