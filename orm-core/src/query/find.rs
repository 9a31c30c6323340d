//! `find`, `find_one`, `find_one_or_fail`, `find_and_count` and `count`.

use std::borrow::Cow;
use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use super::annotate::Annotation;
use super::explain::Planned;
use super::keyset::Keyset;
use super::mentions::terms_of;
use super::stream::FindStream;
use super::{describe, entities_of};
use crate::activity::called_at;
use crate::cache::{self, CacheUse};
use crate::condition::{Condition, Expression, OrderBy, OrderTerm, Term};
use crate::driver::{BoxFuture, Join, Reading, RowLock, Select, Selection};
use crate::entity::{
    CellId, Entity, Freshness, ItemQueryAt, Loaded, PopulatePath, Record, Region, Shape, State,
};
use crate::entity_manager::{EntityManager, FlushMode};
use crate::error::{Error, Result};
use crate::filter::FilterChoices;
use crate::hydrate::{Hydrated, Joined};
use crate::lock::LockMode;
use crate::metadata::EntityId;
use crate::populate::{Loading, eager_shape, joins_of, keep_promises, load_rows, parse_path, populate};
use crate::value::{KeyValues, Value};

/// What a finder returns.
pub trait FindMode<T: Entity, P: 'static>: 'static {
    /// The result.
    type Output: Send + 'static;

    /// Whether only the first row is read.
    #[doc(hidden)]
    const __IS_ONE: bool = false;

    #[doc(hidden)]
    fn __run(query: Query) -> impl Future<Output = Result<Self::Output>> + Send
    where
        P: Record<T>;
}

/// All matches.
#[derive(Clone, Copy, Debug)]
pub struct FindMany;

/// The first match, if any.
#[derive(Clone, Copy, Debug)]
pub struct FindOne;

/// The first match, or an error.
#[derive(Clone, Copy, Debug)]
pub struct FindOneOrFail;

/// A page of matches and the number of all.
#[derive(Clone, Copy, Debug)]
pub struct FindManyAndCount;

/// A query for entities `T`; `P` is the record of what it populates, `M` what it returns.
///
/// Methods narrow it and return it; nothing is sent until it is awaited.
#[must_use = "a query is sent when it is awaited"]
pub struct Find<T: Entity, P: 'static = <T as Entity>::Nothing, M = FindMany> {
    pub(super) query: Query,
    types: Types<(T, P, M)>,
}

/// Types that a query only names; `fn` keeps it `Send` and `Sync` whatever they are.
type Types<T> = PhantomData<fn() -> T>;

/// How populated relations are loaded, by [`Find::strategy`]. The result is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LoadStrategy {
    /// One select a relation and level, for what is not loaded yet.
    #[default]
    SelectIn,
    /// To-one relations that have the foreign key, and chains of such, are joined to the select of the query, so that they
    /// take no statement of their own; other relations are loaded as by [`SelectIn`](Self::SelectIn). What is loaded
    /// already is read again with its owner.
    ///
    /// A query that locks its rows joins none, since the lock is of the root alone; nor does one that uses the result
    /// cache, whose answers are of one entity each.
    Joined,
}

/// A query without its types.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Query {
    pub(super) em: EntityManager,
    pub(super) condition: Expression,
    paths: Vec<String>,
    /// Which items are populated, where not all are.
    pub(super) choices: Vec<ItemQueryAt>,
    pub(super) order: Vec<OrderTerm>,
    pub(super) limit: Option<u64>,
    pub(super) offset: Option<u64>,
    freshness: Freshness,
    pub(super) uses_identity_map: bool,
    pub(super) flush_mode: Option<FlushMode>,
    pub(super) filters: FilterChoices,
    lock: Option<LockMode>,
    pub(super) strategy: LoadStrategy,
    /// Entities, beside those of the condition and the relations, whose pending changes the query may miss.
    pub(super) also_touches: Vec<EntityId>,
    /// Numbers to come with each result.
    pub(super) annotations: Vec<Annotation>,
    pub(super) cache: Option<CacheUse>,
    /// To-one relations that values are read through.
    pub(super) reads: Shape,
    /// Where the program has made it.
    pub(super) place: &'static Location<'static>,
}

