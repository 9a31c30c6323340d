//! Other spellings of keys: those that the database holds equal to the key of a row, and Rust does not.
//!
//! The identity map leads from each of them to the one cell of the row, whose own key stays as the row spells it.

use super::Arena;
use crate::entity::Entity;
use crate::entity::cell::State;

/// What became of a spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelled {
    /// It leads to the cell, as it did before or since nothing else had it.
    Done,
    /// It leads to the cell, and no more to this bare reference.
    Instead(u32),
    /// It belongs to this other instance.
    Taken(u32),
}

impl<T: Entity> Arena<T> {
    /// From now on this key leads to the cell too.
    pub(crate) fn add_spelling(&self, at: u32, key: T::Key) -> Spelled {
        let before = {
            let mut keys = self.keys.lock();
            let before = keys.get(&key).copied();
            if before == Some(at) {
                return Spelled::Done;
            }
            if let Some(before) = before
                && !matches!(self.cell(before).lock().state, State::Reference | State::Detached)
            {
                return Spelled::Taken(before);
            }
            keys.insert(key.clone(), at);
            before
        };
        self.spellings.lock().entry(at).or_default().push(key);
        before.map_or(Spelled::Done, Spelled::Instead)
    }

    /// The row is gone: whoever asks for it by another spelling asks the database.
    pub(super) fn forget_spellings(&self, at: u32) {
        let Some(spellings) = self.spellings.lock().remove(&at) else { return };
        let mut keys = self.keys.lock();
        for key in spellings {
            if keys.get(&key) == Some(&at) {
                keys.remove(&key);
            }
        }
    }
}
