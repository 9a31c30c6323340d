//! What a committed flush does to memory, in one synchronous step: keys, originals, states, lists.
//!
//! Edits that were made while the flush ran are merged over what was saved, and stay dirty.

use hashbrown::{HashMap, HashSet};

use super::events::Places;
use crate::entity::{CellId, CellRecords, ErasedSnapshot, Region, Saved, State};
use crate::links::PivotChanges;
use crate::metadata::description::ReferentialAction;
use crate::metadata::{EntityId, RelationId, RelationKind};
use crate::relation::Target;
use crate::value::{KeyValues, Value};

type Hasher = foldhash::fast::RandomState;

/// The snapshot that was written, and the properties that the flush or the database made.
type Saving = (ErasedSnapshot, Vec<(usize, Value)>);

/// A cell whose row says now that it is deleted, and the properties that say so.
pub(super) struct SoftDeleted {
    pub(super) cell: CellId,
    /// The value that was written; `None` for a row that was removed by its key alone.
    pub(super) sent: Option<ErasedSnapshot>,
    pub(super) values: Vec<(usize, Value)>,
}

/// The snapshot in a cell, where what was written is another value that was made of it.
pub(super) type Bases = HashMap<CellId, ErasedSnapshot, Hasher>;

/// What there is to settle.
#[derive(Default)]
pub(crate) struct Settlement {
    saved: Vec<(CellId, Saving)>,
    /// The snapshots in the cells that other values than these were written for.
    bases: Bases,
    keys: HashMap<CellId, KeyValues, Hasher>,
    pub(super) removed: Vec<CellId>,
    pub(super) soft_deleted: Vec<SoftDeleted>,
    /// Those among the removed that no program scheduled, but a cascade.
    pub(super) cascaded: Vec<CellId>,
    /// New entities that a cascade took before they were inserted.
    pub(super) unborn: Vec<CellId>,
    pub(super) pivots: Vec<(RelationId, PivotChanges)>,
}

impl Settlement {
    /// Nothing yet, of values that were made of these snapshots.
    pub(super) fn of(bases: Bases) -> Self {
        Self { bases, ..Self::default() }
    }

    /// Nothing of it happened: the keys of its inserts are free.
    pub(super) fn release_keys(&self, region: &Region) {
        for (cell, key) in &self.keys {
            region.arena(cell.entity).release_key(cell.at, key);
        }
    }

    /// Where in it each cell is.
    pub(super) fn places(&self) -> Places {
        self.saved.iter().enumerate().map(|(at, (cell, _))| (*cell, at)).collect()
    }

    /// The entity at a place as the database has it by now.
    pub(super) fn stored(&self, region: &Region, at: usize) -> ErasedSnapshot {
        let (cell, (sent, values)) = &self.saved[at];
        let references = references(region, &self.keys, cell.entity, sent);
        let (sent, values) = (ErasedSnapshot::clone(sent), values.clone());
        region.arena(cell.entity).stored(Saved { sent, base: None, values, references })
    }

    /// The value that was written at a place.
    pub(super) fn sent(&self, at: usize) -> &ErasedSnapshot {
        &self.saved[at].1.0
    }

    /// The database made more of the row at a place.
    pub(super) fn made(&mut self, at: usize, values: Vec<(usize, Value)>) {
        self.saved[at].1.1.extend(values);
    }

    pub(super) fn saved(
        &mut self,
        cell: CellId,
        snapshot: ErasedSnapshot,
        values: Vec<(usize, Value)>,
        key: Option<KeyValues>,
    ) {
        self.saved.push((cell, (snapshot, values)));
        self.keys.extend(key.map(|key| (cell, key)));
    }
}

/// The keys of the entities that `sent` refers to and that had none when it was taken.
pub(super) fn references(
    region: &Region,
    keys: &HashMap<CellId, KeyValues, Hasher>,
    entity: EntityId,
    sent: &ErasedSnapshot,
) -> Vec<(usize, KeyValues)> {
    let mut references = Vec::new();
    for (index, relation) in region.entity(entity).relations.iter().enumerate() {
        let RelationKind::ManyToOne { .. } = relation.kind else { continue };
        if let Target::Cell(target) = region.arena(entity).target_of(sent, index)
            && let Some(key) = keys.get(&target.id).cloned().or_else(|| region.key(target.id))
        {
            references.push((index, key));
        }
    }
    references
}

impl std::fmt::Debug for Settlement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Settlement({} saved, {} removed)", self.saved.len(), self.removed.len())
    }
}

impl Region {
    /// Makes memory agree with what was committed.
    pub(crate) fn settle(&self, mut settlement: Settlement) {
        let saved: HashSet<CellId, Hasher> = settlement.saved.iter().map(|(cell, _)| *cell).collect();
        // Their mark stays, so nobody puts them on the list again before they are settled.
        self.pending().touched.retain(|cell| !saved.contains(cell));
        let mut dirty = Vec::new();
        for (cell, (sent, values)) in settlement.saved {
            let arena = self.arena(cell.entity);
            if arena.has_left(cell.at) {
                // The row is as it was written; whoever asks for it gets a new instance.
                settlement.keys.get(&cell).inspect(|key| arena.release_key(cell.at, key));
                continue;
            }
            let references = references(self, &settlement.keys, cell.entity, &sent);
            let base = settlement.bases.remove(&cell);
            if self.settle_row(cell, Saved { sent, base, values, references }) {
                dirty.push(cell);
            }
            if settlement.keys.contains_key(&cell) && arena.state(cell.at) == State::Detached {
                // Removed while its insert ran: the row is there now, and the next flush deletes it.
                arena.set_state(cell.at, State::Removed);
                self.pending().removed.push(cell);
            }
        }
        self.settle_cascade(&settlement.cascaded, &settlement.unborn);
        self.settle_removed(&settlement.removed, &saved);
        self.settle_soft_deleted(settlement.soft_deleted, &settlement.keys);
        self.settle_links(&settlement.pivots);
        let mut pending = self.pending();
        pending.new.retain(|cell| self.state(*cell) == State::New);
        pending.removed.retain(|cell| self.state(*cell) == State::Removed);
        if !self.is_journaled() {
            // A rollback may bring the removal back.
            pending.orphans.retain(|cell| self.state(*cell) == State::Removed);
        }
        pending.touched.extend(dirty);
        drop(pending);
        self.note_settled();
    }