impl Query {
    #[track_caller]
    pub(crate) fn new(em: EntityManager, condition: Expression) -> Self {
        Self {
            em,
            condition,
            paths: Vec::new(),
            choices: Vec::new(),
            order: Vec::new(),
            limit: None,
            offset: None,
            freshness: Freshness::Merge,
            uses_identity_map: true,
            flush_mode: None,
            filters: FilterChoices::default(),
            lock: None,
            strategy: LoadStrategy::SelectIn,
            also_touches: Vec::new(),
            annotations: Vec::new(),
            cache: None,
            reads: Shape::default(),
            place: Location::caller(),
        }
    }

    /// Whether it asks for all that meets its condition, and for nothing that populating would not bring.
    fn is_plain(&self) -> bool {
        self.uses_identity_map
            && self.freshness == Freshness::Merge
            && self.limit.is_none_or(|limit| limit == 1)
            && self.offset.is_none()
            && self.lock.is_none()
            && self.cache.is_none()
            && self.filters.is_empty()
            && self.annotations.is_empty()
    }
}

impl<T: Entity, M> Find<T, T::Nothing, M> {
    #[track_caller]
    pub(crate) fn new(em: EntityManager, condition: Condition<T>) -> Self {
        Self { query: Query::new(em, condition.expression), types: PhantomData }
    }
}

