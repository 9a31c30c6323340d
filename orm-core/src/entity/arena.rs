//! All instances of one type in one context.
//!
//! Append-only: an instance keeps its place until the whole region goes, so a handle is a region and an index, and
//! entities hold no pointers to one another. [`ErasedArena`] is the same without the type, for the unit of work.
//!
//! Locks: the map of keys and each cell have one, held for a few instructions and never while user code runs
//! (but for the hash and equality of a key).

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use parking_lot::Mutex;

use super::cell::{Batch, CellState, Replaced, State, three_way_merge};
use super::{Cursor, Entity, Key, PropertySet};
use crate::driver::{RowReader, RowSink, RowSinkError};
use crate::error::{EntityKey, Error, Result};
use crate::metadata::{EntityMetadata, Metadata};
use crate::relation::{RelationVisitor, Target};
use crate::value::{KeyValues, Value, ValueError};

/// A snapshot without its type.
pub(crate) type ErasedSnapshot = Arc<dyn Any + Send + Sync>;

/// The instances of `T`.
pub(crate) struct Arena<T: Entity> {
    cells: boxcar::Vec<Mutex<CellState<T>>>,
    keys: Mutex<HashMap<T::Key, u32, foldhash::fast::RandomState>>,
    /// Whether any entity was new here: then its collections are known without a list.
    has_born: AtomicBool,
}

