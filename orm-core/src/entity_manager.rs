//! The manager: what programs hold. A facade over the context, the finders and the unit of work.

mod bulk;
mod filters;
mod handles;
mod lock;
mod native;
mod options;
mod repository;
mod sql;
mod transaction;
mod values;

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

use handles::Removal;
pub use handles::{Handles, Merge, Persist, Remove};
pub use lock::Lock;
pub use options::{FlushMode, ForkOptions, Outcome};
pub use repository::Repository;
use transaction::Begun;
pub(crate) use transaction::test_transaction;
#[doc(hidden)]
pub use transaction::transaction;
pub use transaction::{Propagation, Retry, TransactionOptions, TransactionPolicy, retry};
pub(crate) use values::{RequestState, RequestValues};

use crate::activity::{Statistics, called_at, place};
use crate::cache::CachedResults;
use crate::condition::Condition;
use crate::context::{self, RequestContext};
use crate::entity::{
    CellId, Entity, Freshness, Key, Loaded, PopulatePath, Record, Region, State, Writable, key_error,
};
use crate::error::{Error, Result};
use crate::filter::ContextFilters;
use crate::metadata::EntityId;
use crate::orm::{DEFAULT_NAME, OrmCore};
use crate::populate::{keep_promises, load_rows, populate, select};
use crate::query::{Count, Find, FindById, FindByIdOrFail, FindManyAndCount, FindOne, FindOneOrFail};
use crate::relation::BoundRef;
use crate::session::{Holder, Level, Session, Turn, ended};
use crate::subscriber::{Subscriber, SubscriberList, Subscription, Subscriptions};
use crate::unit_of_work::{self, FlushPlan, HookScope, Scope};

/// Finds, tracks and saves entities.
///
/// Cheap to clone; clones are the same manager. The manager of [`Orm::em`](crate::Orm::em) is global and guarded: it
/// stands for the manager of the current context, and fails outside any. A [`fork`](Self::fork) is a context of its
/// own, with its own identity map.
#[derive(Clone)]
pub struct EntityManager {
    context: Arc<Context>,
    /// Of the manager that a transaction's closure got: where in the transaction it stands.
    level: Option<Arc<Level>>,
}

/// One context: an identity map that `clear` replaces, and how it behaves.
struct Context {
    id: u64,
    orm: Arc<OrmCore>,
    kind: ContextKind,
    request: Arc<RequestState>,
    session: Arc<Session>,
    /// Where it stands outside of its transactions: the root of its session, or the level of a test.
    root: Arc<Level>,
    subscribers: SubscriberList,
    region: Mutex<Arc<Region>>,
    flush_mode: FlushMode,
    /// What `begin` has begun, outermost first.
    begun: Mutex<Vec<Begun>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ContextKind {
    /// The manager of the ORM itself: looks for the current context, and is guarded.
    Global,
    /// A fork that looks for the current context, and else is its own.
    Following,
    /// A plain fork.
    Own,
}

impl EntityManager {
    /// The name of managers whose ORM was given none.
    pub const DEFAULT_NAME: &'static str = DEFAULT_NAME;

    pub(crate) fn global(orm: &Arc<OrmCore>) -> Self {
        let flush_mode = orm.flush_mode;
        let session = Session::new(Arc::clone(orm));
        let root = Arc::clone(session.root());
        Self::make(session, root, ContextKind::Global, flush_mode, Arc::default())
    }

    fn make(
        session: Arc<Session>,
        root: Arc<Level>,
        kind: ContextKind,
        flush_mode: FlushMode,
        request: Arc<RequestState>,
    ) -> Self {
        let orm = Arc::clone(session.orm());
        let context = Context {
            id: request.activity.context(),
            region: Mutex::new(Region::new(Arc::clone(&session), Arc::clone(&request))),
            subscribers: SubscriberList::new(Arc::clone(&orm.subscribers)),
            session,
            root,
            orm,
            kind,
            request,
            flush_mode,
            begun: Mutex::default(),
        };
        Self { context: Arc::new(context), level: None }
    }

