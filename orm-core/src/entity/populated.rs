//! Populate hints as types.
//!
//! Every entity has a record type with one slot a relation: `AuthorPopulated<Books = Without, Tags = Without>`.
//! `populate` fills a slot with [`With`] the record of the target. What a handle may read, and how it serialises,
//! follows from its record alone, never from what else the context has loaded.

use std::fmt;
use std::marker::PhantomData;

use super::Entity;

/// The slot of a relation that the query did not populate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Without;

/// The slot of a populated relation; `N` is the record of its targets.
pub struct With<N>(PhantomData<fn() -> N>);

impl<N> fmt::Debug for With<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("With")
    }
}

/// The record of an entity that was new when its handle was made: its to-many relations are known, its to-one
/// relations are not loaded.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewEntity;

/// A slot that is populated.
#[diagnostic::on_unimplemented(
    message = "relation `{R}` was not populated on this entity",
    label = "not populated by the query that made this handle",
    note = "add `.populate(..)` for it to the query, or load it with its `_ref()` accessor: `.load().await?`"
)]
pub trait IsPopulated<R> {
    /// The record of the relation's targets.
    type Nested: 'static;
}

impl<R, N: 'static> IsPopulated<R> for With<N> {
    type Nested = N;
}

/// A record with a slot for relation `R`.
#[diagnostic::on_unimplemented(
    message = "nothing says that relation `{R}` is populated here",
    label = "`{Self}` may be a record without `{R}`",
    note = "where the record is a type parameter, bound it: `P: Has<{R}>`"
)]
pub trait Slot<R> {
    /// What is in the slot.
    type Value;
}

impl<R: RelationField> Slot<R> for NewEntity {
    type Value = R::OfNew;
}

/// A record in which relation `R` is populated: the one bound that signatures need.
///
/// ```ignore
/// fn total<P: Has<Author__books>>(author: &Loaded<Author, P>) -> usize { author.books().len() }
/// ```
pub trait Has<R>: Slot<R, Value: IsPopulated<R>> {}

impl<R, P: Slot<R>> Has<R> for P where P::Value: IsPopulated<R> {}

/// A record whose slot for `R` can be filled with `N`.
pub trait Populate<R, N> {
    /// The record with the slot filled.
    type Out: 'static;
}

/// Populating the handle of a new entity gives an ordinary record. Its to-many relations can be named too; they are
/// known, so that costs nothing.
impl<R, N> Populate<R, N> for NewEntity
where
    R: RelationField,
    <R::Owner as Entity>::Nothing: Populate<R, N>,
{
    type Out = <<R::Owner as Entity>::Nothing as Populate<R, N>>::Out;
}

/// A record of entity `T`.
pub trait Record<T: Entity>: 'static {
    /// Whether nothing is populated.
    #[doc(hidden)]
    const __IS_EMPTY: bool;

    /// What is populated, as data.
    #[doc(hidden)]
    fn __shape() -> Shape;
}

impl<T: Entity> Record<T> for NewEntity {
    const __IS_EMPTY: bool = true;

    /// Nothing needs to be loaded for it.
    fn __shape() -> Shape {
        Shape::default()
    }
}

/// What stands in a slot of a relation to `T`.
pub trait SlotRecord<T> {
    #[doc(hidden)]
    const __IS_EMPTY: bool;

    #[doc(hidden)]
    fn __shape() -> Option<Shape>;
}

impl<T> SlotRecord<T> for Without {
    const __IS_EMPTY: bool = true;

    fn __shape() -> Option<Shape> {
        None
    }
}

impl<T: Entity, N: Record<T>> SlotRecord<T> for With<N> {
    const __IS_EMPTY: bool = false;

    fn __shape() -> Option<Shape> {
        Some(N::__shape())
    }
}

/// A record as data: for each relation, by index, what is populated below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    slots: Vec<Option<Shape>>,
}

impl Shape {
    /// From one entry a relation.
    #[must_use]
    pub fn new(slots: impl Into<Vec<Option<Self>>>) -> Self {
        Self { slots: slots.into() }
    }

    /// The populated relations and what is populated below each.
    pub fn relations(&self) -> impl Iterator<Item = (usize, &Self)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| slot.as_ref().map(|below| (index, below)))
    }

    /// Whether nothing is populated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    /// Populates a relation too, and returns what is populated below it.
    pub(crate) fn entry(&mut self, relation: usize) -> &mut Self {
        if self.slots.len() <= relation {
            self.slots.resize(relation + 1, None);
        }
        self.slots[relation].get_or_insert_with(Self::default)
    }

    /// Populates what either populates.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (relation, below) in other.relations() {
            self.entry(relation).merge(below);
        }
    }
}

