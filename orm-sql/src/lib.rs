//! Turns the operations of `orm-core` into SQL text and the values to bind to it.
//!
//! Text only: no I/O, no async, no database library. A driver crate owns one [`Statements`] for each database it
//! is connected to, runs what it renders, and reads rows back with the value forms in [`sqlite`] or [`postgres`].
//!
//! Invariants:
//! - values are bound, never written into the text; the only literals are defaults and lengths in `CREATE TABLE`;
//! - a text depends on the shape of an operation, not on its values nor on how many rows there are beyond one;
//! - aliases, joins and placeholders are this crate's affair alone.

#![forbid(unsafe_code)]

pub mod decimal;
mod dialect;
pub mod list;
mod schema;
mod statement;
pub mod temporal;

pub use dialect::mysql::MySqlFlavor;
pub use dialect::{ScriptProblem, ScriptStatement, mysql, postgres, sqlite};
pub use schema::tokens::without_qualifier;
pub use statement::{
    Answered, Bound, GeneratedKeys, Statement, Statements, WriteStatement, WrittenRows, outcome_of,
};
