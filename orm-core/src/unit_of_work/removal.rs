//! Entities that are scheduled to be removed: scheduling one, and taking that back.

use super::{HookScope, Pending};
use crate::entity::{CellId, Region, State};
use crate::error::{Error, Result};
use crate::metadata::EntityId;
use crate::value::KeyValues;

/// How an entity is scheduled to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Removal {
    /// Its row goes, although a removal would only set a time.
    is_for_good: bool,
    /// Its owner let go of it.
    is_orphan: bool,
}

impl Region {
    /// Schedules a cell to be deleted; forgets one that was never inserted. Doing it twice is doing it once.
    pub(crate) fn remove(&self, cell: CellId) -> Result<()> {
        let arena = self.arena(cell.entity);
        match arena.state(cell.at) {
            State::Removed => {
                // Asked for by the program now, whatever the reason was before.
                let before = self.removal(cell);
                if self.pending().orphans.remove(&cell) {
                    HookScope::note_removal(self, cell, before);
                }
            }
            State::Detached => return Err(Error::Detached { key: self.name(cell) }),
            State::New => {
                let items = self.cascaded_items(cell);
                let dropped = self.links().drop_cell(self, cell);
                arena.forget_new(cell.at);
                HookScope::note_forgotten(self, cell, dropped);
                for item in items {
                    if !matches!(self.state(item), State::Removed | State::Detached) {
                        self.remove(item)?;
                    }
                }
            }
            State::Managed | State::Reference if self.is_soft_deleted(cell) => {}
            State::Managed | State::Reference => {
                arena.set_state(cell.at, State::Removed);
                self.pending().removed.push(cell);
                HookScope::note_removal(self, cell, None);
            }
        }
        Ok(())
    }

    /// Schedules the row itself to be deleted, also where a removal would only set the time, and with it what cascades
    /// take along.
    pub(crate) fn remove_for_good(&self, cell: CellId) -> Result<()> {
        if self.state(cell) != State::New {
            let before = self.removal(cell);
            if self.pending().for_good.insert(cell) && before.is_some() {
                HookScope::note_removal(self, cell, before);
            }
        }
        self.remove(cell)
    }

    /// Takes a removal back.
    pub(crate) fn restore(&self, cell: CellId) -> Result<()> {
        match self.state(cell) {
            State::New | State::Managed | State::Reference => {}
            State::Detached => return Err(Error::Detached { key: self.name(cell) }),
            State::Removed => self.take_back_removal(cell),
        }
        Ok(())
    }

    /// Makes a removed cell what it was before.
    pub(crate) fn take_back_removal(&self, cell: CellId) {
        let Some(before) = self.removal(cell) else { return };
        let arena = self.arena(cell.entity);
        let state = if arena.current(cell.at).is_some() { State::Managed } else { State::Reference };
        arena.set_state(cell.at, state);
        let mut pending = self.pending();
        pending.for_good.remove(&cell);
        pending.orphans.remove(&cell);
        drop(pending);
        HookScope::note_removal(self, cell, Some(before));
        if arena.is_dirty(cell.at) {
            self.touch(cell);
        }
    }

    /// How the cell is scheduled to be removed, if it is.
    fn removal(&self, cell: CellId) -> Option<Removal> {
        let is_removed = self.state(cell) == State::Removed;
        let pending = self.pending();
        let (is_for_good, is_orphan) = (pending.for_good.contains(&cell), pending.orphans.contains(&cell));
        is_removed.then_some(Removal { is_for_good, is_orphan })
    }

    /// Makes the removal of a cell what it was, whatever happened to it since.
    pub(super) fn put_back_removal(&self, cell: CellId, removal: Option<Removal>) {
        let Some(Removal { is_for_good, is_orphan }) = removal else { return self.take_back_removal(cell) };
        let arena = self.arena(cell.entity);
        let mut pending = self.pending();
        match arena.state(cell.at) {
            State::Managed | State::Reference => {
                arena.set_state(cell.at, State::Removed);
                pending.removed.push(cell);
            }
            State::Removed => {}
            State::New | State::Detached => return,
        }
        let Pending { for_good, orphans, .. } = &mut *pending;
        for (marks, is_marked) in [(for_good, is_for_good), (orphans, is_orphan)] {
            if is_marked {
                marks.insert(cell);
            } else {
                marks.remove(&cell);
            }
        }
    }

    /// The keys of entities that are scheduled to be removed.
    pub(crate) fn removed_keys(&self, entity: EntityId) -> Vec<KeyValues> {
        let removed: Vec<CellId> = self.pending().removed.clone();
        let removed =
            removed.into_iter().filter(|cell| cell.entity == entity && self.state(*cell) == State::Removed);
        removed.filter_map(|cell| self.key(cell)).collect()
    }
}
