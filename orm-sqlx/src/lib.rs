//! Drivers of `orm-core` over sqlx.
//!
//! One driver a feature: `sqlite`, on by default, needs nothing installed; `postgres` is for PostgreSQL,
//! `mysql` for MySQL and MariaDB. A driver renders operations with
//! `orm-sql`, runs them on a pool of connections, and reports failures in the ORM's words. It never sees an entity.
//!
//! Every driver keeps the same promises: transactions are statements under a guard, so that a connection inside one,
//! or cut off in the middle of a statement, is closed and never handed out again; no ping before a connection is
//! used; statements are logged through `tracing` (target `orm::statement`) without their values.

#![forbid(unsafe_code)]

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
compile_error!("orm-sqlx has no database; switch on one of its features: sqlite, postgres, mysql");

mod backend;
mod codec;
mod driver;
mod error;
mod introspect;
pub mod migration;

#[cfg(any(feature = "mysql", feature = "postgres"))]
pub use driver::TlsMode;
pub use driver::{
    AnyDriver, AnyOptions, QueryLog, SqlxDriver, StatementCounter, StatementEvent, StatementKind,
    StatementOutcome, connect,
};
#[cfg(feature = "mysql")]
pub use driver::{MySql, MySqlOptions};
#[cfg(feature = "postgres")]
pub use driver::{Postgres, PostgresOptions};
#[cfg(feature = "sqlite")]
pub use driver::{Sqlite, SqliteOptions};
