//! Puts change sets into steps: what comes before what.

use hashbrown::{HashMap, HashSet};

use super::Hasher;
use super::step::{FlushPhase, PlannedKey, Step};
use crate::entity::{CellId, ErasedSnapshot, PropertySet, Region, State};
use crate::error::{Error, Result};
use crate::links::PivotChanges;
use crate::metadata::{EntityId, RelationId, RelationKind};
use crate::unit_of_work::cascade::Cascade;
use crate::unit_of_work::change_set::{ChangeSet, ChangeSetKind, SoftDeletion};
use crate::unit_of_work::commit_order::{ReferenceGraph, commit_order};
use crate::unit_of_work::early::{Early, arrange};
use crate::unit_of_work::expected;
use crate::unit_of_work::unique_values::Rows;
use crate::value::Value;

pub(super) struct Planner<'a> {
    pub(super) region: &'a Region,
    pub(super) cascade: &'a Cascade,
    pub(super) steps: Vec<Step>,
    /// Cells whose insert is planned already.
    pub(super) inserted: HashSet<CellId, Hasher>,
    /// What rows that are written twice hold in between.
    pub(super) interim: expected::Interim,
    /// When the flush is, for versions that are a time.
    pub(super) now: i64,
}

impl<'a> Planner<'a> {
    pub(super) fn plan(&mut self, change_sets: Vec<ChangeSet>) -> Result<()> {
        let mut creates: HashMap<EntityId, Vec<(CellId, ErasedSnapshot)>, Hasher> = HashMap::default();
        let mut updates = Vec::new();
        let mut soft_deletes = Vec::new();
        let mut deletes: HashMap<EntityId, Vec<CellId>, Hasher> = HashMap::default();
        for ChangeSet { cell, kind, .. } in change_sets {
            match kind {
                ChangeSetKind::Create(snapshot) => {
                    creates.entry(cell.entity).or_default().push((cell, snapshot));
                }
                ChangeSetKind::Update(snapshot, changed) => updates.push((cell, snapshot, changed)),
                ChangeSetKind::SoftDelete(deletion) => soft_deletes.push((cell, deletion)),
                ChangeSetKind::Delete => deletes.entry(cell.entity).or_default().push(cell),
            }
        }
        let order = self.entity_order(creates.keys().chain(deletes.keys()).copied())?;
        let rows =
            Rows { created: &creates, updated: &updates, deleted: &deletes, soft_deleted: &soft_deletes };
        let early = arrange(self.region, rows)?;
        let is_early = |(cell, _): &(CellId, SoftDeletion)| early.soft_deletes.contains(cell);
        let (first, soft_deletes): (Vec<_>, Vec<_>) = soft_deletes.into_iter().partition(is_early);
        self.soft_deletes(first, true)?;
        self.early(early, &mut updates, &mut deletes)?;
        for entity in &order {
            if let Some(rows) = creates.remove(entity) {
                self.inserts(*entity, rows)?;
            }
        }
        self.updates(updates, FlushPhase::Update)?;
        self.soft_deletes(soft_deletes, false)?;
        self.open_circles(&order, &deletes);
        for entity in order.iter().rev() {
            if let Some(cells) = deletes.get(entity) {
                self.deletes(*entity, cells, false)?;
            }
        }
        Ok(())
    }

    /// The types in the order of inserts.
    pub(super) fn entity_order(&self, entities: impl Iterator<Item = EntityId>) -> Result<Vec<EntityId>> {
        let mut entities: Vec<EntityId> = entities.collect();
        entities.sort_unstable();
        entities.dedup();
        let place = |entity: EntityId| entities.binary_search(&entity).ok();
        let mut graph = ReferenceGraph { nodes: entities.len(), references: Vec::new() };
        for (from, entity) in entities.iter().enumerate() {
            for relation in &self.region.entity(*entity).relations {
                if let (RelationKind::ManyToOne { .. }, Some(to)) = (&relation.kind, place(relation.target)) {
                    graph.references.push((from, to, !relation.nullable));
                }
            }
        }
        match commit_order(&graph) {
            Ok(order) => Ok(order.into_iter().map(|at| entities[at]).collect()),
            Err(circle) => Err(self.circle(circle.into_iter().map(|at| entities[at]))),
        }
    }

