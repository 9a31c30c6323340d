//! Deletes, of rows that may refer to each other.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::Hasher;
use super::planner::{Planner, chunks};
use super::step::{DeletedRow, Step};
use crate::entity::{CellId, ErasedSnapshot};
use crate::error::Result;
use crate::metadata::description::ReferentialAction;
use crate::metadata::{EntityId, Relation, RelationKind};
use crate::relation::Target;
use crate::unit_of_work::expected;
use crate::value::Value;

impl Planner<'_> {
    /// Empties the references of rows that go to rows that go before them.
    pub(super) fn open_circles(
        &mut self,
        order: &[EntityId],
        deletes: &HashMap<EntityId, Vec<CellId>, Hasher>,
    ) {
        for (place, entity) in order.iter().enumerate() {
            let arena = self.region.arena(*entity);
            for (index, relation) in self.region.entity(*entity).relations.iter().enumerate() {
                let is_owning = matches!(relation.kind, RelationKind::ManyToOne { .. });
                // Deletes run from the end of the order to its beginning.
                if !is_owning || !order[place + 1..].contains(&relation.target) {
                    continue;
                }
                for cell in deletes.get(entity).into_iter().flatten() {
                    let target = arena.original_target(cell.at, index);
                    let target = self.region.resolve(relation.target, &target);
                    if target.is_some_and(|at| self.goes(CellId { entity: relation.target, at })) {
                        let RelationKind::ManyToOne { property } = relation.kind else { continue };
                        let columns = self.region.entity(*entity).properties[property].columns.len();
                        self.interim.note(*cell, property, vec![Value::Null; columns]);
                        self.extra_update(*cell, index, &Target::Unset);
                    }
                }
            }
        }
    }

    pub(super) fn deletes(&mut self, entity: EntityId, cells: &[CellId], is_early: bool) -> Result<()> {
        let cells = self.referring_first(entity, cells);
        let (mut compared, mut plain) = (Vec::new(), Vec::new());
        for cell in cells {
            let Some(key) = self.region.key(cell) else { continue };
            let expected = self.expected_of(cell)?;
            let rows = if expected.is_empty() { &mut plain } else { &mut compared };
            rows.push(DeletedRow { cell, key, expected });
        }
        let columns = expected::columns(self.region.entity(entity));
        let compared =
            self.untouched_by_each_other(entity, compared).into_iter().map(|rows| (rows, &*columns));
        let steps: Vec<_> = std::iter::once((plain, &[][..])).chain(compared).collect();
        for (rows, expected) in steps {
            for rows in chunks(rows, self.limit()) {
                self.steps.push(Step::Delete { entity, expected: expected.to_vec(), rows, is_early });
            }
        }
        Ok(())
    }

    /// Rows that are compared can't go in one write with those whose deletion deletes or changes them.
    pub(super) fn untouched_by_each_other(
        &self,
        entity: EntityId,
        rows: Vec<DeletedRow>,
    ) -> Vec<Vec<DeletedRow>> {
        let acts = |relation: &Relation| {
            let action = Some(ReferentialAction::Cascade) == relation.on_delete
                || Some(ReferentialAction::SetNull) == relation.on_delete;
            relation.target == entity && matches!(relation.kind, RelationKind::ManyToOne { .. }) && action
        };
        if rows.len() < 2 || !self.region.entity(entity).relations.iter().any(acts) {
            return vec![rows];
        }
        let arena = self.region.arena(entity);
        let loaded = rows.iter().filter_map(|row| Some((row.cell, arena.original(row.cell.at)?)));
        let Ok(levels) = self.levels(entity, &loaded.collect::<Vec<_>>()) else { return vec![rows] };
        let mut by_level: BTreeMap<Reverse<usize>, Vec<DeletedRow>> = BTreeMap::new();
        for (row, level) in rows.into_iter().zip(levels) {
            by_level.entry(Reverse(level)).or_default().push(row);
        }
        by_level.into_values().collect()
    }

    /// Rows of one type that refer to each other may go in any order within one write, but not over several.
    pub(super) fn referring_first(&self, entity: EntityId, cells: &[CellId]) -> Vec<CellId> {
        if cells.len() <= self.limit() {
            return cells.to_vec();
        }
        let arena = self.region.arena(entity);
        let loaded = |cell: &CellId| arena.original(cell.at).map(|original| (*cell, original));
        let rows: Vec<(CellId, ErasedSnapshot)> = cells.iter().filter_map(loaded).collect();
        let Ok(levels) = self.levels(entity, &rows) else { return cells.to_vec() };
        let levels: HashMap<CellId, usize, Hasher> = rows.iter().map(|(cell, _)| *cell).zip(levels).collect();
        let mut ordered = cells.to_vec();
        ordered.sort_by_key(|cell| Reverse(levels.get(cell).copied().unwrap_or(0)));
        ordered
    }
}
