//! The steps of a plan, as data.

use crate::entity::{CellId, ErasedSnapshot};
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
            Self::Delete { is_early: true, .. } => FlushPhase::Early,
            Self::Delete { is_early: false, .. } | Self::SoftDelete { .. } => FlushPhase::Delete,
            Self::Pivot { adds: false, .. } => FlushPhase::Unlink,
            Self::Pivot { adds: true, .. } => FlushPhase::Link,
        }
    }
}
