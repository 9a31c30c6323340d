//! Values to a database's arguments, and its rows to the core's readers.
//!
//! Reading is strict: a column that holds another kind of value than the field asks for is an error that says what
//! it holds, never a conversion that loses something.

#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
