//! One managed instance: its snapshots and its state.

use std::sync::{Arc, OnceLock};

use super::Entity;

/// Where an instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Only the key is known; nothing was loaded.
    Reference,
    /// Persisted, not inserted yet.
    New,
    /// The database has it.
    Managed,
    /// To be deleted by the next flush.
    Removed,
    /// Deleted, or forgotten before it was ever inserted.
    Detached,
}

/// What a cell's short lock protects. User code never runs under it: snapshots are swapped whole.
#[derive(Debug)]
pub(crate) struct CellState<T: Entity> {
    /// The entity as it is now; `None` for a bare reference.
    pub(crate) current: Option<Arc<T>>,
    /// The entity as the database has it; `None` for a new one. The same allocation as `current` while clean.
    pub(crate) original: Option<Arc<T>>,
    /// Its key, as the identity map has it.
    pub(crate) key: Option<T::Key>,
    pub(crate) state: State,
    /// Whether it is on the unit of work's list of touched cells.
    pub(crate) touched: bool,
    /// Whether it was new in this context: then its collections are known from the start.
    pub(crate) born_here: bool,
    /// The query that returned it last; lazy loading treats the rows of one query alike.
    pub(crate) batch: Option<Batch>,
    /// What had the key before this new entity took it.
    pub(crate) replaced: Option<Replaced>,
    /// Whether the program took it out of the context: a flush that is writing it settles nothing here.
    pub(crate) left: bool,
}

/// The cells that one query returned, known when all its rows are attached.
pub(crate) type Batch = Arc<OnceLock<Box<[u32]>>>;

/// What had a key before a new entity took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// This very cell, as a bare reference.
    Reference,
    /// A cell that is scheduled to be removed.
    Removed(u32),
}

impl<T: Entity> CellState<T> {
    pub(crate) fn reference(key: T::Key) -> Self {
        Self {
            current: None,
            original: None,
            key: Some(key),
            state: State::Reference,
            touched: false,
            born_here: false,
            batch: None,
            replaced: None,
            left: false,
        }
    }

    pub(crate) fn loaded(row: Arc<T>, key: T::Key, batch: Option<Batch>) -> Self {
        Self {
            current: Some(Arc::clone(&row)),
            original: Some(row),
            key: Some(key),
            state: State::Managed,
            touched: false,
            born_here: false,
            batch,
            replaced: None,
            left: false,
        }
    }

    pub(crate) fn new(value: T, key: Option<T::Key>) -> Self {
        Self {
            current: Some(Arc::new(value)),
            original: None,
            key,
            state: State::New,
            touched: false,
            born_here: true,
            batch: None,
            replaced: None,
            left: false,
        }
    }

    /// Whether nothing was changed since it was loaded or saved.
    pub(crate) fn is_clean(&self) -> bool {
        match (&self.current, &self.original) {
            (Some(current), Some(original)) => Arc::ptr_eq(current, original),
            (current, original) => current.is_none() && original.is_none(),
        }
    }
}

/// `mine`, which grew out of `base`, over `theirs`: what `mine` changed wins, everything else is theirs.
pub(crate) fn three_way_merge<T: Entity>(base: &T, mine: &T, theirs: &T) -> T {
    let mut changed = super::PropertySet::new();
    mine.__diff(base, &mut changed);
    let mut merged = theirs.clone();
    merged.__copy(mine, &changed);
    merged.__copy_skipped(mine);
    merged
}
