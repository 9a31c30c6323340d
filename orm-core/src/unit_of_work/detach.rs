//! Takes one entity, with what waits to be written of it, out of its context.
//!
//! The row stays as it is: nothing here is a change that a flush would write. Who points to the entity keeps its key, so
//! only one that has none yet can be needed by others.

use crate::entity::{CellId, Region, State};
use crate::error::{Error, Result};
use crate::metadata::{EntityId, RelationKind};
use crate::relation::Target;

impl Region {
    /// Makes a cell nobody's: its key is free for a new instance, its links are as the database has them.
    ///
    /// # Errors
    ///
    /// [`Error::StillReferenced`].
    pub(crate) fn detach_cell(&self, cell: CellId) -> Result<()> {
        let arena = self.arena(cell.entity);
        if arena.state(cell.at) == State::New
            && let Some((by, relation)) = self.who_needs(cell)
        {
            return Err(Error::StillReferenced { key: self.name(cell), by: self.name(by), relation });
        }
        self.links().drop_cell(self, cell);
        arena.detach(cell.at);
        Ok(())
    }

    /// An entity that waits for a flush and points to this one, which is new, with the field.
    fn who_needs(&self, cell: CellId) -> Option<(CellId, &'static str)> {
        // Whoever points to an entity without a row is new or touched itself.
        let waiting: Vec<CellId> = {
            let pending = self.pending();
            pending.new.iter().chain(&pending.touched).copied().collect()
        };
        let references = self.references_to(cell.entity);
        waiting.into_iter().filter(|by| *by != cell).find_map(|by| {
            if !matches!(self.state(by), State::New | State::Managed) {
                return None;
            }
            let own = references.iter().filter(|(entity, ..)| *entity == by.entity);
            own.copied().find_map(|(_, relation, name)| {
                let target = self.arena(by.entity).target(by.at, relation);
                let points_here = match &target {
                    Target::Unset => false,
                    target => self.resolve(cell.entity, target) == Some(cell.at),
                };
                points_here.then_some((by, name))
            })
        })
    }

    /// The owning to-one relations that lead to an entity type.
    pub(super) fn references_to(&self, target: EntityId) -> Vec<(EntityId, usize, &'static str)> {
        let of_all = self.metadata().entities().flat_map(|entity| {
            entity.relations.iter().enumerate().map(move |(index, relation)| (entity.id, index, relation))
        });
        let owning = of_all.filter(|(_, _, relation)| {
            relation.target == target && matches!(relation.kind, RelationKind::ManyToOne { .. })
        });
        owning.map(|(entity, index, relation)| (entity, index, relation.name)).collect()
    }
}
