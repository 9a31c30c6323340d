//! Turns change sets into the writes of one flush.
//!
//! Pure: no driver, no await. [`super::flush`] runs a plan and [`super::settle`] writes the results back, so a plan can
//! be printed and tested without a database.
//!
//! Invariants:
//! - a row is inserted before any row that refers to it, and deleted after;
//! - a row gives up a unique value, or its key, before another one takes it;
//! - no step has more rows than [`Capabilities::max_rows_per_write`](crate::driver::Capabilities);
//! - rows of one step have the same columns.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::cascade::{Cascade, Unloaded};
use super::change_set::{ChangeSet, ChangeSetKind, ChangeSets, check, check_stays};
use super::commit_order::{ReferenceGraph, commit_order, levels};
use super::early::{Early, Emptied, arrange};
use super::expected::{self, unfit};
use super::guard::Unsure;
use super::prepare::{preview, take_bases};
use super::unique_values::Rows;
use super::version;
use crate::clock::micros;
use crate::entity::{CellId, ErasedSnapshot, PropertySet, Region, State};
use crate::entity_manager::EntityManager;
use crate::error::{Error, Result};
use crate::links::PivotChanges;
use crate::metadata::description::ReferentialAction;
use crate::metadata::{EntityId, EntityMetadata, Metadata, PropertyKind, Relation, RelationId, RelationKind};
use crate::relation::Target;
use crate::value::{KeyValues, Value};

type Hasher = foldhash::fast::RandomState;

/// The writes of one flush, in order.
pub struct FlushPlan {
    metadata: Arc<Metadata>,
    pub(super) steps: Vec<Step>,
    /// Links that the plan writes, to be settled.
    pub(super) pivots: Vec<(RelationId, PivotChanges)>,
    /// What goes with removed entities, to be settled.
    pub(super) cascade: Cascade,
    visited: usize,
    /// Rows that must be counted, once they are written, under the filters that guard writes.
    pub(super) unsure: Unsure,
}

/// The phases of a flush, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum FlushPhase {
    /// Updates and deletes that free a unique value, or a key, for another row.
    Early,
    Insert,
    Update,
    /// References that would have closed a circle.
    ExtraUpdate,
    Unlink,
    Link,
    Delete,
}

/// One write: rows of one shape.
pub(super) enum Step {
    Insert {
        entity: EntityId,
        columns: Vec<usize>,
        returning: Vec<usize>,
        rows: Vec<InsertRow>,
    },
    Update {
        entity: EntityId,
        columns: Vec<usize>,
        /// Columns that the rows must still hold.
        expected: Vec<usize>,
        rows: Vec<ChangedRow>,
        phase: FlushPhase,
    },
    Delete {
        entity: EntityId,
        /// Columns that the rows must still hold.
        expected: Vec<usize>,
        rows: Vec<DeletedRow>,
        is_early: bool,
    },
    /// The removal of rows that stay: an update.
    SoftDelete {
        entity: EntityId,
        columns: Vec<usize>,
        /// Columns that the rows must still hold.
        expected: Vec<usize>,
        rows: Vec<ChangedRow>,
    },
    Pivot {
        relation: RelationId,
        adds: bool,
        links: Vec<(PlannedKey, PlannedKey)>,
    },
}

pub(super) struct InsertRow {
    pub(super) cell: CellId,
    pub(super) snapshot: ErasedSnapshot,
    pub(super) values: Vec<PlannedValue>,
    /// Scalars that the plan decided, such as the first version.
    pub(super) decided: Vec<(usize, Value)>,
}

pub(super) struct ChangedRow {
    pub(super) cell: CellId,
    /// `None` for an extra update, whose snapshot the insert settles.
    pub(super) snapshot: Option<ErasedSnapshot>,
    pub(super) key: PlannedKey,
    pub(super) values: Vec<PlannedValue>,
    /// What the row must still hold.
    pub(super) expected: Vec<Value>,
    /// The version that it gets.
    pub(super) version: Option<Value>,
}