/// A relation of an entity: the type of constants such as `Author::BOOKS`.
pub trait RelationField: Copy + Send + Sync + 'static {
    /// The entity that has the field.
    type Owner: Entity;
    /// The entity that it leads to.
    type Target: Entity;
    /// The slot in the record of a new entity.
    #[doc(hidden)]
    type OfNew;
    /// The index of the relation.
    #[doc(hidden)]
    const INDEX: usize;
    /// The field.
    const NAME: &'static str;
    /// Whether the field is a `Collection`.
    #[doc(hidden)]
    const TO_MANY: bool;
}

/// A relation of `T` to populate, or several: `Author::BOOKS`, `Author::BOOKS.then(Book::TAGS)`, a tuple of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no relation of `{T}` that could be populated here",
    label = "not a relation of `{T}`",
    note = "populate a relation constant of `{T}` itself; what lies below a relation goes in `.then(..)`"
)]
pub trait PopulatePath<T: Entity, P> {
    /// The record with the relations populated.
    type Out: 'static;
}

/// Only a record of `T` has slots for relations of `T`, so the bound on `P` is all that it takes. A bound on the owner
/// would be one more message where it fails.
#[diagnostic::do_not_recommend]
impl<T, R, P> PopulatePath<T, P> for R
where
    T: Entity,
    R: RelationField,
    P: Populate<R, <R::Target as Entity>::Nothing>,
{
    type Out = P::Out;
}

/// `R` with its targets populated as `N` says: made by `.then(..)`.
#[derive(Clone, Copy, Debug)]
pub struct Then<R, N>(PhantomData<fn() -> (R, N)>);

impl<R, N> Then<R, N> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

#[diagnostic::do_not_recommend]
impl<T, R, N, P> PopulatePath<T, P> for Then<R, N>
where
    T: Entity,
    R: RelationField,
    P: Populate<R, N>,
{
    type Out = P::Out;
}

/// What may stand in `.then(..)` below a relation to `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no relation of `{T}` that could be populated below it",
    label = "not a relation of `{T}`",
    note = "inside `.then(..)` stand relation constants of `{T}`, or a tuple of them"
)]
pub trait NestedPath<T: Entity> {
    /// The record of the targets.
    type Record: 'static;
}

#[diagnostic::do_not_recommend]
impl<T: Entity, Q: PopulatePath<T, T::Nothing>> NestedPath<T> for Q {
    type Record = Q::Out;
}

macro_rules! tuple {
    ($first:ident $($rest:ident)+) => {
        impl<T: Entity, P, $first, $($rest),+> PopulatePath<T, P> for ($first, $($rest),+)
        where
            $first: PopulatePath<T, P>,
            ($($rest,)+): PopulatePath<T, $first::Out>,
        {
            type Out = <($($rest,)+) as PopulatePath<T, $first::Out>>::Out;
        }
        tuple!($($rest)+);
    };
    ($last:ident) => {
        impl<T: Entity, P, $last: PopulatePath<T, P>> PopulatePath<T, P> for ($last,) {
            type Out = $last::Out;
        }
    };
}

tuple!(A B C D E F G H);

/// Writes a record without counting slots: `populated!(Author { Author__books { Book__tags }, Author__mentor })`.
///
/// For the types of fields and signatures; a bound with [`Has`] is enough where any record with the relation will do.
///
/// ```ignore
/// type AuthorWithBooks = Loaded<Author, populated!(Author { Author__books { Book__tags } })>;
/// ```
#[macro_export]
macro_rules! populated {
    (@fill $record:ty;) => { $record };
    (@fill $record:ty; $($relation:ident)::+ { $($below:tt)* } $(, $($rest:tt)*)?) => {
        $crate::populated!(
            @fill <$record as $crate::Populate<
                $($relation)::+,
                $crate::populated!(
                    @fill <<$($relation)::+ as $crate::entity::RelationField>::Target as $crate::Entity>::Nothing;
                    $($below)*
                ),
            >>::Out;
            $($($rest)*)?
        )
    };
    (@fill $record:ty; $($relation:ident)::+ $(, $($rest:tt)*)?) => {
        $crate::populated!(
            @fill <$record as $crate::Populate<
                $($relation)::+,
                <<$($relation)::+ as $crate::entity::RelationField>::Target as $crate::Entity>::Nothing,
            >>::Out;
            $($($rest)*)?
        )
    };
    ($($entity:ident)::+ { $($relations:tt)* }) => {
        $crate::populated!(@fill <$($entity)::+ as $crate::Entity>::Nothing; $($relations)*)
    };
    ($($entity:ident)::+) => { <$($entity)::+ as $crate::Entity>::Nothing };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_merge_without_losing_depth() {
        let mut shape = Shape::default();
        shape.entry(2).entry(0);
        let mut other = Shape::default();
        other.entry(2).entry(1);
        other.entry(0);
        shape.merge(&other);
        assert_eq!(shape.relations().map(|(index, _)| index).collect::<Vec<_>>(), [0, 2]);
        let below = shape.relations().nth(1).map(|(_, below)| below.relations().count());
        assert_eq!(below, Some(2));
    }
}
