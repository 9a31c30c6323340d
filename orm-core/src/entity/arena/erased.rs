//! An arena without its type: what the unit of work and the links see of entities.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::lifecycle::ErasedLifecycle;
use super::rows::{ErasedRows, Rows};
use super::undo::{CellChange, CellRecord, CellRecords, CellSnapshot, Undone};
use super::{Arena, MovedReference, Spelled, is_alive, key_error, moved_references, push, row_key};
use crate::entity::cell::{Batch, CellState, Replaced, State, three_way_merge};
use crate::entity::{Entity, Key, PropertySet};
use crate::error::{Error, Result};
use crate::metadata::{EntityMetadata, Metadata};
use crate::relation::{RelationVisitor, Target};
use crate::value::{ColumnType, KeyValues, Value, ValueError};

/// A snapshot without its type.
pub(crate) type ErasedSnapshot = Arc<dyn Any + Send + Sync>;

/// What came of publishing a value; see [`ErasedArena::swap`].
pub(crate) type Swapped = Result<(Vec<MovedReference>, ErasedSnapshot), Box<dyn Any + Send>>;

/// What `push_merged` did with a detached copy.
pub(crate) enum Merged {
    /// It is managed now.
    Fresh(u32),
    /// Its key is managed already: the cell, and the copy back.
    Known(u32, Box<dyn Any + Send>),
}

/// What a flush settles for one saved cell.
pub(crate) struct Saved {
    /// The snapshot that was written.
    pub(crate) sent: ErasedSnapshot,
    /// The snapshot in the cell that `sent` was made of, if it is another.
    pub(crate) base: Option<ErasedSnapshot>,
    /// Scalar properties that the database or the flush made.
    pub(crate) values: Vec<(usize, Value)>,
    /// Foreign keys to entities that had no key when the snapshot was taken.
    pub(crate) references: Vec<(usize, KeyValues)>,
}

/// An [`Arena`] without its type.
pub(crate) trait ErasedArena: ErasedLifecycle + fmt::Debug + Send + Sync {
    fn any(&self) -> &dyn Any;
    fn rows(&self, metadata: Arc<Metadata>, prefix: Vec<ColumnType>) -> Box<dyn ErasedRows>;
    /// As `rows`, with columns of others before its own.
    fn rows_from(&self, metadata: Arc<Metadata>, first: usize) -> Box<dyn ErasedRows>;

    fn state(&self, at: u32) -> State;
    fn set_state(&self, at: u32, state: State);
    fn is_loaded(&self, at: u32) -> bool;
    fn is_born_here(&self, at: u32) -> bool;
    fn key(&self, at: u32) -> Option<KeyValues>;
    fn find(&self, key: &KeyValues) -> Option<u32>;
    fn find_or_reference(&self, key: &KeyValues) -> Option<u32>;
    /// From now on this key leads to the cell too.
    fn add_spelling(&self, at: u32, key: &KeyValues) -> Spelled;
    /// What else leads to the cell than its own key.
    fn spellings(&self, at: u32) -> Vec<KeyValues>;
    fn siblings(&self, at: u32) -> Option<Batch>;
    fn has_born(&self) -> bool;
    fn count_loaded(&self) -> usize;

    fn current(&self, at: u32) -> Option<ErasedSnapshot>;
    fn original(&self, at: u32) -> Option<ErasedSnapshot>;
    /// Cells that are loaded, not going away, and refer to this key in the database, through a relation whose foreign
    /// key acts on its delete.
    fn referrers(&self, relation: usize, key: &KeyValues) -> Vec<u32>;
    /// Whether any loaded cell points to this key through the relation. Looks at all of them.
    fn leads_to(&self, relation: usize, key: &KeyValues) -> bool;
    /// The current snapshot and the properties in which it differs from the original; `None` without either.
    fn changes(&self, at: u32) -> Option<(ErasedSnapshot, PropertySet)>;
    fn target(&self, at: u32, relation: usize) -> Target;
    /// Where the original points, which is what the database has.
    fn original_target(&self, at: u32, relation: usize) -> Target;
    fn value_of(&self, snapshot: &ErasedSnapshot, property: usize) -> Result<Value, ValueError>;
    fn target_of(&self, snapshot: &ErasedSnapshot, relation: usize) -> Target;

