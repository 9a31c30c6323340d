//! All instances of one type in one context.
//!
//! Append-only: an instance keeps its place until the whole region goes, so a handle is a region and an index, and
//! entities hold no pointers to one another. [`erased`] is the same without the type, for the unit of work; [`rows`] is
//! what a query fills and an arena attaches.
//!
//! Locks: the map of keys and each cell have one, held for a few instructions and never while user code runs
//! (but for the hash and equality of a key).

mod erased;
mod lifecycle;
mod referrers;
mod rows;
mod spelling;
mod undo;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use parking_lot::Mutex;

pub(crate) use erased::{ErasedArena, ErasedSnapshot, Merged, Saved, typed};
use referrers::Referrers;
pub(crate) use rows::{ErasedRows, Rows, read_value};
pub(crate) use spelling::Spelled;
pub(crate) use undo::{CellRecord, CellRecords};

use undo::{CellChange, CellSnapshot};

use super::cell::{Batch, CellState, Replaced, State, three_way_merge};
use super::{Entity, Key, PropertySet};
use crate::error::{EntityKey, Error, Result};
use crate::relation::Target;
use crate::value::{KeyValues, ValueError};

/// The instances of `T`.
pub(crate) struct Arena<T: Entity> {
    cells: boxcar::Vec<Mutex<CellState<T>>>,
    keys: Mutex<HashMap<T::Key, u32, foldhash::fast::RandomState>>,
    /// What else leads to a cell than its own key.
    spellings: Mutex<HashMap<u32, Vec<T::Key>, foldhash::fast::RandomState>>,
    /// Whether any entity was new here: then its collections are known without a list.
    has_born: AtomicBool,
    /// What originals refer to.
    referrers: Referrers,
}

impl<T: Entity> Default for Arena<T> {
    fn default() -> Self {
        Self {
            cells: boxcar::Vec::new(),
            keys: Mutex::default(),
            spellings: Mutex::default(),
            has_born: AtomicBool::new(false),
            referrers: Referrers::of::<T>(),
        }
    }
}

impl<T: Entity> fmt::Debug for Arena<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arena<{}>({})", T::__DESCRIPTION.name, self.cells.count())
    }
}

/// What attaching rows did.
pub(crate) struct Attached {
    /// The cell of each row, in order.
    pub(crate) cells: Vec<u32>,
    /// Cells whose foreign key, by relation, was changed by the row: where it pointed, where it points now.
    pub(crate) moved: Vec<MovedReference>,
    /// Cells that were not loaded before.
    pub(crate) fresh: Vec<u32>,
    /// What takes it back, if that was asked for.
    pub(crate) records: Option<CellRecords>,
}

/// A foreign key that changed.
pub(crate) struct MovedReference {
    pub(crate) at: u32,
    pub(crate) relation: usize,
    pub(crate) from: Target,
    pub(crate) to: Target,
}

/// How rows meet instances that are loaded already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// The row wins in fields without an unsaved edit.
    Merge,
    /// The row wins everywhere; unsaved edits are lost.
    Refresh,
}

/// Whether rows are what the database will have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// They are committed.
    Committed,
    /// They were read in a transaction that has written, and may be taken back.
    Uncommitted,
}

impl<T: Entity> Arena<T> {
    pub(crate) fn cell(&self, at: u32) -> &Mutex<CellState<T>> {
        // Indexes come from `push` of this very arena, which never shrinks.
        self.cells.get(at as usize).expect("a cell's index is valid as long as its arena")
    }

    /// The cell with this key, loaded or not.
    pub(crate) fn find(&self, key: &T::Key) -> Option<u32> {
        self.keys.lock().get(key).copied()
    }

