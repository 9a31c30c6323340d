//! Which rows of a flush have a unique value, or a key, that another row of it takes.
//!
//! Only rows that go, come, or change a unique field are looked at. NULL is nobody's: no two NULLs collide.

use hashbrown::{HashMap, HashSet};

use crate::entity::{CellId, ErasedSnapshot, PropertySet, Region};
use crate::metadata::{EntityId, EntityMetadata, PropertyKind};
use crate::relation::Target;
use crate::value::{KeyValues, Value};

type Hasher = foldhash::fast::RandomState;

/// The rows of a flush.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) created: &'a HashMap<EntityId, Vec<(CellId, ErasedSnapshot)>, Hasher>,
    pub(super) updated: &'a [(CellId, ErasedSnapshot, PropertySet)],
    pub(super) deleted: &'a HashMap<EntityId, Vec<CellId>, Hasher>,
}

/// What no two rows of an entity may have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Unique {
    /// The primary key.
    Key,
    /// An index, by its place.
    Index(usize),
}

/// A value that one row has and another one takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conflict {
    pub(super) holder: CellId,
    pub(super) taker: CellId,
    pub(super) unique: Unique,
}

/// The conflicts of a flush, and every unique value in it.
#[derive(Debug, Default)]
pub(super) struct Conflicts {
    pub(super) all: Vec<Conflict>,
    /// Values that no stand-in may have.
    pub(super) values: HashSet<Value, Hasher>,
}

type Place = (EntityId, Unique, KeyValues);

impl Conflicts {
    pub(super) fn of(region: &Region, rows: Rows<'_>) -> Self {
        let updated = unique_updates(region, rows.updated);
        if (rows.deleted.is_empty() && updated.is_empty()) || (rows.created.is_empty() && updated.is_empty())
        {
            return Self::default();
        }
        let takes = |entity: EntityId| {
            rows.created.contains_key(&entity)
                || updated.iter().any(|(row, _)| rows.updated[*row].0.entity == entity)
        };
        let mut held: HashMap<Place, CellId, Hasher> = HashMap::default();
        for (entity, cells) in rows.deleted.iter().filter(|(entity, _)| takes(**entity)) {
            for cell in cells {
                if let Some(key) = region.key(*cell) {
                    held.insert((*entity, Unique::Key, key), *cell);
                }
                let Some(original) = region.arena(*entity).original(cell.at) else { continue };
                for (unique, values) in all_values(region, *cell, &original) {
                    held.insert((*entity, unique, values), *cell);
                }
            }
        }
        for (row, index) in &updated {
            let cell = rows.updated[*row].0;
            let original = region.arena(cell.entity).original(cell.at);
            if let Some(values) = original.and_then(|original| values(region, cell, &original, *index)) {
                held.insert((cell.entity, Unique::Index(*index), values), cell);
            }
        }
        if held.is_empty() {
            return Self::default();
        }
        let mut conflicts = Self::default();
        let mut take = |place: Place, taker: CellId| {
            if let Some(holder) = held.get(&place).filter(|holder| **holder != taker) {
                conflicts.all.push(Conflict { holder: *holder, taker, unique: place.1 });
            }
            conflicts.values.extend(place.2);
        };
        for (row, index) in &updated {
            let (cell, snapshot, _) = &rows.updated[*row];
            if let Some(values) = values(region, *cell, snapshot, *index) {
                take((cell.entity, Unique::Index(*index), values), *cell);
            }
        }
        for (entity, created) in rows.created {
            for (cell, snapshot) in created {
                if let Some(key) = region.key(*cell) {
                    take((*entity, Unique::Key, key), *cell);
                }
                for (unique, values) in all_values(region, *cell, snapshot) {
                    take((*entity, unique, values), *cell);
                }
            }
        }
        if !conflicts.all.is_empty() {
            conflicts.values.extend(held.into_keys().flat_map(|(_, _, values)| values));
        }
        conflicts
    }
}

/// Updates that change a unique value, each with the index.
fn unique_updates(region: &Region, updated: &[(CellId, ErasedSnapshot, PropertySet)]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (row, (cell, _, changed)) in updated.iter().enumerate() {
        for (at, index) in region.entity(cell.entity).indexes.iter().enumerate() {
            if index.unique && index.properties.iter().any(|property| changed.contains(*property)) {
                found.push((row, at));
            }
        }
    }
    found
}

fn all_values<'a>(
    region: &'a Region,
    cell: CellId,
    snapshot: &'a ErasedSnapshot,
) -> impl Iterator<Item = (Unique, KeyValues)> + 'a {
    let indexes = region.entity(cell.entity).indexes.iter().enumerate().filter(|(_, index)| index.unique);
    indexes.filter_map(move |(at, _)| Some((Unique::Index(at), values(region, cell, snapshot, at)?)))
}

/// The values of a unique index; `None` if any is NULL, or not known before the flush.
fn values(region: &Region, cell: CellId, snapshot: &ErasedSnapshot, index: usize) -> Option<KeyValues> {
    let meta: &EntityMetadata = region.entity(cell.entity);
    let arena = region.arena(cell.entity);
    let mut values = KeyValues::new();
    for property in &meta.indexes[index].properties {
        match meta.properties[*property].kind {
            PropertyKind::Scalar => values.push(arena.value_of(snapshot, *property).ok()?),
            PropertyKind::Reference(relation) => match arena.target_of(snapshot, relation) {
                Target::Key(key) => values.extend(key),
                Target::Cell(target) => values.extend(region.key(target.id)?),
                Target::Unset | Target::New | Target::Invalid(_) => return None,
            },
        }
    }
    (!values.iter().any(Value::is_null)).then_some(values)
}
