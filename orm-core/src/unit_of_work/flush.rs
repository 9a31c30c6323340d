//! Runs a flush plan in one transaction, or under a savepoint of the open one. Of the unit of work only this and
//! [`diagnose`](super::diagnose) send writes.
//!
//! Memory moves in one synchronous step after the commit. Dropped or failed before it, a flush has changed nothing:
//! the driver rolls the transaction back, and every cell is as it was. From sending COMMIT to its answer the outcome is
//! unknown; what would be settled is kept aside until the program says which it was. In an open transaction memory moves
//! when the savepoint is released, and the journal keeps what takes that back.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::Unknown;
use super::cascade::Unloaded;
use super::events::{FlushEvents, TransactionMoment, fire, fire_within};
use super::flush_plan::{FlushPlan, PlannedKey, PlannedValue, Step};
use super::settle::{Bases, Settlement, SoftDeleted};
use crate::driver::{
    Connection, Delete, DeleteRow, DriverErrorKind, Insert, PivotWrite, Update, UpdateRow, Write,
    WriteOutcome,
};
use crate::entity::{CellId, Freshness, Region};
use crate::entity_manager::{EntityManager, Outcome};
use crate::error::{EntityKey, Error, Result};
use crate::metadata::{RelationId, RelationKind};
use crate::populate::{keep_promises, load_relation, load_unseen};
use crate::session::{Level, Unit, ended};
use crate::value::{KeyValues, Value};

/// Whether a flush can be taken back alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// It holds or falls by itself: in a transaction of its own, or under a savepoint of the open one.
    Alone,
    /// The transaction, or the savepoint, that it stands in ends with it.
    LastOfTransaction,
}

/// Writes what is pending in `region`, the memory of `em`, at `level`, whose turn the caller has.
pub(crate) async fn flush(
    em: &EntityManager,
    region: &Arc<Region>,
    level: &Level,
    scope: Scope,
) -> Result<()> {
    region.refuse_kept_error()?;
    let mut events = FlushEvents::new(em, region);
    let (change_sets, bases) = events.change_sets().await?;
    region.refuse_kept_error()?;
    let plan = FlushPlan::of_change_sets(region, change_sets)?;
    if plan.is_empty() {
        // Links of entities that go with their rows need no statement, but are done with.
        region.settle_links(&plan.pivots);
        return events.after_flush().await;
    }
    tracing::debug!(target: "orm", visited = plan.visited(), plan = %plan, "flush");
    let session = region.session();
    let transaction = session.transaction();
    // Before the first await: from here on nobody knows whether the database has these links.
    region.links().begin_flush(&plan.pivots);
    let mut run = Run::new(region, bases);
    if !level.is_transaction() {
        fire(em, TransactionMoment::BeforeStart).await?;
    }
    let mut unit = match scope {
        Scope::Alone => Unit::begin(region, level, "flush").await?,
        Scope::LastOfTransaction => Unit::join(region, level, "flush").await?,
    };
    run.statements = unit.statements();
    if let Err(error) = run.all(em, &mut unit, plan, &events).await {
        roll_back(em, &mut unit).await;
        return Err(error);
    }
    let statements = run.statements;
    if unit.is_own() {
        events.keep();
        if let Err(error) = run.commit(em, &mut unit).await {
            if !run.ends {
                events.keep_no_more();
            }
            return Err(error);
        }
    } else {
        if let Err(error) = unit.commit().await {
            unit.roll_back().await;
            return Err(unit.error("release a savepoint", error));
        }
        if session.transaction() != transaction || !level.is_open() {
            return Err(ended("flush"));
        }
        run.ends = true;
        // Before what is settled: a rollback undoes that first.
        events.hand_over();
        region.settle(std::mem::take(&mut run.settlement));
    }
    let is_outermost = unit.is_outermost();
    // Subscribers may query from here on.
    drop((run, unit));
    tracing::debug!(target: "orm", statements, "flushed");
    region.activity().note_flush();
    if is_outermost {
        region.orm().caching.tell_or_warn().await;
        fire(em, TransactionMoment::AfterCommit).await?;
    }
    events.after_flush().await
}

/// Takes back what the flush wrote. What comes of it hides no other error.
pub(super) async fn roll_back(em: &EntityManager, unit: &mut Unit) {
    if !unit.is_outermost() {
        return unit.roll_back().await;
    }
    // Subscribers that fail around a rollback are logged.
    let _ = fire_within(em, TransactionMoment::BeforeRollback).await;
    unit.roll_back().await;
    let _ = fire_within(em, TransactionMoment::AfterRollback).await;
}

