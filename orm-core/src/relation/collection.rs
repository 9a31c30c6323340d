//! `Collection<T>`: the field of a to-many relation.

use std::fmt;

use super::{ErasedCollection, ErasedReference, Ref};
use crate::entity::Entity;

/// A to-many relation, as plain data: the initial content of a new entity.
///
/// In a managed entity the field is always empty, since the items are the context's affair: read them with the
/// typed accessor of a populated relation (`jon.books()`), load and change them with the bound one
/// (`jon.books_ref()`). Assigning a collection inside `edit()` replaces the content, as `books_ref().set(..)` does;
/// `Collection::default()` leaves it alone.
pub struct Collection<T: Entity>(Option<Vec<Ref<T>>>);

impl<T: Entity> Collection<T> {
    /// An empty collection.
    #[must_use]
    pub fn new() -> Self {
        Self(Some(Vec::new()))
    }
}

/// The content that nobody gave: empty for a new entity, unchanged for a managed one.
impl<T: Entity> Default for Collection<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Entity> Clone for Collection<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Equal if both were given the same items.
impl<T: Entity> PartialEq for Collection<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_deref().unwrap_or_default() == other.0.as_deref().unwrap_or_default()
    }
}

impl<T: Entity> fmt::Debug for Collection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(items) => f.debug_list().entries(items).finish(),
            None => write!(f, "Collection<{}>", T::__DESCRIPTION.name),
        }
    }
}

impl<T: Entity, I: Into<Ref<T>>> FromIterator<I> for Collection<T> {
    fn from_iter<X: IntoIterator<Item = I>>(items: X) -> Self {
        Self(Some(items.into_iter().map(Into::into).collect()))
    }
}

impl<T: Entity, I: Into<Ref<T>>> From<Vec<I>> for Collection<T> {
    fn from(items: Vec<I>) -> Self {
        items.into_iter().collect()
    }
}

impl<T: Entity, I: Into<Ref<T>>, const N: usize> From<[I; N]> for Collection<T> {
    fn from(items: [I; N]) -> Self {
        items.into_iter().collect()
    }
}

impl<T: Entity> ErasedCollection for Collection<T> {
    fn take(&mut self) -> Option<Vec<Box<dyn ErasedReference>>> {
        let items = self.0.take()?;
        Some(items.into_iter().map(|item| Box::new(item) as Box<dyn ErasedReference>).collect())
    }
}