    fn push_new(&self, value: Box<dyn Any + Send>) -> Result<u32>;
    fn push_merged(&self, value: Box<dyn Any + Send>) -> Result<Merged>;
    /// Lets the visitor at the relations of a cell that was just pushed. Returns the snapshot as it was before.
    fn visit(&self, at: u32, visitor: &mut dyn RelationVisitor) -> Option<ErasedSnapshot>;
    /// A copy of a snapshot, as a value that is in no cell.
    fn value_from(&self, snapshot: &ErasedSnapshot) -> Box<dyn Any + Send>;
    /// A copy of a snapshot in which a scalar property has another value; `None` if the value does not fit.
    fn value_with(
        &self,
        snapshot: &ErasedSnapshot,
        property: usize,
        value: Value,
    ) -> Option<Box<dyn Any + Send>>;
    /// Lets the visitor at the relations of a value that is in no cell.
    fn visit_value(&self, value: &mut Box<dyn Any + Send>, visitor: &mut dyn RelationVisitor);
    /// A copy of the current snapshot whose reference points to `target`, with the snapshot it was made of.
    fn repoint(
        &self,
        at: u32,
        relation: usize,
        target: &Target,
    ) -> Option<(ErasedSnapshot, Box<dyn Any + Send>)>;
    /// Publishes a value that grew out of `base`; see `Region::publish`.
    /// Returns the foreign keys that moved and the snapshot that was replaced, which is to be dropped where no lock is
    /// held; or hands the value back if the current snapshot is not `expected` any more.
    fn swap(&self, at: u32, expected: &ErasedSnapshot, value: Box<dyn Any + Send>) -> Swapped;

    fn mark_touched(&self, at: u32) -> bool;
    /// Whether a touched cell is to stay on the list: it is managed and differs from its original. If not, it is
    /// touched no more.
    fn stays_touched(&self, at: u32) -> bool;
    /// A snapshot that is stored alike is as good as the original.
    fn accept_as_original(&self, at: u32, snapshot: &ErasedSnapshot);
    fn is_dirty(&self, at: u32) -> bool;
    /// Whether the values that the database made fit the entity.
    fn check_made(
        &self,
        snapshot: &ErasedSnapshot,
        values: &[(usize, Value)],
        entity: &EntityMetadata,
    ) -> Result<()>;
    /// Returns whether the cell was edited meanwhile and is to go on the list of touched ones.
    fn settle_saved(&self, at: u32, saved: Saved, records: Option<&mut CellRecords>) -> bool;
    /// A new cell's row was inserted, not committed: whoever reads the row meanwhile gets this cell.
    fn reserve_key(&self, at: u32, key: &KeyValues);
    /// The insert was rolled back.
    fn release_key(&self, at: u32, key: &KeyValues);
    /// The row is gone. Returns whether the removal was taken back meanwhile, so that the cell is new again.
    fn settle_removed(&self, at: u32, records: Option<&mut CellRecords>) -> bool;
    /// The database deletes the row by itself, with another one.
    fn settle_cascaded(&self, at: u32, records: Option<&mut CellRecords>);
    /// The database changed a foreign key by itself: follow it in both snapshots.
    fn follow(&self, at: u32, relation: usize, target: &Target, records: Option<&mut CellRecords>);
    /// Takes back a change of this cell that was recorded, the latest one first.
    fn undo(&self, at: u32, record: &CellRecord) -> Undone;
    fn forget_new(&self, at: u32);
    /// Makes a cell that was forgotten new again.
    fn revive_new(&self, at: u32);
    /// The cell is nobody's any more, and its key free for another.
    fn detach(&self, at: u32);
    /// Whether it was detached.
    fn has_left(&self, at: u32) -> bool;
    /// Copies the loaded cells into another arena of the same type, snapshots shared. Returns the copies that have
    /// unsaved edits.
    fn copy_into(&self, other: &dyn ErasedArena) -> Vec<u32>;
    /// The key of the reference `relation`, also of an entity of another context.
    fn reference_key(&self, snapshot: &ErasedSnapshot, relation: usize) -> Option<KeyValues>;
}

