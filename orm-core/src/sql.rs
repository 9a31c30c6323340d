//! Raw SQL: text that the program trusts, with values that are bound to it.
//!
//! For the core a statement is text and values, which only drivers that speak SQL take; what the text means is known to
//! them alone. It runs on the context's own connection and in its transaction, after pending changes are flushed.
//! `text` is what may be a statement, `values` what may be bound, `row` what rows become, `query` runs it, `stream` at the
//! pace of the program.

mod query;
mod row;
mod rows;
mod stream;
mod text;
mod values;

pub use query::SqlQuery;
pub use row::{FromRow, RowColumn, RowColumns, RowCursor, UnreadColumn};
pub use stream::SqlStream;
pub use text::Sql;
pub(crate) use text::fragment;
#[doc(hidden)]
pub use values::BindValue;
pub use values::{SqlValue, SqlValues};