impl<T: Entity, P: 'static, M> Find<T, P, M> {
    /// Keeps entities that also meet `condition`.
    pub fn filter(mut self, condition: Condition<T>) -> Self {
        self.query.condition = self.query.condition.and(condition.expression);
        self
    }

    /// Loads relations together with each result: `Author::BOOKS`, `Author::BOOKS.then(Book::TAGS)`, or a tuple. The
    /// type of the result says so, and lets them be read.
    pub fn populate<Q: PopulatePath<T, P>>(self, path: Q) -> Find<T, Q::Out, M> {
        let mut find = self.with_record();
        path.__choices(&mut find.query.choices);
        find
    }

    pub(crate) fn with_record<Q: 'static>(self) -> Find<T, Q, M> {
        Find { query: self.query, types: PhantomData }
    }

    pub(super) fn with_mode<N>(self) -> Find<T, P, N> {
        Find { query: self.query, types: PhantomData }
    }

    /// Loads the relations of a path that is known only at run time, such as `books.tags`. The type of the result does
    /// not say so: read them through `books_ref().items()?`, or check with
    /// [`try_with`](crate::Loaded::try_with).
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPath`], with the closest name that exists, and [`Error::UnknownEntity`].
    pub fn populate_path(mut self, path: &str) -> Result<Self> {
        let metadata = &self.query.em.orm().metadata;
        let id = metadata.id_of::<T>().ok_or(Error::UnknownEntity { entity: T::__DESCRIPTION.name })?;
        parse_path(metadata, id, path, &mut Shape::default())?;
        self.query.paths.push(path.to_owned());
        Ok(self)
    }

    /// Orders the results: `Author::NAME.asc()`, or a tuple or list of such.
    pub fn order_by(mut self, order: impl Into<OrderBy<T>>) -> Self {
        self.query.order.extend(order.into().terms);
        self
    }

    /// Returns at most `limit` entities.
    pub fn limit(mut self, limit: u64) -> Self {
        self.query.limit = Some(limit);
        self
    }

    /// Skips the first `offset` entities.
    pub fn offset(mut self, offset: u64) -> Self {
        self.query.offset = Some(offset);
        self
    }

    /// Overwrites what is loaded with what the database has, unsaved edits included, also in populated relations.
    pub fn refresh(mut self) -> Self {
        self.query.freshness = Freshness::Refresh;
        self
    }

    /// Keeps the results out of the identity map: one instance a row within this result, unknown to the context, its
    /// edits never saved. Works on the global manager too.
    pub fn disable_identity_map(mut self) -> Self {
        self.query.uses_identity_map = false;
        self
    }

    /// Decides for this query whether pending changes are flushed before it.
    pub fn flush_mode(mut self, mode: FlushMode) -> Self {
        self.query.flush_mode = Some(mode);
        self
    }

    /// Decides how populated relations are loaded; see [`LoadStrategy`].
    pub fn strategy(mut self, strategy: LoadStrategy) -> Self {
        self.query.strategy = strategy;
        self
    }
}

/// Locks of several entities.
macro_rules! locks_rows {
    ($($mode:ty),+) => { $(
        impl<T: Entity, P: 'static> Find<T, P, $mode> {
            /// Locks the rows until the transaction ends: [`LockMode::PESSIMISTIC_READ`] or
            /// [`LockMode::PESSIMISTIC_WRITE`]. Relations that are populated are not locked. Refused with
            /// [`Error::Lock`] outside a transaction.
            pub fn lock(mut self, lock: RowLock) -> Self {
                self.query.lock = Some(lock.into());
                self
            }
        }
    )+ };
}

locks_rows!(FindMany, FindManyAndCount);

/// Locks of one entity.
macro_rules! locks_one {
    ($($mode:ty),+) => { $(
        impl<T: Entity, P: 'static> Find<T, P, $mode> {
            /// Locks the entity: a pessimistic lock as of [`LockMode::PESSIMISTIC_WRITE`], or the version that it must
            /// have, as of [`LockMode::optimistic`]. Relations that are populated are not locked. Refused with
            /// [`Error::Lock`] outside a transaction or without a version, and with [`Error::VersionMismatch`].
            pub fn lock(mut self, mode: impl Into<LockMode>) -> Self {
                self.query.lock = Some(mode.into());
                self
            }
        }
    )+ };
}

locks_one!(FindOne, FindOneOrFail);

impl<T: Entity, P: Record<T>> Find<T, P> {
    /// The results one by one, loaded chunk by chunk in bounded memory; see [`FindStream`].
    pub fn stream(self) -> FindStream<T, P> {
        FindStream::new(self.query)
    }
}

impl<T: Entity, P: 'static, M> fmt::Debug for Find<T, P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metadata = &self.query.em.orm().metadata;
        let condition = metadata.id_of::<T>().map(|id| describe(metadata, id, &self.query.condition));
        f.debug_struct("Find").field("entity", &T::__DESCRIPTION.name).field("condition", &condition).finish()
    }
}

impl<T: Entity, P: Record<T>, M: FindMode<T, P>> IntoFuture for Find<T, P, M> {
    type Output = Result<M::Output>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(called_at(self.query.place, M::__run(self.query)))
    }
}

impl<T: Entity, P: 'static> FindMode<T, P> for FindMany {
    type Output = Vec<Loaded<T, P>>;

    async fn __run(query: Query) -> Result<Self::Output>
    where
        P: Record<T>,
    {
        Running::start::<T, P>(query, "find").await?.run::<T, P>().await
    }
}

impl<T: Entity, P: 'static> FindMode<T, P> for FindOne {
    type Output = Option<Loaded<T, P>>;

    const __IS_ONE: bool = true;

    async fn __run(mut query: Query) -> Result<Self::Output>
    where
        P: Record<T>,
    {
        query.limit = Some(1);
        Ok(Running::start::<T, P>(query, "find_one").await?.run::<T, P>().await?.into_iter().next())
    }
}

impl<T: Entity, P: 'static> FindMode<T, P> for FindOneOrFail {
    type Output = Loaded<T, P>;

    const __IS_ONE: bool = true;

    async fn __run(mut query: Query) -> Result<Self::Output>
    where
        P: Record<T>,
    {
        query.limit = Some(1);
        let running = Running::start::<T, P>(query, "find_one_or_fail").await?;
        let found = running.run::<T, P>().await?.into_iter().next();
        found.ok_or_else(|| not_found::<T>(&running))
    }
}

pub(super) fn not_found<T: Entity>(running: &Running) -> Error {
    Error::NotFound {
        entity: T::__DESCRIPTION.name,
        condition: describe(running.region.metadata(), running.select.root, &running.select.condition),
    }
}

impl<T: Entity, P: 'static> FindMode<T, P> for FindManyAndCount {
    type Output = (Vec<Loaded<T, P>>, u64);

    async fn __run(query: Query) -> Result<Self::Output>
    where
        P: Record<T>,
    {
        let running = Running::start::<T, P>(query, "find_and_count").await?;
        let page = running.run::<T, P>().await?;
        let count = running.count(&running.select).await?;
        Ok((page, count))
    }
}

impl<T: Entity, P: Record<T>, M: FindMode<T, P>> Find<T, P, M> {
    pub(super) fn planned(&self, method: &'static str) -> Result<Planned> {
        let mut query = self.query.clone();
        if M::__IS_ONE {
            query.limit = Some(1);
        }
        let running = Running::at_rest::<T, P>(query, method)?;
        let select = running.page().into_owned();
        Ok(Planned::new(running, select, Reading::Rows))
    }
}

/// A query and its context, before pending changes are flushed for it.
struct Arrival {
    em: EntityManager,
    region: Arc<Region>,
    entity: EntityId,
    shape: Shape,
    lock: Option<RowLock>,
    query: Query,
}

impl Arrival {
    fn new<T: Entity, P: Record<T>>(query: Query, method: &'static str) -> Result<Self> {
        let em = if query.uses_identity_map { query.em.resolve_in_call(method)? } else { query.em.clone() };
        let region = if query.uses_identity_map { em.region() } else { em.isolated() };
        let (entity, _) = region.arena_of::<T>()?;
        let lock = region.row_lock(entity, query.lock.as_ref())?;
        let mut shape = eager_shape(region.metadata(), entity);
        shape.merge(&P::__shape());
        shape.choose(&query.choices);
        for path in &query.paths {
            parse_path(region.metadata(), entity, path, &mut shape)?;
        }
        Ok(Self { em, region, entity, shape, lock, query })
    }

    async fn flush(&self) -> Result<()> {
        let Self { em, region, entity, shape, query, .. } = self;
        if !query.uses_identity_map {
            return Ok(());
        }
        let entities = || {
            let mut entities = entities_of(region.metadata(), *entity, &query.condition, shape);
            entities.extend(&query.also_touches);
            for order in &query.order {
                terms_of(region.metadata(), *entity, &order.term, &mut entities);
            }
            let relations = query.annotations.iter().map(Annotation::relation);
            entities.extend(relations.map(|index| region.entity(*entity).relations[index].target));
            entities
        };
        em.flush_before_query(query.flush_mode, entities).await
    }
}

/// A query that has met its context.
#[doc(hidden)]
#[derive(Debug)]
pub struct Running {
    pub(super) region: Arc<Region>,
    pub(super) select: Select,
    /// What is joined to it.
    joins: Vec<Join>,
    shape: Shape,
    /// What the rows lead to: what is populated, and what values are read through.
    promised: Shape,
    freshness: Freshness,
    pub(super) filters: Option<FilterChoices>,
    lock: Option<LockMode>,
    pub(super) annotations: Vec<Annotation>,
    pub(super) cache: Option<CacheUse>,
}

impl Running {
    /// `method` is what the program called.
    pub(super) async fn start<T: Entity, P: Record<T>>(query: Query, method: &'static str) -> Result<Self> {
        let arrival = Arrival::new::<T, P>(query, method)?;
        arrival.flush().await?;
        if arrival.query.is_plain() && matches!(method, "find" | "find_one" | "find_one_or_fail") {
            arrival.region.note_find(arrival.entity, &arrival.query.condition)?;
        }
        let running = Self::new(arrival)?;
        if running.freshness == Freshness::Refresh {
            running.region.tallies().clear();
        }
        Ok(running)
    }

    /// As [`start`](Self::start), with nothing flushed or forgotten: the query as it would be sent now.
    pub(super) fn at_rest<T: Entity, P: Record<T>>(query: Query, method: &'static str) -> Result<Self> {
        Self::new(Arrival::new::<T, P>(query, method)?)
    }

    fn new(arrival: Arrival) -> Result<Self> {
        let Arrival { region, entity, shape, lock, query, .. } = arrival;
        query.filters.check(&region.orm().filters)?;
        let filters = Some(query.filters).filter(|filters| !filters.is_empty());
        let mut promised = shape.clone();
        promised.merge(&query.reads);
        let condition = region.narrowed(entity, query.condition, filters.as_ref())?.and(region.promised_by(
            entity,
            &promised,
            filters.as_ref(),
        )?);
        let joins = match query.strategy {
            // A lock is of the root alone, and cached answers are kept by entity.
            LoadStrategy::Joined if lock.is_none() && query.cache.is_none() => {
                let loading = Loading::from(query.freshness).under(filters.as_ref());
                joins_of(&region, entity, &shape, loading)?
            }
            LoadStrategy::Joined | LoadStrategy::SelectIn => Vec::new(),
        };
        let select = Select {
            condition,
            order: region.shown_order(entity, query.order, &promised, filters.as_ref())?,
            limit: query.limit,
            offset: query.offset,
            lock,
            ..Select::new(Arc::clone(region.metadata()), entity)
        };
        let Query { freshness, lock, annotations, .. } = query;
        // Whether a row is as it was can't be told of an old answer.
        let cache = CacheUse::of(&region, query.cache.filter(|_| lock.is_none()), freshness)?;
        Ok(Self { region, select, joins, shape, promised, freshness, filters, lock, annotations, cache })
    }

    /// The select with what is joined to it, without the rows of entities that are scheduled to be removed where these
    /// would take the place of others.
    pub(super) fn page(&self) -> Cow<'_, Select> {
        let mut select = Cow::Borrowed(&self.select);
        // Beside values of its own it takes no others.
        if !self.joins.is_empty() && matches!(select.selection, Selection::Columns) {
            select.to_mut().selection = Selection::Joined(self.joins.clone());
        }
        if select.limit.is_some() || select.offset.is_some() {
            let removed = self.region.removed_keys(select.root);
            if !removed.is_empty() {
                let gone = Expression::KeyIn { property: None, keys: removed };
                let select = select.to_mut();
                select.condition = std::mem::replace(&mut select.condition, Expression::always())
                    .and(Expression::Not(Box::new(gone)));
            }
        }
        select
    }

    /// Makes terms NULL where they are of what filters hide.
    pub(super) fn show(&self, terms: &mut [Term]) -> Result<()> {
        self.region.shown_terms(self.select.root, terms, &self.promised, self.filters.as_ref())
    }

    async fn run<T: Entity, P: 'static>(&self) -> Result<Vec<Loaded<T, P>>> {
        let cells = self.cells().await?;
        Ok(self.handles(cells))
    }

    /// The cells of all rows, populated.
    pub(super) async fn cells(&self) -> Result<Vec<u32>> {
        let rows = self.rows().await?;
        self.complete(&rows).await?;
        Ok(rows.cells)
    }

    fn loading(&self) -> Loading<'_> {
        Loading::from(self.freshness).under(self.filters.as_ref()).cached(self.cache.as_ref())
    }

    /// How many rows there are, whatever the limit.
    pub(super) async fn count(&self, select: &Select) -> Result<u64> {
        cache::count(&self.region, select, self.cache.as_ref()).await
    }

    /// All rows, to be [completed](Self::complete).
    pub(super) async fn rows(&self) -> Result<Hydrated> {
        load_rows(&self.region, &self.page(), self.loading()).await
    }

    /// All rows, to be [completed](Self::complete), and where they stand in `order`, the query's.
    pub(super) async fn placed_rows(&mut self, order: &Keyset) -> Result<(Hydrated, Vec<Placed>)> {
        if order.is_own() {
            let rows = self.rows().await?;
            let placed = rows.cells.iter().map(|cell| Placed { cell: *cell, read: None }).collect();
            return Ok((rows, placed));
        }
        let mut terms: Vec<Term> = order.terms.iter().map(|term| term.order.term.clone()).collect();
        self.show(&mut terms)?;
        let types = order.terms.iter().map(|term| term.value_type);
        self.select.selection = Selection::Beside(terms.into_iter().zip(types).collect());
        let mut rows = self.rows().await?;
        let values = std::mem::take(&mut rows.linked);
        let placed = rows.cells.iter().zip(values);
        let placed = placed.map(|(cell, values)| Placed { cell: *cell, read: Some(values) }).collect();
        Ok((rows, placed))
    }

    /// Populates the cells of the rows, and checks their versions.
    pub(super) async fn complete(&self, rows: &Hydrated) -> Result<()> {
        let region = &self.region;
        let entity = self.select.root;
        let cells = &rows.cells;
        let joined = rows.related.as_ref().map(Joined::at_root);
        populate(region, entity, cells, &self.shape, self.loading().with(joined)).await?;
        keep_promises(region).await?;
        if let Some(LockMode::Optimistic(expected)) = &self.lock {
            for at in cells {
                region.check_version(CellId { entity, at: *at }, expected)?;
            }
        }
        Ok(())
    }

    /// Handles of the cells, without those that are scheduled to be removed.
    pub(super) fn handles<T: Entity, P: 'static>(&self, cells: Vec<u32>) -> Vec<Loaded<T, P>> {
        let (region, entity) = (&self.region, self.select.root);
        let arena = region.arena(entity);
        let present = cells.into_iter().filter(|at| arena.state(*at) != State::Removed);
        present.map(|at| Loaded::new(Arc::clone(region), CellId { entity, at })).collect()
    }
}

/// A row of an ordered query.
pub(super) struct Placed {
    pub(super) cell: u32,
    /// Its values of the order, where the entity does not have them.
    read: Option<KeyValues>,
}

impl Placed {
    /// Where it stands in `order`.
    pub(super) fn position(&self, running: &Running, order: &Keyset) -> Result<Vec<Value>> {
        match &self.read {
            Some(values) => Ok(values.to_vec()),
            None => order.position(&running.region, CellId { entity: running.select.root, at: self.cell }),
        }
    }
}

/// The number of entities that meet a condition.
#[must_use = "a query is sent when it is awaited"]
pub struct Count<T> {
    pub(super) query: Query,
    marker: PhantomData<fn() -> T>,
}

impl<T: Entity> Count<T> {
    #[track_caller]
    pub(crate) fn new(em: EntityManager, condition: Condition<T>) -> Self {
        Self { query: Query::new(em, condition.expression), marker: PhantomData }
    }

    /// Decides for this query whether pending changes are flushed before it.
    pub fn flush_mode(mut self, mode: FlushMode) -> Self {
        self.query.flush_mode = Some(mode);
        self
    }
}

impl<T: Entity> Count<T> {
    pub(super) fn planned(&self, method: &'static str) -> Result<Planned> {
        let running = Running::at_rest::<T, T::Nothing>(self.query.clone(), method)?;
        let select = running.select.clone();
        Ok(Planned::new(running, select, Reading::Count))
    }
}

impl<T> fmt::Debug for Count<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Count")
    }
}

impl<T: Entity> IntoFuture for Count<T> {
    type Output = Result<u64>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(called_at(self.query.place, async move {
            let running = Running::start::<T, T::Nothing>(self.query, "count").await?;
            running.count(&running.select).await
        }))
    }
}
