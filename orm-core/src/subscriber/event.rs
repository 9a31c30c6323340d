//! What subscribers are told.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::SystemTime;

use crate::entity::{CellId, ChangeKind, Entity, ErasedSnapshot, HookContext, Loaded, Region, value_mut};
use crate::entity_manager::EntityManager;
use crate::error::EntityKey;
use crate::unit_of_work::ChangeSet;

/// A flush that starts or is done.
#[derive(Clone, Copy)]
pub struct FlushEvent<'a> {
    pub(crate) em: &'a EntityManager,
    pub(crate) now: SystemTime,
}

impl<'a> FlushEvent<'a> {
    /// The manager whose flush this is.
    #[must_use]
    pub fn em(&self) -> &'a EntityManager {
        self.em
    }

    /// The time of the flush: the same for everything that it writes.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.now
    }
}

impl fmt::Debug for FlushEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlushEvent").field("em", self.em).finish_non_exhaustive()
    }
}

/// A step of a transaction.
#[derive(Clone, Copy)]
pub struct TransactionEvent<'a> {
    pub(crate) em: &'a EntityManager,
}

impl<'a> TransactionEvent<'a> {
    /// The manager whose transaction this is.
    #[must_use]
    pub fn em(&self) -> &'a EntityManager {
        self.em
    }
}

impl fmt::Debug for TransactionEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionEvent").field("em", self.em).finish()
    }
}

/// One entity that is written. Reads like the [`HookContext`] of the entity's own hooks.
pub struct EntityEvent<'a> {
    pub(crate) cx: HookContext<'a>,
    pub(crate) region: &'a Arc<Region>,
    pub(crate) cell: CellId,
    pub(crate) value: Option<ErasedSnapshot>,
}

impl EntityEvent<'_> {
    /// The struct's name.
    #[must_use]
    pub fn entity(&self) -> &'static str {
        self.region.entity(self.cell.entity).name
    }

    /// Which entity it is, for messages. Without a key before a generated one is known.
    #[must_use]
    pub fn key(&self) -> EntityKey {
        self.region.name(self.cell)
    }

    /// The value: before a write what will be written, after it what was. `None` for another type, and for an entity
    /// that is removed by its key alone.
    #[must_use]
    pub fn value<T: Entity>(&self) -> Option<&T> {
        self.value.as_ref()?.downcast_ref()
    }

    /// The value that will be written, to be changed. `None` as in [`value`](Self::value).
    #[must_use]
    pub fn value_mut<T: Entity>(&mut self) -> Option<&mut T> {
        value_mut(self.value.as_mut()?)
    }
}

impl<'a> Deref for EntityEvent<'a> {
    type Target = HookContext<'a>;

    fn deref(&self) -> &HookContext<'a> {
        &self.cx
    }
}

impl fmt::Debug for EntityEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntityEvent")
            .field("key", &self.key())
            .field("kind", &self.kind())
            .finish_non_exhaustive()
    }
}

/// Everything that a flush is about to write to rows of entities. Links of many-to-many relations are not in it.
pub struct FlushChanges<'a> {
    pub(crate) em: &'a EntityManager,
    pub(crate) now: SystemTime,
    pub(crate) changes: Vec<Change>,
}

impl<'a> FlushChanges<'a> {
    /// The manager whose flush this is: to persist, edit and remove further entities.
    #[must_use]
    pub fn em(&self) -> &'a EntityManager {
        self.em
    }

    /// The time of the flush: the same for everything that it writes.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.now
    }

    /// The changes, in the order in which the program made them.
    pub fn iter(&self) -> std::slice::Iter<'_, Change> {
        self.changes.iter()
    }

    /// The changes, to change what is written.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Change> {
        self.changes.iter_mut()
    }

    /// How many entities are written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether no entity is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl<'c> IntoIterator for &'c FlushChanges<'_> {
    type Item = &'c Change;
    type IntoIter = std::slice::Iter<'c, Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'c> IntoIterator for &'c mut FlushChanges<'_> {
    type Item = &'c mut Change;
    type IntoIter = std::slice::IterMut<'c, Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl fmt::Debug for FlushChanges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.changes).finish()
    }
}

/// One entity's pending write.
pub struct Change {
    pub(crate) change_set: ChangeSet,
    /// The value to write instead.
    pub(crate) edited: Option<ErasedSnapshot>,
    region: Arc<Region>,
    original: Option<ErasedSnapshot>,
}

impl Change {
    pub(crate) fn new(region: &Arc<Region>, change_set: ChangeSet) -> Self {
        let cell = change_set.cell;
        let original = region.arena(cell.entity).original(cell.at);
        Self { change_set, edited: None, region: Arc::clone(region), original }
    }

    /// The struct's name.
    #[must_use]
    pub fn entity(&self) -> &'static str {
        self.region.entity(self.change_set.cell.entity).name
    }

    /// Which entity it is, for messages. Without a key before a generated one is known.
    #[must_use]
    pub fn key(&self) -> EntityKey {
        self.region.name(self.change_set.cell)
    }

    /// What happens to it.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        self.change_set.kind.as_change()
    }

    /// The names of the fields that are written: of a new entity all that have columns, of a removed one none. Changes
    /// through [`value_mut`](Self::value_mut) do not show yet.
    pub fn changed(&self) -> impl Iterator<Item = &'static str> {
        let properties = &self.region.entity(self.change_set.cell.entity).properties;
        let changed = self.change_set.kind.changed(properties.len());
        properties.iter().enumerate().filter(move |(at, _)| changed.contains(*at)).map(|(_, one)| one.name)
    }

    /// The entity as the database has it; `None` for a new one, one removed by its key alone, and another type.
    #[must_use]
    pub fn original<T: Entity>(&self) -> Option<&T> {
        self.original.as_ref()?.downcast_ref()
    }

    /// The value that will be written; `None` for a removed entity and another type.
    #[must_use]
    pub fn value<T: Entity>(&self) -> Option<&T> {
        self.edited.as_ref().or(self.change_set.kind.value())?.downcast_ref()
    }

    /// The value that will be written, to be changed: the entity itself follows when it is saved. `None` as in
    /// [`value`](Self::value).
    #[must_use]
    pub fn value_mut<T: Entity>(&mut self) -> Option<&mut T> {
        if self.edited.is_none() {
            let value = self.change_set.kind.value()?;
            value.downcast_ref::<T>()?;
            self.edited = Some(self.region.arena(self.change_set.cell.entity).copy(value));
        }
        value_mut(self.edited.as_mut()?)
    }

    /// A handle of the entity, to edit or to remove it; `None` for an entity that was never loaded, and another type.
    #[must_use]
    pub fn handle<T: Entity>(&self) -> Option<Loaded<T>> {
        let cell = self.change_set.cell;
        let is_own = self.region.metadata().id_of::<T>() == Some(cell.entity);
        let is_loaded = self.region.arena(cell.entity).current(cell.at).is_some();
        (is_own && is_loaded).then(|| Loaded::new(Arc::clone(&self.region), cell))
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("key", &self.key())
            .field("kind", &self.kind())
            .field("changed", &self.changed().collect::<Vec<_>>())
            .finish()
    }
}
