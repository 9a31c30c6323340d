//! Drivers of `orm-core` over sqlx.
//!
//! One driver a feature; `sqlite` is on by default and needs nothing installed. A driver renders operations with
//! `orm-sql`, runs them on a pool of connections, and reports failures in the ORM's words. It never sees an entity.
//!
//! Every driver keeps the same promises: transactions are statements under a guard, so that a connection inside one,
//! or cut off in the middle of a statement, is closed and never handed out again; no ping before a connection is
//! used; statements are logged through `tracing` (target `orm::statement`) without their values.

#![forbid(unsafe_code)]

#[cfg(feature = "sqlite")]
mod codec;
#[cfg(feature = "sqlite")]
mod driver;
#[cfg(feature = "sqlite")]
mod error;

#[cfg(feature = "sqlite")]
pub use driver::{Sqlite, SqliteOptions, StatementCounter, StatementEvent, StatementKind, StatementOutcome};
