//! Rows of one type on their way from a driver into an arena.

use std::sync::Arc;

use super::{Attached, Durability, Freshness};
use crate::driver::{RowReader, RowSink, RowSinkError};
use crate::entity::{Cursor, Entity, ErasedArena, typed};
use crate::error::{Error, Result};
use crate::metadata::Metadata;
use crate::value::{ColumnType, KeyValues, Value, ValueError};

/// Rows of one type on their way into an arena: kept aside until the query is done, so that an error in a later
/// row leaves the identity map untouched, and so that no lock is held while the driver works.
pub(crate) trait ErasedRows: RowSink {
    /// Keeps those rows for which it is true.
    fn keep(&mut self, is_wanted: &[bool]);
    /// Attaches the rows; also returns, for each row, the key that stood before it.
    fn attach(
        self: Box<Self>,
        arena: &dyn ErasedArena,
        freshness: Freshness,
        durability: Durability,
    ) -> (Attached, Vec<KeyValues>);
}

/// The rows of a query.
pub(crate) struct Rows<T: Entity> {
    metadata: Arc<Metadata>,
    /// Column types of a key that stands before each row.
    prefix: Vec<ColumnType>,
    prefixes: Vec<KeyValues>,
    /// Where the columns of the entity begin.
    first: usize,
    pub(crate) rows: Vec<T>,
}

impl<T: Entity> Rows<T> {
    pub(crate) fn new(metadata: Arc<Metadata>, prefix: Vec<ColumnType>) -> Self {
        let first = prefix.len();
        Self { metadata, prefix, prefixes: Vec::new(), first, rows: Vec::new() }
    }

    /// Rows whose columns begin at `first`.
    pub(crate) fn from(metadata: Arc<Metadata>, first: usize) -> Self {
        Self { first, ..Self::new(metadata, Vec::new()) }
    }
}

impl<T: Entity> RowSink for Rows<T> {
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        if !self.prefix.is_empty() {
            let key = self.prefix.iter().enumerate().map(|(at, column)| read_value(row, at, *column));
            self.prefixes.push(key.collect::<Result<KeyValues, ValueError>>()?);
        }
        let first = self.first;
        let mut entity = T::__hydrate(&mut Cursor::new(row, first)).map_err(|error| {
            let Some(entity) = self.metadata.of::<T>() else {
                return Error::UnknownEntity { entity: T::__DESCRIPTION.name };
            };
            error.into_error::<T>(entity, first)
        })?;
        if let Some(hooks) = &T::__HOOKS {
            hooks.run_load(&mut entity)?;
        }
        self.rows.push(entity);
        Ok(())
    }
}

impl<T: Entity> ErasedRows for Rows<T> {
    fn keep(&mut self, is_wanted: &[bool]) {
        let mut is_wanted = is_wanted.iter();
        self.rows.retain(|_| is_wanted.next().is_some_and(|is_wanted| *is_wanted));
    }

    fn attach(
        self: Box<Self>,
        arena: &dyn ErasedArena,
        freshness: Freshness,
        durability: Durability,
    ) -> (Attached, Vec<KeyValues>) {
        let arena = typed::<T>(arena);
        (arena.attach(self.rows, freshness, durability), self.prefixes)
    }
}

/// One value of a column of this type.
pub(crate) fn read_value(row: &dyn RowReader, at: usize, column: ColumnType) -> Result<Value, ValueError> {
    if row.is_null(at)? {
        return Ok(Value::Null);
    }
    Ok(match column {
        ColumnType::Bool => Value::Bool(row.bool(at)?),
        ColumnType::Int(_) | ColumnType::UnsignedInt(_) => Value::Int(row.int(at)?),
        ColumnType::Float | ColumnType::Double => Value::Float(row.float(at)?),
        ColumnType::Text => Value::Text(row.text(at)?.to_owned()),
        ColumnType::Bytes => Value::Bytes(row.bytes(at)?.to_vec()),
        ColumnType::Uuid => Value::Uuid(row.uuid(at)?),
        ColumnType::Date => Value::Date(row.date(at)?),
        ColumnType::Time => Value::Time(row.time(at)?),
        ColumnType::DateTime => Value::DateTime(row.datetime(at)?),
        ColumnType::Timestamp => Value::Timestamp(row.timestamp(at)?),
        ColumnType::Decimal => Value::Decimal(row.decimal(at)?.into_owned()),
        ColumnType::Json => Value::Json(row.json(at)?.to_owned()),
        ColumnType::Enum(enum_type) => enum_type.value(row.text(at)?)?,
        ColumnType::Array(element) => Value::Array(element, row.array(at, element)?),
    })
}
