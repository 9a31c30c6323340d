//! What a rolled-back transaction takes back in one cell.
//!
//! Unsaved edits are the program's and stay: only what a flush or a row changed is undone, by the same field-wise merge
//! that publishes edits.

use std::any::Any;
use std::sync::Arc;

use super::{Arena, MovedReference, moved_references};
use crate::entity::Entity;
use crate::entity::cell::{CellState, Replaced, State, three_way_merge};

/// What undoes one change of one cell, without its type.
pub(crate) type CellRecord = Box<dyn Any + Send>;

/// Records of the changes that one step made, in order.
pub(crate) type CellRecords = Vec<(u32, CellRecord)>;

/// A cell as it was before a change, and what the change made of it.
pub(super) struct CellChange<T: Entity> {
    pub(super) before: CellSnapshot<T>,
    pub(super) after: CellSnapshot<T>,
}

/// What of a cell a transaction can change.
pub(super) struct CellSnapshot<T: Entity> {
    current: Option<Arc<T>>,
    original: Option<Arc<T>>,
    key: Option<T::Key>,
    state: State,
}

impl<T: Entity> CellSnapshot<T> {
    pub(super) fn of(cell: &CellState<T>) -> Self {
        Self {
            current: cell.current.clone(),
            original: cell.original.clone(),
            key: cell.key.clone(),
            state: cell.state,
        }
    }

    /// A cell that was not there: what else could refer to it sees a bare reference.
    pub(super) fn absent(key: T::Key) -> Self {
        Self { current: None, original: None, key: Some(key), state: State::Reference }
    }
}

/// What came of undoing a change.
pub(crate) struct Undone {
    /// Foreign keys that are back where they pointed.
    pub(crate) moved: Vec<MovedReference>,
    /// The state of the cell now.
    pub(crate) state: State,
    /// Whether it has unsaved edits, so that it belongs on the list of touched cells.
    pub(crate) is_dirty: bool,
}

impl<T: Entity> Arena<T> {
    /// Takes back one change, the latest of this cell that was not taken back yet.
    pub(super) fn undo_change(&self, at: u32, change: &CellChange<T>) -> Undone {
        loop {
            let (current, original, state) = {
                let cell = self.cell(at).lock();
                if cell.left {
                    return Undone { moved: Vec::new(), state: cell.state, is_dirty: false };
                }
                (cell.current.clone(), cell.original.clone(), cell.state)
            };
            let next = previous(&current, change);
            let was_absent = change.before.current.is_none();
            let is_edited = !same(&current, &original);
            let next_original = if was_absent { original.clone() } else { change.before.original.clone() };
            let next_state = previous_state(state, change, was_absent && is_edited);
            let mut cell = self.cell(at).lock();
            if !(same(&cell.current, &current) && same(&cell.original, &original) && cell.state == state) {
                continue;
            }
            cell.current.clone_from(&next);
            cell.original.clone_from(&next_original);
            cell.state = next_state;
            cell.key.clone_from(&change.before.key);
            drop(cell);
            self.undo_key(at, change, next_state);
            let mut moved = Vec::new();
            if let (Some(current), Some(next)) = (&current, &next)
                && !Arc::ptr_eq(current, next)
            {
                moved_references(at, &**current, &**next, &mut moved);
            }
            let is_dirty = next_state == State::Managed && !same(&next, &next_original);
            return Undone { moved, state: next_state, is_dirty };
        }
    }

    /// The identity map leads where it did before.
    fn undo_key(&self, at: u32, change: &CellChange<T>, state: State) {
        let mut keys = self.keys.lock();
        if change.before.key != change.after.key
            && let Some(key) = &change.after.key
            && keys.get(key) == Some(&at)
        {
            keys.remove(key);
        }
        let Some(key) = &change.before.key else { return };
        let taken = *keys.entry(key.clone()).or_insert(at);
        drop(keys);
        if taken != at && state == State::Removed {
            // A new entity took the key of the deleted row, which now has to be deleted before it comes.
            let mut other = self.cell(taken).lock();
            if other.state == State::New {
                other.replaced = Some(Replaced::Removed(at));
            }
        }
    }
}

/// The current snapshot without the change.
fn previous<T: Entity>(current: &Option<Arc<T>>, change: &CellChange<T>) -> Option<Arc<T>> {
    let (Some(before), Some(after), Some(now)) = (&change.before.current, &change.after.current, current)
    else {
        // What was read stays readable for whoever holds it.
        return current.clone();
    };
    if Arc::ptr_eq(now, after) {
        return Some(Arc::clone(before));
    }
    Some(Arc::new(three_way_merge(&**after, &**now, &**before)))
}

/// The state without the change, as far as the program did not change it since.
fn previous_state<T: Entity>(now: State, change: &CellChange<T>, is_edited: bool) -> State {
    let (before, after) = (change.before.state, change.after.state);
    match now {
        // An edit of a row that was read in the transaction is still to be written.
        State::Managed if is_edited => State::Managed,
        // Taken out of the context by the program.
        State::Detached if after != State::Detached => State::Detached,
        // Inserted, then scheduled to be removed: it was never there.
        State::Removed if before == State::New => State::Detached,
        State::Removed if after != State::Removed => State::Removed,
        _ => before,
    }
}

fn same<T>(one: &Option<Arc<T>>, other: &Option<Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}
