//! Updates, and the removals that are updates.

use hashbrown::HashMap;

use super::Hasher;
use super::planner::{Planner, chunks};
use super::step::{ChangedRow, FlushPhase, PlannedValue, Step};
use crate::entity::{CellId, ErasedSnapshot, PropertySet};
use crate::error::Result;
use crate::metadata::{EntityId, EntityMetadata, PropertyKind, RelationKind};
use crate::relation::Target;
use crate::unit_of_work::change_set::SoftDeletion;
use crate::unit_of_work::early::Emptied;
use crate::unit_of_work::expected::{self, unfit};
use crate::value::Value;

impl Planner<'_> {
    /// Fields that hold something else until their row's own step. One that is compared is compared here: its own step
    /// finds what stands in for it.
    pub(super) fn emptied(&mut self, emptied: Vec<Emptied>) -> Result<()> {
        type Field = (EntityId, usize);
        type StandIns = Vec<(CellId, Vec<Value>)>;
        let mut fields: Vec<(Field, StandIns)> = Vec::new();
        for Emptied { cell, property, values } in emptied {
            let field = (cell.entity, property);
            match fields.iter_mut().find(|(known, _)| *known == field) {
                Some((_, rows)) => rows.push((cell, values)),
                None => fields.push((field, vec![(cell, values)])),
            }
        }
        for ((entity, property), emptied) in fields {
            let is_compared = self.region.entity(entity).concurrency_checks.contains(&property);
            let (mut plain, mut compared) = (Vec::new(), Vec::new());
            for (cell, values) in emptied {
                let expected = if is_compared { self.expected_of(cell)? } else { Vec::new() };
                self.interim.note(cell, property, values.clone());
                let rows = if expected.is_empty() { &mut plain } else { &mut compared };
                let values = values.into_iter().map(PlannedValue::Known).collect();
                let key = self.planned_key(cell);
                rows.push(ChangedRow { cell, snapshot: None, key, values, expected, version: None });
            }
            let meta = self.region.entity(entity);
            let columns: Vec<usize> = meta.properties[property].columns.clone().collect();
            for (rows, expected) in [(plain, Vec::new()), (compared, expected::columns(meta))] {
                for rows in chunks(rows, self.limit()) {
                    let (columns, expected) = (columns.clone(), expected.clone());
                    let phase = FlushPhase::Early;
                    self.steps.push(Step::Update { entity, columns, expected, rows, phase });
                }
            }
        }
        Ok(())
    }

    pub(super) fn extra_update(&mut self, cell: CellId, relation: usize, target: &Target) {
        let meta = self.region.entity(cell.entity);
        let RelationKind::ManyToOne { property } = meta.relations[relation].kind else { return };
        let columns: Vec<usize> = meta.properties[property].columns.clone().collect();
        let row = ChangedRow {
            cell,
            snapshot: None,
            key: self.planned_key(cell),
            values: self.planned(meta.relations[relation].target, target, columns.len()),
            expected: Vec::new(),
            version: None,
        };
        let limit = self.limit();
        let open = self.steps.iter_mut().find_map(|step| match step {
            Step::Update { entity, columns: known, phase: FlushPhase::ExtraUpdate, rows, .. }
                if *entity == cell.entity && *known == columns && rows.len() < limit =>
            {
                Some(rows)
            }
            _ => None,
        });
        match open {
            Some(rows) => rows.push(row),
            None => self.steps.push(Step::Update {
                entity: cell.entity,
                columns,
                expected: Vec::new(),
                rows: vec![row],
                phase: FlushPhase::ExtraUpdate,
            }),
        }
    }

    pub(super) fn updates(
        &mut self,
        updates: Vec<(CellId, ErasedSnapshot, PropertySet)>,
        phase: FlushPhase,
    ) -> Result<()> {
        let limit = self.limit();
        type Kind = (EntityId, Vec<usize>);
        let mut shapes: Vec<(Kind, Vec<ChangedRow>)> = Vec::new();
        let mut places: HashMap<Kind, usize, Hasher> = HashMap::default();
        for (cell, snapshot, changed) in updates {
            let meta = self.region.entity(cell.entity);
            let (columns, row) = self.update(meta, cell, snapshot, &changed)?;
            let place = *places.entry((cell.entity, columns)).or_insert_with_key(|kind| {
                shapes.push((kind.clone(), Vec::new()));
                shapes.len() - 1
            });
            shapes[place].1.push(row);
        }
        for ((entity, columns), rows) in shapes {
            let expected = expected::columns(self.region.entity(entity));
            for rows in chunks(rows, limit) {
                let (columns, expected) = (columns.clone(), expected.clone());
                self.steps.push(Step::Update { entity, columns, expected, rows, phase });
            }
        }
        Ok(())
    }

    pub(super) fn update(
        &self,
        meta: &EntityMetadata,
        cell: CellId,
        snapshot: ErasedSnapshot,
        changed: &PropertySet,
    ) -> Result<(Vec<usize>, ChangedRow)> {
        let arena = self.region.arena(cell.entity);
        let mut columns = Vec::new();
        let mut values = Vec::new();
        for at in changed.iter().filter(|at| meta.version != Some(*at)) {
            let property = &meta.properties[at];
            columns.extend(property.columns.clone());
            match property.kind {
                PropertyKind::Scalar => {
                    let value = arena.value_of(&snapshot, at).map_err(|source| unfit(meta, at, source))?;
                    values.push(PlannedValue::Known(value));
                }
                PropertyKind::Reference(relation) => {
                    let target = arena.target_of(&snapshot, relation);
                    let entity = meta.relations[relation].target;
                    values.extend(self.planned(entity, &target, property.columns.len()));
                }
            }
        }
        let expected = self.expected_of(cell)?;
        let version = expected::next_version(meta, &expected, self.now)?.map(|(column, next)| {
            columns.push(column);
            values.push(PlannedValue::Known(next.clone()));
            next
        });
        let key = self.planned_key(cell);
        Ok((columns, ChangedRow { cell, snapshot: Some(snapshot), key, values, expected, version }))
    }

    pub(super) fn soft_deletes(
        &mut self,
        deletions: Vec<(CellId, SoftDeletion)>,
        is_early: bool,
    ) -> Result<()> {
        type Shape = (EntityId, Vec<usize>, Vec<usize>);
        let mut by_shape: Vec<(Shape, Vec<ChangedRow>)> = Vec::new();
        for (cell, SoftDeletion { property, marked }) in deletions {
            let meta = self.region.entity(cell.entity);
            let original = || Some((self.region.arena(cell.entity).original(cell.at)?, PropertySet::new()));
            let (mut columns, mut row) = match marked.or_else(original) {
                Some((snapshot, changed)) => self.update(meta, cell, snapshot, &changed)?,
                // Nothing is known of a row that is removed by its key alone.
                None => {
                    let (key, values, expected) = (self.planned_key(cell), Vec::new(), Vec::new());
                    (Vec::new(), ChangedRow { cell, snapshot: None, key, values, expected, version: None })
                }
            };
            columns.insert(0, meta.properties[property].columns.start);
            let time = self.region.time_of_removal(cell.entity, property)?;
            row.values.insert(0, PlannedValue::Known(time));
            let compared = if row.expected.is_empty() { Vec::new() } else { expected::columns(meta) };
            let shape = (cell.entity, columns, compared);
            match by_shape.iter_mut().find(|(known, _)| *known == shape) {
                Some((_, rows)) => rows.push(row),
                None => by_shape.push((shape, vec![row])),
            }
        }
        let limit = self.limit();
        for ((entity, columns, expected), rows) in by_shape {
            for rows in chunks(rows, limit) {
                let (columns, expected) = (columns.clone(), expected.clone());
                self.steps.push(Step::SoftDelete { entity, columns, expected, rows, is_early });
            }
        }
        Ok(())
    }
}
