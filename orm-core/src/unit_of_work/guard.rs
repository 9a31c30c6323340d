//! Holds a flush to the filters that guard writes: before its first statement as far as memory can tell, and before its
//! commit for the rest.

use std::sync::Arc;

use super::flush::Run;
use super::flush_plan::{FlushPlan, Step};
use crate::condition::Expression;
use crate::driver::Connection;
use crate::entity::{CellId, ErasedSnapshot, Region};
use crate::error::{EntityKey, Error, Result};
use crate::populate::select;

/// Cells whose written rows only the database can judge.
pub(super) type Unsure = Vec<CellId>;

impl FlushPlan {
    /// Hands rows that do not meet the filters that guard writes, as far as memory can tell, to `refuse`; returns those
    /// that must be counted when they are written.
    ///
    /// # Errors
    ///
    /// Those of `refuse`, and whatever a filter fails with.
    pub(super) fn check_guards(
        &self,
        region: &Region,
        refuse: &mut dyn FnMut(CellId, Error) -> Result<()>,
    ) -> Result<Unsure> {
        let mut unsure = Vec::new();
        if region.orm().filters.is_empty() {
            return Ok(unsure);
        }
        for step in &self.steps {
            let entity = match step {
                Step::Insert { entity, .. }
                | Step::Update { entity, .. }
                | Step::SoftDelete { entity, .. }
                | Step::Delete { entity, .. } => *entity,
                Step::Pivot { .. } => continue,
            };
            let guard = region.guard_of(entity)?;
            if guard.is_always() {
                continue;
            }
            match step {
                Step::Insert { rows, .. } => {
                    for row in rows {
                        match region.passes_guard(row.cell, &row.snapshot, &guard) {
                            Ok(true) => {}
                            Ok(false) => unsure.push(row.cell),
                            Err(error) => refuse(row.cell, error)?,
                        }
                    }
                }
                Step::Update { rows, .. } | Step::SoftDelete { rows, .. } => {
                    for row in rows {
                        let original = region.arena(row.cell.entity).original(row.cell.at);
                        // A soft delete that nobody marked leaves the row as it is but for the time.
                        let is_other = |snapshot: &&ErasedSnapshot| {
                            original.as_ref().is_none_or(|original| !Arc::ptr_eq(original, snapshot))
                        };
                        let passes = check_stored(region, row.cell, &guard).and_then(|()| {
                            row.snapshot
                                .as_ref()
                                .filter(is_other)
                                .map_or(Ok(true), |snapshot| region.passes_guard(row.cell, snapshot, &guard))
                        });
                        match passes {
                            Ok(true) => {}
                            Ok(false) => unsure.push(row.cell),
                            Err(error) => refuse(row.cell, error)?,
                        }
                    }
                }
                Step::Delete { rows, .. } => {
                    for row in rows {
                        check_stored(region, row.cell, &guard).or_else(|error| refuse(row.cell, error))?;
                    }
                }
                Step::Pivot { .. } => {}
            }
        }
        Ok(unsure)
    }
}

/// Whether the row that `cell` has in the database may be written.
fn check_stored(region: &Region, cell: CellId, guard: &Expression) -> Result<()> {
    match region.arena(cell.entity).original(cell.at) {
        Some(original) => region.passes_guard(cell, &original, guard).map(|_| ()),
        // A bare reference, or a row of this flush: the statement or the insert says it.
        None => Ok(()),
    }
}

impl Run<'_> {
    /// Names a row that a write did not find as it should be: one that changed, which its values tell.
    ///
    /// # Errors
    ///
    /// [`Error::RefusedByFilter`] for a row that a filter keeps from being written.
    pub(super) fn unmatched(&self, cell: CellId, is_compared: bool) -> Result<EntityKey> {
        if is_compared || self.region.guard_of(cell.entity)?.is_always() {
            return Ok(self.region.name(cell));
        }
        Err(self.region.refused(cell))
    }

    /// Counts the written rows that meet the filters that guard them.
    pub(super) async fn verify_guards(&self, connection: &mut dyn Connection, unsure: Unsure) -> Result<()> {
        match self.refused_by_guards(connection, unsure).await?.first() {
            Some(cell) => Err(self.region.refused(*cell)),
            None => Ok(()),
        }
    }

    /// Which of the written rows do not meet the filters that guard them.
    pub(super) async fn refused_by_guards(
        &self,
        connection: &mut dyn Connection,
        unsure: Unsure,
    ) -> Result<Vec<CellId>> {
        let mut cells = unsure;
        cells.sort_unstable();
        let mut refused = Vec::new();
        for cells in cells.chunk_by(|a, b| a.entity == b.entity) {
            if !self.all_pass(connection, cells).await? {
                // One by one: which they are, is worth the statements.
                for cell in cells {
                    if !self.all_pass(connection, std::slice::from_ref(cell)).await? {
                        refused.push(*cell);
                    }
                }
            }
        }
        Ok(refused)
    }

    async fn all_pass(&self, connection: &mut dyn Connection, cells: &[CellId]) -> Result<bool> {
        let Some(first) = cells.first() else { return Ok(true) };
        let keys = cells.iter().filter_map(|cell| self.written_key(*cell)).collect();
        let guard = self.region.guard_of(first.entity)?;
        let condition = Expression::KeyIn { property: None, keys }.and(guard);
        let select = select(self.region, first.entity, condition, Vec::new());
        let orm = self.region.orm();
        let count = connection.count(&select).await.map_err(|error| orm.error("count", error))?;
        Ok(usize::try_from(count).is_ok_and(|count| count == cells.len()))
    }
}
