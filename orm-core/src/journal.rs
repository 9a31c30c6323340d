//! What a rollback puts back in memory.
//!
//! While a transaction is open, whatever a flush settles and a row changes leaves a record here. A savepoint is a mark;
//! rolling back undoes the records after it, the latest first. The program's own unsaved work is never recorded and
//! never undone: new entities are new again, edits and removals wait for the next flush. What the hooks of a flush did
//! belongs to that flush, and goes with it.

use hashbrown::HashMap;

use crate::entity::{CellId, CellRecord, CellRecords, Region, State};
use crate::links::{DroppedLinks, PivotChanges};
use crate::metadata::{EntityId, RelationId, RelationKind};
use crate::relation::Target;
use crate::unit_of_work::HookSteps;
use crate::value::KeyValues;

/// The records of one region, in order.
#[derive(Default)]
pub(crate) struct Journal {
    records: Vec<Record>,
}

/// One step that can be taken back.
enum Record {
    /// A cell was changed.
    Cell(CellId, CellRecord),
    /// Links were written.
    Pivots(RelationId, PivotChanges),
    /// A cell left the lists that it was in.
    Dropped(CellId, DroppedLinks),
    /// Hooks of a flush did something to the context.
    Hooks(HookSteps),
}

/// Cells whose keys were taken back, by what those were.
type Keyless = HashMap<(EntityId, KeyValues), CellId, foldhash::fast::RandomState>;

/// A place in the journal of a region to come back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    region: u64,
    at: usize,
}

impl Region {
    /// Whether changes have to be recorded.
    pub(crate) fn is_journaled(&self) -> bool {
        self.session().transaction().is_some()
    }

    pub(crate) fn record_cells(&self, entity: EntityId, records: CellRecords) {
        let records = records.into_iter().map(|(at, record)| Record::Cell(CellId { entity, at }, record));
        self.journal().records.extend(records);
    }

    pub(crate) fn record_pivots(&self, relation: RelationId, written: &PivotChanges) {
        self.journal().records.push(Record::Pivots(relation, written.clone()));
    }

    pub(crate) fn record_dropped(&self, cell: CellId, dropped: DroppedLinks) {
        self.journal().records.push(Record::Dropped(cell, dropped));
    }

    pub(crate) fn record_hooks(&self, steps: HookSteps) {
        self.journal().records.push(Record::Hooks(steps));
    }

    /// The present place in the journal.
    pub(crate) fn mark(&self) -> Mark {
        Mark { region: self.id(), at: self.journal().records.len() }
    }

    /// What was recorded has become durable.
    pub(crate) fn forget_journal(&self) {
        let records = std::mem::take(&mut self.journal().records);
        // Snapshots are the program's types: they go where no lock is held.
        drop(records);
    }

    /// Undoes what was recorded since `mark`; everything, if `clear` gave the context new memory since.
    pub(crate) fn roll_back(&self, mark: Mark) {
        let from = if mark.region == self.id() { mark.at } else { 0 };
        let records = {
            let mut journal = self.journal();
            let from = from.min(journal.records.len());
            journal.records.split_off(from)
        };
        let (mut new, mut removed) = (Vec::new(), Vec::new());
        let mut keyless = Keyless::default();
        for record in records.into_iter().rev() {
            match record {
                Record::Cell(cell, record) => {
                    let key = self.key(cell);
                    match self.undo_cell(cell, &record) {
                        State::New => new.push(cell),
                        State::Removed => removed.push(cell),
                        State::Reference | State::Managed | State::Detached => {}
                    }
                    if let Some(key) = key.filter(|_| self.key(cell).is_none()) {
                        keyless.entry((cell.entity, key)).or_insert(cell);
                    }
                }
                Record::Pivots(relation, written) => self.links().unsettle_pivot(relation, &written),
                Record::Dropped(cell, dropped) => self.links().put_back(cell, dropped),
                Record::Hooks(steps) => steps.take_back(self),
            }
        }
        // What hooks brought in is given up by now.
        new.retain(|cell| self.state(*cell) == State::New);
        // In the order in which the program made them.
        new.reverse();
        removed.reverse();
        let mut pending = self.pending();
        pending.new.splice(0..0, new);
        pending.removed.splice(0..0, removed);
        drop(pending);
        self.point_to_cells(&keyless);
        // A query that this crossed has read what was never committed.
        self.note_settled();
    }

    /// Unsaved references that were made by a key which was taken back lead to the entity that had it.
    fn point_to_cells(&self, keyless: &Keyless) {
        if keyless.is_empty() {
            return;
        }
        let waiting: Vec<CellId> = {
            let pending = self.pending();
            pending.new.iter().chain(&pending.touched).chain(&pending.removed).copied().collect()
        };
        for cell in waiting {
            for (index, relation) in self.entity(cell.entity).relations.iter().enumerate() {
                let RelationKind::ManyToOne { .. } = relation.kind else { continue };
                let Target::Key(key) = self.arena(cell.entity).target(cell.at, index) else { continue };
                if let Some(target) = keyless.get(&(relation.target, key)) {
                    self.repoint(cell, index, &Target::Cell(self.cell_ref(*target)));
                }
            }
        }
    }

    fn undo_cell(&self, cell: CellId, record: &CellRecord) -> State {
        let mut undone = self.arena(cell.entity).undo(cell.at, record);
        let relations = &self.entity(cell.entity).relations;
        // A key that a target got and lost leads to the same list.
        undone.moved.retain(|moved| {
            let target = relations[moved.relation].target;
            self.resolve(target, &moved.from) != self.resolve(target, &moved.to)
        });
        if !undone.moved.is_empty() {
            // What it displaces is undone too.
            self.links().move_references(self, cell.entity, &undone.moved);
        }
        if undone.is_dirty {
            self.touch(cell);
        }
        undone.state
    }
}
