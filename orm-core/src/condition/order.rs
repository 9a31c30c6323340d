//! The order of results.

use std::fmt;
use std::marker::PhantomData;

use crate::entity::Entity;

/// One term of an order: a field of the entity, or of one that a to-one relation leads to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderTerm {
    /// The to-one relations that lead to it, each an index at the entity that the one before leads to.
    pub path: Vec<usize>,
    /// The property at the end of the path.
    pub property: usize,
    /// Largest first.
    pub descending: bool,
}

/// An order of entities `T`, made by [`Field::asc`](super::Field::asc) and [`desc`](super::Field::desc).
///
/// `(Author::NAME.asc(), Author::ID.desc())` and `vec![..]` order by several fields.
pub struct OrderBy<T> {
    pub(crate) terms: Vec<OrderTerm>,
    entity: PhantomData<fn() -> T>,
}

impl<T: Entity> OrderBy<T> {
    pub(crate) fn new(property: usize, descending: bool) -> Self {
        Self::of(vec![OrderTerm { path: Vec::new(), property, descending }])
    }

    pub(crate) fn of(terms: Vec<OrderTerm>) -> Self {
        Self { terms, entity: PhantomData }
    }

    /// Then by `next`, where this one is equal.
    #[must_use]
    pub fn then(mut self, next: impl Into<Self>) -> Self {
        self.terms.extend(next.into().terms);
        self
    }
}

impl<T> Clone for OrderBy<T> {
    fn clone(&self) -> Self {
        Self { terms: self.terms.clone(), entity: PhantomData }
    }
}

impl<T> fmt::Debug for OrderBy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OrderBy").field(&self.terms).finish()
    }
}

impl<T: Entity> From<Vec<Self>> for OrderBy<T> {
    fn from(terms: Vec<Self>) -> Self {
        Self::of(terms.into_iter().flat_map(|order| order.terms).collect())
    }
}

impl<T: Entity, const N: usize> From<[Self; N]> for OrderBy<T> {
    fn from(terms: [Self; N]) -> Self {
        Vec::from(terms).into()
    }
}

macro_rules! tuple {
    ($($name:ident)+) => {
        impl<T: Entity> From<($(tuple!(@ $name),)+)> for OrderBy<T> {
            fn from(($($name,)+): ($(tuple!(@ $name),)+)) -> Self {
                vec![$($name),+].into()
            }
        }
    };
    (@ $name:ident) => { OrderBy<T> };
}

tuple!(a b);
tuple!(a b c);
tuple!(a b c d);
