//! The steps of a plan, as data.

use crate::entity::{CellId, ErasedSnapshot, Region};
use crate::metadata::{EntityId, RelationId};
use crate::value::{KeyValues, Value};

/// The phases of a flush, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum FlushPhase {
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
pub(crate) enum Step {
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
        is_early: bool,
    },
    Pivot {
        relation: RelationId,
        adds: bool,
        links: Vec<(PlannedKey, PlannedKey)>,
    },
}

pub(crate) struct InsertRow {
    pub(crate) cell: CellId,
    pub(crate) snapshot: ErasedSnapshot,
    pub(crate) values: Vec<PlannedValue>,
    /// Scalars that the plan decided, such as the first version.
    pub(crate) decided: Vec<(usize, Value)>,
}

pub(crate) struct ChangedRow {
    pub(crate) cell: CellId,
    /// `None` for an extra update, whose snapshot the insert settles.
    pub(crate) snapshot: Option<ErasedSnapshot>,
    pub(crate) key: PlannedKey,
    pub(crate) values: Vec<PlannedValue>,
    /// What the row must still hold.
    pub(crate) expected: Vec<Value>,
    /// The version that it gets.
    pub(crate) version: Option<Value>,
}

pub(crate) struct DeletedRow {
    pub(crate) cell: CellId,
    pub(crate) key: KeyValues,
    /// What the row must still hold.
    pub(crate) expected: Vec<Value>,
}

/// One row of a step.
pub(crate) enum StepRow<'a> {
    Insert(&'a InsertRow),
    Update(&'a ChangedRow),
    SoftDelete(&'a ChangedRow),
    Delete(&'a DeletedRow),
    Link { relation: RelationId, owner: &'a PlannedKey, item: &'a PlannedKey },
    Unlink { relation: RelationId, owner: &'a PlannedKey, item: &'a PlannedKey },
}

impl<'a> StepRow<'a> {
    fn link(relation: RelationId, adds: bool, owner: &'a PlannedKey, item: &'a PlannedKey) -> Self {
        if adds { Self::Link { relation, owner, item } } else { Self::Unlink { relation, owner, item } }
    }
}

impl StepRow<'_> {
    /// The entity whose row must be there, and whether it must be as it was loaded.
    pub(crate) fn expectation(&self) -> Option<(CellId, bool)> {
        match self {
            Self::Update(row) | Self::SoftDelete(row) => Some((row.cell, !row.expected.is_empty())),
            Self::Delete(row) => Some((row.cell, !row.expected.is_empty())),
            Self::Insert(_) | Self::Link { .. } | Self::Unlink { .. } => None,
        }
    }
}

/// A value that may be known only when an earlier step has run.
#[derive(Clone)]
pub(crate) enum PlannedValue {
    Known(Value),
    /// This part of the key of that cell.
    KeyOf(CellId, usize),
}

/// A key that may be known only when an earlier step has run.
#[derive(Clone)]
pub(crate) enum PlannedKey {
    Known(KeyValues),
    Of(CellId),
}

impl PlannedKey {
    /// The entity that has it, if the context knows one.
    pub(crate) fn cell(&self, region: &Region, entity: EntityId) -> Option<CellId> {
        match self {
            Self::Known(key) => region.arena(entity).find(key).map(|at| CellId { entity, at }),
            Self::Of(cell) => Some(*cell),
        }
    }
}

impl Step {
    /// Whether its rows must be as they were loaded.
    pub(crate) fn expects_rows(&self) -> bool {
        match self {
            Self::Update { expected, .. }
            | Self::SoftDelete { expected, .. }
            | Self::Delete { expected, .. } => !expected.is_empty(),
            Self::Insert { .. } | Self::Pivot { .. } => false,
        }
    }

    pub(super) fn phase(&self) -> FlushPhase {
        match self {
            Self::Insert { .. } => FlushPhase::Insert,
            Self::Update { phase, .. } => *phase,
            Self::Delete { is_early: true, .. } | Self::SoftDelete { is_early: true, .. } => {
                FlushPhase::Early
            }
            Self::Delete { is_early: false, .. } | Self::SoftDelete { is_early: false, .. } => {
                FlushPhase::Delete
            }
            Self::Pivot { adds: false, .. } => FlushPhase::Unlink,
            Self::Pivot { adds: true, .. } => FlushPhase::Link,
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Insert { rows, .. } => rows.len(),
            Self::Update { rows, .. } | Self::SoftDelete { rows, .. } => rows.len(),
            Self::Delete { rows, .. } => rows.len(),
            Self::Pivot { links, .. } => links.len(),
        }
    }

    pub(crate) fn rows(&self) -> Vec<StepRow<'_>> {
        match self {
            Self::Insert { rows, .. } => rows.iter().map(StepRow::Insert).collect(),
            Self::Update { rows, .. } => rows.iter().map(StepRow::Update).collect(),
            Self::SoftDelete { rows, .. } => rows.iter().map(StepRow::SoftDelete).collect(),
            Self::Delete { rows, .. } => rows.iter().map(StepRow::Delete).collect(),
            Self::Pivot { relation, adds, links } => {
                links.iter().map(|(owner, item)| StepRow::link(*relation, *adds, owner, item)).collect()
            }
        }
    }

    /// Takes out the rows that are not to be kept.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(StepRow<'_>) -> bool) {
        match self {
            Self::Insert { rows, .. } => rows.retain(|row| keep(StepRow::Insert(row))),
            Self::Update { rows, .. } => rows.retain(|row| keep(StepRow::Update(row))),
            Self::SoftDelete { rows, .. } => rows.retain(|row| keep(StepRow::SoftDelete(row))),
            Self::Delete { rows, .. } => rows.retain(|row| keep(StepRow::Delete(row))),
            Self::Pivot { relation, adds, links } => {
                links.retain(|(owner, item)| keep(StepRow::link(*relation, *adds, owner, item)));
            }
        }
    }

    /// Cuts the step in two; returns the one with the rows from `at` on.
    pub(crate) fn split_off(&mut self, at: usize) -> Self {
        match self {
            Self::Insert { entity, columns, returning, rows } => {
                let (columns, returning) = (columns.clone(), returning.clone());
                Self::Insert { entity: *entity, columns, returning, rows: rows.split_off(at) }
            }
            Self::Update { entity, columns, expected, rows, phase } => {
                let (columns, expected, rows) = (columns.clone(), expected.clone(), rows.split_off(at));
                Self::Update { entity: *entity, columns, expected, rows, phase: *phase }
            }
            Self::SoftDelete { entity, columns, expected, rows, is_early } => {
                let (columns, expected, rows) = (columns.clone(), expected.clone(), rows.split_off(at));
                Self::SoftDelete { entity: *entity, columns, expected, rows, is_early: *is_early }
            }
            Self::Delete { entity, expected, rows, is_early } => {
                let (expected, rows) = (expected.clone(), rows.split_off(at));
                Self::Delete { entity: *entity, expected, rows, is_early: *is_early }
            }
            Self::Pivot { relation, adds, links } => {
                Self::Pivot { relation: *relation, adds: *adds, links: links.split_off(at) }
            }
        }
    }
}
