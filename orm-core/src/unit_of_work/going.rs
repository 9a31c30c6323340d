//! What has to go before a row that goes, and which rows the database takes along with it.
//!
//! Of a row that is removed by its key alone nobody knows the values: it may refer to whatever its type can refer to, and
//! have any unique value. All such rows of one type are therefore treated as one, by the first of them.

use hashbrown::{HashMap, HashSet};

use super::unique_values::Rows;
use crate::entity::{CellId, ErasedSnapshot, PropertySet, Region, State};
use crate::metadata::description::ReferentialAction;
use crate::metadata::{EntityId, RelationKind};
use crate::relation::Target;
use crate::value::KeyValues;

type Hasher = foldhash::fast::RandomState;

/// The rows that go in a flush, and what refers to them.
#[derive(Default)]
pub(super) struct Going {
    /// Rows that go or are pointed elsewhere, by the row that goes and that they refer to in the database.
    referrers: HashMap<CellId, Vec<(CellId, usize)>, Hasher>,
    /// By the first of its type: rows that are removed by their keys alone.
    bare: HashMap<CellId, Vec<CellId>, Hasher>,
    /// The first of its type, by each of them.
    firsts: HashMap<CellId, CellId, Hasher>,
    /// Firsts that may refer to a row of a type, each with the relation.
    possible: HashMap<EntityId, Vec<(CellId, usize)>, Hasher>,
    carriers: Carriers,
    /// The types of the rows that the database deletes with a row.
    carries: HashMap<CellId, Vec<EntityId>, Hasher>,
}

/// Rows that the database deletes by itself, with the row of the flush that they go with.
pub(super) type Carriers = HashMap<CellId, CellId, Hasher>;

/// Whether nothing but the key of a row is known.
pub(super) fn is_bare(region: &Region, cell: CellId) -> bool {
    region.arena(cell.entity).original(cell.at).is_none()
}

impl Going {
    pub(super) fn of(region: &Region, rows: Rows<'_>, carriers: Carriers) -> Self {
        let mut going = Self { carriers, ..Self::default() };
        if !rows.deleted.is_empty() {
            going.note_bare(region, rows);
            going.note_carried();
            going.note_referrers(region, rows);
        }
        going
    }

    fn note_bare(&mut self, region: &Region, rows: Rows<'_>) {
        for (entity, cells) in rows.deleted {
            let bare: Vec<CellId> = cells.iter().copied().filter(|cell| is_bare(region, *cell)).collect();
            let Some(first) = bare.first().copied() else { continue };
            for (index, relation) in region.entity(*entity).relations.iter().enumerate() {
                if let RelationKind::ManyToOne { .. } = relation.kind {
                    self.possible.entry(relation.target).or_default().push((first, index));
                }
            }
            self.firsts.extend(bare.iter().map(|cell| (*cell, first)));
            self.bare.insert(first, bare);
        }
    }

    fn note_carried(&mut self) {
        for (cell, carrier) in &self.carriers {
            let row = self.firsts.get(carrier).unwrap_or(carrier);
            let types = self.carries.entry(*row).or_default();
            if !types.contains(&cell.entity) {
                types.push(cell.entity);
            }
        }
    }

    fn note_referrers(&mut self, region: &Region, rows: Rows<'_>) {
        // The identity map may lead from a key to the new row that takes it.
        let mut gone: HashMap<(EntityId, KeyValues), CellId, Hasher> = HashMap::default();
        for cell in rows.deleted.values().flatten() {
            gone.extend(region.every_key(*cell).into_iter().map(|key| ((cell.entity, key), *cell)));
        }
        for (cell, carrier) in &self.carriers {
            gone.extend(region.every_key(*cell).into_iter().map(|key| ((cell.entity, key), *carrier)));
        }
        let mut note = |cell: CellId, changed: Option<&PropertySet>| {
            for (index, relation) in region.entity(cell.entity).relations.iter().enumerate() {
                let RelationKind::ManyToOne { property } = relation.kind else { continue };
                if changed.is_some_and(|changed| !changed.contains(property)) {
                    continue;
                }
                let Target::Key(key) = region.arena(cell.entity).original_target(cell.at, index) else {
                    continue;
                };
                if let Some(target) = gone.get(&(relation.target, key)).filter(|target| **target != cell) {
                    let target = self.firsts.get(target).unwrap_or(target);
                    self.referrers.entry(*target).or_default().push((cell, index));
                }
            }
        };
        rows.deleted.values().flatten().for_each(|cell| note(*cell, None));
        rows.updated.iter().for_each(|(cell, _, changed)| note(*cell, Some(changed)));
    }

