//! Rows of raw SQL on their way into what was asked for.

use super::row::{FromRow, RowColumn, RowColumns, RowCursor};
use crate::driver::{RawRows, RowReader, RowSink, RowSinkError};
use crate::error::{Error, Result};

/// Takes each row as an `R`.
pub(super) struct RowsAs<R, F> {
    columns: Vec<String>,
    /// Where each value of an `R` stands.
    places: Vec<usize>,
    take: F,
    row: std::marker::PhantomData<fn() -> R>,
}

impl<R: FromRow, F: FnMut(R) -> Result<()>> RowsAs<R, F> {
    pub(super) fn new(take: F) -> Self {
        Self { columns: Vec::new(), places: Vec::new(), take, row: std::marker::PhantomData }
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
            RowColumns::ByName { row, columns } => {
                columns.iter().map(|column| place_of(names, row, column)).collect::<Result<_>>()?
            }
        };
        self.columns = names.iter().map(|name| (*name).to_owned()).collect();
        Ok(())
    }
}

/// Where the one column with this name stands.
pub(super) fn place_of(names: &[&str], row: &'static str, wanted: &RowColumn) -> Result<usize> {
    let mut places = (0..names.len()).filter(|place| names[*place] == wanted.column);
    let problem = match (places.next(), places.next()) {
        (Some(place), None) => return Ok(place),
        (Some(_), Some(_)) => "several columns have this name; name them apart by `as`".to_owned(),
        (None, _) => format!("there is none, only {}; select it, or name another by `as`", names.join(", ")),
    };
    Err(Error::SqlRow { row, field: wanted.field.to_owned(), column: wanted.column.to_owned(), problem })
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
