//! Text that the program trusts, for databases that speak it. Other drivers need not know of it.

use std::borrow::Cow;

use super::row::{RowSink, RowSinkError};
use crate::value::Value;

/// One statement in the database's own language.
#[derive(Clone, Debug, PartialEq)]
pub struct Raw {
    /// What stands one after the other.
    pub parts: Vec<RawPart>,
}

/// A part of a [`Raw`].
#[derive(Clone, Debug, PartialEq)]
pub enum RawPart {
    /// Text of the program, as it is.
    Text(Cow<'static, str>),
    /// A value, to be bound.
    Value(Value),
}

/// What a [`Raw`] can do to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RawEffect {
    /// It reads, and nothing else.
    Reads,
    /// It writes rows, which a rollback takes back.
    Writes,
    /// It does something else, or nobody can tell.
    Anything,
}

/// Takes the rows of a [`Raw`], whose columns nobody knows before.
pub trait RawRows: RowSink {
    /// Takes the names of the columns; called once, before the first row.
    ///
    /// # Errors
    ///
    /// As [`RowSink::row`].
    fn columns(&mut self, names: &[&str]) -> Result<(), RowSinkError>;
}
