//! The rows that a diagnosis goes on without, and those that need them.

use hashbrown::HashSet;

use crate::entity::{CellId, ErasedSnapshot, Region, State};
use crate::error::Result;
use crate::metadata::{EntityId, PropertyKind, RelationKind};
use crate::unit_of_work::cascade::Cascade;
use crate::unit_of_work::change_set::{ChangeSet, ChangeSetKind, check};
use crate::unit_of_work::expected::unfit;
use crate::unit_of_work::flush_plan::{PlannedKey, StepRow};

type Cells = HashSet<CellId, foldhash::fast::RandomState>;

pub(super) struct LeftOut<'a> {
    region: &'a Region,
    cells: Cells,
    /// What the rows of these refer to in the database, and so can't be deleted.
    needed: Cells,
    has_news: bool,
}

impl<'a> LeftOut<'a> {
    pub(super) fn new(region: &'a Region) -> Self {
        Self { region, cells: Cells::default(), needed: Cells::default(), has_news: false }
    }

    pub(super) fn contains(&self, cell: CellId) -> bool {
        self.cells.contains(&cell)
    }

    /// Whether anything was added since this was asked last.
    pub(super) fn has_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    pub(super) fn add(&mut self, cell: CellId) {
        if !self.cells.insert(cell) {
            return;
        }
        self.has_news = true;
        let arena = self.region.arena(cell.entity);
        for (index, relation) in self.region.entity(cell.entity).relations.iter().enumerate() {
            if let RelationKind::ManyToOne { .. } = relation.kind {
                let target = arena.original_target(cell.at, index);
                let target = self.region.resolve(relation.target, &target);
                self.needed.extend(target.map(|at| CellId { entity: relation.target, at }));
            }
        }
    }

    /// Leaves out the entity of a row; the owner of a link stays.
    pub(super) fn add_row(&mut self, row: &StepRow<'_>) {
        match row {
            StepRow::Insert(row) => self.add(row.cell),
            StepRow::Update(row) | StepRow::SoftDelete(row) => self.add(row.cell),
            StepRow::Delete(row) => self.add(row.cell),
            StepRow::Link { .. } | StepRow::Unlink { .. } => {}
        }
    }

    /// Leaves out a change that can't be written whatever the database says.
    ///
    /// # Errors
    ///
    /// Why it can't.
    pub(super) fn check(&mut self, change_set: &ChangeSet, cascade: &Cascade) -> Result<()> {
        let checked =
            check(self.region, change_set, cascade).and_then(|()| check_values(self.region, change_set));
        if checked.is_err() {
            self.add(change_set.cell);
        }
        checked
    }

    /// Whether a change can't be written without what is left out; then it is left out too.
    pub(super) fn concerns_change(&mut self, change_set: &ChangeSet) -> bool {
        let refers =
            change_set.kind.value().is_some_and(|snapshot| self.refers(change_set.cell.entity, snapshot));
        if refers {
            self.add(change_set.cell);
        }
        refers
    }

    /// Whether a row is left out, or can't be written without one that is; then it is left out too.
    pub(super) fn concerns(&mut self, row: &StepRow<'_>) -> bool {
        let is_concerned = match row {
            StepRow::Insert(row) => self.contains(row.cell) || self.refers(row.cell.entity, &row.snapshot),
            StepRow::Update(row) | StepRow::SoftDelete(row) => {
                let current = || self.region.arena(row.cell.entity).current(row.cell.at);
                let snapshot = row.snapshot.clone().or_else(current);
                self.contains(row.cell)
                    || snapshot.is_some_and(|snapshot| self.refers(row.cell.entity, &snapshot))
            }
            StepRow::Delete(row) => self.contains(row.cell) || self.needed.contains(&row.cell),
            StepRow::Link { relation, owner, item } | StepRow::Unlink { relation, owner, item } => {
                let target = self.region.metadata().relation(*relation).target;
                self.is_unborn_key(relation.entity, owner) || self.is_unborn_key(target, item)
            }
        };
        if is_concerned {
            self.add_row(row);
        }
        is_concerned
    }

    /// Whether a value refers to a new entity that is left out.
    fn refers(&self, entity: EntityId, snapshot: &ErasedSnapshot) -> bool {
        if self.cells.is_empty() {
            return false;
        }
        let arena = self.region.arena(entity);
        let mut relations = self.region.entity(entity).relations.iter().enumerate();
        relations.any(|(index, relation)| {
            let RelationKind::ManyToOne { .. } = relation.kind else { return false };
            let target = self.region.resolve(relation.target, &arena.target_of(snapshot, index));
            target.is_some_and(|at| self.is_unborn(CellId { entity: relation.target, at }))
        })
    }

    fn is_unborn(&self, cell: CellId) -> bool {
        self.contains(cell) && self.region.state(cell) == State::New
    }

    fn is_unborn_key(&self, entity: EntityId, key: &PlannedKey) -> bool {
        key.cell(self.region, entity).is_some_and(|cell| self.is_unborn(cell))
    }
}

/// Whether columns can hold the values that are written.
fn check_values(region: &Region, change_set: &ChangeSet) -> Result<()> {
    let (snapshot, changed) = match &change_set.kind {
        ChangeSetKind::Create(snapshot) => (snapshot, None),
        ChangeSetKind::Update(snapshot, changed) => (snapshot, Some(changed)),
        ChangeSetKind::SoftDelete(deletion) => match &deletion.marked {
            Some((snapshot, changed)) => (snapshot, Some(changed)),
            None => return Ok(()),
        },
        ChangeSetKind::Delete => return Ok(()),
    };
    let (entity, arena) = (region.entity(change_set.cell.entity), region.arena(change_set.cell.entity));
    for (at, property) in entity.properties.iter().enumerate() {
        let is_written = changed.is_none_or(|changed| changed.contains(at));
        if is_written && matches!(property.kind, PropertyKind::Scalar) {
            arena.value_of(snapshot, at).map_err(|source| unfit(entity, at, source))?;
        }
    }
    Ok(())
}