/// The typed arena behind an erased one.
pub(crate) fn typed<T: Entity>(arena: &dyn ErasedArena) -> &Arena<T> {
    arena.any().downcast_ref::<Arena<T>>().expect("arenas are made by the type that they are asked for")
}

fn snapshot_of<T: Entity>(snapshot: &ErasedSnapshot) -> &T {
    snapshot.downcast_ref::<T>().expect("a snapshot is of its arena's type")
}

fn own_snapshot<T: Entity>(snapshot: ErasedSnapshot) -> Arc<T> {
    snapshot.downcast::<T>().expect("a snapshot is of its arena's type")
}

impl<T: Entity> ErasedArena for Arena<T> {
    fn any(&self) -> &dyn Any {
        self
    }

    fn rows(&self, metadata: Arc<Metadata>, prefix: Vec<ColumnType>) -> Box<dyn ErasedRows> {
        Box::new(Rows::<T>::new(metadata, prefix))
    }

    fn rows_from(&self, metadata: Arc<Metadata>, first: usize) -> Box<dyn ErasedRows> {
        Box::new(Rows::<T>::from(metadata, first))
    }

    fn state(&self, at: u32) -> State {
        self.cell(at).lock().state
    }

    fn set_state(&self, at: u32, state: State) {
        self.cell(at).lock().state = state;
    }

    fn is_loaded(&self, at: u32) -> bool {
        let cell = self.cell(at).lock();
        cell.current.is_some() && is_alive(cell.state)
    }

    fn is_born_here(&self, at: u32) -> bool {
        self.cell(at).lock().born_here
    }

    fn key(&self, at: u32) -> Option<KeyValues> {
        let key = self.cell(at).lock().key.clone()?;
        key.to_values().ok()
    }

    fn find(&self, key: &KeyValues) -> Option<u32> {
        let key = T::Key::__from_values(&mut key.iter().cloned()).ok()?;
        Self::find(self, &key)
    }

    fn find_or_reference(&self, key: &KeyValues) -> Option<u32> {
        let key = T::Key::__from_values(&mut key.iter().cloned()).ok()?;
        Some(Self::find_or_reference(self, &key))
    }

    fn add_spelling(&self, at: u32, key: &KeyValues) -> Spelled {
        match T::Key::__from_values(&mut key.iter().cloned()) {
            Ok(key) => Self::add_spelling(self, at, key),
            // No field holds it, so nothing can ask for it.
            Err(_) => Spelled::Done,
        }
    }

    fn spellings(&self, at: u32) -> Vec<KeyValues> {
        let spellings = self.spellings.lock();
        let keys = spellings.get(&at).into_iter().flatten();
        keys.filter_map(|key| key.to_values().ok()).collect()
    }

    fn has_born(&self) -> bool {
        self.has_born.load(Ordering::Acquire)
    }

    fn siblings(&self, at: u32) -> Option<Batch> {
        self.cell(at).lock().batch.clone()
    }

    fn count_loaded(&self) -> usize {
        Self::count_loaded(self)
    }

    fn current(&self, at: u32) -> Option<ErasedSnapshot> {
        let current = self.cell(at).lock().current.clone()?;
        Some(current)
    }

    fn original(&self, at: u32) -> Option<ErasedSnapshot> {
        let original = self.cell(at).lock().original.clone()?;
        Some(original)
    }

    fn leads_to(&self, relation: usize, key: &KeyValues) -> bool {
        let snapshots = self.cells.iter().filter_map(|(_, cell)| cell.lock().current.clone());
        let mut targets = snapshots.filter_map(|value| Some(value.__reference(relation)?.target()));
        targets.any(|target| matches!(target, Target::Key(found) if found == *key))
    }

    fn referrers(&self, relation: usize, key: &KeyValues) -> Vec<u32> {
        let mut cells = self.referrers.to(relation, key);
        cells.retain(|at| {
            let refers =
                || matches!(self.original_target(*at, relation), Target::Key(found) if found == *key);
            self.state(*at) == State::Managed && refers()
        });
        cells
    }