    pub(crate) fn orm(&self) -> &Arc<OrmCore> {
        &self.context.orm
    }

    pub(crate) fn request(&self) -> &Arc<RequestState> {
        &self.context.request
    }

    pub(crate) fn region(&self) -> Arc<Region> {
        Arc::clone(&self.context.region.lock())
    }

    // ---- transactions

    /// The level that this handle was made for.
    pub(crate) fn own_level(&self) -> Option<&Arc<Level>> {
        self.level.as_ref()
    }

    /// Where in the context's transactions a call on this manager stands: as deep as the handle, or the current task,
    /// says, and in what `begin` has begun there.
    pub(crate) fn level(&self) -> Arc<Level> {
        let own = self.level.clone().filter(|level| level.is_open());
        let current = context::transaction::level_of(self.context.session.id());
        let level = own.into_iter().chain(current).max_by_key(|level| level.depth());
        level.unwrap_or_else(|| Arc::clone(&self.context.root)).innermost()
    }

    /// Waits for the turn where calls on this manager stand. What ends meanwhile is left for what it stood on.
    ///
    /// # Errors
    ///
    /// [`Error::Wait`], and [`Error::Transaction`] when the test that the context was made in has ended.
    pub(crate) async fn turn(&self, holder: Holder) -> Result<Turn> {
        loop {
            if !self.context.root.is_open() {
                return Err(ended(holder.what()));
            }
            let turn = self.level().turn(holder, self.context.orm.wait_timeout).await?;
            if turn.level().is_open() {
                return Ok(turn);
            }
        }
    }

    // ---- contexts

    /// The name of its ORM.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.context.orm.name
    }