pub(super) struct DeletedRow {
    pub(super) cell: CellId,
    pub(super) key: KeyValues,
    /// What the row must still hold.
    pub(super) expected: Vec<Value>,
}

/// A value that may be known only when an earlier step has run.
#[derive(Clone)]
pub(super) enum PlannedValue {
    Known(Value),
    /// This part of the key of that cell.
    KeyOf(CellId, usize),
}

/// A key that may be known only when an earlier step has run.
#[derive(Clone)]
pub(super) enum PlannedKey {
    Known(KeyValues),
    Of(CellId),
}

impl FlushPlan {
    /// The plan of what is pending, with the values that the ORM makes, but before any hook.
    pub(crate) fn of(em: &EntityManager, region: &Region) -> Result<Self> {
        // A flush has said it by now; whoever only looks must not take it away.
        if let Some(error) = region.pending().errors.first() {
            return Err(Error::other(Arc::clone(error)));
        }
        let mut changes = preview(region, em)?;
        take_bases(&mut changes.all);
        Self::of_change_sets(region, changes)
    }

    /// The plan of these change sets and of the links that are pending.
    pub(super) fn of_change_sets(region: &Region, changes: ChangeSets) -> Result<Self> {
        changes.all.iter().try_for_each(|change_set| check(region, change_set, &changes.cascade))?;
        let pivots: Vec<(RelationId, PivotChanges)> =
            region.links().pivots().map(|(relation, changes)| (relation, changes.clone())).collect();
        let visited = changes.visited + pivots.iter().map(|(_, changes)| changes.len()).sum::<usize>();
        let cascade = changes.cascade;
        cascade.stranded.iter().try_for_each(|cell| check_stays(region, *cell, &cascade))?;
        let mut planner = Planner {
            region,
            cascade: &cascade,
            steps: Vec::new(),
            inserted: HashSet::default(),
            interim: expected::Interim::default(),
            now: micros(region.orm().clock.now()),
        };
        if !changes.all.is_empty() {
            planner.plan(changes.all)?;
        }
        for (relation, changes) in &pivots {
            planner.pivot(*relation, changes);
        }
        let mut steps = planner.steps;
        // Stable: within a phase the order of planning stays.
        steps.sort_by_key(Step::phase);
        let mut plan = Self {
            metadata: Arc::clone(region.metadata()),
            steps,
            pivots,
            cascade,
            visited,
            unsure: Vec::new(),
        };
        plan.unsure = plan.check_guards(region)?;
        Ok(plan)
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many writes it has, transaction not counted. A driver may need several statements for one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// How many entities and links were looked at to make it: those that are new, edited or removed, and what goes
    /// with the removed ones. However many the context holds, only these count.
    #[must_use]
    pub fn visited(&self) -> usize {
        self.visited
    }
}

impl Step {
    /// Whether its rows must be as they were loaded.
    pub(super) fn expects_rows(&self) -> bool {
        match self {
            Self::Update { expected, .. }
            | Self::SoftDelete { expected, .. }
            | Self::Delete { expected, .. } => !expected.is_empty(),
            Self::Insert { .. } | Self::Pivot { .. } => false,
        }
    }

    fn phase(&self) -> FlushPhase {
        match self {
            Self::Insert { .. } => FlushPhase::Insert,
            Self::Update { phase, .. } => *phase,
            Self::Delete { is_early: true, .. } => FlushPhase::Early,
            Self::Delete { is_early: false, .. } | Self::SoftDelete { .. } => FlushPhase::Delete,
            Self::Pivot { adds: false, .. } => FlushPhase::Unlink,
            Self::Pivot { adds: true, .. } => FlushPhase::Link,
        }
    }
}

struct Planner<'a> {
    region: &'a Region,
    cascade: &'a Cascade,
    steps: Vec<Step>,
    /// Cells whose insert is planned already.
    inserted: HashSet<CellId, Hasher>,
    /// What rows that are written twice hold in between.
    interim: expected::Interim,
    /// When the flush is, for versions that are a time.
    now: i64,
}