    fn changes(&self, at: u32) -> Option<(ErasedSnapshot, PropertySet)> {
        let (current, original) = {
            let cell = self.cell(at).lock();
            (cell.current.clone()?, cell.original.clone()?)
        };
        let mut changed = PropertySet::new();
        if !Arc::ptr_eq(&current, &original) {
            current.__diff(&original, &mut changed);
        }
        Some((current, changed))
    }

    fn target(&self, at: u32, relation: usize) -> Target {
        let current = self.cell(at).lock().current.clone();
        let field = current.as_ref().and_then(|current| current.__reference(relation));
        field.map_or(Target::Unset, |field| field.target())
    }

    fn original_target(&self, at: u32, relation: usize) -> Target {
        let original = self.cell(at).lock().original.clone();
        let field = original.as_ref().and_then(|original| original.__reference(relation));
        field.map_or(Target::Unset, |field| field.target())
    }

    fn value_of(&self, snapshot: &ErasedSnapshot, property: usize) -> Result<Value, ValueError> {
        snapshot_of::<T>(snapshot).__value(property)
    }

    fn target_of(&self, snapshot: &ErasedSnapshot, relation: usize) -> Target {
        snapshot_of::<T>(snapshot).__reference(relation).map_or(Target::Unset, |field| field.target())
    }

    fn push_new(&self, value: Box<dyn Any + Send>) -> Result<u32> {
        Self::push_new(self, unbox::<T>(value))
    }

    fn push_merged(&self, value: Box<dyn Any + Send>) -> Result<Merged> {
        let value = unbox::<T>(value);
        let Some(key) = value.__key() else {
            return Err(Error::MissingKey {
                entity: T::__DESCRIPTION.name,
                hint: "`merge` takes entities that the database has; `persist` a new one",
            });
        };
        key.to_values().map_err(key_error::<T>)?;
        Ok(match self.push_loaded(value, key) {
            Ok(at) => Merged::Fresh(at),
            Err((at, value)) => Merged::Known(at, Box::new(value)),
        })
    }

    fn visit(&self, at: u32, visitor: &mut dyn RelationVisitor) -> Option<ErasedSnapshot> {
        let before = self.cell(at).lock().current.clone()?;
        let mut value = T::clone(&before);
        value.__relations(visitor);
        let value = Arc::new(value);
        loop {
            let current = self.cell(at).lock().current.clone()?;
            // The key is in the map already, so somebody may have edited it meanwhile.
            let next = if Arc::ptr_eq(&current, &before) {
                Arc::clone(&value)
            } else {
                Arc::new(three_way_merge(&*before, &*current, &*value))
            };
            let mut cell = self.cell(at).lock();
            if !cell.current.as_ref().is_some_and(|now| Arc::ptr_eq(now, &current)) {
                continue;
            }
            let is_new = cell.original.is_none();
            let replaced = if is_new { None } else { cell.original.replace(Arc::clone(&value)) };
            cell.current = Some(next);
            drop(cell);
            drop(replaced);
            self.note_original(at);
            return Some(before);
        }
    }

    fn value_from(&self, snapshot: &ErasedSnapshot) -> Box<dyn Any + Send> {
        Box::new(snapshot_of::<T>(snapshot).clone())
    }

    fn value_with(
        &self,
        snapshot: &ErasedSnapshot,
        property: usize,
        value: Value,
    ) -> Option<Box<dyn Any + Send>> {
        let mut copy = snapshot_of::<T>(snapshot).clone();
        copy.__set_value(property, value).ok()?;
        Some(Box::new(copy))
    }

    fn visit_value(&self, value: &mut Box<dyn Any + Send>, visitor: &mut dyn RelationVisitor) {
        if let Some(value) = value.downcast_mut::<T>() {
            value.__relations(visitor);
        }
    }

    fn repoint(
        &self,
        at: u32,
        relation: usize,
        target: &Target,
    ) -> Option<(ErasedSnapshot, Box<dyn Any + Send>)> {
        let current = self.cell(at).lock().current.clone()?;
        let mut value = T::clone(&current);
        value.__relations(&mut Repoint { relation, target });
        Some((current, Box::new(value)))
    }

