//! What a program says about cached results: that they are void.

use std::fmt;
use std::sync::Arc;

use super::caching::patiently;
use super::tag::Tag;
use super::touched::Touched;
use crate::entity::Entity;
use crate::entity_manager::EntityManager;
use crate::error::{Error, Result};

/// The cached results of an ORM, made by [`EntityManager::result_cache`]. All its managers share them.
///
/// What flushes, bulk writes and transactions of the same ORM write is voided by itself. These are for the rest: what other
/// programs write, and what only the program knows to be stale.
///
/// In a transaction they void at once, and once more when it is committed, since others read meanwhile what it replaces.
pub struct CachedResults {
    em: EntityManager,
}

impl CachedResults {
    pub(crate) fn new(em: EntityManager) -> Self {
        Self { em }
    }

    /// Voids what was cached under a name, by [`cache_as`](crate::query::Find::cache_as).
    ///
    /// # Errors
    ///
    /// [`Error::ResultCache`] when the store could not be told. This ORM takes nothing of it all the same; others that share
    /// the store may, until the lifetime is over.
    pub async fn invalidate(&self, name: &str) -> Result<()> {
        let name: Arc<str> = name.into();
        self.void(Touched::Named(Arc::clone(&name)), vec![Tag::Name(name)]).await
    }

    /// Voids what was read of the table of `T`: by finders of it, by conditions on it and by relations that lead to it.
    ///
    /// # Errors
    ///
    /// As [`invalidate`](Self::invalidate), and [`Error::UnknownEntity`].
    pub async fn invalidate_entity<T: Entity>(&self) -> Result<()> {
        let metadata = &self.em.orm().metadata;
        let id = metadata.id_of::<T>().ok_or(Error::UnknownEntity { entity: T::__DESCRIPTION.name })?;
        let tags = vec![Tag::of_entity(metadata.entity(id)), Tag::AnyTable];
        self.void(Touched::Rows(id), tags).await
    }

    /// Voids everything.
    ///
    /// # Errors
    ///
    /// As [`invalidate`](Self::invalidate).
    pub async fn clear(&self) -> Result<()> {
        let caching = &self.em.orm().caching;
        let told = self.void(Touched::Everything, vec![Tag::Everything]).await;
        if let Some(store) = caching.made() {
            patiently(store.clear()).await.map_err(|source| Error::ResultCache { source })?;
        }
        told
    }

    async fn void(&self, touched: Touched, tags: Vec<Tag>) -> Result<()> {
        let region = self.em.contextual().region();
        region.session().note_touched(touched);
        let caching = &region.orm().caching;
        caching.void(tags);
        caching.tell().await.map_err(|source| Error::ResultCache { source })
    }
}

impl fmt::Debug for CachedResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CachedResults").field(&self.em.orm().caching).finish()
    }
}
