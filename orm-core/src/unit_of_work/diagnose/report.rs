//! Gathers the refused rows, by what the program calls them.

use std::sync::Arc;

use hashbrown::HashMap;

use super::diagnosis::{Diagnosis, RefusedRow, RowWrite};
use crate::entity::{CellId, ChangeKind, Region};
use crate::error::{EntityKey, Error};
use crate::metadata::{EntityId, RelationId};
use crate::unit_of_work::change_set::ChangeSet;
use crate::unit_of_work::flush_plan::{PlannedKey, StepRow};

type Hasher = foldhash::fast::RandomState;

pub(super) struct Report<'a> {
    region: &'a Arc<Region>,
    /// What is done to each entity, and its place among those of its type that it is done to.
    changes: HashMap<CellId, (ChangeKind, usize), Hasher>,
    rows: Vec<RefusedRow>,
}

impl<'a> Report<'a> {
    pub(super) fn new(region: &'a Arc<Region>, change_sets: &[ChangeSet]) -> Self {
        let mut counts: HashMap<(EntityId, ChangeKind), usize, Hasher> = HashMap::default();
        let changes = change_sets.iter().map(|change_set| {
            let kind = change_set.kind.as_change();
            let count = counts.entry((change_set.cell.entity, kind)).or_default();
            *count += 1;
            (change_set.cell, (kind, *count - 1))
        });
        Self { region, changes: changes.collect(), rows: Vec::new() }
    }

    /// The entity can't be written.
    pub(super) fn cell(&mut self, cell: CellId, error: Error) {
        self.change(cell, Arc::new(error));
    }

    /// The row was refused.
    pub(super) fn row(&mut self, row: &StepRow<'_>, error: &Arc<Error>) {
        let error = Arc::clone(error);
        match row {
            StepRow::Insert(row) => self.change(row.cell, error),
            StepRow::Update(row) | StepRow::SoftDelete(row) => self.change(row.cell, error),
            StepRow::Delete(row) => self.change(row.cell, error),
            StepRow::Link { relation, owner, item } => {
                self.link(*relation, owner, item, RowWrite::Link, error);
            }
            StepRow::Unlink { relation, owner, item } => {
                self.link(*relation, owner, item, RowWrite::Unlink, error);
            }
        }
    }

    pub(super) fn finish(self) -> Diagnosis {
        Diagnosis::of(self.rows)
    }

    fn change(&mut self, cell: CellId, error: Arc<Error>) {
        let Some((kind, position)) = self.changes.get(&cell).copied() else { return };
        let write = match kind {
            ChangeKind::Create => RowWrite::Insert,
            ChangeKind::Update => RowWrite::Update,
            ChangeKind::Delete => RowWrite::Delete,
        };
        let key = self.region.name(cell);
        let region = Arc::clone(self.region);
        self.rows.push(RefusedRow { region, cell: Some(cell), key, write, position: Some(position), error });
    }

    fn link(
        &mut self,
        relation: RelationId,
        owner: &PlannedKey,
        item: &PlannedKey,
        write: fn(&'static str, EntityKey) -> RowWrite,
        error: Arc<Error>,
    ) {
        let described = self.region.metadata().relation(relation);
        let item = self.name(described.target, item);
        self.rows.push(RefusedRow {
            region: Arc::clone(self.region),
            cell: owner.cell(self.region, relation.entity),
            key: self.name(relation.entity, owner),
            write: write(described.name, item),
            position: None,
            error,
        });
    }

    fn name(&self, entity: EntityId, key: &PlannedKey) -> EntityKey {
        match key {
            PlannedKey::Known(key) => EntityKey::new(self.region.entity(entity).name, key.clone()),
            PlannedKey::Of(cell) => self.region.name(*cell),
        }
    }
}
