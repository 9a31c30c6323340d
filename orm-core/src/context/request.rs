//! `RequestContext`: a context for the extent of a future or a closure.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::task::JoinHandle;
use tokio::task::futures::TaskLocalFuture;

use super::{ContextSource, transaction};
use crate::activity::Statistics;
use crate::entity_manager::{EntityManager, ForkOptions};
use crate::orm::OrmCore;

tokio::task_local! {
    static CURRENT: RequestContext;
}

/// The managers of one request: forks, one for each ORM, that the global managers stand for while it runs.
///
/// It holds for the extent of one future or closure and for what is called in it, not for tasks that are spawned in
/// it: those get a fork of it by [`spawn_in_context`], or are carried in with
/// [`in_current_context`](InCurrentContext::in_current_context).
///
/// # Examples
///
/// ```ignore
/// RequestContext::create(orm.em(), async {
///     // the fork of this request, found by itself
///     orm.em().find_all::<Author>().await
/// })
/// .await?;
/// ```
///
/// One that is made by [`new`](Self::new) can be entered as often as needed, one after the other or at the same time:
/// what runs in it shares its identity maps. It lives until its last clone, manager and handle are gone.
#[derive(Clone)]
pub struct RequestContext {
    managers: Arc<[EntityManager]>,
    /// Where the program has made it.
    place: &'static Location<'static>,
    /// How many transactions the task was in when it was made: it is outside of these.
    transactions: usize,
}

impl RequestContext {
    /// A new context of `managers`, to be entered by [`scope`](Self::scope): for what has more to do with it than to run
    /// one future, such as a middleware.
    ///
    /// The forks are made now; they are fresh, whatever context this one is nested in.
    #[must_use]
    #[track_caller]
    pub fn new(managers: impl RequestManagers) -> Self {
        Self::forked(managers.request_managers(), Location::caller())
    }

    /// A new context for work beside this one: a fork of each of its managers, with an identity map of its own and the
    /// request's values and filters. It takes no part in a transaction that is open here, but in that of a test.
    ///
    /// [`spawn_in_context`] does this for a task of tokio; this is for other ways to run one, such as a `JoinSet`. Scope it
    /// in the task itself: `tasks.spawn(async move { context.scope(work).await })`.
    #[must_use]
    #[track_caller]
    pub fn fork(&self) -> Self {
        // Of this context, whichever is current.
        let options = ForkOptions::default().use_context(true).disable_context_resolution(true);
        let managers = self.managers.iter().map(|em| em.fork_with(options));
        Self { managers: managers.collect(), place: Location::caller(), transactions: 0 }
    }

