//! Filters that also guard what a flush writes.
//!
//! A row that is changed or deleted must meet them before (a predicate of the statement itself) and, if it stays, after;
//! a new row must meet them. What memory can tell is said before anything is sent; for the rest the rows are counted in
//! the same transaction, before its commit.

use super::evaluate::Verdict;
use super::{FilterReach, RegisteredFilter};
use crate::condition::Expression;
use crate::entity::{CellId, ErasedSnapshot, Region};
use crate::error::{EntityKey, Error, Result};
use crate::metadata::EntityId;

impl Region {
    /// What every row of `entity` that a flush writes must meet.
    ///
    /// # Errors
    ///
    /// As [`filter_of`](Self::filter_of).
    pub(crate) fn guard_of(&self, entity: EntityId) -> Result<Expression> {
        if self.orm().filters.is_empty() {
            return Ok(Expression::always());
        }
        self.conditions_of(entity, None, guards_writes)
    }

    /// Whether any filter guards what a flush writes to `entity`.
    pub(crate) fn is_guarded(&self, entity: EntityId) -> bool {
        self.active(entity, None).any(guards_writes)
    }

    /// Whether the row that `snapshot` becomes is known to meet the guard; if not, its row must be counted once it is
    /// written.
    ///
    /// # Errors
    ///
    /// [`Error::RefusedByFilter`] where memory can tell that it does not.
    pub(crate) fn passes_guard(
        &self,
        cell: CellId,
        snapshot: &ErasedSnapshot,
        guard: &Expression,
    ) -> Result<bool> {
        match self.verdict(cell, snapshot, guard) {
            Verdict::True => Ok(true),
            Verdict::Unsure => Ok(false),
            Verdict::False | Verdict::Null => Err(self.refused(cell)),
        }
    }

    /// The guard of `cell` was not met.
    pub(crate) fn refused(&self, cell: CellId) -> Error {
        self.refused_row(cell.entity, self.name(cell))
    }

    /// The guard of a row of `entity` was not met.
    pub(crate) fn refused_row(&self, entity: EntityId, key: EntityKey) -> Error {
        let guards = self.active(entity, None).filter(|filter| guards_writes(filter));
        let names: Vec<&str> = guards.map(|filter| filter.name).collect();
        Error::RefusedByFilter { key, filter: names.join("`, `") }
    }
}

fn guards_writes(filter: &RegisteredFilter) -> bool {
    filter.reach == FilterReach::ReadsAndWrites
}
