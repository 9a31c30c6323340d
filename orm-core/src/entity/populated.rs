//! Populate hints as types.
//!
//! Every entity has a record type with one slot a relation: `AuthorPopulated<Books = Without, Tags = Without>`.
//! `populate` fills a slot with [`With`] the record of the target. What a handle may read, and how it serialises,
//! follows from its record alone, never from what else the context has loaded.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::Entity;
use crate::condition::{Condition, Expression, OrderBy, OrderTerm};

/// The slot of a relation that the query did not populate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Without;

/// The slot of a populated relation; `N` is the record of its targets, `K` says whether all of them are meant.
pub struct With<N, K = Whole>(PhantomData<fn() -> (N, K)>);

/// The slot of a to-many relation of which the query chose a part: `Author::BOOKS.filter(..)`.
pub type Part<N> = With<N, Partly>;

/// All items of a relation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Whole;

/// The items of a relation that a query chose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Partly;

/// How much of a relation is populated: [`Whole`] or [`Partly`].
pub trait Extent: 'static {
    #[doc(hidden)]
    const __IS_PART: bool;
}

impl Extent for Whole {
    const __IS_PART: bool = false;
}

impl Extent for Partly {
    const __IS_PART: bool = true;
}

impl<N, K> fmt::Debug for With<N, K> {
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
    /// Whether a query chose among them.
    #[doc(hidden)]
    const __IS_PART: bool;
}

impl<R, N: 'static, K: Extent> IsPopulated<R> for With<N, K> {
    type Nested = N;
    const __IS_PART: bool = K::__IS_PART;
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

/// A record with a slot for the relation of this index.
#[diagnostic::on_unimplemented(
    message = "nothing says what is populated in this handle",
    label = "`{Self}` is no record of a query",
    note = "a handle of a new entity has no related entities that a view could show: find it again, and populate them",
    note = "where the record is a type parameter, bound the view instead: `YourView: FromLoaded<P>`"
)]
pub trait SlotAt<const INDEX: usize> {
    /// What is in the slot.
    type Value;
}

/// The index of a relation.
#[doc(hidden)]
#[must_use]
pub const fn index_of<R: RelationField>(_: R) -> usize {
    R::INDEX
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

/// A record whose slot for `R` can be filled with `S`, a [`With`].
pub trait Populate<R, S> {
    /// The record with the slot filled.
    type Out: 'static;
}

/// Populating the handle of a new entity gives an ordinary record. Its to-many relations can be named too; they are
/// known, so that costs nothing.
impl<R, S> Populate<R, S> for NewEntity
where
    R: RelationField,
    <R::Owner as Entity>::Nothing: Populate<R, S>,
{
    type Out = <<R::Owner as Entity>::Nothing as Populate<R, S>>::Out;
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

impl<T: Entity, N: Record<T>, K: Extent> SlotRecord<T> for With<N, K> {
    const __IS_EMPTY: bool = false;

    fn __shape() -> Option<Shape> {
        Some(Shape { is_part: K::__IS_PART, ..N::__shape() })
    }
}

/// A record as data: for each relation, by index, what is populated below it.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    slots: Vec<Option<Shape>>,
    /// Whether the relation that it stands below is populated in part.
    is_part: bool,
    part: Option<Arc<ItemQuery>>,
}

/// Which items of a to-many relation a query chose, and in which order.
#[derive(Clone, Debug)]
pub struct ItemQuery {
    pub(crate) condition: Expression,
    pub(crate) order: Vec<OrderTerm>,
    /// At most so many of each owner.
    pub(crate) limit: Option<u64>,
}

impl Default for ItemQuery {
    fn default() -> Self {
        Self { condition: Expression::always(), order: Vec::new(), limit: None }
    }
}

/// An [`ItemQuery`], and the relations that lead to its own.
#[derive(Clone, Debug)]
pub struct ItemQueryAt {
    path: Vec<usize>,
    query: Arc<ItemQuery>,
}

impl ItemQueryAt {
    fn below(mut self, relation: usize) -> Self {
        self.path.insert(0, relation);
        self
    }
}

impl Shape {
    /// From one entry a relation.
    #[must_use]
    pub fn new(slots: impl Into<Vec<Option<Self>>>) -> Self {
        Self { slots: slots.into(), ..Self::default() }
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

    /// What is populated below a relation, if it is populated.
    pub(crate) fn below(&self, relation: usize) -> Option<&Self> {
        self.slots.get(relation).and_then(Option::as_ref)
    }

    /// What was chosen of the relation that this stands below; `None` for all of it.
    pub(crate) fn part(&self) -> Option<ItemQuery> {
        self.is_part.then(|| self.part.as_deref().cloned().unwrap_or_default())
    }

    /// Whether the relation that this stands below is populated in part.
    pub(crate) fn is_part(&self) -> bool {
        self.is_part
    }

    /// Says what is chosen of the relations that are populated in part.
    pub(crate) fn choose(&mut self, queries: &[ItemQueryAt]) {
        for ItemQueryAt { path, query } in queries {
            let shape = path.iter().fold(&mut *self, |shape, relation| shape.entry(*relation));
            shape.part = Some(Arc::clone(query));
        }
    }

    /// Populates what either populates.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.is_part |= other.is_part;
        for (relation, below) in other.relations() {
            self.entry(relation).merge(below);
        }
    }
}

/// A relation of an entity: the type of constants such as `Author::BOOKS`.
#[diagnostic::on_unimplemented(message = "`{Self}` is no relation", label = "not a relation")]
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
    /// Its name in responses.
    const RESPONSE_NAME: &'static str;
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

    /// Which items it chooses, where it does.
    #[doc(hidden)]
    fn __choices(self, choices: &mut Vec<ItemQueryAt>)
    where
        Self: Sized,
    {
        let _ = choices;
    }
}

