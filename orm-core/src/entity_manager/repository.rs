//! The finders of one entity type.

use std::fmt;
use std::marker::PhantomData;

use super::EntityManager;
use crate::condition::Condition;
use crate::entity::Entity;
use crate::error::Result;
use crate::query::{Count, Find, FindById, FindManyAndCount, FindOne, FindOneOrFail};
use crate::relation::BoundRef;

/// Finds entities of one type. Cheap to clone, and safe to keep in a service: it resolves the current context at every
/// call.
///
/// Wrap it for queries of your own:
///
/// ```ignore
/// struct Authors(Repository<Author>);
///
/// impl Authors {
///     async fn famous(&self) -> orm_core::Result<Vec<Loaded<Author>>> {
///         self.0.find(Author::BOOKS.some(Book::SOLD.gt(100_000))).await
///     }
/// }
/// ```
pub struct Repository<T> {
    em: EntityManager,
    marker: PhantomData<fn() -> T>,
}

impl<T: Entity> Repository<T> {
    pub(super) fn new(em: EntityManager) -> Self {
        Self { em, marker: PhantomData }
    }

    /// Its manager.
    #[must_use]
    pub fn em(&self) -> &EntityManager {
        &self.em
    }

    /// See [`EntityManager::find`].
    pub fn find(&self, condition: Condition<T>) -> Find<T> {
        self.em.find(condition)
    }

    /// See [`EntityManager::find_all`].
    pub fn find_all(&self) -> Find<T> {
        self.em.find_all()
    }

    /// See [`EntityManager::find_one`].
    pub fn find_one(&self, condition: Condition<T>) -> Find<T, T::Nothing, FindOne> {
        self.em.find_one(condition)
    }

    /// See [`EntityManager::find_one_or_fail`].
    pub fn find_one_or_fail(&self, condition: Condition<T>) -> Find<T, T::Nothing, FindOneOrFail> {
        self.em.find_one_or_fail(condition)
    }

    /// See [`EntityManager::find_by_id`].
    pub fn find_by_id(&self, key: impl Into<T::Key>) -> FindById<T> {
        self.em.find_by_id(key)
    }

    /// See [`EntityManager::find_and_count`].
    pub fn find_and_count(&self, condition: Condition<T>) -> Find<T, T::Nothing, FindManyAndCount> {
        self.em.find_and_count(condition)
    }

    /// See [`EntityManager::count`].
    pub fn count(&self, condition: Condition<T>) -> Count<T> {
        self.em.count(condition)
    }

    /// How many entities there are.
    pub fn count_all(&self) -> Count<T> {
        self.em.count(Condition::always())
    }

    /// See [`EntityManager::get_reference`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn get_reference(&self, key: impl Into<T::Key>) -> Result<BoundRef<T>> {
        self.em.get_reference(key)
    }
}

impl<T> Clone for Repository<T> {
    fn clone(&self) -> Self {
        Self { em: self.em.clone(), marker: PhantomData }
    }
}

impl<T: Entity> fmt::Debug for Repository<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repository<{}>", T::__DESCRIPTION.name)
    }
}
