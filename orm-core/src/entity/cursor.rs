//! A row, read property by property from left to right.

use super::Entity;
use crate::driver::RowReader;
use crate::error::Error;
use crate::metadata::EntityMetadata;
use crate::relation::ReferenceField;
use crate::value::{FieldValue, ValueError};

/// Reads one entity's columns in order.
#[expect(missing_debug_implementations, reason = "a row can't be shown without knowing its types")]
pub struct Cursor<'a> {
    row: &'a dyn RowReader,
    column: usize,
    property: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor that begins at `column`.
    #[must_use]
    pub fn new(row: &'a dyn RowReader, column: usize) -> Self {
        Self { row, column, property: 0 }
    }

    /// Reads the next property, a scalar.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the stored value does not fit.
    pub fn scalar<V: FieldValue>(&mut self) -> Result<V, ReadError> {
        let value = self.value();
        self.property += 1;
        value
    }

    /// Reads the next property, a foreign key.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the stored key does not fit.
    pub fn reference<F: ReferenceField>(&mut self) -> Result<F, ReadError> {
        let value = F::read(self);
        self.property += 1;
        value
    }

    /// Reads the next column of the current property.
    pub(crate) fn value<V: FieldValue>(&mut self) -> Result<V, ReadError> {
        let column = self.column;
        self.column += 1;
        V::read(self.row, column).map_err(|source| self.error(column, source))
    }

    /// Whether the next `columns` columns are all NULL.
    pub(crate) fn is_null(&self, columns: usize) -> Result<bool, ReadError> {
        for column in self.column..self.column + columns {
            if !self.row.is_null(column).map_err(|source| self.error(column, source))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn skip(&mut self, columns: usize) {
        self.column += columns;
    }

    /// Goes over properties of one column each.
    pub(crate) fn skip_properties(&mut self, properties: usize) {
        self.column += properties;
        self.property += properties;
    }

    pub(crate) fn unexpected_null(&self, expected: &'static str) -> ReadError {
        self.error(self.column, ValueError::UnexpectedNull { expected })
    }

    fn error(&self, column: usize, source: ValueError) -> ReadError {
        ReadError { property: self.property, column, source }
    }
}

/// A stored value that does not fit its field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    property: usize,
    column: usize,
    source: ValueError,
}

impl ReadError {
    /// The column, and what is wrong with it.
    pub(crate) fn into_parts(self) -> (usize, ValueError) {
        (self.column, self.source)
    }

    /// Names the field and the column; `first` is the row's index of the entity's first column.
    pub(crate) fn into_error<T: Entity>(self, entity: &EntityMetadata, first: usize) -> Error {
        let column = entity.columns.get(self.column - first);
        Error::Value {
            entity: T::__DESCRIPTION.name,
            field: T::__DESCRIPTION.properties.get(self.property).map_or("?", |property| property.name),
            column: column.map_or_else(String::new, |column| column.name.clone()),
            source: self.source,
        }
    }
}
