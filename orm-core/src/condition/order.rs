//! The order of results.

use std::fmt;
use std::marker::PhantomData;

use super::term::{NullPlace, Term};
use crate::entity::Entity;
use crate::value::{ColumnType, FieldValue};

/// One term of an order: a field of the entity, of one that a to-one relation leads to, or what is computed of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderTerm {
    /// What is ordered by. Here a property may have several columns.
    pub term: Term,
    /// Largest first.
    pub descending: bool,
    /// Where NULL stands; `None`: where the database puts it.
    pub nulls: Option<NullPlace>,
    /// What is computed; of a property its column says it.
    pub value_type: Option<ColumnType>,
}

impl OrderTerm {
    /// By a property at the end of a path of to-one relations.
    #[must_use]
    pub fn new(path: Vec<usize>, property: usize, descending: bool) -> Self {
        Self { term: Term::Property { path, property }, descending, nulls: None, value_type: None }
    }
}

/// An order of entities `T`, made by [`Field::asc`](super::Field::asc) and [`desc`](super::Field::desc).
///
/// `(Author::NAME.asc(), Author::ID.desc())` and `vec![..]` order by several fields.
pub struct OrderBy<T> {
    pub(crate) terms: Vec<OrderTerm>,
    entity: PhantomData<fn() -> T>,
}

impl<T: Entity> OrderBy<T> {
    /// By what is a `V`.
    pub(crate) fn new<V: FieldValue>(term: Term, descending: bool) -> Self {
        Self::of(vec![OrderTerm { term, descending, nulls: None, value_type: Some(V::COLUMN_TYPE) }])
    }

    pub(crate) fn of(terms: Vec<OrderTerm>) -> Self {
        Self { terms, entity: PhantomData }
    }

    /// NULL before everything else, whatever the database does by itself.
    #[must_use]
    pub fn nulls_first(self) -> Self {
        self.nulls(NullPlace::First)
    }

    /// NULL after everything else, whatever the database does by itself.
    #[must_use]
    pub fn nulls_last(self) -> Self {
        self.nulls(NullPlace::Last)
    }

    fn nulls(mut self, place: NullPlace) -> Self {
        self.terms.iter_mut().for_each(|term| term.nulls = Some(place));
        self
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
