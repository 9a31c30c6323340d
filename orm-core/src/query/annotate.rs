//! Entities with numbers beside them: how many items a relation has, and whether something is among them.
//!
//! The numbers are values of the result, as of the query: they are on no entity, and nothing changes them later.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::find::{
    Find, FindMany, FindManyAndCount, FindMode, FindOne, FindOneOrFail, Query, Running, not_found,
};
use crate::cache::CacheUse;
use crate::condition::{IntoKeyOperand, ToMany};
use crate::entity::{Entity, Loaded, Record, Region, RelationField, State};
use crate::error::Result;
use crate::filter::FilterChoices;
use crate::metadata::{EntityId, RelationId};
use crate::populate::{Tallying, item_cell};
use crate::relation::Target;
use crate::serialize::SerializeRecord;
use crate::value::KeyValues;

/// A result with what [`with_count`](Find::with_count) and [`with_membership`](Find::with_membership) asked for; `L`
/// says what that is. Everything else is that of the result itself.
///
/// As JSON it is the result's object, and in it `_count` and `_member`, as far as they were asked for: objects of the
/// numbers, and of what is a member, by the names that the relations have in responses:
/// `{"id": 1, "title": "..", "_count": {"comments": 3}, "_member": {"favourited_by": true}}`.
pub struct Annotated<H, L> {
    handle: H,
    numbers: Box<[u64]>,
    labels: PhantomData<fn() -> L>,
}

/// Says that relation `R` was counted.
#[derive(Clone, Copy, Debug)]
pub struct CountOf<R>(PhantomData<fn() -> R>);

/// Says that it was asked whether something is in relation `R`.
#[derive(Clone, Copy, Debug)]
pub struct MemberOf<R>(PhantomData<fn() -> R>);

/// `X`, and what was asked for before.
#[derive(Clone, Copy, Debug)]
pub struct Also<X, L>(PhantomData<fn() -> (X, L)>);

/// What was asked for: `()` or [`Also`].
pub trait Labels: 'static {
    /// How many numbers that makes.
    #[doc(hidden)]
    const LENGTH: usize;

    /// What each number is, in their order.
    #[doc(hidden)]
    fn __labels(labels: &mut Vec<Label>) {
        let _ = labels;
    }
}

impl Labels for () {
    const LENGTH: usize = 0;
}

impl<X: Labelled, L: Labels> Labels for Also<X, L> {
    const LENGTH: usize = L::LENGTH + 1;

    fn __labels(labels: &mut Vec<Label>) {
        L::__labels(labels);
        labels.push(X::LABEL);
    }
}

/// What a number is, with the name of its relation in responses.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Label {
    Count(&'static str),
    Member(&'static str),
}

/// Something that can be asked for: [`CountOf`] or [`MemberOf`].
pub trait Labelled: 'static {
    #[doc(hidden)]
    const LABEL: Label;
}

impl<R: RelationField> Labelled for CountOf<R> {
    const LABEL: Label = Label::Count(R::RESPONSE_NAME);
}

impl<R: RelationField> Labelled for MemberOf<R> {
    const LABEL: Label = Label::Member(R::RESPONSE_NAME);
}

/// `X` was asked for. `I` is where, and found by itself.
#[diagnostic::on_unimplemented(
    message = "`{X}` was not asked for by the query that made this result",
    label = "nothing is known of it here",
    note = "add `.with_count(..)` or `.with_membership(..)` for the relation to the query, or ask the relation: \
            `.count().await?`, `.contains(..).await?`"
)]
pub trait Asked<X, I>: Labels {
    /// Which number it is.
    #[doc(hidden)]
    const INDEX: usize;
}

/// It was asked for last.
#[derive(Clone, Copy, Debug)]
pub struct Last;

/// It was asked for before, at `I`.
#[derive(Clone, Copy, Debug)]
pub struct Before<I>(PhantomData<fn() -> I>);

impl<X: Labelled, L: Labels> Asked<X, Last> for Also<X, L> {
    const INDEX: usize = L::LENGTH;
}

impl<X, Y: Labelled, I, L: Asked<X, I>> Asked<X, Before<I>> for Also<Y, L> {
    const INDEX: usize = L::INDEX;
}

impl<H, L> Annotated<H, L> {
    pub(super) fn new(handle: H, numbers: Vec<u64>) -> Self {
        Self { handle, numbers: numbers.into_boxed_slice(), labels: PhantomData }
    }
}

