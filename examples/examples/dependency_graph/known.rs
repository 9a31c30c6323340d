//! Entities by what tells them apart outside the database.
//!
//! The identity map knows entities by primary key; an importer looks for them by name. What it asks for is found or
//! made, and what it never asked for can be removed.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use orm_core::{EntityManager, Loaded, Result, Writable};

/// The entities of one type that exist so far.
pub(crate) struct Known<K, T: Writable> {
    em: EntityManager,
    entities: HashMap<K, Loaded<T>>,
    wanted: HashSet<Loaded<T>>,
}

impl<K: Eq + Hash, T: Writable> Known<K, T> {
    pub(crate) fn new<P: 'static>(
        em: &EntityManager,
        entities: impl IntoIterator<Item = (K, Loaded<T, P>)>,
    ) -> Self {
        let entities = entities.into_iter().map(|(key, entity)| (key, entity.without_hints()));
        Self { em: em.clone(), entities: entities.collect(), wanted: HashSet::new() }
    }

    /// The entity with this key; a new one, if there is none.
    pub(crate) fn find_or_persist(&mut self, key: K, make: impl FnOnce() -> T) -> Result<Loaded<T>> {
        let entity = match self.entities.get(&key) {
            Some(entity) => entity.clone(),
            None => self.em.persist(make())?.without_hints(),
        };
        self.wanted.insert(entity.clone());
        self.entities.insert(key, entity.clone());
        Ok(entity)
    }

    /// Removes the entities that nobody asked for.
    pub(crate) fn remove_unwanted(self) -> Result<()> {
        let mut unwanted = self.entities.values().filter(|entity| !self.wanted.contains(entity));
        unwanted.try_for_each(|entity| self.em.remove(entity))
    }
}
