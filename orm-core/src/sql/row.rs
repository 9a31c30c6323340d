//! What a row of raw SQL becomes: one value, a tuple by the place of its columns, or a struct by their names.

use std::fmt;

use crate::driver::RowReader;
use crate::value::{FieldValue, ValueError};

/// A type that a row of raw SQL is read into.
///
/// A value that a column can hold reads a row of one column; a tuple of up to twelve reads as many columns, in their
/// order; a struct with `#[derive(FromRow)]` reads columns by name and leaves others aside.
#[diagnostic::on_unimplemented(
    message = "a row of SQL can't be read into `{Self}`",
    label = "neither a value that a column can hold, nor a tuple of such, nor a struct that derives `FromRow`",
    note = "derive `FromRow` for a struct"
)]
pub trait FromRow: Sized + Send + 'static {
    /// Which columns it takes.
    #[doc(hidden)]
    const __COLUMNS: RowColumns;

    /// Reads them, in that order.
    #[doc(hidden)]
    fn __read(row: &mut RowCursor<'_>) -> Result<Self, UnreadColumn>;
}

/// The columns that a [`FromRow`] takes.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum RowColumns {
    /// So many, and no others.
    ByPlace(usize),
    /// Those with these names.
    ByName {
        /// The struct.
        row: &'static str,
        /// Its fields, in order.
        columns: &'static [RowColumn],
    },
}

/// A field and its column.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct RowColumn {
    pub field: &'static str,
    pub column: &'static str,
}

/// A row, read value by value.
#[doc(hidden)]
pub struct RowCursor<'a> {
    row: &'a dyn RowReader,
    places: &'a [usize],
    at: usize,
}

/// A value that does not fit, by its number.
#[doc(hidden)]
#[derive(Debug)]
pub struct UnreadColumn {
    pub(super) at: usize,
    pub(super) source: ValueError,
}

impl fmt::Debug for RowCursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowCursor").field("at", &self.at).finish_non_exhaustive()
    }
}

impl<'a> RowCursor<'a> {
    pub(super) fn new(row: &'a dyn RowReader, places: &'a [usize]) -> Self {
        Self { row, places, at: 0 }
    }

    /// What a struct with a mistake reads.
    #[must_use]
    pub fn none(&self) -> UnreadColumn {
        UnreadColumn { at: self.at, source: ValueError::KeyUnknown }
    }

    /// The next value.
    ///
    /// # Errors
    ///
    /// What keeps it from being a `V`.
    pub fn value<V: FieldValue>(&mut self) -> Result<V, UnreadColumn> {
        let at = self.at;
        self.at += 1;
        // One that there is no column for, the row itself refuses.
        let place = self.places.get(at).copied().unwrap_or(usize::MAX);
        V::read(self.row, place).map_err(|source| UnreadColumn { at, source })
    }
}

impl<V: FieldValue> FromRow for V {
    const __COLUMNS: RowColumns = RowColumns::ByPlace(1);

    fn __read(row: &mut RowCursor<'_>) -> Result<Self, UnreadColumn> {
        row.value()
    }
}

macro_rules! tuple {
    ($count:literal: $($name:ident)+) => {
        impl<$($name: FieldValue),+> FromRow for ($($name,)+) {
            const __COLUMNS: RowColumns = RowColumns::ByPlace($count);

            fn __read(row: &mut RowCursor<'_>) -> Result<Self, UnreadColumn> {
                Ok(($(row.value::<$name>()?,)+))
            }
        }
    };
}

tuple!(1: A);
tuple!(2: A B);
tuple!(3: A B C);
tuple!(4: A B C D);
tuple!(5: A B C D E);
tuple!(6: A B C D E F);
tuple!(7: A B C D E F G);
tuple!(8: A B C D E F G H);
tuple!(9: A B C D E F G H I);
tuple!(10: A B C D E F G H I J);
tuple!(11: A B C D E F G H I J K);
tuple!(12: A B C D E F G H I J K L);