impl<H, L: Labels> Annotated<H, L> {
    /// How many items the relation had when the query ran, what the context had not saved included.
    ///
    /// It does not compile where the query did not ask:
    ///
    /// ```compile_fail,E0277
    /// # use orm_core::{Collection, Entity, EntityManager, Ref, Result};
    /// # #[derive(Entity, Clone, Debug, Default)]
    /// # struct Tag { #[entity(id, auto)] id: i64, #[entity(mapped_by = "tags")] books: Collection<Book> }
    /// # #[derive(Entity, Clone, Debug, Default)]
    /// # struct Book {
    /// #     #[entity(id, auto)] id: i64,
    /// #     #[entity(many_to_many)] tags: Collection<Tag>,
    /// #     #[entity(many_to_many)] genres: Collection<Tag>,
    /// # }
    /// # async fn example(em: EntityManager) -> Result<()> {
    /// let book = em.find_one_or_fail(Book::ID.eq(1)).with_count(Book::GENRES).await?;
    /// book.count_of(Book::TAGS);
    /// # Ok(()) }
    /// ```
    pub fn count_of<R: RelationField, I>(&self, relation: R) -> u64
    where
        L: Asked<CountOf<R>, I>,
    {
        let _ = relation;
        self.number(L::INDEX)
    }

    /// Whether what the query was given was in the relation when it ran.
    pub fn has_member<R: RelationField, I>(&self, relation: R) -> bool
    where
        L: Asked<MemberOf<R>, I>,
    {
        let _ = relation;
        self.number(L::INDEX) > 0
    }

    /// The result alone.
    pub fn into_inner(self) -> H {
        self.handle
    }

    fn number(&self, index: usize) -> u64 {
        self.numbers.get(index).copied().unwrap_or_default()
    }
}

impl<T: Entity, P: SerializeRecord<T>, L: Labels> Serialize for Annotated<Loaded<T, P>, L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut labels = Vec::with_capacity(L::LENGTH);
        L::__labels(&mut labels);
        let (mut counts, mut members) = (BTreeMap::new(), BTreeMap::new());
        for (label, number) in labels.into_iter().zip(&self.numbers) {
            match label {
                Label::Count(name) => drop(counts.insert(name, *number)),
                Label::Member(name) => drop(members.insert(name, *number > 0)),
            }
        }
        let mut map = serializer.serialize_map(None)?;
        P::__serialize(&self.handle.get(), self.handle.core(), &mut map)?;
        if !counts.is_empty() {
            map.serialize_entry("_count", &counts)?;
        }
        if !members.is_empty() {
            map.serialize_entry("_member", &members)?;
        }
        map.end()
    }
}

impl<H, L> Deref for Annotated<H, L> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.handle
    }
}

impl<H: Clone, L> Clone for Annotated<H, L> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone(), numbers: self.numbers.clone(), labels: PhantomData }
    }
}

impl<H: fmt::Debug, L> fmt::Debug for Annotated<H, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Annotated").field("handle", &self.handle).field("numbers", &self.numbers).finish()
    }
}

/// A number that a query asks for with each result.
#[derive(Clone, Debug)]
pub(super) enum Annotation {
    /// How many items relation `.0` has.
    Count(usize),
    /// Whether something is in relation `.0`.
    Member(usize, Target),
}

impl Annotation {
    pub(super) fn relation(&self) -> usize {
        match self {
            Self::Count(relation) | Self::Member(relation, _) => *relation,
        }
    }
}

/// A mode of which each result has numbers beside it.
#[derive(Clone, Copy, Debug)]
pub struct Annotating<M, L>(PhantomData<fn() -> (M, L)>);

/// A mode that one more number can be asked for in.
pub trait Annotate {
    /// The mode with `X` asked for too.
    type With<X: 'static>;
}

impl<M, L> Annotate for Annotating<M, L> {
    type With<X: 'static> = Annotating<M, Also<X, L>>;
}

impl<T: Entity, P: 'static, M: Annotate> Find<T, P, M> {
    /// Counts the items of a to-many relation with each result, with one statement for all: read it with
    /// [`count_of`](Annotated::count_of). The relation is not loaded. Filters hold, and what the context has not saved
    /// counts.
    ///
    /// # Examples
    ///
    /// ```
    /// # use orm_core::{Collection, Entity, EntityManager, Ref, Result};
    /// # #[derive(Entity, Clone, Debug, Default)]
    /// # struct Author { #[entity(id, auto)] id: i64, #[entity(mapped_by = "author")] books: Collection<Book> }
    /// # #[derive(Entity, Clone, Debug, Default)]
    /// # struct Book { #[entity(id, auto)] id: i64, author: Ref<Author> }
    /// # async fn example(em: EntityManager) -> Result<()> {
    /// for author in em.find_all::<Author>().with_count(Author::BOOKS).await? {
    ///     println!("{} has {} books", author.id(), author.count_of(Author::BOOKS));
    /// }
    /// # Ok(()) }
    /// ```
    pub fn with_count<R>(mut self, relation: R) -> Find<T, P, M::With<CountOf<R>>>
    where
        R: RelationField<Owner = T> + Deref<Target = ToMany<R>>,
    {
        let _ = relation;
        self.query.annotations.push(Annotation::Count(R::INDEX));
        self.with_mode()
    }

    /// Asks with each result whether `item`, a handle, a [`Ref`](crate::Ref) or a key, is in a to-many relation, with one
    /// statement for all: read it with [`has_member`](Annotated::has_member). The relation is not loaded.
    ///
    /// # Errors
    ///
    /// When the query runs: [`Error::ForeignEntity`](crate::Error::ForeignEntity) for an item without a key of another
    /// context.
    pub fn with_membership<R>(
        mut self,
        relation: R,
        item: impl IntoKeyOperand<<R as RelationField>::Target>,
    ) -> Find<T, P, M::With<MemberOf<R>>>
    where
        R: RelationField<Owner = T> + Deref<Target = ToMany<R>>,
    {
        let _ = relation;
        self.query.annotations.push(Annotation::Member(R::INDEX, item.into_key_operand()));
        self.with_mode()
    }
}

