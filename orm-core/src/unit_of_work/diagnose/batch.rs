//! Rows that are tried together.

use hashbrown::HashMap;

use crate::entity::{CellId, Region};
use crate::metadata::{EntityId, RelationKind};
use crate::unit_of_work::commit_order::{ReferenceGraph, components};
use crate::unit_of_work::flush_plan::{DeletedRow, Step};

/// A part of a step, and where it may be cut: rows that refer to each other in a circle can only be deleted together.
pub(super) struct Batch {
    step: Step,
    /// Rising places, none of them at an end.
    cuts: Vec<usize>,
}

impl Batch {
    pub(super) fn of(region: &Region, step: Step) -> Self {
        match step {
            Step::Delete { entity, expected, rows, is_early } => {
                let (rows, cuts) = referring_first(region, entity, rows);
                Self { step: Step::Delete { entity, expected, rows, is_early }, cuts }
            }
            Step::Insert { .. } | Step::Update { .. } | Step::SoftDelete { .. } | Step::Pivot { .. } => {
                Self { cuts: (1..step.len()).collect(), step }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.step.len() == 0
    }

    pub(super) fn step(&self) -> &Step {
        &self.step
    }

    pub(super) fn into_step(self) -> Step {
        self.step
    }

    /// Both halves, or the step that can't be cut.
    pub(super) fn halves(self) -> Result<(Self, Self), Step> {
        let Self { mut step, mut cuts } = self;
        let middle = cuts.len() / 2;
        let Some(at) = cuts.get(middle).copied() else { return Err(step) };
        let second = step.split_off(at);
        let after = cuts.split_off(middle).into_iter().skip(1).map(|cut| cut - at).collect();
        Ok((Self { step, cuts }, Self { step: second, cuts: after }))
    }
}

/// Deleted rows in an order in which each goes before those that it refers to, and where the list may be cut.
fn referring_first(
    region: &Region,
    entity: EntityId,
    rows: Vec<DeletedRow>,
) -> (Vec<DeletedRow>, Vec<usize>) {
    let places: HashMap<CellId, usize, foldhash::fast::RandomState> =
        rows.iter().enumerate().map(|(place, row)| (row.cell, place)).collect();
    let arena = region.arena(entity);
    let mut graph = ReferenceGraph { nodes: rows.len(), references: Vec::new() };
    for (index, relation) in region.entity(entity).relations.iter().enumerate() {
        if relation.target != entity || !matches!(relation.kind, RelationKind::ManyToOne { .. }) {
            continue;
        }
        for (from, row) in rows.iter().enumerate() {
            let target = region.resolve(entity, &arena.original_target(row.cell.at, index));
            let to = target.and_then(|at| places.get(&CellId { entity, at }));
            graph.references.extend(to.map(|to| (from, *to, true)));
        }
    }
    if graph.references.is_empty() {
        let cuts = (1..rows.len()).collect();
        return (rows, cuts);
    }
    let mut rows: Vec<Option<DeletedRow>> = rows.into_iter().map(Some).collect();
    let (mut ordered, mut cuts) = (Vec::with_capacity(rows.len()), Vec::new());
    for circle in components(&graph).into_iter().rev() {
        cuts.push(ordered.len());
        ordered.extend(circle.into_iter().filter_map(|place| rows[place].take()));
    }
    cuts.remove(0);
    (ordered, cuts)
}