    /// The number of the context that this manager stands for right now.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.contextual().context.id
    }

    /// What the context that this manager stands for has done so far.
    ///
    /// Also for the global manager outside any context, which counts what needs none.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.contextual().own_statistics()
    }

    /// What this very context has done.
    pub(crate) fn own_statistics(&self) -> Statistics {
        self.request().activity.statistics(self.region().count_loaded())
    }

    /// What time it is, by the clock of its ORM.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.context.orm.clock.now()
    }

    /// The manager that calls on this one go to: the current context's, or this one.
    ///
    /// Every method that works with the identity map does this first, so it is rarely needed.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalContext`] for the global manager outside any context.
    #[track_caller]
    pub fn get_context(&self) -> Result<Self> {
        self.resolve("get_context")
    }

    /// As there, for a method that is not awaited.
    #[track_caller]
    pub(crate) fn resolve(&self, method: &'static str) -> Result<Self> {
        self.resolve_at(method, Some(Location::caller()))
    }

    /// As there, for one whose future runs as what was [`called_at`] a place.
    pub(crate) fn resolve_in_call(&self, method: &'static str) -> Result<Self> {
        self.resolve_at(method, place())
    }

    pub(crate) fn resolve_at(
        &self,
        method: &'static str,
        place: Option<&'static Location<'static>>,
    ) -> Result<Self> {
        let em = self.contextual();
        if em.context.kind == ContextKind::Global && !em.context.orm.allow_global_context {
            return Err(Error::GlobalContext { method, place });
        }
        Ok(em)
    }

    /// As [`resolve`](Self::resolve), without the guard.
    pub(crate) fn contextual(&self) -> Self {
        if self.context.kind == ContextKind::Own || self.level.is_some() {
            return self.clone();
        }
        let orm = &self.context.orm;
        if let Some(inside) = context::transaction::manager_of(orm, RequestContext::outer_transactions()) {
            return inside;
        }
        let current = match &self.context.orm.context {
            Some(callback) => callback(self.name()),
            None => RequestContext::manager_of(&self.context.orm),
        };
        current.unwrap_or_else(|| self.clone())
    }

    /// A new context with an empty identity map, which shares nothing with this one but the database.
    #[must_use]
    pub fn fork(&self) -> Self {
        self.fork_with(ForkOptions::default())
    }

    /// A new context, as the options say. What they leave open is as in the context that this manager stands for.
    #[must_use]
    pub fn fork_with(&self, options: ForkOptions) -> Self {
        let parent = if options.disable_context_resolution { self.clone() } else { self.contextual() };
        let kind = if options.use_context { ContextKind::Following } else { ContextKind::Own };
        let flush_mode = options.flush_mode.unwrap_or(parent.context.flush_mode);
        let mut request = parent.request().copy();
        if options.fresh_filters {
            request.filters = ContextFilters::default();
        }
        let request = Arc::new(request);
        let (session, root) = self.session_of_fork();
        let fork = Self::make(session, root, kind, flush_mode, request);
        if !options.fresh_subscribers {
            fork.context.subscribers.set(parent.subscriptions());
        }
        if !options.clear {
            let (from, to) = (parent.region(), fork.region());
            for (entity, arena) in from.arenas() {
                for at in arena.copy_into(to.arena(entity)) {
                    to.touch(CellId { entity, at });
                }
            }
        }
        fork
    }

    /// A session of its own; in a test that of the test, so that what the fork writes goes with it.
    fn session_of_fork(&self) -> (Arc<Session>, Arc<Level>) {
        let inside = context::transaction::manager_of(&self.context.orm, 0);
        for em in [Some(self), inside.as_ref()].into_iter().flatten() {
            if let Some(level) = em.level().of_test() {
                return (Arc::clone(&em.context.session), level);
            }
        }
        let session = Session::new(Arc::clone(&self.context.orm));
        let root = Arc::clone(session.root());
        (session, root)
    }

    /// Registers a subscriber with the context that this manager stands for, and with the forks that are made of it
    /// from now on. On the global manager outside any context: with every context that is made from now on.
    ///
    /// It runs after those that are registered already.
    pub fn add_subscriber(&self, subscriber: impl Subscriber) {
        self.contextual().context.subscribers.add(Subscription::new(subscriber));
    }

    pub(crate) fn subscriptions(&self) -> Subscriptions {
        self.context.subscribers.now()
    }

    /// The number of this very context.
    pub(crate) fn context_id(&self) -> u64 {
        self.context.id
    }

    /// Memory for the results of one query, which nothing saves and nobody else sees.
    pub(crate) fn isolated(&self) -> Arc<Region> {
        let em = self.contextual();
        let region = Region::new(Arc::clone(&em.context.session), Arc::clone(em.request()));
        region.detach();
        region
    }

    /// Empties the identity map. Handles become detached: readable, no longer saved. What was not flushed is lost.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalContext`].
    #[track_caller]
    pub fn clear(&self) -> Result<()> {
        let em = self.resolve("clear")?;
        let fresh = Region::new(Arc::clone(&em.context.session), Arc::clone(em.request()));
        let old = std::mem::replace(&mut *em.context.region.lock(), fresh);
        old.detach();
        Ok(())
    }

    // ---- finding

    /// Entities that meet a condition. Always asks the database; a row that is loaded already is the same instance.
    #[track_caller]
    pub fn find<T: Entity>(&self, condition: Condition<T>) -> Find<T> {
        Find::new(self.clone(), condition)
    }

    /// All entities of a type.
    #[track_caller]
    pub fn find_all<T: Entity>(&self) -> Find<T> {
        self.find(Condition::always())
    }

    /// The first entity that meets a condition, if any.
    #[track_caller]
    pub fn find_one<T: Entity>(&self, condition: Condition<T>) -> Find<T, T::Nothing, FindOne> {
        Find::new(self.clone(), condition)
    }

    /// The first entity that meets a condition; [`Error::NotFound`] if there is none.
    #[track_caller]
    pub fn find_one_or_fail<T: Entity>(&self, condition: Condition<T>) -> Find<T, T::Nothing, FindOneOrFail> {
        Find::new(self.clone(), condition)
    }

    /// The entity with this primary key, if there is one. An entity that is loaded is returned as it is, and no
    /// statement is sent; one that is scheduled to be removed is not returned.
    #[track_caller]
    pub fn find_by_id<T: Entity>(&self, key: impl Into<T::Key>) -> FindById<T> {
        FindById::new(self.clone(), key.into())
    }

    /// As [`find_by_id`](Self::find_by_id); [`Error::NotFound`] if there is none.
    #[track_caller]
    pub fn find_by_id_or_fail<T: Entity>(&self, key: impl Into<T::Key>) -> FindByIdOrFail<T> {
        FindByIdOrFail::new(self.clone(), key.into())
    }

    /// Entities that meet a condition, and how many there are without limit and offset.
    #[track_caller]
    pub fn find_and_count<T: Entity>(
        &self,
        condition: Condition<T>,
    ) -> Find<T, T::Nothing, FindManyAndCount> {
        Find::new(self.clone(), condition)
    }

    /// How many entities meet a condition.
    #[track_caller]
    pub fn count<T: Entity>(&self, condition: Condition<T>) -> Count<T> {
        Count::new(self.clone(), condition)
    }

    /// How many entities of a type there are.
    #[track_caller]
    pub fn count_all<T: Entity>(&self) -> Count<T> {
        self.count(Condition::always())
    }

    /// A reference to the entity with this key, without a query: to point relations at, to remove, or to load later.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalContext`], [`Error::UnknownEntity`], and [`Error::Value`] for a key that no column can hold.
    #[track_caller]
    pub fn get_reference<T: Entity>(&self, key: impl Into<T::Key>) -> Result<BoundRef<T>> {
        let region = self.resolve("get_reference")?.region();
        let (entity, arena) = region.arena_of::<T>()?;
        let key = key.into();
        key.to_values().map_err(key_error::<T>)?;
        let at = arena.find_or_reference(&key);
        Ok(BoundRef::to(Arc::clone(&region), CellId { entity, at }))
    }

    /// A repository of `T`: the finders of one type. It resolves its context at every call, so it may live in a
    /// service for as long as the program runs.
    #[must_use]
    pub fn get_repository<T: Entity>(&self) -> Repository<T> {
        Repository::new(self.clone())
    }

    /// The results that queries have cached, to say that they are void. Works on the global manager too.
    ///
    /// # Examples
    ///
    /// ```
    /// # use orm_core::{Entity, EntityManager, Result};
    /// # #[derive(Entity, Clone, Debug, Default)]
    /// # struct Book { #[entity(id, auto)] id: i64, title: String }
    /// # async fn example(em: EntityManager) -> Result<()> {
    /// em.result_cache().invalidate("front page").await?;
    /// em.result_cache().invalidate_entity::<Book>().await?; // another program has written books
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn result_cache(&self) -> CachedResults {
        CachedResults::new(self.clone())
    }

    /// Loads relations of entities that are loaded: of one handle, or of a list of them. What is loaded already is not
    /// asked for again.
    ///
    /// # Errors
    ///
    /// [`Error::Driver`], [`Error::DanglingReference`], and [`Error::ForeignEntity`] for a handle of another context.
    #[track_caller]
    pub fn populate<T, P, H, Q>(&self, handles: H, path: Q) -> impl Future<Output = Result<H::Out<Q::Out>>>
    where
        T: Entity,
        P: 'static,
        H: Handles<T, P>,
        Q: PopulatePath<T, P>,
        Q::Out: Record<T>,
    {
        called_at(Location::caller(), async move {
            let mut shape = Q::Out::__shape();
            let mut choices = Vec::new();
            path.__choices(&mut choices);
            shape.choose(&choices);
            let region = self.resolve_in_call("populate")?.region();
            let (entity, _) = region.arena_of::<T>()?;
            let mut cells = Vec::new();
            for handle in handles.list() {
                self.check_own(&region, handle)?;
                cells.push(handle.cell_id().at);
            }
            populate(&region, entity, &cells, &shape, Freshness::Merge).await?;
            keep_promises(&region).await?;
            Ok(handles.rebuild(|handle| Loaded::new(Arc::clone(&region), handle.cell_id())))
        })
    }

    /// Loads the row again and overwrites the entity, unsaved edits included.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the row is gone; the entity is then detached. [`Error::ForeignEntity`],
    /// [`Error::MissingKey`] for an entity that was never flushed, [`Error::Driver`].
    #[track_caller]
    pub fn refresh<T: Entity, P: 'static>(&self, entity: &Loaded<T, P>) -> impl Future<Output = Result<()>> {
        called_at(Location::caller(), async move {
            let region = self.resolve_in_call("refresh")?.region();
            self.check_own(&region, entity)?;
            let cell = entity.cell_id();
            if region.state(cell) == State::New {
                return Err(Error::MissingKey {
                    entity: T::__DESCRIPTION.name,
                    hint: "it was never flushed",
                });
            }
            let Some(key) = region.key(cell) else {
                return Err(Error::MissingKey {
                    entity: T::__DESCRIPTION.name,
                    hint: "it was never flushed",
                });
            };
            let condition = crate::condition::Expression::KeyIn { property: None, keys: vec![key.clone()] };
            let select = select(&region, cell.entity, condition, Vec::new());
            let hydrated = load_rows(&region, &select, Freshness::Refresh).await?;
            keep_promises(&region).await?;
            if hydrated.cells.is_empty() {
                let name = region.name(cell);
                region.settle_vanished(cell);
                return Err(Error::NotFound { entity: T::__DESCRIPTION.name, condition: name.to_string() });
            }
            let spelled = |at: &u32| region.note_spelling(CellId { at: *at, ..cell }, &key);
            hydrated.cells.iter().try_for_each(spelled)
        })
    }

    /// Whether the entity is in the identity map of this manager's context.
    #[must_use]
    #[track_caller]
    pub fn contains<T: Entity, P: 'static>(&self, entity: &Loaded<T, P>) -> bool {
        let Ok(em) = self.resolve("contains") else { return false };
        let region = em.region();
        Arc::ptr_eq(&region, entity.region())
            && matches!(region.state(entity.cell_id()), State::New | State::Managed)
    }

    /// How many entities the identity map of this manager's context holds.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalContext`].
    #[track_caller]
    pub fn managed_count(&self) -> Result<usize> {
        let region = self.resolve("managed_count")?.region();
        Ok(region.count_loaded())
    }

    // ---- changing

    /// Tracks a new entity, with everything new that its relations hold; the next flush inserts it. A handle of an
    /// entity that is managed already is returned as it is; of one that is scheduled to be removed, the removal is
    /// taken back.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyManaged`] for a second instance of a managed row, [`Error::ForeignEntity`] for a handle or a
    /// relation of another context, [`Error::Detached`], [`Error::GlobalContext`], [`Error::UnknownEntity`].
    #[track_caller]
    pub fn persist<V: Persist>(&self, entity: V) -> Result<V::Out> {
        entity.__persist(&self.resolve("persist")?.region())
    }

    /// Schedules an entity to be deleted by the next flush; one that was never inserted is forgotten. Takes a handle,
    /// or a reference that was never loaded. Doing it twice is doing it once.
    ///
    /// The row of an entity with a `#[entity(soft_delete)]` field stays: the flush sets the field to the time, and from
    /// then on only queries `.with_deleted()` find it. Its links, and the rows that refer to it, stay too: what the
    /// database does on a delete, it does not do then. A unique value of the row stays taken; where others may have it,
    /// declare `unique(email, where = "deleted_at is null")`.
    ///
    /// What the entity owns by `cascade_remove` or `orphan_removal` goes with it, and filters hide nothing from that: what
    /// refers to the row can't stay behind. Hidden rows that the flush loads for it are shown by no list, before or after.
    /// A row that a filter with [`FilterReach::ReadsAndWrites`](crate::FilterReach::ReadsAndWrites) guards, such as one of
    /// another tenant, is not written all the same: the flush fails with [`Error::RefusedByFilter`], which names it. What is
    /// deleted softly already keeps its time. Where the row of the owner itself goes but one that soft deletes keep needs
    /// it, the flush fails with [`Error::Relation`]; [`remove_for_good`](Self::remove_for_good) takes such rows along.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignEntity`], [`Error::Detached`], [`Error::GlobalContext`].
    #[track_caller]
    pub fn remove<V: Remove>(&self, entity: V) -> Result<()> {
        entity.__remove(&self.resolve("remove")?.region(), Removal::AsDeclared)
    }

    /// As [`remove`](Self::remove), and the row goes also where it would stay, marked by its `#[entity(soft_delete)]`
    /// field. So do the rows that cascades take along, those that are deleted softly already included.
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    #[track_caller]
    pub fn remove_for_good<V: Remove>(&self, entity: V) -> Result<()> {
        entity.__remove(&self.resolve("remove_for_good")?.region(), Removal::ForGood)
    }

    /// Takes a removal back: one that waits for a flush, and one that the row says by its `#[entity(soft_delete)]` field.
    /// To restore a row, find it first, with `.with_deleted()`.
    ///
    /// # Errors
    ///
    /// [`Error::Detached`] for an entity whose removal was flushed, [`Error::ForeignEntity`], [`Error::GlobalContext`].
    #[track_caller]
    pub fn restore<T: Writable, P: 'static>(&self, entity: &Loaded<T, P>) -> Result<()> {
        let region = self.resolve("restore")?.region();
        self.check_own(&region, entity)?;
        region.undelete(entity.cell_id())
    }

    /// Takes an entity and its pending changes out of the context: edits, a removal, changes of its links. Its handles
    /// are detached: readable, no longer saved. Doing it twice is doing it once.
    ///
    /// So one bad row need not stop a batch: detach it, and flush the rest. The row itself stays as it is, and the next
    /// query for it brings a new instance. Entities that point to it keep its key, but have it no longer loaded: a
    /// populated accessor that leads to it panics, and its `try_` twin says [`Error::NotLoaded`]. Collections that are
    /// loaded show it no more until a query brings its row again; none of this is a change that a flush would write. A flush that
    /// is writing the entity right now goes on.
    ///
    /// # Errors
    ///
    /// [`Error::StillReferenced`] for a new entity that others point to, which could not be saved without it;
    /// [`Error::ForeignEntity`] and [`Error::GlobalContext`].
    #[track_caller]
    pub fn detach<T: Entity, P: 'static>(&self, entity: &Loaded<T, P>) -> Result<()> {
        let region = self.resolve("detach")?.region();
        match self.check_own(&region, entity) {
            Err(Error::Detached { .. }) => Ok(()),
            other => other.and_then(|()| region.detach_cell(entity.cell_id())),
        }
    }

    /// Takes in an entity that the database has already, such as one from a cache or another context, with everything
    /// that its relations hold. Without a query: what it says is taken to be what the database has. If its key is
    /// managed already, its fields become an edit of the managed instance.
    ///
    /// # Errors
    ///
    /// [`Error::MissingKey`], [`Error::GlobalContext`], [`Error::UnknownEntity`].
    #[track_caller]
    pub fn merge<V: Merge>(&self, entity: V) -> Result<Loaded<V::Entity>> {
        entity.__merge(&self.resolve("merge")?.region())
    }

    /// Writes what changed, in one transaction: new entities, changed fields, removed entities, links. Sends nothing
    /// if nothing changed.
    ///
    /// After an error the database and every entity are as they were before: correct it and flush again. Flushes of
    /// one context run one after another. What hooks and subscribers did to the context belongs to their flush: if it
    /// fails, or the transaction that it stands in is rolled back, that is taken back.
    ///
    /// Only changed columns are sent. Where two contexts change one field of an entity without a `#[entity(version)]`, the
    /// last flush wins; changes of different fields are both kept.
    ///
    /// # Errors
    ///
    /// [`Error::Constraint`], [`Error::RequiredRelation`], [`Error::StaleEntity`], [`Error::ForeignEntity`],
    /// [`Error::CommitOrderCycle`], [`Error::OutcomeUnknown`], [`Error::Driver`], [`Error::GlobalContext`],
    /// [`Error::Hook`], and [`Error::FlushInHook`].
    #[track_caller]
    pub fn flush(&self) -> impl Future<Output = Result<()>> + Send + use<'_> {
        let holder = Holder::new("flush", Location::caller());
        called_at(Location::caller(), async move {
            let em = self.resolve_in_call("flush")?;
            if HookScope::is_inside(em.context.id) {
                return Err(Error::FlushInHook);
            }
            em.flush_now(holder).await
        })
    }

    /// Flushes this very context, where it stands.
    async fn flush_now(&self, holder: Holder) -> Result<()> {
        let turn = self.turn(holder).await?;
        unit_of_work::flush(self, &self.region(), turn.level(), Scope::Alone).await
    }

    /// What the next flush would write, without writing it. Its `Display` is for people.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush), as far as it can tell without the database.
    #[track_caller]
    pub fn flush_plan(&self) -> Result<FlushPlan> {
        let em = self.resolve("flush_plan")?;
        FlushPlan::of(&em, &em.region())
    }

    /// Says what became of a flush that was cut off during COMMIT, after the program looked.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalContext`], and [`Error::OutcomeUnknown`] while a flush is still running.
    #[track_caller]
    pub fn accept_unknown(&self, outcome: Outcome) -> Result<()> {
        let em = self.resolve("accept_unknown")?;
        // A flush that is still waiting for its answer needs no guess.
        let holder = Holder::new("decision", Location::caller());
        let Some(_turn) = em.context.session.root().try_turn(holder) else {
            return Err(Error::OutcomeUnknown);
        };
        unit_of_work::accept_unknown(&em.region(), outcome);
        Ok(())
    }

    /// Flushes before a query as the mode says; `entities` are those that the query touches.
    pub(crate) async fn flush_before_query(
        &self,
        mode: Option<FlushMode>,
        entities: impl FnOnce() -> Vec<EntityId>,
    ) -> Result<()> {
        let level = self.level();
        let mode = mode.or(level.flush_mode).unwrap_or(self.context.flush_mode);
        if mode == FlushMode::Commit || HookScope::is_inside(self.context.id) {
            return Ok(());
        }
        let region = self.region();
        if !region.has_pending_cells() {
            return Ok(());
        }
        let holder = Holder::new("flush before a query", Location::caller());
        if mode == FlushMode::Always {
            return self.flush_now(holder).await;
        }
        if !region.has_pending(&entities()) {
            return Ok(());
        }
        if level.is_transaction() {
            return self.flush_now(holder).await;
        }
        tracing::info!(
            target: "orm",
            "a query misses changes that are not flushed; flush first, or use FlushMode::Always"
        );
        Ok(())
    }

    fn check_own<T: Entity, P: 'static>(&self, region: &Arc<Region>, entity: &Loaded<T, P>) -> Result<()> {
        handles::check_own(region, entity)
    }
}

impl fmt::Debug for EntityManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntityManager")
            .field("name", &self.name())
            .field("id", &self.context.id)
            .field("kind", &self.context.kind)
            .finish_non_exhaustive()
    }
}