    /// What all of its managers have done so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.managers.iter().map(EntityManager::own_statistics).sum()
    }

    /// As [`new`](Self::new), for a middleware that the program has made at `place`.
    #[doc(hidden)]
    #[must_use]
    pub fn __new_at(managers: impl RequestManagers, place: &'static Location<'static>) -> Self {
        Self::forked(managers.request_managers(), place)
    }

    /// Runs `future` in this context, wherever it is polled. Also after the future that the context was made for has ended.
    ///
    /// ```
    /// # use orm_core::{Orm, RequestContext};
    /// # async fn example(orm: Orm) {
    /// let context = RequestContext::new(&orm);
    /// let id = context.scope(async { orm.em().id() }).await;
    /// assert_eq!(context.scope_sync(|| orm.em().id()), id);
    /// # }
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> InContext<F> {
        InContext::scoped(self.entered(), future)
    }

    /// Runs `function` in this context, and returns its value.
    pub fn scope_sync<R>(&self, function: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(self.entered(), function)
    }

    /// Runs `future` in a new context of `managers`: one manager or ORM, or a list of them. Returns its value.
    ///
    /// The forks are made now; they are fresh, whatever context this one is nested in.
    #[track_caller]
    pub fn create<F: Future>(managers: impl RequestManagers, future: F) -> InContext<F> {
        InContext::scoped(Self::new(managers), future)
    }

    /// Runs `function` in a new context of `managers`, and returns its value.
    #[track_caller]
    pub fn create_sync<R>(managers: impl RequestManagers, function: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(Self::new(managers), function)
    }

    /// Runs `future` in the current context if it has all of `managers`, else in a new one.
    #[track_caller]
    pub fn ensure<F: Future>(managers: impl RequestManagers, future: F) -> InContext<F> {
        InContext::scoped(Self::current_or_new(managers.request_managers(), Location::caller()), future)
    }

    /// Runs `function` in the current context if it has all of `managers`, else in a new one.
    #[track_caller]
    pub fn ensure_sync<R>(managers: impl RequestManagers, function: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(Self::current_or_new(managers.request_managers(), Location::caller()), function)
    }

    /// The current context, if there is one.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// The manager of the current context with this name (`"default"` if `None`), if there is one.
    ///
    /// The ORM's managers do this by themselves, so it is rarely needed.
    #[must_use]
    pub fn get_entity_manager<'a>(name: impl Into<Option<&'a str>>) -> Option<EntityManager> {
        let name = name.into().unwrap_or(EntityManager::DEFAULT_NAME);
        Self::current()?.managers.iter().find(|em| em.name() == name).cloned()
    }

    /// The managers of this context.
    #[must_use]
    pub fn managers(&self) -> &[EntityManager] {
        &self.managers
    }

    /// The manager of this context that stands for `em` and the others of its ORM, if there is one.
    #[must_use]
    pub fn manager_for(&self, em: &EntityManager) -> Option<EntityManager> {
        self.manager(em.orm())
    }

    /// What the manager of this context has done that stands for `em` and the others of its ORM, if there is one.
    #[must_use]
    pub fn statistics_of(&self, em: &EntityManager) -> Option<Statistics> {
        self.manager(em.orm()).map(|em| em.own_statistics())
    }

    /// The manager that stands for those of `orm`.
    pub(crate) fn manager_of(orm: &Arc<OrmCore>) -> Option<EntityManager> {
        CURRENT.try_with(|context| context.manager(orm)).ok().flatten()
    }

    /// How many of the task's transactions the current context is outside of.
    pub(crate) fn outer_transactions() -> usize {
        CURRENT.try_with(|context| context.transactions).unwrap_or(0)
    }

    /// This context as it is entered here: outside of the transactions that the task is in, unless it is the one that they
    /// were begun in.
    fn entered(&self) -> Self {
        match Self::current() {
            Some(current) if Arc::ptr_eq(&current.managers, &self.managers) => current,
            Some(_) | None => Self { transactions: transaction::depth(), ..self.clone() },
        }
    }

    fn manager(&self, orm: &Arc<OrmCore>) -> Option<EntityManager> {
        self.managers.iter().find(|em| Arc::ptr_eq(em.orm(), orm)).cloned()
    }

    fn forked(managers: Vec<EntityManager>, place: &'static Location<'static>) -> Self {
        let outer = Self::current();
        let mut forks: Vec<EntityManager> = Vec::new();
        for em in managers {
            if let Some(outer) = outer.as_ref().filter(|outer| outer.manager(em.orm()).is_some()) {
                tracing::warn!(
                    target: "orm", manager = em.name(), inner = %place, outer = %outer.place,
                    "a request context is created inside another one; use `ensure` to go on in the outer one"
                );
            }
            forks.push(em.fork_with(ForkOptions::default().use_context(true)));
        }
        // Managers that are not named stay what they are outside.
        let kept = outer.iter().flat_map(|outer| outer.managers.iter());
        let kept: Vec<EntityManager> =
            kept.filter(|em| !forks.iter().any(|fork| Arc::ptr_eq(fork.orm(), em.orm()))).cloned().collect();
        forks.extend(kept);
        Self { managers: forks.into(), place, transactions: transaction::depth() }
    }

    fn current_or_new(managers: Vec<EntityManager>, place: &'static Location<'static>) -> Self {
        match Self::current() {
            Some(current) if managers.iter().all(|em| current.manager(em.orm()).is_some()) => current,
            Some(_) | None => Self::forked(managers, place),
        }
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.managers.iter()).finish()
    }
}

