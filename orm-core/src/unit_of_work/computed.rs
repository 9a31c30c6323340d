//! Reads back what the database computed of the rows that a flush wrote: one select a type, before the commit.
//!
//! Any column may be what a generated one is computed of, so that every written row of its type is read. What comes back
//! is settled with the row: after the flush no handle shows a value of before it.

use std::sync::Arc;

use super::flush::Run;
use crate::condition::{Expression, Term};
use crate::driver::{Connection, RowReader, RowSink, RowSinkError, Select, Selection};
use crate::entity::{CellId, read_value};
use crate::error::Result;
use crate::metadata::{EntityId, EntityMetadata};
use crate::populate::select;
use crate::value::{ColumnType, KeyValues, Value};

impl Run<'_> {
    /// # Errors
    ///
    /// [`Error::Driver`](crate::Error::Driver), and [`Error::Value`](crate::Error::Value) for a computed value that its field
    /// can't hold.
    pub(super) async fn read_computed(&mut self, connection: &mut dyn Connection) -> Result<()> {
        let has_any = |cell: &CellId| !self.region.entity(cell.entity).computed.is_empty();
        let mut cells: Vec<CellId> = self.settlement.places().into_keys().filter(has_any).collect();
        cells.sort_unstable();
        let limit = self.region.orm().driver.capabilities().max_rows_per_write.max(1);
        for cells in cells.chunk_by(|a, b| a.entity == b.entity) {
            for cells in cells.chunks(limit) {
                self.read_computed_of(connection, cells[0].entity, cells).await?;
            }
        }
        Ok(())
    }

    async fn read_computed_of(
        &mut self,
        connection: &mut dyn Connection,
        entity: EntityId,
        cells: &[CellId],
    ) -> Result<()> {
        let (region, meta) = (Arc::clone(self.region), self.region.entity(entity));
        let keys: Vec<KeyValues> = cells.iter().filter_map(|cell| self.written_key(*cell)).collect();
        let written = Expression::KeyIn { property: None, keys };
        let (selection, mut rows) = selection(meta);
        let select = Select { selection, ..select(&region, entity, written, Vec::new()) };
        connection.select(&select, &mut rows).await.map_err(|error| region.orm().error("flush", error))?;
        self.count_statement();
        let places = self.settlement.places();
        let arena = region.arena(entity);
        for Row { key, values } in rows.rows {
            // A key that was reserved by its insert is found too.
            let cell = arena.find(&key).map(|at| CellId { entity, at });
            let Some(place) = cell.and_then(|cell| places.get(&cell)) else { continue };
            let values: Vec<(usize, Value)> = meta.computed.iter().copied().zip(values).collect();
            arena.check_made(self.settlement.sent(*place), &values, meta)?;
            self.settlement.made(*place, values);
        }
        Ok(())
    }
}

/// The columns that are read, and what takes them: the key's and the computed ones.
fn selection(meta: &EntityMetadata) -> (Selection, Rows) {
    let computed = || meta.computed.iter().map(|property| meta.properties[*property].columns.start);
    let properties: Vec<usize> = meta.primary_key.iter().chain(&meta.computed).copied().collect();
    let columns: Vec<usize> = meta.key_columns().chain(computed()).collect();
    let of_one_column = |property: &usize| meta.properties[*property].columns.len() == 1;
    // A reference of several columns is no term.
    let are_terms = properties.iter().all(of_one_column);
    let place = |(at, column): (usize, &usize)| {
        (if are_terms { at } else { *column }, meta.columns[*column].column_type)
    };
    let rows = Rows {
        key: meta.key_columns().count(),
        places: columns.iter().enumerate().map(place).collect(),
        rows: Vec::new(),
    };
    let terms = || properties.iter().map(|property| Term::property(*property)).collect();
    (if are_terms { Selection::Terms(terms()) } else { Selection::Columns }, rows)
}

/// What the database has computed for the row with a key.
struct Row {
    key: KeyValues,
    values: Vec<Value>,
}

struct Rows {
    /// How many columns the key has.
    key: usize,
    /// Where in a row each column is, the key's first, and its type.
    places: Vec<(usize, ColumnType)>,
    rows: Vec<Row>,
}

impl RowSink for Rows {
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        let value = |(at, column_type): &(usize, ColumnType)| read_value(row, *at, *column_type);
        let (key, computed) = self.places.split_at(self.key);
        let key = key.iter().map(value).collect::<Result<KeyValues, _>>()?;
        let values = computed.iter().map(value).collect::<Result<Vec<Value>, _>>()?;
        self.rows.push(Row { key, values });
        Ok(())
    }
}