/// Loads what cascades go through, one select a relation and level, so that the plan knows where they end: also what
/// filters hide, which no list shows for that.
pub(super) async fn load_cascades(region: &Arc<Region>) -> Result<()> {
    let mut tried: HashSet<(RelationId, u32), foldhash::fast::RandomState> = HashSet::default();
    loop {
        let mut unloaded = region.unloaded_cascades();
        // A row that is gone stays unloaded.
        unloaded.iter_mut().for_each(|Unloaded { relation, owners }| {
            owners.retain(|owner| tried.insert((*relation, *owner)));
        });
        unloaded.retain(|unloaded| !unloaded.owners.is_empty());
        if unloaded.is_empty() {
            return Ok(());
        }
        for Unloaded { relation, owners } in unloaded {
            let meta = region.metadata().relation(relation);
            let is_reference = matches!(meta.kind, RelationKind::ManyToOne { .. });
            let is_filtered = region.is_filtered(meta.target, None);
            let (narrowed, whole): (Vec<u32>, Vec<u32>) = {
                let links = region.links();
                let is_narrowed =
                    |owner: &u32| is_reference || is_filtered || links.is_partial(relation, *owner);
                owners.into_iter().partition(is_narrowed)
            };
            if !narrowed.is_empty() {
                load_unseen(region, relation, &narrowed).await?;
            }
            if !whole.is_empty() {
                load_relation(region, relation, &whole, Freshness::Merge).await?;
            }
        }
        keep_promises(region).await?;
    }
}

/// The program looked at the database and knows what became of a commit that was cut off.
pub(crate) fn accept_unknown(region: &Region, outcome: Outcome) {
    let unknown = region.pending().unknown.take();
    match (unknown, outcome) {
        (Some(Unknown::Flush(settlement)), Outcome::Committed) => region.settle(*settlement),
        (Some(Unknown::Flush(settlement)), Outcome::RolledBack) => settlement.release_keys(region),
        (Some(Unknown::Transaction(_)), Outcome::Committed) => region.forget_journal(),
        (Some(Unknown::Transaction(mark)), Outcome::RolledBack) => region.roll_back(mark),
        (None, _) => {}
    }
}

impl Region {
    /// Says what an edit, which can't fail, had to keep.
    pub(super) fn refuse_kept_error(&self) -> Result<()> {
        let mut pending = self.pending();
        if pending.errors.is_empty() {
            return Ok(());
        }
        let error = pending.errors.remove(0);
        drop(pending);
        Err(Arc::try_unwrap(error).unwrap_or_else(Error::other))
    }
}

pub(super) struct Run<'a> {
    pub(super) region: &'a Arc<Region>,
    /// Keys of the rows that were inserted.
    keys: HashMap<CellId, KeyValues, foldhash::fast::RandomState>,
    pub(super) settlement: Settlement,
    statements: u64,
    /// Whether the transaction's end was asked for, so that its keys are not to be released.
    ends: bool,
}

