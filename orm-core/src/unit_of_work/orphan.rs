//! Entities that belong to one owner and were let go of: `orphan_removal`.
//!
//! An orphan is scheduled to be removed like any other entity; that it is one is remembered, so that an owner that takes
//! it in again takes the removal back. Removals that the program asked for stay.

use crate::entity::{CellId, MovedReference, Region, State};
use crate::error::Result;
use crate::metadata::EntityId;
use crate::relation::Target;

impl Region {
    /// Schedules the removal of an entity that its owner let go of.
    pub(crate) fn orphan(&self, cell: CellId) -> Result<()> {
        let is_row = matches!(self.state(cell), State::Managed | State::Reference);
        self.remove(cell)?;
        if is_row {
            self.pending().orphans.insert(cell);
        }
        Ok(())
    }

    /// An owner takes the entity in: if it was an orphan, its removal is taken back.
    pub(crate) fn adopt_orphan(&self, cell: CellId) {
        let was_orphan = self.pending().orphans.remove(&cell);
        if was_orphan {
            self.take_back_removal(cell);
        }
    }

    /// Foreign keys of `entity` moved: whoever lost its owner, or was lost by it, goes.
    pub(crate) fn follow_orphans(&self, entity: EntityId, moved: &[MovedReference]) {
        for reference in moved {
            let relation = &self.entity(entity).relations[reference.relation];
            let inverse = self.inverse_of(entity, reference.relation);
            if inverse.is_some_and(|inverse| self.metadata().relation(inverse).orphan_removal) {
                let item = CellId { entity, at: reference.at };
                if reference.to != Target::Unset {
                    self.adopt_orphan(item);
                } else if self.state(item) == State::Managed {
                    self.orphan_quietly(item);
                }
            }
            if relation.orphan_removal {
                let cell = |target: &Target| {
                    let at = match target {
                        Target::Key(key) => self.arena(relation.target).find_or_reference(key),
                        other => self.resolve(relation.target, other),
                    };
                    at.map(|at| CellId { entity: relation.target, at })
                };
                if let Some(lost) = cell(&reference.from) {
                    self.orphan_quietly(lost);
                }
                if let Some(found) = cell(&reference.to) {
                    self.adopt_orphan(found);
                }
            }
        }
    }

    /// Of an entity that is gone already nothing is left to remove.
    fn orphan_quietly(&self, cell: CellId) {
        if !matches!(self.state(cell), State::Detached | State::Removed) {
            let _ = self.orphan(cell);
        }
    }
}
