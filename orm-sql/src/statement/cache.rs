//! The texts that are known, by shape.
//!
//! Bounded in number and in bytes: two generations, of which the older goes when the younger is full. A text in use
//! moves to the younger one. Keys are complete descriptions, never hashes, so that two shapes can't be mistaken for
//! one another, and metadata is told apart by an allocation that is kept alive.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Weak};

use orm_core::metadata::{EntityId, Metadata};
use parking_lot::Mutex;

/// What a text depends on, beside the metadata.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The kind of statement, and what else its module puts into its shape.
    pub(super) shape: Vec<u8>,
    /// The entity that the shape's indexes start from.
    pub(super) entity: EntityId,
    /// The entity that owns the pivot, where rows are read through one.
    pub(super) pivot_owner: Option<EntityId>,
}

#[derive(Debug)]
pub(super) struct TextCache {
    limits: Limits,
    known: Mutex<Vec<Known>>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    texts: usize,
    bytes: usize,
}

/// The texts of one ORM's metadata.
#[derive(Debug)]
struct Known {
    /// While this exists, no other metadata can have its address.
    metadata: Weak<Metadata>,
    young: Generation,
    old: Generation,
}

#[derive(Debug, Default)]
struct Generation {
    texts: HashMap<Key, Arc<str>>,
    bytes: usize,
}

impl Default for TextCache {
    /// 4,096 texts or 16 MiB at the most, shared by both generations.
    fn default() -> Self {
        Self { limits: Limits { texts: 2_048, bytes: 8 << 20 }, known: Mutex::default() }
    }
}

impl TextCache {
    /// The text of `key`.
    pub(super) fn get(&self, metadata: &Arc<Metadata>, key: &Key) -> Option<Arc<str>> {
        let mut known = self.known.lock();
        let known = known.iter_mut().find(|known| known.is_of(metadata))?;
        if let Some(sql) = known.young.texts.get(key) {
            return Some(Arc::clone(sql));
        }
        let sql = known.old.remove(key)?;
        known.insert(key.clone(), Arc::clone(&sql), self.limits);
        Some(sql)
    }

    /// Keeps the text of `key`.
    pub(super) fn insert(&self, metadata: &Arc<Metadata>, key: Key, sql: Arc<str>) {
        let size = Generation::size(&key, &sql);
        if size > self.limits.bytes / 8 {
            // It would push out everything else.
            return;
        }
        let mut all = self.known.lock();
        if let Some(known) = all.iter_mut().find(|known| known.is_of(metadata)) {
            known.insert(key, sql, self.limits);
            return;
        }
        all.retain(|known| known.metadata.strong_count() > 0);
        let mut known = Known {
            metadata: Arc::downgrade(metadata),
            young: Generation::default(),
            old: Generation::default(),
        };
        known.insert(key, sql, self.limits);
        all.push(known);
    }
}

impl Known {
    fn is_of(&self, metadata: &Arc<Metadata>) -> bool {
        std::ptr::eq(self.metadata.as_ptr(), Arc::as_ptr(metadata))
    }

    fn insert(&mut self, key: Key, sql: Arc<str>, limits: Limits) {
        let size = Generation::size(&key, &sql);
        if self.young.texts.len() >= limits.texts || self.young.bytes + size > limits.bytes {
            self.old = mem::take(&mut self.young);
        }
        if self.young.texts.insert(key, sql).is_none() {
            self.young.bytes += size;
        }
    }
}

impl Generation {
    fn remove(&mut self, key: &Key) -> Option<Arc<str>> {
        let sql = self.texts.remove(key)?;
        self.bytes -= Self::size(key, &sql);
        Some(sql)
    }

    fn size(key: &Key, sql: &str) -> usize {
        key.shape.len() + sql.len() + size_of::<(Key, Arc<str>)>()
    }
}
