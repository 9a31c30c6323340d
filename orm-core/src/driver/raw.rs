//! Text that the program trusts, for databases that speak it. Other drivers need not know of it.

use std::borrow::Cow;
use std::task::Poll;

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

    /// Whether it takes another row. Asked after each row, so that the one who reads sets the pace.
    ///
    /// Pending, the driver SHOULD give way: return [`Poll::Pending`] and ask again when it is polled. It need not arrange
    /// to be woken, since whoever has it wait polls it. Nothing may be read ahead meanwhile but what the connection
    /// buffers.
    ///
    /// # Errors
    ///
    /// As [`RowSink::row`]: no further row is wanted.
    fn poll_ready(&mut self) -> Poll<Result<(), RowSinkError>> {
        Poll::Ready(Ok(()))
    }
}