impl<'a> Planner<'a> {
    fn plan(&mut self, change_sets: Vec<ChangeSet>) -> Result<()> {
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
                ChangeSetKind::SoftDelete(property) => soft_deletes.push((cell, property)),
                ChangeSetKind::Delete => deletes.entry(cell.entity).or_default().push(cell),
            }
        }
        let order = self.entity_order(creates.keys().chain(deletes.keys()).copied())?;
        let early = arrange(self.region, Rows { created: &creates, updated: &updates, deleted: &deletes })?;
        self.early(early, &mut updates, &mut deletes)?;
        for entity in &order {
            if let Some(rows) = creates.remove(entity) {
                self.inserts(*entity, rows)?;
            }
        }
        self.updates(updates, FlushPhase::Update)?;
        self.soft_deletes(soft_deletes)?;
        self.open_circles(&order, &deletes);
        for entity in order.iter().rev() {
            if let Some(cells) = deletes.get(entity) {
                self.deletes(*entity, cells, false)?;
            }
        }
        Ok(())
    }

    /// The types in the order of inserts.
    fn entity_order(&self, entities: impl Iterator<Item = EntityId>) -> Result<Vec<EntityId>> {
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

    fn circle(&self, entities: impl Iterator<Item = EntityId>) -> Error {
        Error::CommitOrderCycle { entities: entities.map(|entity| self.region.entity(entity).name).collect() }
    }

    /// Takes out what is written before the inserts.
    fn early(
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

    /// Fields that hold something else until their row's own step. One that is compared is compared here: its own step
    /// finds what stands in for it.
    fn emptied(&mut self, emptied: Vec<Emptied>) -> Result<()> {
        type Field = (EntityId, usize);
        let mut fields: Vec<(Field, Vec<(CellId, Vec<Value>)>)> = Vec::new();
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

    fn inserts(&mut self, entity: EntityId, rows: Vec<(CellId, ErasedSnapshot)>) -> Result<()> {
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
    fn levels(&self, entity: EntityId, rows: &[(CellId, ErasedSnapshot)]) -> Result<Vec<usize>> {
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

    fn insert(
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
    fn awaited(&self, entity: EntityId, target: &Target) -> Option<CellId> {
        let cell = CellId { entity, at: self.region.resolve(entity, target)? };
        (self.region.state(cell) == State::New && !self.inserted.contains(&cell)).then_some(cell)
    }

    /// The columns of a reference.
    fn planned(&self, entity: EntityId, target: &Target, columns: usize) -> Vec<PlannedValue> {
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

    fn push_inserts(&mut self, entity: EntityId, rows: Vec<(Vec<usize>, Vec<usize>, InsertRow)>) {
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

    fn extra_update(&mut self, cell: CellId, relation: usize, target: &Target) {
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

    fn updates(
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

    fn update(
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

    /// Empties the references of rows that go to rows that go before them.
    fn open_circles(&mut self, order: &[EntityId], deletes: &HashMap<EntityId, Vec<CellId>, Hasher>) {
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

    fn soft_deletes(&mut self, cells: Vec<(CellId, usize)>) -> Result<()> {
        type Shape = (EntityId, Vec<usize>, Vec<usize>);
        let mut by_shape: Vec<(Shape, Vec<ChangedRow>)> = Vec::new();
        for (cell, property) in cells {
            let meta = self.region.entity(cell.entity);
            let time = self.region.time_of_removal(cell.entity, property)?;
            let mut columns = vec![meta.properties[property].columns.start];
            let mut values = vec![PlannedValue::Known(time)];
            let expected = self.expected_of(cell)?;
            let version = expected::next_version(meta, &expected, self.now)?.map(|(column, next)| {
                columns.push(column);
                values.push(PlannedValue::Known(next.clone()));
                next
            });
            // Nothing is expected of a row that is removed by its key alone.
            let compared = if expected.is_empty() { Vec::new() } else { expected::columns(meta) };
            let key = self.planned_key(cell);
            let row = ChangedRow { cell, snapshot: None, key, values, expected, version };
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
                self.steps.push(Step::SoftDelete { entity, columns, expected, rows });
            }
        }
        Ok(())
    }

    /// What a row must still hold: what was loaded, or what this flush put in its place.
    fn expected_of(&self, cell: CellId) -> Result<Vec<Value>> {
        let Some(original) = self.region.arena(cell.entity).original(cell.at) else { return Ok(Vec::new()) };
        let mut expected = expected::values(self.region, cell, &original)?;
        self.interim.apply(self.region.entity(cell.entity), cell, &mut expected);
        Ok(expected)
    }

    fn deletes(&mut self, entity: EntityId, cells: &[CellId], is_early: bool) -> Result<()> {
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
    fn untouched_by_each_other(&self, entity: EntityId, rows: Vec<DeletedRow>) -> Vec<Vec<DeletedRow>> {
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
    fn referring_first(&self, entity: EntityId, cells: &[CellId]) -> Vec<CellId> {
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

    fn pivot(&mut self, relation: RelationId, changes: &PivotChanges) {
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

    fn goes(&self, cell: CellId) -> bool {
        self.region.state(cell) == State::Removed || self.cascade.takes(cell)
    }

    fn planned_key(&self, cell: CellId) -> PlannedKey {
        self.region.key(cell).map_or(PlannedKey::Of(cell), PlannedKey::Known)
    }

    fn limit(&self) -> usize {
        self.region.orm().driver.capabilities().max_rows_per_write.max(1)
    }
}

fn chunks<V>(rows: Vec<V>, limit: usize) -> Vec<Vec<V>> {
    let mut chunks = Vec::with_capacity(rows.len() / limit + 1);
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        chunks.push(rows.by_ref().take(limit).collect());
    }
    chunks
}

/// One line a step: what, how many, which columns. No values.
impl fmt::Display for FlushPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loads = self.cascade.unloaded.len();
        for (at, Unloaded { relation, owners }) in self.cascade.unloaded.iter().enumerate() {
            let (entity, field) = (self.metadata.entity(relation.entity), self.metadata.relation(*relation));
            let end = if at + 1 < loads || !self.steps.is_empty() { "\n" } else { "" };
            write!(
                f,
                "load {}.{} of {} to remove what goes with it{end}",
                entity.name,
                field.name,
                owners.len()
            )?;
        }
        for (at, step) in self.steps.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            let name = |entity: &EntityId| self.metadata.entity(*entity).name;
            let names = |entity: &EntityId, columns: &[usize]| {
                let meta = self.metadata.entity(*entity);
                columns.iter().map(|at| meta.columns[*at].name.as_str()).collect::<Vec<_>>().join(", ")
            };
            match step {
                Step::Insert { entity, columns, rows, .. } => {
                    write!(f, "insert {} {} ({})", rows.len(), name(entity), names(entity, columns))?;
                }
                Step::Update { entity, columns, rows, phase, .. } => {
                    let early = match phase {
                        FlushPhase::Early => "early ",
                        FlushPhase::ExtraUpdate => "extra ",
                        _ => "",
                    };
                    write!(f, "{early}update {} {} ({})", rows.len(), name(entity), names(entity, columns))?;
                }
                Step::Delete { entity, rows, is_early, .. } => {
                    let early = if *is_early { "early " } else { "" };
                    write!(f, "{early}delete {} {}", rows.len(), name(entity))?;
                }
                Step::SoftDelete { entity, columns, rows, .. } => {
                    write!(f, "soft delete {} {} ({})", rows.len(), name(entity), names(entity, columns))?;
                }
                Step::Pivot { relation, adds, links } => {
                    let verb = if *adds { "link" } else { "unlink" };
                    let field = self.metadata.relation(*relation).name;
                    write!(f, "{verb} {} {}.{field}", links.len(), name(&relation.entity))?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for FlushPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