    /// What refers to a row that goes, or to what goes with it, or may do so: each with the relation.
    pub(super) fn referrers(&self, row: CellId) -> Vec<(CellId, usize)> {
        let known = self.referrers.get(&row).into_iter().flatten();
        let carried = self.carries.get(&row).into_iter().flatten();
        let types = std::iter::once(&row.entity).chain(carried);
        let possible = types.flat_map(|entity| self.possible.get(entity).into_iter().flatten());
        known.chain(possible.filter(|(first, _)| *first != row)).copied().collect()
    }

    /// The row that is written early if the values of this one are to be free.
    pub(super) fn row_of(&self, cell: CellId) -> CellId {
        let row = self.carriers.get(&cell).unwrap_or(&cell);
        *self.firsts.get(row).unwrap_or(row)
    }

    /// The rows that this one stands for.
    pub(super) fn all_of(&self, row: CellId) -> Vec<CellId> {
        self.bare.get(&row).cloned().unwrap_or_else(|| vec![row])
    }

    /// Whether the row is removed by its key alone.
    pub(super) fn is_bare(&self, cell: CellId) -> bool {
        self.firsts.contains_key(&cell)
    }
}

/// The rows that the database deletes along with rows of the flush, as far as memory knows them.
pub(super) fn carried(region: &Region, rows: Rows<'_>) -> Carriers {
    let mut carriers = Carriers::default();
    let relations = region.metadata().entities().flat_map(|entity| {
        let relations = entity.relations.iter().enumerate();
        let cascades = relations.filter(|(_, relation)| {
            matches!(relation.kind, RelationKind::ManyToOne { .. })
                && relation.on_delete == Some(ReferentialAction::Cascade)
        });
        cascades.map(|(index, relation)| (entity.id, index, relation.target))
    });
    let relations: Vec<(EntityId, usize, EntityId)> = relations.collect();
    if !relations.iter().any(|(_, _, target)| rows.deleted.contains_key(target)) {
        return carriers;
    }
    let mut written: HashSet<CellId, Hasher> = rows.deleted.values().flatten().copied().collect();
    written.extend(rows.updated.iter().map(|(cell, _, _)| *cell));
    for carrier in rows.deleted.values().flatten() {
        let mut queue = vec![*carrier];
        while let Some(gone) = queue.pop() {
            let keys = region.every_key(gone);
            for (entity, index, _) in relations.iter().filter(|(_, _, target)| *target == gone.entity) {
                let arena = region.arena(*entity);
                for at in keys.iter().flat_map(|key| arena.referrers(*index, key)) {
                    let cell = CellId { entity: *entity, at };
                    // What the flush writes itself goes its own way.
                    if !written.contains(&cell) && !carriers.contains_key(&cell) {
                        carriers.insert(cell, *carrier);
                        queue.push(cell);
                    }
                }
            }
        }
    }
    carriers
}

/// Whether what is written of a row refers to a row that is not inserted yet.
pub(super) fn waits(region: &Region, cell: CellId, snapshot: &ErasedSnapshot, changed: &PropertySet) -> bool {
    region.entity(cell.entity).relations.iter().enumerate().any(|(index, relation)| {
        let RelationKind::ManyToOne { property } = relation.kind else { return false };
        if !changed.contains(property) {
            return false;
        }
        let target = region.resolve(relation.target, &region.arena(cell.entity).target_of(snapshot, index));
        target.is_some_and(|at| region.state(CellId { entity: relation.target, at }) == State::New)
    })
}