    /// The cell with this key; a bare reference if it is not known yet.
    pub(crate) fn find_or_reference(&self, key: &T::Key) -> u32 {
        match self.keys.lock().entry(key.clone()) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let at = push(&self.cells, CellState::reference(entry.key().clone()));
                *entry.insert(at)
            }
        }
    }

    /// Tracks a new instance. Its relations are still as the program wrote them.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyManaged`] when its key is taken.
    pub(crate) fn push_new(&self, mut value: T) -> Result<u32> {
        if let Some(hooks) = &T::__HOOKS {
            (hooks.on_init)(&mut value);
        }
        value.__make_key();
        self.has_born.store(true, Ordering::Release);
        let Some(key) = value.__key() else {
            return Ok(push(&self.cells, CellState::new(value, None)));
        };
        let values = key.to_values().map_err(|source| key_error::<T>(source))?;
        match self.keys.lock().entry(key) {
            Entry::Vacant(entry) => {
                let at = push(&self.cells, CellState::new(value, Some(entry.key().clone())));
                Ok(*entry.insert(at))
            }
            Entry::Occupied(entry) => {
                let at = *entry.get();
                let mut cell = self.cell(at).lock();
                match cell.state {
                    State::Reference | State::Detached => {
                        let mut new = CellState::new(value, Some(entry.key().clone()));
                        new.replaced = (cell.state == State::Reference).then_some(Replaced::Reference);
                        let replaced = std::mem::replace(&mut *cell, new);
                        drop(cell);
                        drop(replaced);
                        Ok(at)
                    }
                    // The row goes before the new one comes; until the flush both have the key.
                    State::Removed => {
                        drop(cell);
                        let (key, slot) = (entry.key().clone(), entry.into_mut());
                        let mut new = CellState::new(value, Some(key));
                        new.replaced = Some(Replaced::Removed(at));
                        *slot = push(&self.cells, new);
                        Ok(*slot)
                    }
                    State::New | State::Managed => {
                        Err(Error::AlreadyManaged { key: EntityKey::new(T::__DESCRIPTION.name, values) })
                    }
                }
            }
        }
    }

    /// Tracks an instance as the database is said to have it, or hands it back with the cell that has its key.
    pub(crate) fn push_loaded(&self, value: T, key: T::Key) -> Result<u32, (u32, T)> {
        match self.keys.lock().entry(key) {
            Entry::Vacant(entry) => {
                let at = push(&self.cells, CellState::loaded(Arc::new(value), entry.key().clone(), None));
                Ok(*entry.insert(at))
            }
            Entry::Occupied(entry) => {
                let at = *entry.get();
                let mut cell = self.cell(at).lock();
                if cell.state != State::Reference && cell.state != State::Detached {
                    return Err((at, value));
                }
                let loaded = CellState::loaded(Arc::new(value), entry.key().clone(), None);
                let replaced = std::mem::replace(&mut *cell, loaded);
                drop(cell);
                drop(replaced);
                Ok(at)
            }
        }
    }

    /// Makes instances of rows: one for each key, whatever the number of rows and queries. Rows that may never be
    /// committed leave records of what they changed.
    pub(crate) fn attach(&self, rows: Vec<T>, freshness: Freshness, durability: Durability) -> Attached {
        let mut records = (durability == Durability::Uncommitted).then(CellRecords::new);
        let batch = Self::open_batch(rows.len());
        let mut cells = Vec::with_capacity(rows.len());
        let mut fresh = Vec::new();
        let mut known: Vec<(u32, T)> = Vec::new();
        {
            let mut keys = self.keys.lock();
            keys.reserve(rows.len());
            for row in rows {
                // A row always has its key: no key column is nullable.
                let Some(key) = row.__key().or_else(|| row_key(&row)) else { continue };
                match keys.entry(key) {
                    Entry::Vacant(entry) => {
                        let cell = CellState::loaded(Arc::new(row), entry.key().clone(), batch.clone());
                        let after = records.as_ref().map(|_| CellSnapshot::of(&cell));
                        let at = push(&self.cells, cell);
                        if let (Some(records), Some(after)) = (&mut records, after) {
                            let before = CellSnapshot::absent(entry.key().clone());
                            records.push((at, Box::new(CellChange { before, after })));
                        }
                        entry.insert(at);
                        cells.push(at);
                        fresh.push(at);
                    }
                    Entry::Occupied(entry) => {
                        cells.push(*entry.get());
                        known.push((*entry.get(), row));
                    }
                }
            }
        }
        for at in &fresh {
            self.note_original(*at);
        }
        let mut moved = Vec::new();
        for (at, row) in known {
            if self.meet(at, row, batch.as_ref(), freshness, &mut moved, records.as_mut()) {
                self.note_original(at);
                fresh.push(at);
            }
        }
        if let Some(batch) = batch {
            // Set once: the batch was made for this call.
            let _ = batch.set(cells.as_slice().into());
        }
        Attached { cells, moved, fresh, records }
    }

    /// A new batch; none for one row alone, which has no siblings, or without relations to load.
    fn open_batch(rows: usize) -> Option<Batch> {
        let has_siblings = rows > 1 && !T::__DESCRIPTION.relations.is_empty();
        has_siblings.then(Batch::default)
    }

    /// The original of this cell came in, or changed.
    fn note_original(&self, at: u32) {
        if self.referrers.is_empty() {
            return;
        }
        let original = self.cell(at).lock().original.clone();
        if let Some(original) = original {
            self.referrers.note(at, &*original);
        }
    }

    /// A row for a cell that exists. Returns whether it was not loaded before.
    fn meet(
        &self,
        at: u32,
        row: T,
        batch: Option<&Batch>,
        freshness: Freshness,
        moved: &mut Vec<MovedReference>,
        records: Option<&mut CellRecords>,
    ) -> bool {
        let row = Arc::new(row);
        let keep = |before: CellSnapshot<T>, after: CellSnapshot<T>| {
            if let Some(records) = records {
                records.push((at, Box::new(CellChange { before, after })));
            }
        };
        loop {
            let (current, original, state) = {
                let mut cell = self.cell(at).lock();
                let replaced = batch.and_then(|batch| cell.batch.replace(Arc::clone(batch)));
                drop(replaced);
                match (&cell.current, cell.state) {
                    (_, State::Reference | State::Detached) | (None, _) => {
                        let before = CellSnapshot::of(&cell);
                        let removed = cell.state == State::Removed;
                        cell.current = Some(Arc::clone(&row));
                        cell.original = Some(Arc::clone(&row));
                        cell.born_here = false;
                        if !removed {
                            cell.state = State::Managed;
                        }
                        keep(before, CellSnapshot::of(&cell));
                        return true;
                    }
                    (Some(current), state) => (Arc::clone(current), cell.original.clone(), state),
                }
            };
            // A new instance with the key of a row that exists: the program's insert will say so.
            let Some(original) = original else { return false };
            if state == State::New {
                return false;
            }
            let clean = Arc::ptr_eq(&current, &original);
            let mut fetched = PropertySet::new();
            row.__diff(&original, &mut fetched);
            if fetched.is_empty() && (clean || freshness == Freshness::Merge) {
                return false;
            }
            let (next, next_original) = if clean || freshness == Freshness::Refresh {
                let mut next = T::clone(&row);
                next.__copy_skipped(&current);
                let next = Arc::new(next);
                (Arc::clone(&next), next)
            } else {
                (Arc::new(three_way_merge(&*original, &*current, &*row)), Arc::clone(&row))
            };
            let mut cell = self.cell(at).lock();
            let unchanged = cell.current.as_ref().is_some_and(|now| Arc::ptr_eq(now, &current))
                && cell.original.as_ref().is_some_and(|now| Arc::ptr_eq(now, &original));
            if !unchanged {
                continue;
            }
            let before = CellSnapshot::of(&cell);
            cell.current = Some(Arc::clone(&next));
            cell.original = Some(next_original);
            keep(before, CellSnapshot::of(&cell));
            drop(cell);
            self.note_original(at);
            moved_references(at, &*current, &*next, moved);
            return false;
        }
    }

    /// The program gave a new entity another key. One that is taken stays where it is; the insert will say so.
    fn move_key(&self, at: u32, from: Option<&T::Key>, to: Option<T::Key>) {
        let mut keys = self.keys.lock();
        if let Some(from) = from
            && keys.get(from) == Some(&at)
        {
            keys.remove(from);
        }
        if let Some(to) = to {
            keys.entry(to).or_insert(at);
        }
    }

    pub(crate) fn count_loaded(&self) -> usize {
        self.cells.iter().filter(|(_, cell)| is_alive(cell.lock().state)).count()
    }
}