    pub(crate) fn settle_links(&self, pivots: &[(RelationId, PivotChanges)]) {
        let mut links = self.links();
        for (relation, written) in pivots {
            links.settle_pivot(*relation, written);
            if self.is_journaled() {
                self.record_pivots(*relation, written);
            }
        }
    }

    /// Where a change leaves its record, while a transaction is open.
    fn records(&self) -> Option<CellRecords> {
        self.is_journaled().then(CellRecords::new)
    }

    fn keep(&self, entity: EntityId, records: Option<CellRecords>) {
        if let Some(records) = records {
            self.record_cells(entity, records);
        }
    }

    /// The row of a cell was written. Returns whether the cell was edited meanwhile.
    pub(super) fn settle_row(&self, cell: CellId, saved: Saved) -> bool {
        let mut records = self.records();
        let is_edited = self.arena(cell.entity).settle_saved(cell.at, saved, records.as_mut());
        self.keep(cell.entity, records);
        is_edited
    }

    /// The row of a cell was deleted by somebody else.
    pub(crate) fn settle_vanished(&self, cell: CellId) {
        let mut records = self.records();
        self.arena(cell.entity).settle_cascaded(cell.at, records.as_mut());
        self.keep(cell.entity, records);
        self.settle_gone(cell);
    }

    /// The row of a cell is gone, and so is the cell from every list; unless its removal was taken back meanwhile.
    pub(crate) fn settle_gone(&self, cell: CellId) {
        let mut records = self.records();
        let is_new_again = self.arena(cell.entity).settle_removed(cell.at, records.as_mut());
        self.keep(cell.entity, records);
        if is_new_again {
            self.pending().new.push(cell);
            return;
        }
        let dropped = self.links().drop_cell(self, cell);
        if self.is_journaled() {
            self.record_dropped(cell, dropped);
        }
    }

    /// What a cascade took was in no state of its own until now.
    fn settle_cascade(&self, cascaded: &[CellId], unborn: &[CellId]) {
        for cell in cascaded {
            let arena = self.arena(cell.entity);
            if matches!(arena.state(cell.at), State::Managed | State::Reference) {
                let mut records = self.records();
                arena.settle_cascaded(cell.at, records.as_mut());
                self.keep(cell.entity, records);
            }
        }
        for cell in unborn {
            if self.state(*cell) == State::New {
                self.settle_gone(*cell);
            }
        }
    }

    fn settle_removed(&self, removed: &[CellId], saved: &HashSet<CellId, Hasher>) {
        let mut gone: Vec<CellId> = removed.to_vec();
        while !gone.is_empty() {
            let mut keys: HashMap<EntityId, HashSet<KeyValues, Hasher>, Hasher> = HashMap::default();
            for cell in &gone {
                keys.entry(cell.entity).or_default().extend(self.every_key(*cell));
                self.settle_gone(*cell);
            }
            gone = self.follow_deletes(&keys, saved);
        }
    }

    /// The database deleted rows, or emptied references, by itself: the identity map follows. Returns the cells whose
    /// rows went. Rows that this very flush wrote may refer to a new row that has the key of one that went before.
    fn follow_deletes(
        &self,
        gone: &HashMap<EntityId, HashSet<KeyValues, Hasher>, Hasher>,
        saved: &HashSet<CellId, Hasher>,
    ) -> Vec<CellId> {
        let mut cascaded = Vec::new();
        for (entity, arena) in self.arenas() {
            for (index, relation) in self.entity(entity).relations.iter().enumerate() {
                let (RelationKind::ManyToOne { .. }, Some(keys)) =
                    (&relation.kind, gone.get(&relation.target))
                else {
                    continue;
                };
                let Some(action @ (ReferentialAction::Cascade | ReferentialAction::SetNull)) =
                    relation.on_delete
                else {
                    continue;
                };
                let is_taken = |key: &KeyValues| self.arena(relation.target).find(key).is_some();
                let referrers = keys
                    .iter()
                    .flat_map(|key| arena.referrers(index, key).into_iter().map(move |at| (key, at)));
                for (key, at) in referrers {
                    let cell = CellId { entity, at };
                    if saved.contains(&cell) && is_taken(key) {
                        continue;
                    }
                    match action {
                        ReferentialAction::Cascade => {
                            let mut records = self.records();
                            arena.settle_cascaded(at, records.as_mut());
                            self.keep(entity, records);
                            cascaded.push(cell);
                        }
                        _ => {
                            let mut records = self.records();
                            arena.follow(at, index, &Target::Unset, records.as_mut());
                            self.keep(entity, records);
                        }
                    }
                }
            }
        }
        cascaded.sort_unstable();
        cascaded.dedup();
        cascaded
    }
}