    fn swap(&self, at: u32, expected: &ErasedSnapshot, value: Box<dyn Any + Send>) -> Swapped {
        let value = Arc::new(unbox::<T>(value));
        let expected = snapshot_of::<T>(expected);
        let new_key = (self.state(at) == State::New).then(|| value.__key());
        let mut moved_key = None;
        let old = {
            let mut cell = self.cell(at).lock();
            match &cell.current {
                Some(current) if std::ptr::eq(Arc::as_ptr(current), expected) => {
                    if let (Some(key), State::New) = (new_key, cell.state)
                        && cell.key != key
                    {
                        moved_key = Some((std::mem::replace(&mut cell.key, key.clone()), key));
                    }
                    cell.current.replace(Arc::clone(&value))
                }
                Some(_) | None => None,
            }
        };
        let Some(old) = old else {
            // Nobody else has seen it, so it comes out of its allocation without a copy.
            return Err(Box::new(Arc::try_unwrap(value).unwrap_or_else(|shared| T::clone(&shared))));
        };
        if let Some((from, to)) = moved_key {
            self.move_key(at, from.as_ref(), to);
        }
        let mut moved = Vec::new();
        moved_references(at, &*old, &*value, &mut moved);
        Ok((moved, old))
    }

    fn mark_touched(&self, at: u32) -> bool {
        let mut cell = self.cell(at).lock();
        if cell.state == State::Reference && cell.original.is_some() {
            // Read in a transaction that was rolled back, and edited since: its row has to be there, or the flush says so.
            cell.state = State::Managed;
        }
        cell.state == State::Managed && !std::mem::replace(&mut cell.touched, true)
    }

    fn stays_touched(&self, at: u32) -> bool {
        let mut cell = self.cell(at).lock();
        cell.touched = cell.state == State::Managed && !cell.is_clean();
        cell.touched
    }

    fn accept_as_original(&self, at: u32, snapshot: &ErasedSnapshot) {
        let snapshot = snapshot_of::<T>(snapshot);
        let mut cell = self.cell(at).lock();
        let Some(current) = cell.current.clone() else { return };
        if std::ptr::eq(Arc::as_ptr(&current), snapshot) {
            let replaced = cell.original.replace(current);
            drop(cell);
            drop(replaced);
        }
    }

    fn is_dirty(&self, at: u32) -> bool {
        !self.cell(at).lock().is_clean()
    }