/// Failed or dropped before its end, a flush gives back the keys that its inserts had reserved.
impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.region.links().end_flush();
        if !self.ends {
            for (cell, key) in &self.keys {
                self.region.arena(cell.entity).release_key(cell.at, key);
            }
        }
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(region: &'a Arc<Region>, bases: Bases) -> Self {
        Self {
            region,
            keys: HashMap::default(),
            settlement: Settlement::of(bases),
            statements: 0,
            ends: false,
        }
    }

    /// Everything between the begin and the end of `unit`.
    async fn all(
        &mut self,
        em: &EntityManager,
        unit: &mut Unit,
        plan: FlushPlan,
        events: &FlushEvents<'_>,
    ) -> Result<()> {
        if unit.is_outermost() {
            fire_within(em, TransactionMoment::AfterStart).await?;
        }
        self.steps(unit.connection(), plan).await?;
        events.after_writes(&self.settlement).await?;
        if unit.is_outermost() {
            fire_within(em, TransactionMoment::BeforeCommit).await?;
        }
        Ok(())
    }

    /// Commits the flush's own transaction and settles it.
    async fn commit(&mut self, em: &EntityManager, unit: &mut Unit) -> Result<()> {
        let region = self.region;
        region.pending().unknown = Some(Unknown::Flush(Box::new(std::mem::take(&mut self.settlement))));
        // If this is dropped now, nobody knows whether the rows are there, and their keys stay reserved.
        self.ends = true;
        match unit.commit().await {
            Ok(()) => {
                let unknown = region.pending().unknown.take();
                if let Some(Unknown::Flush(settlement)) = unknown {
                    region.settle(*settlement);
                }
                Ok(())
            }
            Err(error) if error.kind() == DriverErrorKind::ConnectionLost => Err(unit.error("commit", error)),
            Err(error) => {
                region.pending().unknown = None;
                self.ends = false;
                roll_back(em, unit).await;
                Err(unit.error("commit", error))
            }
        }
    }

    pub(super) fn count_statement(&mut self) {
        self.statements += 1;
    }

    async fn steps(&mut self, connection: &mut dyn Connection, plan: FlushPlan) -> Result<()> {
        self.settlement.pivots = plan.pivots;
        self.settlement.cascaded = plan.cascade.rows;
        self.settlement.unborn = plan.cascade.unborn;
        let mut stale = Vec::new();
        for step in plan.steps {
            if !stale.is_empty() && !step.expects_rows() {
                continue;
            }
            match self.step(connection, step).await {
                Ok(keys) => stale.extend(keys),
                Err(error) if stale.is_empty() => return Err(error),
                // Lost already; what else is stale stays unknown.
                Err(_) => break,
            }
        }
        if !stale.is_empty() {
            // A row that is written twice may be missed twice.
            let mut named: HashSet<EntityKey, foldhash::fast::RandomState> = HashSet::default();
            stale.retain(|key| named.insert(key.clone()));
            return Err(Error::StaleEntity { keys: stale });
        }
        self.verify_guards(connection, plan.unsure).await?;
        self.read_computed(connection).await
    }

    /// Runs one step. Returns the entities whose rows are not as they were loaded.
    async fn step(&mut self, connection: &mut dyn Connection, step: Step) -> Result<Vec<EntityKey>> {
        let write = self.write(&step)?;
        let orm = self.region.orm();
        let outcome = connection.write(&write).await.map_err(|error| orm.error("flush", error))?;
        self.statements += outcome.statements;
        self.accept(step, &write, outcome)
    }

    /// The driver's operation, with all values known by now.
    pub(super) fn write(&self, step: &Step) -> Result<Write> {
        let metadata = Arc::clone(self.region.metadata());
        Ok(match step {
            Step::Insert { entity, columns, returning, rows } => {
                let rows = rows.iter().map(|row| self.values(&row.values)).collect::<Result<Vec<_>>>()?;
                let (columns, returning) = (columns.clone(), returning.clone());
                Write::Insert(Insert { metadata, entity: *entity, columns, rows, returning })
            }
            Step::Update { entity, columns, expected, rows, .. }
            | Step::SoftDelete { entity, columns, expected, rows, .. } => {
                let rows = rows.iter().map(|row| {
                    Ok(UpdateRow {
                        key: self.key(&row.key)?,
                        values: self.values(&row.values)?,
                        expected: row.expected.clone(),
                    })
                });
                let rows = rows.collect::<Result<Vec<_>>>()?;
                Write::Update(Update {
                    metadata,
                    entity: *entity,
                    columns: columns.clone(),
                    rows,
                    expected: expected.clone(),
                    guard: self.region.guard_of(*entity)?,
                })
            }
            Step::Delete { entity, expected, rows, .. } => {
                let rows = rows.iter().map(|row| {
                    let (key, expected) = (row.key.clone(), row.expected.clone());
                    DeleteRow { key, expected }
                });
                Write::Delete(Delete {
                    metadata,
                    entity: *entity,
                    rows: rows.collect(),
                    expected: expected.clone(),
                    guard: self.region.guard_of(*entity)?,
                })
            }
            Step::Pivot { relation, adds, links } => {
                let links = links.iter().map(|(owner, item)| Ok((self.key(owner)?, self.key(item)?)));
                let links = links.collect::<Result<Vec<_>>>()?;
                let write = PivotWrite { metadata, relation: *relation, links };
                if *adds { Write::Link(write) } else { Write::Unlink(write) }
            }
        })
    }

    fn values(&self, planned: &[PlannedValue]) -> Result<Vec<Value>> {
        let values = planned.iter().map(|value| match value {
            PlannedValue::Known(value) => Ok(value.clone()),
            PlannedValue::KeyOf(cell, part) => {
                let key = self.keys.get(cell).and_then(|key| key.get(*part).cloned());
                key.ok_or_else(|| self.unknown_key(*cell))
            }
        });
        values.collect()
    }

    fn key(&self, planned: &PlannedKey) -> Result<KeyValues> {
        match planned {
            PlannedKey::Known(key) => Ok(key.clone()),
            PlannedKey::Of(cell) => self.keys.get(cell).cloned().ok_or_else(|| self.unknown_key(*cell)),
        }
    }

    /// The key of a row that was written.
    pub(super) fn written_key(&self, cell: CellId) -> Option<KeyValues> {
        self.keys.get(&cell).cloned().or_else(|| self.region.key(cell))
    }

    /// The plan orders steps so that this does not happen.
    fn unknown_key(&self, cell: CellId) -> Error {
        Error::MissingKey {
            entity: self.region.entity(cell.entity).name,
            hint: "it was not inserted in this flush",
        }
    }

    /// Notes what the step did. Returns the entities whose rows are not as they were loaded.
    pub(super) fn accept(
        &mut self,
        step: Step,
        write: &Write,
        outcome: WriteOutcome,
    ) -> Result<Vec<EntityKey>> {
        let mut stale = Vec::new();
        match (step, write) {
            (Step::Insert { entity, columns, returning, rows }, Write::Insert(insert)) => {
                let meta = self.region.entity(entity);
                let mut returned = outcome.returned.into_iter();
                for (row, written) in rows.into_iter().zip(&insert.rows) {
                    let generated =
                        if returning.is_empty() { Vec::new() } else { returned.next().unwrap_or_default() };
                    let key = meta.key_columns().map(|column| {
                        let given =
                            columns.iter().position(|one| *one == column).map(|at| written[at].clone());
                        let made = || {
                            returning
                                .iter()
                                .position(|one| *one == column)
                                .and_then(|at| generated.get(at).cloned())
                        };
                        given.or_else(made).ok_or_else(|| self.unknown_key(row.cell))
                    });
                    let key = key.collect::<Result<KeyValues>>()?;
                    self.region.arena(entity).reserve_key(row.cell.at, &key);
                    self.keys.insert(row.cell, key.clone());
                    let mut values = row.decided;
                    for (column, value) in returning.iter().zip(generated) {
                        let property =
                            meta.properties.iter().position(|property| property.columns.contains(column));
                        values.extend(property.map(|property| (property, value)));
                    }
                    self.region.arena(entity).check_made(&row.snapshot, &values, meta)?;
                    self.settlement.saved(row.cell, row.snapshot, values, Some(key));
                }
            }
            (Step::Update { entity, rows, .. }, _) => {
                let meta = self.region.entity(entity);
                for (at, row) in rows.into_iter().enumerate() {
                    if !outcome.matched.get(at).copied().unwrap_or(true) {
                        stale.push(self.unmatched(row.cell, !row.expected.is_empty())?);
                        continue;
                    }
                    let version = meta.version.zip(row.version);
                    if let Some(snapshot) = row.snapshot {
                        self.settlement.saved(row.cell, snapshot, version.into_iter().collect(), None);
                    }
                }
            }
            (Step::SoftDelete { entity, rows, .. }, Write::Update(update)) => {
                let meta = self.region.entity(entity);
                for (at, row) in rows.into_iter().enumerate() {
                    if !outcome.matched.get(at).copied().unwrap_or(true) {
                        stale.push(self.unmatched(row.cell, !row.expected.is_empty())?);
                        continue;
                    }
                    let time = meta.soft_delete.zip(update.rows[at].values.first().cloned());
                    let values = time.into_iter().chain(meta.version.zip(row.version)).collect();
                    let (cell, sent) = (row.cell, row.snapshot);
                    self.settlement.soft_deleted.push(SoftDeleted { cell, sent, values });
                }
            }
            (Step::Delete { rows, .. }, Write::Delete(delete)) => {
                // A row that is gone already is what a plain delete wants.
                let is_plain = delete.expected.is_empty() && delete.guard.is_always();
                for (at, row) in rows.into_iter().enumerate() {
                    if is_plain || outcome.matched.get(at).copied().unwrap_or(true) {
                        self.settlement.removed.push(row.cell);
                    } else {
                        stale.push(self.unmatched(row.cell, !row.expected.is_empty())?);
                    }
                }
            }
            (Step::Insert { .. } | Step::Delete { .. } | Step::SoftDelete { .. } | Step::Pivot { .. }, _) => {
            }
        }
        Ok(stale)
    }
}
