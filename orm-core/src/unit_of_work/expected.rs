//! What a row must still hold when it is written: its version, and the fields that are compared.

use hashbrown::HashMap;

use super::version;
use crate::entity::{CellId, ErasedSnapshot, Region};
use crate::error::{Error, Result};
use crate::metadata::{EntityMetadata, PropertyKind};
use crate::relation::Target;
use crate::value::{Value, ValueError};

/// The columns that are compared, those of the version first.
pub(super) fn columns(meta: &EntityMetadata) -> Vec<usize> {
    meta.expected().flat_map(|property| meta.properties[property].columns.clone()).collect()
}

/// What they held when the row was loaded.
///
/// # Errors
///
/// [`Error::Value`] for a value that no column can hold.
pub(super) fn values(region: &Region, cell: CellId, original: &ErasedSnapshot) -> Result<Vec<Value>> {
    let meta = region.entity(cell.entity);
    let arena = region.arena(cell.entity);
    let mut values = Vec::new();
    for at in meta.expected() {
        match meta.properties[at].kind {
            PropertyKind::Scalar => {
                values.push(arena.value_of(original, at).map_err(|source| unfit(meta, at, source))?);
            }
            PropertyKind::Reference(relation) => match arena.target_of(original, relation) {
                Target::Key(key) => values.extend(key),
                Target::Cell(target) => values.extend(region.key(target.id).unwrap_or_default()),
                Target::Unset | Target::New | Target::Invalid(_) => {
                    values.extend(std::iter::repeat_n(Value::Null, meta.properties[at].columns.len()));
                }
            },
        }
    }
    Ok(values)
}

/// What fields hold between two writes of one row, so that the later one expects that.
#[derive(Default)]
pub(super) struct Interim(HashMap<(CellId, usize), Vec<Value>, foldhash::fast::RandomState>);

impl Interim {
    pub(super) fn note(&mut self, cell: CellId, property: usize, values: Vec<Value>) {
        self.0.insert((cell, property), values);
    }

    /// Puts into what was loaded what this flush wrote over it.
    pub(super) fn apply(&self, meta: &EntityMetadata, cell: CellId, expected: &mut [Value]) {
        if self.0.is_empty() || expected.is_empty() {
            return;
        }
        let mut places = expected.iter_mut();
        for property in meta.expected() {
            let written = self.0.get(&(cell, property));
            for at in 0..meta.properties[property].columns.len() {
                let place = places.next();
                if let (Some(place), Some(written)) = (place, written.and_then(|values| values.get(at))) {
                    place.clone_from(written);
                }
            }
        }
    }
}

/// The version that an update writes over the one that it expects; `None` for an entity without.
///
/// # Errors
///
/// [`Error::Value`] when it can't be counted any further.
pub(super) fn next_version(
    meta: &EntityMetadata,
    expected: &[Value],
    now: i64,
) -> Result<Option<(usize, Value)>> {
    let (Some(property), Some(old)) = (meta.version, expected.first()) else { return Ok(None) };
    let column = meta.properties[property].columns.start;
    let next = version::next(old, meta.columns[column].column_type, now);
    next.map(|next| Some((column, next))).map_err(|source| unfit(meta, property, source))
}

/// A property's value that no column can hold.
pub(super) fn unfit(meta: &EntityMetadata, property: usize, source: ValueError) -> Error {
    let property = &meta.properties[property];
    Error::Value {
        entity: meta.name,
        field: property.name,
        column: meta.columns[property.columns.start].name.clone(),
        source,
    }
}