impl<T: Entity> Default for Arena<T> {
    fn default() -> Self {
        Self { cells: boxcar::Vec::new(), keys: Mutex::default(), has_born: AtomicBool::new(false) }
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

    /// Makes instances of rows: one for each key, whatever the number of rows and queries.
    pub(crate) fn attach(&self, rows: Vec<T>, freshness: Freshness) -> Attached {
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
                        let at = push(
                            &self.cells,
                            CellState::loaded(Arc::new(row), entry.key().clone(), batch.clone()),
                        );
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
        let mut moved = Vec::new();
        for (at, row) in known {
            if self.meet(at, row, batch.as_ref(), freshness, &mut moved) {
                fresh.push(at);
            }
        }
        if let Some(batch) = batch {
            // Set once: the batch was made for this call.
            let _ = batch.set(cells.as_slice().into());
        }
        Attached { cells, moved, fresh }
    }

    /// A new batch; none for one row alone, which has no siblings, or without relations to load.
    fn open_batch(rows: usize) -> Option<Batch> {
        let has_siblings = rows > 1 && !T::__DESCRIPTION.relations.is_empty();
        has_siblings.then(Batch::default)
    }

    /// A row for a cell that exists. Returns whether it was not loaded before.
    fn meet(
        &self,
        at: u32,
        row: T,
        batch: Option<&Batch>,
        freshness: Freshness,
        moved: &mut Vec<MovedReference>,
    ) -> bool {
        let row = Arc::new(row);
        loop {
            let (current, original, state) = {
                let mut cell = self.cell(at).lock();
                let replaced = batch.and_then(|batch| cell.batch.replace(Arc::clone(batch)));
                drop(replaced);
                match (&cell.current, cell.state) {
                    (_, State::Reference | State::Detached) | (None, _) => {
                        let removed = cell.state == State::Removed;
                        cell.current = Some(Arc::clone(&row));
                        cell.original = Some(Arc::clone(&row));
                        cell.born_here = false;
                        if !removed {
                            cell.state = State::Managed;
                        }
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
            cell.current = Some(Arc::clone(&next));
            cell.original = Some(next_original);
            drop(cell);
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

/// Rows of one type on their way into an arena: kept aside until the query is done, so that an error in a later
/// row leaves the identity map untouched, and so that no lock is held while the driver works.
pub(crate) trait ErasedRows: RowSink {
    /// This as a sink.
    fn sink(&mut self) -> &mut dyn RowSink;
    /// Attaches the rows; also returns, for each row, the key that stood before it.
    fn attach(self: Box<Self>, arena: &dyn ErasedArena, freshness: Freshness) -> (Attached, Vec<KeyValues>);
}

/// The rows of a query.
pub(crate) struct Rows<T: Entity> {
    metadata: Arc<Metadata>,
    /// Column types of a key that stands before each row.
    prefix: Vec<crate::value::ColumnType>,
    prefixes: Vec<KeyValues>,
    pub(crate) rows: Vec<T>,
}

impl<T: Entity> Rows<T> {
    pub(crate) fn new(metadata: Arc<Metadata>, prefix: Vec<crate::value::ColumnType>) -> Self {
        Self { metadata, prefix, prefixes: Vec::new(), rows: Vec::new() }
    }
}

impl<T: Entity> RowSink for Rows<T> {
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        if !self.prefix.is_empty() {
            let key = self.prefix.iter().enumerate().map(|(at, column)| read_value(row, at, *column));
            self.prefixes.push(key.collect::<Result<KeyValues, ValueError>>()?);
        }
        let first = self.prefix.len();
        let entity = T::__hydrate(&mut Cursor::new(row, first)).map_err(|error| {
            let Some(entity) = self.metadata.of::<T>() else {
                return Error::UnknownEntity { entity: T::__DESCRIPTION.name };
            };
            error.into_error::<T>(entity, first)
        })?;
        self.rows.push(entity);
        Ok(())
    }
}

impl<T: Entity> ErasedRows for Rows<T> {
    fn sink(&mut self) -> &mut dyn RowSink {
        self
    }

    fn attach(self: Box<Self>, arena: &dyn ErasedArena, freshness: Freshness) -> (Attached, Vec<KeyValues>) {
        let arena = typed::<T>(arena);
        (arena.attach(self.rows, freshness), self.prefixes)
    }
}

fn read_value(row: &dyn RowReader, at: usize, column: crate::value::ColumnType) -> Result<Value, ValueError> {
    use crate::value::ColumnType;
    if row.is_null(at)? {
        return Ok(Value::Null);
    }
    Ok(match column {
        ColumnType::Bool => Value::Bool(row.bool(at)?),
        ColumnType::Int(_) | ColumnType::UnsignedInt(_) => Value::Int(row.int(at)?),
        ColumnType::Float | ColumnType::Double => Value::Float(row.float(at)?),
        ColumnType::Text => Value::Text(row.text(at)?.to_owned()),
        ColumnType::Bytes => Value::Bytes(row.bytes(at)?.to_vec()),
        ColumnType::Uuid => Value::Uuid(row.uuid(at)?),
        ColumnType::Date => Value::Date(row.date(at)?),
        ColumnType::Time => Value::Time(row.time(at)?),
        ColumnType::DateTime => Value::DateTime(row.datetime(at)?),
        ColumnType::Timestamp => Value::Timestamp(row.timestamp(at)?),
        ColumnType::Decimal => Value::Decimal(row.decimal(at)?.into_owned()),
        ColumnType::Json => Value::Json(row.json(at)?.to_owned()),
    })
}

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
    /// Scalar properties that the database or the flush made.
    pub(crate) values: Vec<(usize, Value)>,
    /// Foreign keys to entities that had no key when the snapshot was taken.
    pub(crate) references: Vec<(usize, KeyValues)>,
}

/// An [`Arena`] without its type.
pub(crate) trait ErasedArena: fmt::Debug + Send + Sync {
    fn any(&self) -> &dyn Any;
    fn rows(&self, metadata: Arc<Metadata>, prefix: Vec<crate::value::ColumnType>) -> Box<dyn ErasedRows>;

    fn state(&self, at: u32) -> State;
    fn set_state(&self, at: u32, state: State);
    fn is_loaded(&self, at: u32) -> bool;
    fn is_born_here(&self, at: u32) -> bool;
    fn key(&self, at: u32) -> Option<KeyValues>;
    fn find(&self, key: &KeyValues) -> Option<u32>;
    fn find_or_reference(&self, key: &KeyValues) -> Option<u32>;
    fn siblings(&self, at: u32) -> Option<Batch>;
    fn has_born(&self) -> bool;
    fn count_loaded(&self) -> usize;

    fn current(&self, at: u32) -> Option<ErasedSnapshot>;
    fn original(&self, at: u32) -> Option<ErasedSnapshot>;
    /// Cells that are loaded and not going away.
    fn managed(&self) -> Vec<u32>;
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
    fn settle_saved(&self, at: u32, saved: Saved) -> bool;
    /// A new cell's row was inserted, not committed: whoever reads the row meanwhile gets this cell.
    fn reserve_key(&self, at: u32, key: &KeyValues);
    /// The insert was rolled back.
    fn release_key(&self, at: u32, key: &KeyValues);
    /// The row is gone. Returns whether the removal was taken back meanwhile, so that the cell is new again.
    fn settle_removed(&self, at: u32) -> bool;
    /// The database changed a foreign key by itself: follow it in both snapshots.
    fn follow(&self, at: u32, relation: usize, target: &Target);
    fn forget_new(&self, at: u32);
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

impl<T: Entity> ErasedArena for Arena<T> {
    fn any(&self) -> &dyn Any {
        self
    }

    fn rows(&self, metadata: Arc<Metadata>, prefix: Vec<crate::value::ColumnType>) -> Box<dyn ErasedRows> {
        Box::new(Rows::<T>::new(metadata, prefix))
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

    fn managed(&self) -> Vec<u32> {
        let managed = self.cells.iter().filter(|(_, cell)| cell.lock().state == State::Managed);
        managed.filter_map(|(at, _)| u32::try_from(at).ok()).collect()
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
            return Some(before);
        }
    }

    fn value_from(&self, snapshot: &ErasedSnapshot) -> Box<dyn Any + Send> {
        Box::new(snapshot_of::<T>(snapshot).clone())
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

    fn settle_saved(&self, at: u32, saved: Saved) -> bool {
        let sent = Arc::downcast::<T>(saved.sent).expect("a snapshot is of its arena's type");
        let stored = if saved.values.is_empty() && saved.references.is_empty() {
            Arc::clone(&sent)
        } else {
            let mut stored = T::clone(&sent);
            for (property, value) in saved.values {
                // Checked before the commit, by `check_made`.
                let _ = stored.__set_value(property, value);
            }
            for (relation, key) in saved.references {
                let target = Target::Key(key);
                stored.__relations(&mut Repoint { relation, target: &target });
            }
            Arc::new(stored)
        };
        let key = stored.__key().or_else(|| row_key(&*stored));
        if let Some(key) = &key {
            self.keys.lock().insert(key.clone(), at);
        }
        loop {
            let current = self.cell(at).lock().current.clone();
            let next = match &current {
                Some(current) if !Arc::ptr_eq(current, &sent) => {
                    Arc::new(three_way_merge(&*sent, &**current, &*stored))
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
            cell.touched = touched;
            cell.replaced = None;
            cell.current = Some(next);
            let replaced = cell.original.replace(stored);
            let old_key = std::mem::replace(&mut cell.key, key.clone());
            if cell.state == State::New {
                cell.state = State::Managed;
            }
            drop(cell);
            drop(replaced);
            if old_key != key {
                self.move_key(at, old_key.as_ref(), None);
            }
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

    fn settle_removed(&self, at: u32) -> bool {
        let (key, restored) = {
            let mut cell = self.cell(at).lock();
            cell.touched = false;
            let restored = cell.state == State::Managed;
            if restored {
                // The removal was taken back while the row went: it is inserted again.
                cell.state = State::New;
                let replaced = cell.original.take();
                let key = cell.key.clone();
                drop(cell);
                drop(replaced);
                (key, true)
            } else {
                cell.state = State::Detached;
                (cell.key.clone(), false)
            }
        };
        if let (Some(key), false) = (key, restored) {
            let mut keys = self.keys.lock();
            if keys.get(&key) == Some(&at) {
                keys.remove(&key);
            }
        }
        restored
    }

    fn follow(&self, at: u32, relation: usize, target: &Target) {
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
                cell.current = Some(next);
                cell.original = Some(next_original);
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