    fn check_made(
        &self,
        snapshot: &ErasedSnapshot,
        values: &[(usize, Value)],
        entity: &EntityMetadata,
    ) -> Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        let mut trial = snapshot_of::<T>(snapshot).clone();
        for (property, value) in values {
            trial.__set_value(*property, value.clone()).map_err(|source| Error::Value {
                entity: entity.name,
                field: entity.properties[*property].name,
                column: entity.columns[entity.properties[*property].columns.start].name.clone(),
                source,
            })?;
        }
        Ok(())
    }

    fn settle_saved(&self, at: u32, saved: Saved, records: Option<&mut CellRecords>) -> bool {
        let (base, stored) = Self::stored_of(saved);
        let key = stored.__key().or_else(|| row_key(&*stored));
        if let Some(key) = &key {
            self.keys.lock().insert(key.clone(), at);
        }
        loop {
            let current = self.cell(at).lock().current.clone();
            let next = match &current {
                Some(current) if !Arc::ptr_eq(current, &base) => {
                    Arc::new(three_way_merge(&*base, &**current, &*stored))
                }
                Some(_) | None => Arc::clone(&stored),
            };
            let mut cell = self.cell(at).lock();
            let unchanged = match (&cell.current, &current) {
                (Some(now), Some(then)) => Arc::ptr_eq(now, then),
                (now, then) => now.is_none() && then.is_none(),
            };
            if !unchanged {
                continue;
            }
            let touched = !Arc::ptr_eq(&next, &stored);
            let before = records.is_some().then(|| CellSnapshot::of(&cell));
            cell.touched = touched;
            cell.replaced = None;
            cell.current = Some(next);
            let replaced = cell.original.replace(stored);
            let old_key = std::mem::replace(&mut cell.key, key.clone());
            if cell.state == State::New {
                cell.state = State::Managed;
            }
            if let (Some(records), Some(before)) = (records, before) {
                records.push((at, Box::new(CellChange { before, after: CellSnapshot::of(&cell) })));
            }
            drop(cell);
            drop(replaced);
            if old_key != key {
                self.move_key(at, old_key.as_ref(), None);
            }
            self.note_original(at);
            return touched;
        }
    }

    fn reserve_key(&self, at: u32, key: &KeyValues) {
        if let Ok(key) = T::Key::__from_values(&mut key.iter().cloned()) {
            self.keys.lock().entry(key).or_insert(at);
        }
    }

    fn release_key(&self, at: u32, key: &KeyValues) {
        let Ok(key) = T::Key::__from_values(&mut key.iter().cloned()) else { return };
        // A key that the program assigned is the cell's own.
        let is_own = self.cell(at).lock().key.as_ref() == Some(&key);
        let mut keys = self.keys.lock();
        if !is_own && keys.get(&key) == Some(&at) {
            keys.remove(&key);
        }
    }

    fn settle_removed(&self, at: u32, records: Option<&mut CellRecords>) -> bool {
        let (key, restored) = {
            let mut cell = self.cell(at).lock();
            let before = records.is_some().then(|| CellSnapshot::of(&cell));
            cell.touched = false;
            let restored = cell.state == State::Managed;
            // The removal was taken back while the row went: it is inserted again.
            let replaced = if restored { cell.original.take() } else { None };
            cell.state = if restored { State::New } else { State::Detached };
            if let (Some(records), Some(before)) = (records, before) {
                records.push((at, Box::new(CellChange { before, after: CellSnapshot::of(&cell) })));
            }
            let key = cell.key.clone();
            drop(cell);
            drop(replaced);
            (key, restored)
        };
        if let (Some(key), false) = (key, restored) {
            let mut keys = self.keys.lock();
            if keys.get(&key) == Some(&at) {
                keys.remove(&key);
            }
            drop(keys);
            self.forget_spellings(at);
        }
        restored
    }

    fn settle_cascaded(&self, at: u32, records: Option<&mut CellRecords>) {
        let mut cell = self.cell(at).lock();
        let before = CellSnapshot::of(&cell);
        cell.state = State::Removed;
        if let Some(records) = records {
            records.push((at, Box::new(CellChange { before, after: CellSnapshot::of(&cell) })));
        }
    }

    fn undo(&self, at: u32, record: &CellRecord) -> Undone {
        let change = record.downcast_ref::<CellChange<T>>().expect("a record is of its arena's type");
        self.undo_change(at, change)
    }

    fn follow(&self, at: u32, relation: usize, target: &Target, records: Option<&mut CellRecords>) {
        let repointed = |snapshot: &Arc<T>| {
            let mut value = T::clone(snapshot);
            value.__relations(&mut Repoint { relation, target });
            Arc::new(value)
        };
        loop {
            let (current, original) = {
                let cell = self.cell(at).lock();
                (cell.current.clone(), cell.original.clone())
            };
            let (Some(current), Some(original)) = (current, original) else { return };
            let next_original = repointed(&original);
            let target_of = |snapshot: &T| snapshot.__reference(relation).map(|field| field.target());
            let next = if Arc::ptr_eq(&current, &original) {
                Arc::clone(&next_original)
            } else if target_of(&current) == target_of(&original) {
                repointed(&current)
            } else {
                Arc::clone(&current)
            };
            let mut cell = self.cell(at).lock();
            if cell.current.as_ref().is_some_and(|now| Arc::ptr_eq(now, &current)) {
                let before = CellSnapshot::of(&cell);
                cell.current = Some(next);
                cell.original = Some(next_original);
                if let Some(records) = records {
                    records.push((at, Box::new(CellChange { before, after: CellSnapshot::of(&cell) })));
                }
                drop(cell);
                self.note_original(at);
                return;
            }
        }
    }

    fn forget_new(&self, at: u32) {
        let (key, replaced) = {
            let mut cell = self.cell(at).lock();
            cell.touched = false;
            if cell.replaced.take_if(|replaced| *replaced == Replaced::Reference).is_some() {
                // A reference again, for whoever holds it; its snapshot stays for whoever holds the entity.
                cell.state = State::Reference;
                cell.born_here = false;
                return;
            }
            cell.state = State::Detached;
            (cell.key.clone(), cell.replaced.take())
        };
        let Some(key) = key else { return };
        let mut keys = self.keys.lock();
        if keys.get(&key) != Some(&at) {
            return;
        }
        match replaced {
            Some(Replaced::Removed(before)) => keys.insert(key, before),
            Some(Replaced::Reference) | None => keys.remove(&key),
        };
    }

    fn revive_new(&self, at: u32) {
        let key = {
            let mut cell = self.cell(at).lock();
            if cell.state == State::Reference {
                cell.replaced = Some(Replaced::Reference);
            }
            (cell.state, cell.born_here) = (State::New, true);
            cell.key.clone()
        };
        let Some(key) = key else { return };
        let before = self.keys.lock().insert(key, at).filter(|before| *before != at);
        if let Some(before) = before {
            self.cell(at).lock().replaced = Some(Replaced::Removed(before));
        }
    }

    fn detach(&self, at: u32) {
        let (key, replaced) = {
            let mut cell = self.cell(at).lock();
            (cell.state, cell.touched, cell.left) = (State::Detached, false, true);
            (cell.key.clone(), cell.replaced.take())
        };
        self.forget_spellings(at);
        let Some(key) = key else { return };
        let mut keys = self.keys.lock();
        if keys.get(&key) == Some(&at) {
            match replaced {
                Some(Replaced::Removed(before)) => keys.insert(key, before),
                Some(Replaced::Reference) | None => keys.remove(&key),
            };
        }
    }

    fn has_left(&self, at: u32) -> bool {
        self.cell(at).lock().left
    }

    fn copy_into(&self, other: &dyn ErasedArena) -> Vec<u32> {
        let other = typed::<T>(other);
        let mut dirty = Vec::new();
        for (_, cell) in &self.cells {
            let (current, original, key) = {
                let cell = cell.lock();
                if cell.state != State::Managed {
                    continue;
                }
                (cell.current.clone(), cell.original.clone(), cell.key.clone())
            };
            let (Some(current), Some(original), Some(key)) = (current, original, key) else { continue };
            let is_dirty = !Arc::ptr_eq(&current, &original);
            let mut copy = CellState::loaded(original, key.clone(), None);
            copy.current = Some(current);
            let at = push(&other.cells, copy);
            other.keys.lock().insert(key, at);
            other.note_original(at);
            if is_dirty {
                dirty.push(at);
            }
        }
        dirty
    }

    fn reference_key(&self, snapshot: &ErasedSnapshot, relation: usize) -> Option<KeyValues> {
        snapshot_of::<T>(snapshot).__reference(relation).and_then(|field| field.key())
    }
}