impl Running {
    async fn annotated<T: Entity, P: 'static, L>(&self) -> Result<Vec<Annotated<Loaded<T, P>, L>>> {
        let cells = self.cells().await?;
        self.annotations_of(cells).await
    }

    /// The handles of the cells with their numbers.
    pub(super) async fn annotations_of<T: Entity, P: 'static, L>(
        &self,
        mut cells: Vec<u32>,
    ) -> Result<Vec<Annotated<Loaded<T, P>, L>>> {
        let (region, entity) = (&self.region, self.select.root);
        let arena = region.arena(entity);
        cells.retain(|at| arena.state(*at) != State::Removed);
        let numbers = annotations_of(
            region,
            entity,
            &self.annotations,
            (self.filters.as_ref(), self.cache.as_ref()),
            &cells,
        )
        .await?;
        let handles = self.handles(cells).into_iter().zip(numbers);
        Ok(handles.map(|(handle, numbers)| Annotated::new(handle, numbers)).collect())
    }
}

/// The numbers of each of the cells.
pub(super) async fn annotations_of(
    region: &Arc<Region>,
    entity: EntityId,
    annotations: &[Annotation],
    (filters, cache): (Option<&FilterChoices>, Option<&CacheUse>),
    cells: &[u32],
) -> Result<Vec<Vec<u64>>> {
    let mut numbers = vec![Vec::with_capacity(annotations.len()); cells.len()];
    for annotation in annotations {
        let relation = RelationId { entity, index: annotation.relation() };
        let tallying = Tallying::new(region, relation, filters)?.cached(cache);
        let column = match annotation {
            Annotation::Count(_) => tallying.count_all(cells).await?,
            Annotation::Member(_, item) => {
                match item_cell(region, relation, item.clone(), KeyValues::default())? {
                    Some(item) => tallying.has_all(cells, item).await?.into_iter().map(u64::from).collect(),
                    None => vec![0; cells.len()],
                }
            }
        };
        numbers.iter_mut().zip(column).for_each(|(row, number)| row.push(number));
    }
    Ok(numbers)
}

macro_rules! annotates {
    ($($mode:ty),+) => { $(
        impl Annotate for $mode {
            type With<X: 'static> = Annotating<$mode, Also<X, ()>>;
        }
    )+ };
}

annotates!(FindMany, FindOne, FindOneOrFail, FindManyAndCount);

impl<T: Entity, P: 'static, L: Labels> FindMode<T, P> for Annotating<FindMany, L> {
    type Output = Vec<Annotated<Loaded<T, P>, L>>;

    async fn __run(query: Query) -> Result<Self::Output>
    where
        P: Record<T>,
    {
        Running::start::<T, P>(query, "find").await?.annotated().await
    }
}

impl<T: Entity, P: 'static, L: Labels> FindMode<T, P> for Annotating<FindOne, L> {
    type Output = Option<Annotated<Loaded<T, P>, L>>;

    const __IS_ONE: bool = true;

    async fn __run(mut query: Query) -> Result<Self::Output>
    where
        P: Record<T>,
    {
        query.limit = Some(1);
        Ok(Running::start::<T, P>(query, "find_one").await?.annotated().await?.into_iter().next())
    }
}

impl<T: Entity, P: 'static, L: Labels> FindMode<T, P> for Annotating<FindOneOrFail, L> {
    type Output = Annotated<Loaded<T, P>, L>;

    const __IS_ONE: bool = true;

    async fn __run(mut query: Query) -> Result<Self::Output>
    where
        P: Record<T>,
    {
        query.limit = Some(1);
        let running = Running::start::<T, P>(query, "find_one_or_fail").await?;
        let found = running.annotated().await?.into_iter().next();
        found.ok_or_else(|| not_found::<T>(&running))
    }
}

impl<T: Entity, P: 'static, L: Labels> FindMode<T, P> for Annotating<FindManyAndCount, L> {
    type Output = (Vec<Annotated<Loaded<T, P>, L>>, u64);

    async fn __run(query: Query) -> Result<Self::Output>
    where
        P: Record<T>,
    {
        let running = Running::start::<T, P>(query, "find_and_count").await?;
        let page = running.annotated().await?;
        let count = running.count(&running.select).await?;
        Ok((page, count))
    }
}
