//! Rows of raw SQL on their way into what was asked for.

use std::borrow::Cow;
use std::marker::PhantomData;

use super::row::{FromRow, RowColumns, RowCursor};
use crate::driver::{RawRows, RowReader, RowSink, RowSinkError};
use crate::entity::{Entity, Rows};
use crate::error::{Error, Result};
use crate::metadata::EntityMetadata;
use crate::value::{ColumnType, Value, ValueError};

/// Takes each row as an `R`.
pub(super) struct RowsAs<R, F> {
    columns: Vec<String>,
    /// Where each value of an `R` stands.
    places: Vec<usize>,
    take: F,
    row: PhantomData<fn() -> R>,
}

impl<R: FromRow, F: FnMut(R) -> Result<()>> RowsAs<R, F> {
    pub(super) fn new(take: F) -> Self {
        Self { columns: Vec::new(), places: Vec::new(), take, row: PhantomData }
    }
}

impl<R: FromRow, F: FnMut(R) -> Result<()> + Send> RowSink for RowsAs<R, F> {
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        let read = R::__read(&mut RowCursor::new(row, &self.places)).map_err(|unread| {
            let (row, field) = match R::__COLUMNS {
                RowColumns::ByPlace(_) => ("the row", format!("value {}", unread.at + 1)),
                RowColumns::ByName { row, columns } => {
                    (row, columns.get(unread.at).map_or_else(String::new, |column| column.field.to_owned()))
                }
            };
            let column = self.places.get(unread.at).and_then(|place| self.columns.get(*place));
            Error::SqlRow {
                row,
                field,
                column: column.cloned().unwrap_or_default(),
                problem: unread.source.to_string(),
            }
        })?;
        Ok((self.take)(read)?)
    }
}

impl<R: FromRow, F: FnMut(R) -> Result<()> + Send> RawRows for RowsAs<R, F> {
    fn columns(&mut self, names: &[&str]) -> Result<(), RowSinkError> {
        self.places = match R::__COLUMNS {
            RowColumns::ByPlace(expected) if expected == names.len() => (0..expected).collect(),
            RowColumns::ByPlace(expected) => {
                let columns = names.join(", ");
                return Err(Error::SqlColumns { expected, found: names.len(), columns }.into());
            }
            RowColumns::ByName { row, columns } => columns
                .iter()
                .map(|column| place_of(names, row, column.field, column.column))
                .collect::<Result<_>>()?,
        };
        self.columns = names.iter().map(|name| (*name).to_owned()).collect();
        Ok(())
    }
}

/// Where the one column with this name stands.
fn place_of(names: &[&str], row: &'static str, field: &'static str, column: &str) -> Result<usize> {
    let mut places = (0..names.len()).filter(|place| names[*place] == column);
    let problem = match (places.next(), places.next()) {
        (Some(place), None) => return Ok(place),
        (Some(_), Some(_)) => "several columns have this name; name them apart by `as`".to_owned(),
        (None, _) => {
            format!("there is none, only {}; select it, or name another so by `as`", names.join(", "))
        }
    };
    Err(Error::SqlRow { row, field: field.to_owned(), column: column.to_owned(), problem })
}

/// Takes each row as an entity, its columns in the order in which they are told.
pub(super) struct RowsOf<'a, T: Entity> {
    entity: &'a EntityMetadata,
    places: Vec<usize>,
    pub(super) rows: Rows<T>,
}

impl<'a, T: Entity> RowsOf<'a, T> {
    pub(super) fn new(entity: &'a EntityMetadata, rows: Rows<T>) -> Self {
        Self { entity, places: Vec::new(), rows }
    }
}

impl<T: Entity> RowSink for RowsOf<'_, T> {
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        self.rows.row(&Arranged { row, places: &self.places })
    }
}

impl<T: Entity> RawRows for RowsOf<'_, T> {
    fn columns(&mut self, names: &[&str]) -> Result<(), RowSinkError> {
        let columns = self.entity.columns.iter().map(|column| {
            let field = self.entity.property_of_column(&column.name).map_or("?", |property| property.name);
            place_of(names, self.entity.name, field, &column.name)
        });
        self.places = columns.collect::<Result<_>>()?;
        Ok(())
    }
}

/// A row whose columns stand elsewhere.
struct Arranged<'a> {
    row: &'a dyn RowReader,
    places: &'a [usize],
}

impl Arranged<'_> {
    /// One that there is no column for, the row itself refuses.
    fn place(&self, index: usize) -> usize {
        self.places.get(index).copied().unwrap_or(usize::MAX)
    }
}

macro_rules! arranged {
    ($($method:ident -> $type:ty;)+) => {
        impl RowReader for Arranged<'_> {
            $(fn $method(&self, index: usize) -> Result<$type, ValueError> {
                self.row.$method(self.place(index))
            })+

            fn array(&self, index: usize, element: &'static ColumnType) -> Result<Vec<Value>, ValueError> {
                self.row.array(self.place(index), element)
            }
        }
    };
}

arranged! {
    is_null -> bool;
    bool -> bool;
    int -> i64;
    float -> f64;
    text -> &str;
    bytes -> &[u8];
    uuid -> u128;
    date -> i32;
    time -> i64;
    datetime -> i64;
    timestamp -> i64;
    decimal -> Cow<'_, str>;
    json -> &str;
}

/// Leaves rows aside.
pub(super) struct NoRows;

impl RowSink for NoRows {
    fn row(&mut self, _: &dyn RowReader) -> Result<(), RowSinkError> {
        Ok(())
    }
}

impl RawRows for NoRows {
    fn columns(&mut self, _: &[&str]) -> Result<(), RowSinkError> {
        Ok(())
    }
}
