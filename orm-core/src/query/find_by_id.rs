//! `find_by_id`: answers from the identity map without a statement, and without a box.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::find::{Find, FindMode, FindOne, LoadStrategy};
use crate::activity::called_at;
use crate::cache::CacheUse;
use crate::condition::{Condition, Expression};
use crate::driver::BoxFuture;
use crate::entity::{
    CellId, Entity, Freshness, ItemQueryAt, Key, Loaded, PopulatePath, Record, Region, State, key_error,
};
use crate::entity_manager::EntityManager;
use crate::error::{EntityKey, Error, Result};
use crate::filter::FilterChoices;
use crate::lock::LockMode;
use crate::populate::{Loading, eager_shape, keep_promises, populate};

/// A query for one entity by its primary key.
#[must_use = "a query is sent when it is awaited"]
pub struct FindById<T: Entity, P: 'static = <T as Entity>::Nothing> {
    pub(super) em: EntityManager,
    key: T::Key,
    freshness: Freshness,
    pub(super) filters: FilterChoices,
    lock: Option<LockMode>,
    strategy: LoadStrategy,
    /// Which items are populated, where not all are.
    chosen: Vec<ItemQueryAt>,
    pub(super) cache: Option<CacheUse>,
    /// Where the program has made it.
    pub(super) place: &'static Location<'static>,
    marker: PhantomData<fn() -> P>,
}

impl<T: Entity> FindById<T> {
    #[track_caller]
    pub(crate) fn new(em: EntityManager, key: T::Key) -> Self {
        let (freshness, filters) = (Freshness::Merge, FilterChoices::default());
        let (strategy, cache) = (LoadStrategy::default(), None);
        Self {
            em,
            key,
            freshness,
            filters,
            lock: None,
            strategy,
            chosen: Vec::new(),
            cache,
            place: Location::caller(),
            marker: PhantomData,
        }
    }
}

impl<T: Entity, P: 'static> FindById<T, P> {
    /// Loads relations together with the entity; see [`Find::populate`].
    pub fn populate<Q: PopulatePath<T, P>>(self, path: Q) -> FindById<T, Q::Out> {
        let Self { em, key, freshness, filters, lock, strategy, mut chosen, cache, place, .. } = self;
        path.__choices(&mut chosen);
        FindById { em, key, freshness, filters, lock, strategy, chosen, cache, place, marker: PhantomData }
    }

    /// Asks the database also for an entity that is loaded, and overwrites unsaved edits.
    pub fn refresh(mut self) -> Self {
        self.freshness = Freshness::Refresh;
        self
    }

    /// Locks the entity; see `Find::lock`. Asks the database also for an entity that is loaded,
    /// and brings it up to date but for its unsaved edits.
    pub fn lock(mut self, mode: impl Into<LockMode>) -> Self {
        self.lock = Some(mode.into());
        self
    }

    /// Decides how populated relations are loaded where the database is asked for the entity; see [`LoadStrategy`].
    pub fn strategy(mut self, strategy: LoadStrategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Whether the identity map may answer.
    fn asks_always(&self) -> bool {
        self.freshness == Freshness::Refresh || self.lock.is_some()
    }

    pub(super) fn choices(&self) -> Option<&FilterChoices> {
        Some(&self.filters).filter(|filters| !filters.is_empty())
    }

    pub(super) fn not_found(&self) -> Error {
        not_found::<T>(&self.key)
    }
}

fn not_found<T: Entity>(key: &T::Key) -> Error {
    let key = EntityKey::new(T::__DESCRIPTION.name, key.to_values().unwrap_or_default());
    Error::NotFound { entity: T::__DESCRIPTION.name, condition: key.to_string() }
}

impl<T: Entity, P: 'static> fmt::Debug for FindById<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FindById({}[{:?}])", T::__DESCRIPTION.name, self.key)
    }
}

impl<T: Entity, P: Record<T>> FindById<T, P> {
    pub(super) fn asked(self) -> FindByIdFuture<T, P> {
        FindByIdFuture { state: FutureState::Asking(Some(self)) }
    }

