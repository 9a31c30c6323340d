//! Which rows of a flush have a unique value, or a key, that another row of it takes.
//!
//! Only rows that go, come, or change a unique field are looked at. NULL is nobody's: no two NULLs collide. Of an index
//! with a condition nobody here knows which rows it holds: a conflict in it is possible, not sure. The same goes for rows
//! whose values nobody knows.

use hashbrown::{HashMap, HashSet};

use super::change_set::SoftDeletion;
use super::going::{Carriers, carried, waits};
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
    /// Rows that stay, and say then that they are deleted.
    pub(super) soft_deleted: &'a [(CellId, SoftDeletion)],
}

/// What no two rows of an entity may have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Unique {
    /// The primary key.
    Key,
    /// An index, by its place.
    Index(usize),
}

/// A value that one row has, or may have, and another one takes.
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
    /// Soft deletes that take a row out of an index with a condition, so that another one can take its values.
    pub(super) soft_deletes: HashSet<CellId, Hasher>,
    /// Rows that the database deletes by itself, which may be among the holders.
    pub(super) carriers: Carriers,
}

type Place = (EntityId, Unique, KeyValues);

impl Conflicts {
    pub(super) fn of(region: &Region, rows: Rows<'_>) -> Self {
        let updated = unique_updates(region, rows.updated);
        let goes = !(rows.deleted.is_empty() && rows.soft_deleted.is_empty());
        if (!goes && updated.is_empty()) || (rows.created.is_empty() && updated.is_empty()) {
            return Self::default();
        }
        let mut held = Held::default();
        let mut takers: HashSet<EntityId, Hasher> = rows.created.keys().copied().collect();
        takers.extend(updated.iter().map(|(row, _)| rows.updated[*row].0.entity));
        held.deleted(region, rows, &takers);
        held.soft_deleted(region, rows, &takers);
        for (row, index) in &updated {
            let cell = rows.updated[*row].0;
            let original = region.arena(cell.entity).original(cell.at);
            if let Some(values) = original.and_then(|original| values(region, cell, &original, *index)) {
                held.hold(region, cell, Unique::Index(*index), values);
            }
        }
        if held.is_empty() {
            return Self::default();
        }
        let mut conflicts = Self::default();
        for (row, index) in &updated {
            let (cell, snapshot, _) = &rows.updated[*row];
            if let Some(values) = values(region, *cell, snapshot, *index) {
                conflicts.take(&held, (cell.entity, Unique::Index(*index), values), *cell);
            }
        }
        for (entity, created) in rows.created {
            for (cell, snapshot) in created {
                if let Some(key) = region.key(*cell) {
                    conflicts.take(&held, (*entity, Unique::Key, key), *cell);
                }
                for (unique, values) in all_values(region, *cell, snapshot) {
                    conflicts.take(&held, (*entity, unique, values), *cell);
                }
            }
        }
        if !conflicts.all.is_empty() {
            let places = held.rows.into_keys().chain(held.partial.into_keys());
            conflicts.values.extend(places.flat_map(|(_, _, values)| values));
        }
        conflicts.soft_deletes.extend(held.bare_soft);
        conflicts.carriers = held.carriers;
        conflicts
    }

    fn take(&mut self, held: &Held, place: Place, taker: CellId) {
        let bare = held.bare.get(&place.0).filter(|_| place.1 != Unique::Key);
        let holders = held.rows.get(&place).into_iter().chain(bare);
        let holders = holders.chain(held.partial.get(&place).into_iter().flatten());
        for holder in holders.filter(|holder| **holder != taker) {
            self.all.push(Conflict { holder: *holder, taker, unique: place.1 });
        }
        self.soft_deletes.extend(held.soft.get(&place).into_iter().flatten());
        self.values.extend(place.2);
    }
}

/// Who has which values.
#[derive(Default)]
struct Held {
    rows: HashMap<Place, CellId, Hasher>,
    /// In indexes with a condition, which several rows may seem to share.
    partial: HashMap<Place, Vec<CellId>, Hasher>,
    /// As above, by rows that are deleted softly.
    soft: HashMap<Place, Vec<CellId>, Hasher>,
    /// Rows whose values nobody knows: the first of those that go.
    bare: HashMap<EntityId, CellId, Hasher>,
    bare_soft: Vec<CellId>,
    carriers: Carriers,
}

impl Held {
    fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && self.partial.is_empty()
            && self.soft.is_empty()
            && self.bare.is_empty()
            && self.bare_soft.is_empty()
    }

    fn hold(&mut self, region: &Region, cell: CellId, unique: Unique, values: KeyValues) {
        let place = (cell.entity, unique, values);
        if is_partial(region, cell.entity, unique) {
            self.partial.entry(place).or_default().push(cell);
        } else {
            self.rows.insert(place, cell);
        }
    }

    fn deleted(&mut self, region: &Region, rows: Rows<'_>, takers: &HashSet<EntityId, Hasher>) {
        for (entity, cells) in rows.deleted.iter().filter(|(entity, _)| takers.contains(*entity)) {
            for cell in cells {
                if let Some(key) = region.key(*cell) {
                    self.hold(region, *cell, Unique::Key, key);
                }
                match region.arena(*entity).original(cell.at) {
                    Some(original) => self.hold_all(region, *cell, &original),
                    None => {
                        self.bare.entry(*entity).or_insert(*cell);
                    }
                }
            }
        }
        self.carriers = carried(region, rows);
        let carried: Vec<CellId> = self.carriers.keys().copied().collect();
        for cell in carried.into_iter().filter(|cell| takers.contains(&cell.entity)) {
            if let Some(original) = region.arena(cell.entity).original(cell.at) {
                self.hold_all(region, cell, &original);
            }
        }
    }

    fn hold_all(&mut self, region: &Region, cell: CellId, original: &ErasedSnapshot) {
        for (unique, values) in all_values(region, cell, original) {
            self.hold(region, cell, unique, values);
        }
    }

    fn soft_deleted(&mut self, region: &Region, rows: Rows<'_>, takers: &HashSet<EntityId, Hasher>) {
        for (cell, deletion) in rows.soft_deleted.iter().filter(|(cell, _)| takers.contains(&cell.entity)) {
            let marked = deletion.marked.as_ref();
            if marked.is_some_and(|(snapshot, changed)| waits(region, *cell, snapshot, changed)) {
                continue;
            }
            let Some(original) = region.arena(cell.entity).original(cell.at) else {
                let mut indexes = region.entity(cell.entity).indexes.iter();
                self.bare_soft
                    .extend(indexes.any(|index| index.unique && index.condition.is_some()).then_some(*cell));
                continue;
            };
            for (unique, values) in all_values(region, *cell, &original) {
                if is_partial(region, cell.entity, unique) {
                    self.soft.entry((cell.entity, unique, values)).or_default().push(*cell);
                }
            }
        }
    }
}

/// Whether a condition says which rows are in the index.
pub(super) fn is_partial(region: &Region, entity: EntityId, unique: Unique) -> bool {
    match unique {
        Unique::Key => false,
        Unique::Index(index) => region.entity(entity).indexes[index].condition.is_some(),
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

/// The values of a unique index; `None` if any is NULL, or not known before the flush, as what the database computes.
fn values(region: &Region, cell: CellId, snapshot: &ErasedSnapshot, index: usize) -> Option<KeyValues> {
    let meta: &EntityMetadata = region.entity(cell.entity);
    let arena = region.arena(cell.entity);
    let mut values = KeyValues::new();
    for property in &meta.indexes[index].properties {
        match meta.properties[*property].kind {
            PropertyKind::Scalar if meta.computed.contains(property) => return None,
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