/// Only a record of `T` has slots for relations of `T`, so the bound on `P` is all that it takes. A bound on the owner
/// would be one more message where it fails.
#[diagnostic::do_not_recommend]
impl<T, R, P> PopulatePath<T, P> for R
where
    T: Entity,
    R: RelationField,
    P: Populate<R, With<<R::Target as Entity>::Nothing>>,
{
    type Out = P::Out;
}

/// `R` with its targets populated as `N` says: made by `.then(..)`.
#[derive(Clone, Debug)]
pub struct Then<R, N> {
    choices: Vec<ItemQueryAt>,
    marker: PhantomData<fn() -> (R, N)>,
}

impl<R: RelationField, N> Then<R, N> {
    pub(crate) fn new<Q: NestedPath<R::Target, Record = N>>(nested: Q) -> Self {
        Self { choices: choices_below::<R, Q>(nested), marker: PhantomData }
    }
}

fn choices_below<R: RelationField, Q: NestedPath<R::Target>>(nested: Q) -> Vec<ItemQueryAt> {
    let mut choices = Vec::new();
    nested.__choices(&mut choices);
    choices.into_iter().map(|choice| choice.below(R::INDEX)).collect()
}

#[diagnostic::do_not_recommend]
impl<T, R, N, P> PopulatePath<T, P> for Then<R, N>
where
    T: Entity,
    R: RelationField,
    P: Populate<R, With<N>>,
{
    type Out = P::Out;

    fn __choices(self, choices: &mut Vec<ItemQueryAt>) {
        choices.extend(self.choices);
    }
}

/// Items of the to-many relation `R` to populate: made by `Author::BOOKS.filter(..)`, `.order_by(..)` and
/// `.limit_per_parent(..)`.
///
/// The handle's accessor (`author.books()`) then gives these items, as the query found them, and its type says so. The
/// collection itself is not loaded by it: `author.books_ref()` is [partial](crate::BoundCollection::is_partial) and
/// refuses to be changed, loads in full when it is asked to, and counts all items. Whoever populates another part of the
/// same collection in the same context replaces this one.
pub struct ItemsOf<R: RelationField, N = <<R as RelationField>::Target as Entity>::Nothing> {
    query: ItemQuery,
    choices: Vec<ItemQueryAt>,
    marker: PhantomData<fn() -> (R, N)>,
}

impl<R: RelationField> ItemsOf<R> {
    pub(crate) fn all() -> Self {
        Self { query: ItemQuery::default(), choices: Vec::new(), marker: PhantomData }
    }
}