    /// What the identity map says; `None` if the database must be asked.
    fn look_up(&self) -> Option<Result<Option<Loaded<T, P>>>> {
        if !P::__IS_EMPTY || self.asks_always() {
            return None;
        }
        let region = match self.em.resolve_at("find_by_id", Some(self.place)) {
            Ok(em) => em.region(),
            Err(error) => return Some(Err(error)),
        };
        let (entity, arena) = match region.arena_of::<T>() {
            Ok(found) => found,
            Err(error) => return Some(Err(error)),
        };
        let at = arena.find(&self.key)?;
        let (state, is_loaded) = {
            let cell = arena.cell(at).lock();
            (cell.state, cell.current.is_some())
        };
        match state {
            State::Removed => Some(Ok(None)),
            State::New | State::Managed if is_loaded => {
                match self.is_shown(&region, CellId { entity, at }) {
                    Ok(Some(true)) => {}
                    Ok(Some(false)) => return Some(Ok(None)),
                    Ok(None) => return None,
                    Err(error) => return Some(Err(error)),
                }
                region.activity().note_hit();
                Some(Ok(Some(Loaded::new(region, CellId { entity, at }))))
            }
            State::New | State::Managed | State::Reference | State::Detached => None,
        }
    }

    /// What filters say of a loaded entity; `None` where only the database can tell.
    fn is_shown(&self, region: &Region, cell: CellId) -> Result<Option<bool>> {
        if region.orm().filters.is_empty() {
            return Ok(Some(true));
        }
        self.filters.check(&region.orm().filters)?;
        let condition = region.filter_of(cell.entity, self.choices())?;
        Ok(if condition.is_always() { Some(true) } else { region.meets(cell, &condition) })
    }

    async fn ask(self) -> Result<Option<Loaded<T, P>>> {
        let em = self.em.resolve_in_call("find_by_id")?;
        let region = em.region();
        let (entity, arena) = region.arena_of::<T>()?;
        if let (Some(at), false) = (arena.find(&self.key), self.asks_always()) {
            let mut shape = eager_shape(region.metadata(), entity);
            shape.merge(&P::__shape());
            shape.choose(&self.chosen);
            let state = arena.cell(at).lock().state;
            match state {
                State::Removed => return Ok(None),
                // Filters have the last word on the row, or on what it leads to.
                State::Managed
                    if self.is_shown(&region, CellId { entity, at })? != Some(true)
                        || !region.promised_by(entity, &shape, self.choices())?.is_always() => {}
                State::New | State::Managed => {
                    // The row is here; only relations may be missing.
                    let cache = CacheUse::of(&region, self.cache.clone(), Freshness::Merge)?;
                    let loading =
                        Loading::from(Freshness::Merge).under(self.choices()).cached(cache.as_ref());
                    populate(&region, entity, &[at], &shape, loading).await?;
                    keep_promises(&region).await?;
                    return Ok(Some(Loaded::new(Arc::clone(&region), CellId { entity, at })));
                }
                State::Reference | State::Detached => {}
            }
        }
        let values = self.key.to_values().map_err(key_error::<T>)?;
        if !self.asks_always() && self.cache.is_none() {
            region.note_find_by_key(entity, &values)?;
        }
        let condition = Condition::<T>::new(Expression::KeyIn { property: None, keys: vec![values.clone()] });
        let mut find: Find<T, T::Nothing, FindOne> = Find::new(self.em, condition);
        find.query.filters = self.filters;
        find.query.choices = self.chosen;
        find.query.cache = self.cache;
        find.query.strategy = self.strategy;
        if self.freshness == Freshness::Refresh {
            find = find.refresh();
        }
        if let Some(mode) = self.lock {
            find = find.lock(mode);
        }
        let found = <FindOne as FindMode<T, P>>::__run(find.with_record::<P>().query).await?;
        if let Some(found) = &found {
            found.region().note_spelling(found.cell_id(), &values)?;
        }
        Ok(found)
    }
}