    pub(super) fn circle(&self, entities: impl Iterator<Item = EntityId>) -> Error {
        Error::CommitOrderCycle { entities: entities.map(|entity| self.region.entity(entity).name).collect() }
    }

    /// Takes out what is written before the inserts.
    pub(super) fn early(
        &mut self,
        early: Early,
        updates: &mut Vec<(CellId, ErasedSnapshot, PropertySet)>,
        deletes: &mut HashMap<EntityId, Vec<CellId>, Hasher>,
    ) -> Result<()> {
        self.emptied(early.emptied)?;
        if early.rounds.is_empty() {
            return Ok(());
        }
        let is_early: HashSet<CellId, Hasher> = early.rounds.iter().flatten().copied().collect();
        let (first, rest) = updates.drain(..).partition(|(cell, _, _)| is_early.contains(cell));
        *updates = rest;
        let first: Vec<(CellId, ErasedSnapshot, PropertySet)> = first;
        let mut first: HashMap<CellId, _, Hasher> = first.into_iter().map(|row| (row.0, row)).collect();
        deletes.values_mut().for_each(|cells| cells.retain(|cell| !is_early.contains(cell)));
        for round in early.rounds {
            let mut gone: Vec<(EntityId, Vec<CellId>)> = Vec::new();
            let mut changed = Vec::new();
            for cell in round {
                match (first.remove(&cell), gone.iter_mut().find(|(entity, _)| *entity == cell.entity)) {
                    (Some(row), _) => changed.push(row),
                    (None, Some((_, cells))) => cells.push(cell),
                    (None, None) => gone.push((cell.entity, vec![cell])),
                }
            }
            for (entity, cells) in gone {
                self.deletes(entity, &cells, true)?;
            }
            self.updates(changed, FlushPhase::Early)?;
        }
        Ok(())
    }

    /// What a row must still hold: what was loaded, or what this flush put in its place.
    pub(super) fn expected_of(&self, cell: CellId) -> Result<Vec<Value>> {
        let Some(original) = self.region.arena(cell.entity).original(cell.at) else { return Ok(Vec::new()) };
        let mut expected = expected::values(self.region, cell, &original)?;
        self.interim.apply(self.region.entity(cell.entity), cell, &mut expected);
        Ok(expected)
    }

    pub(super) fn pivot(&mut self, relation: RelationId, changes: &PivotChanges) {
        let target = self.region.metadata().relation(relation).target;
        for (adds, links) in [(false, &changes.removed), (true, &changes.added)] {
            let mut planned = Vec::with_capacity(links.len());
            for (owner, item) in links {
                let owner = CellId { entity: relation.entity, at: *owner };
                let item = CellId { entity: target, at: *item };
                // The links of a row that goes, go with it.
                let goes = |cell: CellId| self.goes(cell) || self.region.state(cell) == State::Detached;
                if !goes(owner) && !goes(item) {
                    planned.push((self.planned_key(owner), self.planned_key(item)));
                }
            }
            for links in chunks(planned, self.limit()) {
                self.steps.push(Step::Pivot { relation, adds, links });
            }
        }
    }

    pub(super) fn goes(&self, cell: CellId) -> bool {
        self.region.state(cell) == State::Removed || self.cascade.takes(cell)
    }

    pub(super) fn planned_key(&self, cell: CellId) -> PlannedKey {
        self.region.key(cell).map_or(PlannedKey::Of(cell), PlannedKey::Known)
    }

    pub(super) fn limit(&self) -> usize {
        self.region.orm().driver.capabilities().max_rows_per_write.max(1)
    }
}

pub(super) fn chunks<V>(rows: Vec<V>, limit: usize) -> Vec<Vec<V>> {
    let mut chunks = Vec::with_capacity(rows.len() / limit + 1);
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        chunks.push(rows.by_ref().take(limit).collect());
    }
    chunks
}
