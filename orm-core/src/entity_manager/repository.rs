//! The finders of one entity type.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use super::EntityManager;
use crate::bulk::{DeleteMany, InsertMany, UpdateMany, Upsert, UpsertMany};
use crate::condition::Condition;
use crate::entity::{Entity, Writable};
use crate::error::Result;
use crate::query::{Count, Find, FindById, FindByIdOrFail, FindManyAndCount, FindOne, FindOneOrFail};
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
    #[track_caller]
    pub fn find(&self, condition: Condition<T>) -> Find<T> {
        self.em.find(condition)
    }

    /// See [`EntityManager::find_all`].
    #[track_caller]
    pub fn find_all(&self) -> Find<T> {
        self.em.find_all()
    }

    /// See [`EntityManager::find_one`].
    #[track_caller]
    pub fn find_one(&self, condition: Condition<T>) -> Find<T, T::Nothing, FindOne> {
        self.em.find_one(condition)
    }

    /// See [`EntityManager::find_one_or_fail`].
    #[track_caller]
    pub fn find_one_or_fail(&self, condition: Condition<T>) -> Find<T, T::Nothing, FindOneOrFail> {
        self.em.find_one_or_fail(condition)
    }

    /// See [`EntityManager::find_by_id`].
    #[track_caller]
    pub fn find_by_id(&self, key: impl Into<T::Key>) -> FindById<T> {
        self.em.find_by_id(key)
    }

    /// See [`EntityManager::find_and_count`].
    #[track_caller]
    pub fn find_and_count(&self, condition: Condition<T>) -> Find<T, T::Nothing, FindManyAndCount> {
        self.em.find_and_count(condition)
    }

    /// See [`EntityManager::count`].
    #[track_caller]
    pub fn count(&self, condition: Condition<T>) -> Count<T> {
        self.em.count(condition)
    }

    /// How many entities there are.
    #[track_caller]
    pub fn count_all(&self) -> Count<T> {
        self.em.count(Condition::always())
    }

    /// See [`EntityManager::find_by_id_or_fail`].
    #[track_caller]
    pub fn find_by_id_or_fail(&self, key: impl Into<T::Key>) -> FindByIdOrFail<T> {
        self.em.find_by_id_or_fail(key)
    }

    /// See [`EntityManager::insert`].
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn insert(&self, value: T) -> impl Future<Output = Result<T::Key>> + Send + use<T>
    where
        T: Writable,
    {
        self.em.insert(value)
    }

    /// See [`EntityManager::insert_many`].
    #[track_caller]
    pub fn insert_many(&self, values: impl IntoIterator<Item = T>) -> InsertMany<T>
    where
        T: Writable,
    {
        self.em.insert_many(values)
    }

    /// See [`EntityManager::update_many`].
    #[track_caller]
    pub fn update_many(&self, condition: Condition<T>) -> UpdateMany<T>
    where
        T: Writable,
    {
        self.em.update_many(condition)
    }

    /// See [`EntityManager::delete_many`].
    #[track_caller]
    pub fn delete_many(&self, condition: Condition<T>) -> DeleteMany<T>
    where
        T: Writable,
    {
        self.em.delete_many(condition)
    }

    /// See [`EntityManager::upsert`].
    #[track_caller]
    pub fn upsert(&self, value: T) -> Upsert<T>
    where
        T: Writable,
    {
        self.em.upsert(value)
    }

    /// See [`EntityManager::upsert_many`].
    #[track_caller]
    pub fn upsert_many(&self, values: impl IntoIterator<Item = T>) -> Upsert<T, UpsertMany>
    where
        T: Writable,
    {
        self.em.upsert_many(values)
    }

    /// See [`EntityManager::get_reference`].
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
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