impl<T: Entity> Arena<T> {
    /// The snapshot in the cell that was saved, and the one that the database has by now.
    pub(super) fn stored_of(saved: Saved) -> (Arc<T>, Arc<T>) {
        let sent = own_snapshot::<T>(saved.sent);
        let base = saved.base.map_or_else(|| Arc::clone(&sent), own_snapshot::<T>);
        if saved.values.is_empty() && saved.references.is_empty() {
            return (base, sent);
        }
        let mut stored = T::clone(&sent);
        for (property, value) in saved.values {
            // Checked before the commit, by `check_made`.
            let _ = stored.__set_value(property, value);
        }
        for (relation, key) in saved.references {
            let target = Target::Key(key);
            stored.__relations(&mut Repoint { relation, target: &target });
        }
        (base, Arc::new(stored))
    }
}

fn unbox<T: Entity>(value: Box<dyn Any + Send>) -> T {
    *value.downcast::<T>().expect("a value is of its arena's type")
}

/// Points one reference somewhere else.
struct Repoint<'a> {
    relation: usize,
    target: &'a Target,
}

impl RelationVisitor for Repoint<'_> {
    fn reference(&mut self, relation: usize, field: &mut dyn crate::relation::ErasedReference) {
        if relation == self.relation {
            field.set(self.target.clone());
        }
    }

    fn collection(&mut self, _: usize, _: &mut dyn crate::relation::ErasedCollection) {}
}
