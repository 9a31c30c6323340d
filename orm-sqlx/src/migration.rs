//! Migrations: the way of a database from one version of a program to the next, and back.
//!
//! # Files
//!
//! A migration is a pair of scripts in the words of the database, named after a version, which is a number and as a rule the
//! time at which it was made, and a name:
//!
//! ```text
//! migrations/
//!   20261129120000_add_books.up.sql      for every database
//!   20261129120000_add_books.down.sql    what takes it back
//!   sqlite/20261130090000_add_orders.up.sql      for SQLite alone
//!   postgres/20261130090000_add_orders.up.sql    for PostgreSQL alone
//!   mariadb/20261130090000_add_orders.up.sql     for MariaDB alone
//!   mysql/20261130090000_add_orders.up.sql       for MySQL alone
//! ```
//!
//! Where a version is in the folder of the database and beside it, the one in the folder holds. Scripts are cut into their
//! statements, which are sent one by one, so that an error names its statement and its line. Quotes, comments and the bodies of
//! triggers and procedures are known, comments by `--` and `/*`; `DELIMITER`, which is of a client, is not needed and refused, as are `begin`, `commit`
//! and their kin.
//!
//! `embed!` (feature `embed`, on by default) takes a folder into the program, so that it needs no files where it runs.
//!
//! # Writing them
//!
//! [`Migrator::create`] compares the live database, with everything applied, with what the entities need, and writes the pair that
//! brings it there and back, for that kind of database. A change that can lose data is marked, and the script says
//! `-- orm: destructive`, for which the commands want a `--yes`. Read what was written: it is yours from then on.
//!
//! `cli` (feature `cli`) gives a program of yours the commands `create`, `up`, `down`, `status`, `diff`, `check` and `resolve`.
//!
//! # Running them
//!
//! [`Migrator`] runs them, for a program that migrates when it starts or for one that does nothing else. What is applied stands
//! in a table, `orm_migrations` by default, with the SHA-256 of the script: a file that was changed after it was applied is an
//! error, as is one that is gone or that comes before what is applied.
//!
//! | | SQLite | PostgreSQL | MariaDB, MySQL |
//! | --- | --- | --- | --- |
//! | a migration is | a transaction | a transaction | statement by statement |
//! | cut off, it leaves | the version before or after | the version before or after | that too, or is reported |
//! | two runners | take turns by the write lock | take turns by an advisory lock of the transaction | take turns by a named lock |
//!
//! A line `-- orm: no-transaction` in a script, for what can't be in one, such as `CREATE INDEX CONCURRENTLY`, has it run
//! statement by statement there too. Such a migration is noted before its first statement, with how many are done: cut off in
//! the middle, the next run says so ([`MigrationError::Dirty`]) and does nothing until somebody looked and said
//! [`resolve`](Migrator::resolve). On SQLite nothing keeps a second runner from meeting such a migration while it runs; it gets
//! that error too.

#[cfg(feature = "cli")]
mod cli;
mod error;
mod file;
mod generate;
mod history;
mod migrator;
mod plan;
mod runner;
mod source;

#[cfg(feature = "embed")]
pub use orm_derive::embed_migrations as embed;

#[cfg(feature = "cli")]
pub use cli::{Create, Diff, Down, MigrateCommand, MigrationCli, Resolve, Up, cli};
pub use error::{FailedStatement, MigrationError, Result};
pub use generate::CreatedMigration;
pub use history::Direction;
pub(crate) use history::is_history;
pub use migrator::{AppliedMigration, MigrationState, MigrationStatus, Migrator, Resolution};
pub use source::{Embedded, MigrationSource};