/// Whether the identity map counts an instance in this state as its own.
fn is_alive(state: State) -> bool {
    matches!(state, State::New | State::Managed | State::Removed)
}

fn push<T: Entity>(cells: &boxcar::Vec<Mutex<CellState<T>>>, cell: CellState<T>) -> u32 {
    u32::try_from(cells.push(Mutex::new(cell))).expect("fewer than 2^32 entities of one type in one context")
}

/// The key of a stored row whose `auto` key is its type's default, such as an id of 0.
fn row_key<T: Entity>(row: &T) -> Option<T::Key> {
    let mut values = KeyValues::new();
    for (property, description) in T::__DESCRIPTION.properties.iter().enumerate() {
        if description.id {
            values.push(row.__value(property).ok()?);
        }
    }
    T::Key::__from_values(&mut values.into_iter()).ok()
}

/// A key that no column can hold.
pub(crate) fn key_error<T: Entity>(source: ValueError) -> Error {
    let id = T::__DESCRIPTION.properties.iter().find(|property| property.id);
    let field = id.map_or("?", |property| property.name);
    let column = id.and_then(|property| property.columns.first()).copied().unwrap_or(field).to_owned();
    Error::Value { entity: T::__DESCRIPTION.name, field, column, source }
}

/// The foreign keys in which two snapshots differ.
fn moved_references<T: Entity>(at: u32, from: &T, to: &T, moved: &mut Vec<MovedReference>) {
    for (relation, description) in T::__DESCRIPTION.relations.iter().enumerate() {
        if description.property.is_none() {
            continue;
        }
        let (Some(old), Some(new)) = (from.__reference(relation), to.__reference(relation)) else { continue };
        let (from, to) = (old.target(), new.target());
        if from != to {
            moved.push(MovedReference { at, relation, from, to });
        }
    }
}
