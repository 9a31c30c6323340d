//! Which rows of a write share a statement.
//!
//! Rows that can be handed over together go as one, whatever their number, cut only where the values would become
//! very large. One alone, and one with a value that can't travel with others, has its values bound one by one.

use orm_core::metadata::EntityMetadata;
use orm_core::value::{ColumnType, Value};

use super::bound::{Bound, value_size};
use crate::dialect::Dialect;

/// Rows, by their places in the write, that share a statement.
pub(super) struct Batch {
    pub(super) rows: Vec<usize>,
    /// What is bound for all of them together; `None`: there is one row, whose values are bound one by one.
    pub(super) together: Option<Vec<Bound>>,
}

/// The batches of rows whose values are of `types`; `row` gives the values of one.
pub(super) fn batches<'v, V: Iterator<Item = &'v Value>>(
    dialect: &dyn Dialect,
    types: &[ColumnType],
    rows: impl Iterator<Item = usize>,
    row: impl Fn(usize) -> V,
) -> Vec<Batch> {
    // A row that is so large goes alone, and values of one statement are cut when they have become so large.
    let large = dialect.largest_statement();
    let mut batches = Vec::new();
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let mut writer = dialect.rows(types);
        let mut together = Vec::new();
        while let Some(at) = rows.next_if(|_| writer.size() < large) {
            if row(at).map(value_size).sum::<usize>() < large && writer.row(&mut row(at)) {
                together.push(at);
            } else {
                batches.push(Batch { rows: vec![at], together: None });
            }
        }
        match together.len() {
            0 => {}
            1 => batches.push(Batch { rows: together, together: None }),
            _ => batches.push(Batch { rows: together, together: Some(writer.finish()) }),
        }
    }
    batches
}

/// The types of columns.
pub(super) fn types(entity: &EntityMetadata, columns: impl Iterator<Item = usize>) -> Vec<ColumnType> {
    columns.map(|column| entity.columns[column].column_type).collect()
}
