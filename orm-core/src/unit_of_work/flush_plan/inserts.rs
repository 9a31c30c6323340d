//! Inserts, of new rows that may refer to each other.

use hashbrown::HashMap;

use super::Hasher;
use super::planner::{Planner, chunks};
use super::step::{InsertRow, PlannedValue, Step};
use crate::entity::{CellId, ErasedSnapshot, State};
use crate::error::Result;
use crate::metadata::{EntityId, PropertyKind, RelationKind};
use crate::relation::Target;
use crate::unit_of_work::commit_order::{ReferenceGraph, levels};
use crate::unit_of_work::expected::unfit;
use crate::unit_of_work::version;
use crate::value::Value;

impl Planner<'_> {
    pub(super) fn inserts(&mut self, entity: EntityId, rows: Vec<(CellId, ErasedSnapshot)>) -> Result<()> {
        let levels = self.levels(entity, &rows)?;
        let depth = levels.iter().copied().max().unwrap_or(0);
        let mut by_level: Vec<Vec<(CellId, ErasedSnapshot)>> = (0..=depth).map(|_| Vec::new()).collect();
        for (row, level) in rows.into_iter().zip(levels) {
            by_level[level].push(row);
        }
        for rows in by_level {
            let mut planned = Vec::with_capacity(rows.len());
            let mut extra = Vec::new();
            for (cell, snapshot) in rows {
                planned.push(self.insert(cell, snapshot, &mut extra)?);
            }
            // Only now: rows of one statement can't rely on each other.
            self.inserted.extend(planned.iter().map(|(_, _, row)| row.cell));
            self.push_inserts(entity, planned);
            for (cell, relation, target) in extra {
                self.extra_update(cell, relation, &target);
            }
        }
        Ok(())
    }

    /// Rows of one type that refer to each other must go one after another.
    pub(super) fn levels(&self, entity: EntityId, rows: &[(CellId, ErasedSnapshot)]) -> Result<Vec<usize>> {
        let meta = self.region.entity(entity);
        let to_itself: Vec<(usize, bool)> = meta
            .relations
            .iter()
            .enumerate()
            .filter(|(_, relation)| {
                relation.target == entity && matches!(relation.kind, RelationKind::ManyToOne { .. })
            })
            .map(|(index, relation)| (index, !relation.nullable))
            .collect();
        if to_itself.is_empty() {
            return Ok(vec![0; rows.len()]);
        }
        let places: HashMap<u32, usize, Hasher> =
            rows.iter().enumerate().map(|(place, (cell, _))| (cell.at, place)).collect();
        let arena = self.region.arena(entity);
        let mut graph = ReferenceGraph { nodes: rows.len(), references: Vec::new() };
        for (from, (_, snapshot)) in rows.iter().enumerate() {
            for (relation, required) in &to_itself {
                let target = self.region.resolve(entity, &arena.target_of(snapshot, *relation));
                if let Some(to) = target.and_then(|at| places.get(&at)) {
                    graph.references.push((from, *to, *required));
                }
            }
        }
        levels(&graph).map_err(|_| self.circle(std::iter::once(entity)))
    }

    pub(super) fn insert(
        &self,
        cell: CellId,
        snapshot: ErasedSnapshot,
        extra: &mut Vec<(CellId, usize, Target)>,
    ) -> Result<(Vec<usize>, Vec<usize>, InsertRow)> {
        let meta = self.region.entity(cell.entity);
        let arena = self.region.arena(cell.entity);
        let has_key = self.region.key(cell).is_some();
        let mut columns = Vec::with_capacity(meta.columns.len());
        let mut returning = Vec::new();
        let mut values = Vec::with_capacity(meta.columns.len());
        let mut decided = Vec::new();
        for (at, property) in meta.properties.iter().enumerate() {
            match property.kind {
                PropertyKind::Scalar if meta.computed.contains(&at) => {}
                PropertyKind::Scalar if property.auto && !has_key => returning.push(property.columns.start),
                PropertyKind::Scalar => {
                    let mut value =
                        arena.value_of(&snapshot, at).map_err(|source| unfit(meta, at, source))?;
                    if meta.version == Some(at)
                        && let Some(first) = version::first(&value, self.now)
                    {
                        value = first;
                        decided.push((at, value.clone()));
                    }
                    columns.push(property.columns.start);
                    values.push(PlannedValue::Known(value));
                }
                PropertyKind::Reference(relation) => {
                    let target = arena.target_of(&snapshot, relation);
                    let is_itself = self.region.resolve(meta.relations[relation].target, &target)
                        == Some(cell.at)
                        && meta.relations[relation].target == cell.entity;
                    columns.extend(property.columns.clone());
                    let count = property.columns.len();
                    // A row may name itself where its key is known; everything else must be there before.
                    let waits = self.awaited(meta.relations[relation].target, &target);
                    match waits {
                        Some(_) if is_itself && has_key => {
                            values.extend(self.planned(meta.relations[relation].target, &target, count));
                        }
                        Some(_) if meta.relations[relation].nullable => {
                            values.extend(std::iter::repeat_n(PlannedValue::Known(Value::Null), count));
                            extra.push((cell, relation, target.clone()));
                        }
                        Some(target) => return Err(self.circle([cell.entity, target.entity].into_iter())),
                        None => values.extend(self.planned(meta.relations[relation].target, &target, count)),
                    }
                }
            }
        }
        Ok((columns, returning, InsertRow { cell, snapshot, values, decided }))
    }

    /// The new entity that a reference leads to and that no step has inserted yet.
    pub(super) fn awaited(&self, entity: EntityId, target: &Target) -> Option<CellId> {
        let cell = CellId { entity, at: self.region.resolve(entity, target)? };
        (self.region.state(cell) == State::New && !self.inserted.contains(&cell)).then_some(cell)
    }

    /// The columns of a reference.
    pub(super) fn planned(&self, entity: EntityId, target: &Target, columns: usize) -> Vec<PlannedValue> {
        match target {
            Target::Key(key) => key.iter().cloned().map(PlannedValue::Known).collect(),
            Target::Cell(cell) => match self.region.key(cell.id) {
                Some(key) => key.into_iter().map(PlannedValue::Known).collect(),
                None => {
                    let id = CellId { entity, at: cell.id.at };
                    (0..columns).map(|part| PlannedValue::KeyOf(id, part)).collect()
                }
            },
            Target::Unset | Target::New | Target::Invalid(_) => {
                vec![PlannedValue::Known(Value::Null); columns]
            }
        }
    }

    pub(super) fn push_inserts(&mut self, entity: EntityId, rows: Vec<(Vec<usize>, Vec<usize>, InsertRow)>) {
        let limit = self.limit();
        let mut shapes: Vec<(Vec<usize>, Vec<usize>, Vec<InsertRow>)> = Vec::new();
        for (columns, returning, row) in rows {
            match shapes.iter_mut().find(|shape| shape.0 == columns && shape.1 == returning) {
                Some(shape) => shape.2.push(row),
                None => shapes.push((columns, returning, vec![row])),
            }
        }
        for (columns, returning, rows) in shapes {
            for rows in chunks(rows, limit) {
                let (columns, returning) = (columns.clone(), returning.clone());
                self.steps.push(Step::Insert { entity, columns, returning, rows });
            }
        }
    }
}
