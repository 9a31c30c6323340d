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

mod deletes;
mod display;
mod inserts;
mod planner;
mod step;
mod updates;

use std::sync::Arc;

use hashbrown::HashSet;

use self::planner::Planner;
pub(super) use self::step::{DeletedRow, PlannedKey, PlannedValue, Step, StepRow};
use super::cascade::Cascade;
use super::change_set::{ChangeSets, check, check_stays};
use super::expected;
use super::guard::Unsure;
use super::prepare::{preview, take_bases};
use crate::clock::micros;
use crate::entity::{CellId, Region};
use crate::entity_manager::EntityManager;
use crate::error::{Error, Result};
use crate::links::PivotChanges;
use crate::metadata::{Metadata, RelationId};

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
        Self::of_checked(region, changes, &mut |_, error| Err(error))
    }

    /// As [`of_change_sets`](Self::of_change_sets), of change sets that were checked. `refuse` decides about rows that do
    /// not meet the filters that guard writes: they stay in the plan, or its error is the plan's.
    pub(super) fn of_checked(
        region: &Region,
        changes: ChangeSets,
        refuse: &mut dyn FnMut(CellId, Error) -> Result<()>,
    ) -> Result<Self> {
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
        plan.unsure = plan.check_guards(region, refuse)?;
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