impl<R: RelationField, N> ItemsOf<R, N> {
    /// Keeps items that also meet `condition`.
    #[must_use]
    pub fn filter(mut self, condition: Condition<R::Target>) -> Self {
        self.query.condition = self.query.condition.and(condition.expression);
        self
    }

    /// Orders the items; then by what was said before. Without it, as the relation declares.
    #[must_use]
    pub fn order_by(mut self, order: impl Into<OrderBy<R::Target>>) -> Self {
        self.query.order.extend(order.into().terms);
        self
    }

    /// At most so many items of each owner, the first of the order.
    #[must_use]
    pub fn limit_per_parent(mut self, limit: u64) -> Self {
        self.query.limit = Some(limit);
        self
    }

    /// These items and, below them, `nested`: a relation of the target or a tuple of them. What is below is narrowed only
    /// where it says so itself.
    #[must_use]
    pub fn then<Q: NestedPath<R::Target>>(self, nested: Q) -> ItemsOf<R, Q::Record> {
        ItemsOf { query: self.query, choices: choices_below::<R, Q>(nested), marker: PhantomData }
    }
}

impl<R: RelationField, N> Clone for ItemsOf<R, N> {
    fn clone(&self) -> Self {
        Self { query: self.query.clone(), choices: self.choices.clone(), marker: PhantomData }
    }
}

impl<R: RelationField, N> fmt::Debug for ItemsOf<R, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ItemsOf({}.{})", R::Owner::__DESCRIPTION.name, R::NAME)
    }
}

#[diagnostic::do_not_recommend]
impl<T, R, N, P> PopulatePath<T, P> for ItemsOf<R, N>
where
    T: Entity,
    R: RelationField,
    P: Populate<R, Part<N>>,
{
    type Out = P::Out;

    fn __choices(self, choices: &mut Vec<ItemQueryAt>) {
        choices.push(ItemQueryAt { path: vec![R::INDEX], query: Arc::new(self.query) });
        choices.extend(self.choices);
    }
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

    /// Which items it chooses, where it does.
    #[doc(hidden)]
    fn __choices(self, choices: &mut Vec<ItemQueryAt>)
    where
        Self: Sized;
}

#[diagnostic::do_not_recommend]
impl<T: Entity, Q: PopulatePath<T, T::Nothing>> NestedPath<T> for Q {
    type Record = Q::Out;

    fn __choices(self, choices: &mut Vec<ItemQueryAt>) {
        PopulatePath::__choices(self, choices);
    }
}

macro_rules! tuple {
    ($first:ident $($rest:ident)+) => {
        impl<T: Entity, P, $first, $($rest),+> PopulatePath<T, P> for ($first, $($rest),+)
        where
            $first: PopulatePath<T, P>,
            ($($rest,)+): PopulatePath<T, $first::Out>,
        {
            type Out = <($($rest,)+) as PopulatePath<T, $first::Out>>::Out;

            #[expect(non_snake_case, reason = "named as their types")]
            fn __choices(self, choices: &mut Vec<ItemQueryAt>) {
                let ($first, $($rest),+) = self;
                $first.__choices(choices);
                PopulatePath::<T, $first::Out>::__choices(($($rest,)+), choices);
            }
        }
        tuple!($($rest)+);
    };
    ($last:ident) => {
        impl<T: Entity, P, $last: PopulatePath<T, P>> PopulatePath<T, P> for ($last,) {
            type Out = $last::Out;

            fn __choices(self, choices: &mut Vec<ItemQueryAt>) {
                self.0.__choices(choices);
            }
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
                $crate::With<$crate::populated!(
                    @fill <<$($relation)::+ as $crate::entity::RelationField>::Target as $crate::Entity>::Nothing;
                    $($below)*
                )>,
            >>::Out;
            $($($rest)*)?
        )
    };
    (@fill $record:ty; $($relation:ident)::+ $(, $($rest:tt)*)?) => {
        $crate::populated!(
            @fill <$record as $crate::Populate<
                $($relation)::+,
                $crate::With<<<$($relation)::+ as $crate::entity::RelationField>::Target as $crate::Entity>::Nothing>,
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
