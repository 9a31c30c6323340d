//! Soft deletes: the removal of an entity whose rows stay is an update that sets the time.
//!
//! What hooks change of the entity before its removal goes into the same update. In memory it is a removal like any other: after the flush the entity is detached, and no list holds it. The row stays in
//! the database, with its links, and the filter [`SoftDelete`](crate::filter::SoftDelete) hides it.

use hashbrown::HashMap;

use super::settle::{SoftDeleted, references};
use crate::clock::value_at;
use crate::entity::{CellId, ErasedSnapshot, Region, Saved, State};
use crate::error::{Error, Result};
use crate::metadata::EntityId;
use crate::value::{KeyValues, Value, ValueError};

impl Region {
    /// The property that a removal of this cell sets; `None` where the row itself goes.
    pub(crate) fn soft_delete_of(&self, cell: CellId) -> Option<usize> {
        let property = self.entity(cell.entity).soft_delete?;
        (!self.pending().for_good.contains(&cell)).then_some(property)
    }

    /// Whether the row of `cell` is deleted already, and nobody is about to restore it.
    pub(super) fn is_soft_deleted(&self, cell: CellId) -> bool {
        let arena = self.arena(cell.entity);
        let Some(property) = self.soft_delete_of(cell) else { return false };
        let is_set = |snapshot: Option<ErasedSnapshot>| {
            snapshot.is_some_and(|one| arena.value_of(&one, property).is_ok_and(|value| !value.is_null()))
        };
        is_set(arena.original(cell.at)) && is_set(arena.current(cell.at))
    }

    /// Takes a removal back: one that waits for a flush, and one that the row has.
    pub(crate) fn undelete(&self, cell: CellId) -> Result<()> {
        self.restore(cell)?;
        if let Some(property) = self.entity(cell.entity).soft_delete {
            self.empty(cell, property);
        }
        Ok(())
    }

    /// Sets a property to NULL, as an edit does.
    fn empty(&self, cell: CellId, property: usize) {
        let arena = self.arena(cell.entity);
        while let Some(base) = arena.current(cell.at) {
            if arena.value_of(&base, property).is_ok_and(|value| value.is_null()) {
                return;
            }
            let Some(value) = arena.value_with(&base, property, Value::Null) else { return };
            if self.try_publish(cell, &base, value).is_ok() {
                return;
            }
        }
    }

    /// The time of a removal, as the column of `property` stores it.
    pub(crate) fn time_of_removal(&self, entity: EntityId, property: usize) -> Result<Value> {
        let meta = self.entity(entity);
        let column = &meta.columns[meta.properties[property].columns.start];
        let time = value_at(self.orm().clock.now(), column.column_type);
        time.ok_or_else(|| Error::other(ValueError::OutOfRange { expected: "a date of the clock" }))
    }

    /// The row says that it is deleted: the entity is what a removed one is.
    pub(super) fn settle_soft_deleted(
        &self,
        deleted: Vec<SoftDeleted>,
        keys: &HashMap<CellId, KeyValues, foldhash::fast::RandomState>,
    ) {
        for SoftDeleted { cell, sent, values } in deleted {
            let arena = self.arena(cell.entity);
            let is_taken_back = arena.state(cell.at) == State::Managed;
            let properties: Vec<usize> = values.iter().map(|(property, _)| *property).collect();
            if !is_taken_back {
                self.links().note_unlisted(self, cell);
            }
            if let Some(sent) = sent {
                let references = references(self, keys, cell.entity, &sent);
                let base = arena.original(cell.at);
                if self.settle_row(cell, Saved { sent, base, values, references }) && is_taken_back {
                    self.pending().touched.push(cell);
                }
            }
            if is_taken_back {
                // While the update ran: the next flush takes the time out again.
                let soft_delete = self.entity(cell.entity).soft_delete;
                properties
                    .into_iter()
                    .filter(|at| Some(*at) == soft_delete)
                    .for_each(|at| self.empty(cell, at));
                continue;
            }
            self.settle_gone(cell);
        }
    }
}
