//! Rows without the unit of work: the manager's side of [`crate::bulk`].

use std::future::Future;
use std::panic::Location;

use super::EntityManager;
use crate::activity::called_at;
use crate::bulk::{DeleteMany, InsertMany, UpdateMany, Upsert, UpsertMany};
use crate::condition::Condition;
use crate::entity::Writable;
use crate::error::{Error, Result};

impl EntityManager {
    /// Inserts one row at once, without the unit of work, and returns its key. Nothing is tracked: the next query
    /// for it brings an instance. Works on the global manager too.
    ///
    /// Relations are written by key: give a key, or a handle of this context that has one. Values that the ORM makes, by
    /// `on_create` and for a version, are made; hooks of the entity and subscribers, which are of the unit of work, do not
    /// run.
    ///
    /// # Errors
    ///
    /// [`Error::Relation`] for a new entity in a relation or content in a collection, which take a unit of work;
    /// [`Error::Constraint`], [`Error::RequiredRelation`], [`Error::ForeignEntity`], [`Error::MissingKey`],
    /// [`Error::Value`], [`Error::UnknownEntity`], [`Error::Hook`] for an `on_create` that fails, and [`Error::Driver`].
    /// [`Error::WriteOutcomeUnknown`] when the connection was lost on the way to a commit: look before inserting again.
    /// [`Error::OutcomeUnknown`] while the context has to be told of a flush.
    #[track_caller]
    pub fn insert<T: Writable>(&self, value: T) -> impl Future<Output = Result<T::Key>> + Send + use<T> {
        let insert = InsertMany::new(self.clone(), vec![value]);
        let none = Error::MissingKey { entity: T::__DESCRIPTION.name, hint: "the insert gave none back" };
        called_at(Location::caller(), async move { insert.run().await?.pop().ok_or(none) })
    }

    /// Inserts rows at once, without the unit of work: all of them or none, with a statement for as many rows as the
    /// database takes. Returns their keys, in order. As [`insert`](Self::insert) otherwise.
    ///
    /// # Examples
    ///
    /// ```ignore
    /// let keys = em.insert_many(lines.map(|line| Tag::new(line))).await?;
    /// ```
    #[track_caller]
    pub fn insert_many<T: Writable>(&self, values: impl IntoIterator<Item = T>) -> InsertMany<T> {
        InsertMany::new(self.clone(), values.into_iter().collect())
    }

    /// Changes every row that meets a condition, by one statement, and returns how many:
    /// `em.update_many(Book::PRICE.lt(5)).set(Book::PRICE, 5).await?`.
    ///
    /// The unit of work has no part in it: hooks of the entity and subscribers do not run, and instances that are loaded
    /// stay as they are; `refresh` or `clear()` them. The rows get their `on_update` values where none are set, and their
    /// version counts up, or becomes the time, so that an instance that was loaded before is found to be stale. Works on
    /// the global manager too. Nothing is sent if no field is set.
    ///
    /// # Errors
    ///
    /// When awaited: [`Error::NoCondition`] for a condition that meets everything, unless
    /// [`all`](UpdateMany::all) says that it is meant; [`Error::NoColumn`], [`Error::Value`],
    /// [`Error::ForeignEntity`], [`Error::Relation`], [`Error::Constraint`], [`Error::Hook`] for an `on_update` that fails,
    /// and [`Error::Driver`]; [`Error::WriteOutcomeUnknown`] and [`Error::OutcomeUnknown`] as [`insert`](Self::insert).
    #[track_caller]
    pub fn update_many<T: Writable>(&self, condition: Condition<T>) -> UpdateMany<T> {
        UpdateMany::new(self.clone(), condition)
    }

    /// Deletes every row that meets a condition, by one statement, and returns how many. What refers to them goes as
    /// the database's foreign keys say.
    ///
    /// Rows with a `#[entity(soft_delete)]` field stay, as with [`remove`](Self::remove): the statement sets the field to the
    /// time, and what refers to them stays too. [`for_good`](DeleteMany::for_good) deletes them.
    ///
    /// The unit of work has no part in it: no cascades of ours, no hooks and no subscribers, and instances that are loaded
    /// stay; `clear()` them. Works on the global manager too.
    ///
    /// # Errors
    ///
    /// When awaited: [`Error::NoCondition`] for a condition that meets everything, unless
    /// [`all`](DeleteMany::all) says that it is meant; [`Error::Value`], [`Error::ForeignEntity`],
    /// [`Error::Constraint`] and [`Error::Driver`]; [`Error::WriteOutcomeUnknown`] and [`Error::OutcomeUnknown`] as
    /// [`insert`](Self::insert).
    #[track_caller]
    pub fn delete_many<T: Writable>(&self, condition: Condition<T>) -> DeleteMany<T> {
        DeleteMany::new(self.clone(), condition)
    }

    /// Inserts a row, or changes the one that is there, by one statement; returns it managed, as the row is now. An
    /// instance that is loaded is updated, but for fields with unsaved edits. See [`Upsert`] for how rows are found and
    /// what they get.
    ///
    /// Relations are written by key, as in [`insert`](Self::insert).
    ///
    /// # Examples
    ///
    /// ```ignore
    /// let user = em.upsert(User { email, name, ..User::default() }).on_conflict(User::EMAIL).await?;
    /// ```
    ///
    /// # Errors
    ///
    /// When awaited: [`Error::GlobalContext`], [`Error::ConflictTarget`], [`Error::HiddenRow`],
    /// [`Error::AlreadyManaged`] for the key of an entity that waits to be inserted, and the errors of
    /// [`insert`](Self::insert).
    #[track_caller]
    pub fn upsert<T: Writable>(&self, value: T) -> Upsert<T> {
        Upsert::new(self.clone(), vec![value])
    }

    /// Inserts rows, or changes those that are there: all or none of them, with a statement for as many of one shape as
    /// the database takes. Returns them managed, in order. As [`upsert`](Self::upsert) otherwise.
    ///
    /// # Errors
    ///
    /// When awaited: [`Error::DuplicateKeys`] if two values are of one row, and as [`upsert`](Self::upsert).
    #[track_caller]
    pub fn upsert_many<T: Writable>(&self, values: impl IntoIterator<Item = T>) -> Upsert<T, UpsertMany> {
        Upsert::new(self.clone(), values.into_iter().collect())
    }
}