/// What a request context is made of: one manager (or anything that has one, such as an ORM), or a list.
pub trait RequestManagers {
    /// The managers to fork.
    fn request_managers(self) -> Vec<EntityManager>;
}

impl<S: ContextSource + ?Sized> RequestManagers for &S {
    fn request_managers(self) -> Vec<EntityManager> {
        vec![self.context_manager()]
    }
}

impl RequestManagers for EntityManager {
    fn request_managers(self) -> Vec<EntityManager> {
        vec![self]
    }
}

impl<S: ContextSource, const N: usize> RequestManagers for &[S; N] {
    fn request_managers(self) -> Vec<EntityManager> {
        self.iter().map(ContextSource::context_manager).collect()
    }
}

impl<S: ContextSource, const N: usize> RequestManagers for [S; N] {
    fn request_managers(self) -> Vec<EntityManager> {
        self.iter().map(ContextSource::context_manager).collect()
    }
}

impl<S: ContextSource> RequestManagers for &[S] {
    fn request_managers(self) -> Vec<EntityManager> {
        self.iter().map(ContextSource::context_manager).collect()
    }
}

impl<S: ContextSource> RequestManagers for Vec<S> {
    fn request_managers(self) -> Vec<EntityManager> {
        self.iter().map(ContextSource::context_manager).collect()
    }
}

/// Spawns a task of tokio whose context is a fork of the one where this is called: with an identity map of its own, so that
/// neither sees what the other has not saved, with the values and filters of the request, and outside of every transaction
/// that is open here.
///
/// The fork is made now. Where there is no context the task has none, and its calls on global managers fail with
/// [`Error::GlobalContext`](crate::Error::GlobalContext). Where contexts come from a storage of your own, put a fork into
/// that instead.
///
/// # Panics
///
/// Outside a runtime of tokio.
///
/// # Examples
///
/// ```
/// # use orm_core::{Orm, RequestContext, spawn_in_context};
/// # async fn example(orm: Orm) {
/// RequestContext::create(&orm, async {
///     let here = orm.em().id();
///     let em = orm.em().clone();
///     let there = spawn_in_context(async move { em.id() }).await;
///     assert_ne!(there.unwrap(), here);
/// })
/// .await;
/// # }
/// ```
#[track_caller]
pub fn spawn_in_context<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    match RequestContext::current() {
        Some(context) => {
            let context = context.fork();
            tokio::spawn(async move { context.scope(future).await })
        }
        None => tokio::spawn(future),
    }
}

/// Carries a future into the context where this is called, to work with the same identity map; see [`spawn_in_context`] for
/// one of its own.
pub trait InCurrentContext: Future + Sized {
    /// Runs the future in the context that is current now, wherever it is polled.
    fn in_current_context(self) -> InContext<Self> {
        match RequestContext::current() {
            Some(context) => InContext::scoped(context, self),
            None => InContext(Place::Outside(Box::pin(self))),
        }
    }
}

impl<F: Future> InCurrentContext for F {}

/// A future that runs in a context, wherever it is polled.
#[must_use = "futures do nothing unless polled"]
pub struct InContext<F>(Place<F>);

enum Place<F> {
    Inside(Pin<Box<TaskLocalFuture<RequestContext, F>>>),
    Outside(Pin<Box<F>>),
}

impl<F: Future> InContext<F> {
    fn scoped(context: RequestContext, future: F) -> Self {
        Self(Place::Inside(Box::pin(CURRENT.scope(context, future))))
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        match &mut self.0 {
            Place::Inside(future) => future.as_mut().poll(context),
            Place::Outside(future) => future.as_mut().poll(context),
        }
    }
}

impl<F> fmt::Debug for InContext<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InContext")
    }
}
