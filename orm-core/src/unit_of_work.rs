//! What the next flush has to look at, and how it is written.
//!
//! [`Pending`] holds the touched, new and removed cells of a region: a flush looks at these and never at the whole
//! identity map. The stages are functions from data to data; only [`flush`], and
//! [`diagnose`], which tries the same and takes it back, await.

mod adopt;
mod cascade;
mod change_set;
mod commit_order;
mod computed;
mod detach;
mod diagnose;
mod early;
mod events;
mod expected;
mod flush;
mod flush_plan;
mod going;
mod guard;
mod hook_scope;
mod orphan;
mod prepare;
mod removal;
mod settle;
mod soft_delete;
mod stand_in;
mod unique_values;
pub(crate) mod version;

pub(crate) use adopt::{Adoption, Mode};
pub(crate) use change_set::ChangeSet;
pub use diagnose::{Diagnosis, RefusedRow};
pub(crate) use events::{TransactionMoment, fire};
pub(crate) use flush::{Scope, accept_unknown, flush};
pub use flush_plan::FlushPlan;
pub(crate) use hook_scope::{HookScope, HookSteps};
pub(crate) use settle::Settlement;

use std::sync::Arc;

use hashbrown::HashSet;

use crate::entity::{CellId, Region, State};
use crate::error::Error;
use crate::journal::Mark;

/// Cells that wait for a flush. The lists may name a cell that does not wait any more, or twice; its state decides.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) new: Vec<CellId>,
    pub(crate) touched: Vec<CellId>,
    pub(crate) removed: Vec<CellId>,
    /// Those of the removed ones whose rows are to go, with all that cascades take along, also where a removal would only
    /// set a time. One whose row went stays, for a rollback that brings it back.
    pub(crate) for_good: HashSet<CellId, foldhash::fast::RandomState>,
    /// Those among the removed that are removed because their owner let go of them.
    pub(crate) orphans: HashSet<CellId, foldhash::fast::RandomState>,
    /// What infallible calls had to keep for the next flush to say.
    pub(crate) errors: Vec<Arc<Error>>,
    /// A commit whose answer never came.
    pub(crate) unknown: Option<Unknown>,
}

/// What a commit whose answer never came leaves open.
#[derive(Debug)]
pub(crate) enum Unknown {
    /// A flush in a transaction of its own, with what it would settle.
    Flush(Box<Settlement>),
    /// A transaction whose flushes are settled already: the journal takes them back, to this mark.
    Transaction(Mark),
}

impl Region {
    /// Whether anything at all may wait for a flush.
    pub(crate) fn has_pending_cells(&self) -> bool {
        let pending = self.pending();
        let cells = !(pending.new.is_empty() && pending.touched.is_empty() && pending.removed.is_empty());
        drop(pending);
        cells || self.links().pivots().next().is_some()
    }

    /// Whether anything of the given entities waits for a flush.
    pub(crate) fn has_pending(&self, entities: &[crate::metadata::EntityId]) -> bool {
        // A list of its own: comparing fields is the program's code, and must not run under the lock.
        let waiting: Vec<CellId> = {
            let pending = self.pending();
            let all = pending.new.iter().chain(&pending.removed).chain(&pending.touched);
            all.filter(|cell| entities.contains(&cell.entity)).copied().collect()
        };
        let is_changed = |cell: &CellId| {
            let changes = self.arena(cell.entity).changes(cell.at);
            changes.is_some_and(|(_, changed)| !changed.is_empty())
        };
        let cells = waiting.iter().any(|cell| self.state(*cell) != State::Managed || is_changed(cell));
        cells
            || self.links().pivots().any(|(relation, _)| {
                let target = self.metadata().relation(relation).target;
                entities.contains(&relation.entity) || entities.contains(&target)
            })
    }
}