impl<T: Entity, P: Record<T>> IntoFuture for FindById<T, P> {
    type Output = Result<Option<Loaded<T, P>>>;
    type IntoFuture = FindByIdFuture<T, P>;

    fn into_future(self) -> Self::IntoFuture {
        self.asked()
    }
}

/// A query for one entity by its primary key, which must be there.
#[must_use = "a query is sent when it is awaited"]
pub struct FindByIdOrFail<T: Entity, P: 'static = <T as Entity>::Nothing>(pub(super) FindById<T, P>);

impl<T: Entity> FindByIdOrFail<T> {
    #[track_caller]
    pub(crate) fn new(em: EntityManager, key: T::Key) -> Self {
        Self(FindById::new(em, key))
    }
}

impl<T: Entity, P: 'static> FindByIdOrFail<T, P> {
    /// Loads relations together with the entity; see [`Find::populate`].
    pub fn populate<Q: PopulatePath<T, P>>(self, path: Q) -> FindByIdOrFail<T, Q::Out> {
        FindByIdOrFail(self.0.populate(path))
    }

    /// Asks the database also for an entity that is loaded, and overwrites unsaved edits.
    pub fn refresh(self) -> Self {
        Self(self.0.refresh())
    }

    /// Decides how populated relations are loaded where the database is asked for the entity; see [`LoadStrategy`].
    pub fn strategy(self, strategy: LoadStrategy) -> Self {
        Self(self.0.strategy(strategy))
    }
}

impl<T: Entity, P: 'static> fmt::Debug for FindByIdOrFail<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FindByIdOrFail({}[{:?}])", T::__DESCRIPTION.name, self.0.key)
    }
}

impl<T: Entity, P: Record<T>> IntoFuture for FindByIdOrFail<T, P> {
    type Output = Result<Loaded<T, P>>;
    type IntoFuture = FindByIdOrFailFuture<T, P>;

    fn into_future(self) -> Self::IntoFuture {
        FindByIdOrFailFuture { key: self.0.key.clone(), future: self.0.asked() }
    }
}

/// The future of [`FindByIdOrFail`].
#[must_use = "futures do nothing unless polled"]
pub struct FindByIdOrFailFuture<T: Entity, P: 'static> {
    key: T::Key,
    future: FindByIdFuture<T, P>,
}

impl<T: Entity, P: 'static> fmt::Debug for FindByIdOrFailFuture<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FindByIdOrFailFuture")
    }
}

// The key is never pinned, and the future inside is `Unpin` itself.
impl<T: Entity, P: 'static> Unpin for FindByIdOrFailFuture<T, P> {}

impl<T: Entity, P: Record<T>> Future for FindByIdOrFailFuture<T, P> {
    type Output = Result<Loaded<T, P>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.future).poll(context);
        answer.map(|found| found?.ok_or_else(|| not_found::<T>(&self.key)))
    }
}

/// The future of [`FindById`].
#[must_use = "futures do nothing unless polled"]
pub struct FindByIdFuture<T: Entity, P: 'static> {
    state: FutureState<T, P>,
}

enum FutureState<T: Entity, P: 'static> {
    Asking(Option<FindById<T, P>>),
    Running(BoxFuture<'static, Result<Option<Loaded<T, P>>>>),
}

impl<T: Entity, P: 'static> fmt::Debug for FindByIdFuture<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FindByIdFuture")
    }
}

// Nothing in it is ever pinned: the running future is in its own box.
impl<T: Entity, P: 'static> Unpin for FindByIdFuture<T, P> {}

impl<T: Entity, P: Record<T>> Future for FindByIdFuture<T, P> {
    type Output = Result<Option<Loaded<T, P>>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match &mut self.state {
                FutureState::Asking(query) => {
                    let Some(query) = query.take() else {
                        // Polled after it was ready, which the contract of `Future` leaves open.
                        return Poll::Pending;
                    };
                    if let Some(answer) = query.look_up() {
                        return Poll::Ready(answer);
                    }
                    self.state = FutureState::Running(Box::pin(called_at(query.place, query.ask())));
                }
                FutureState::Running(future) => return future.as_mut().poll(context),
            }
        }
    }
}
