//! `RequestContext`: a context for the extent of a future or a closure.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::ContextSource;
use crate::entity_manager::{EntityManager, ForkOptions};
use crate::orm::OrmCore;

tokio::task_local! {
    static CURRENT: RequestContext;
}

/// The managers of one request: forks, one for each ORM, that the global managers stand for while it runs.
///
/// It holds for the extent of one future or closure and for what is called in it, not for tasks that are spawned in
/// it: those are carried in with [`in_current_context`](InCurrentContext::in_current_context).
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
#[derive(Clone)]
pub struct RequestContext {
    managers: Arc<[EntityManager]>,
}

impl RequestContext {
    /// Runs `future` in a new context of `managers`: one manager or ORM, or a list of them. Returns its value.
    ///
    /// The forks are made now; they are fresh, whatever context this one is nested in.
    pub fn create<M: RequestManagers, F: Future>(
        managers: M,
        future: F,
    ) -> impl Future<Output = F::Output> + use<M, F> {
        CURRENT.scope(Self::new(&managers), future)
    }

    /// Runs `function` in a new context of `managers`, and returns its value.
    pub fn create_sync<R>(managers: impl RequestManagers, function: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(Self::new(&managers), function)
    }

    /// Runs `future` in the current context if it has all of `managers`, else in a new one.
    pub fn ensure<M: RequestManagers, F: Future>(
        managers: M,
        future: F,
    ) -> impl Future<Output = F::Output> + use<M, F> {
        CURRENT.scope(Self::current_of(&managers).unwrap_or_else(|| Self::new(&managers)), future)
    }

    /// Runs `function` in the current context if it has all of `managers`, else in a new one.
    pub fn ensure_sync<R>(managers: impl RequestManagers, function: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(Self::current_of(&managers).unwrap_or_else(|| Self::new(&managers)), function)
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

    /// The manager that stands for those of `orm`.
    pub(crate) fn manager_of(orm: &Arc<OrmCore>) -> Option<EntityManager> {
        CURRENT.try_with(|context| context.manager(orm)).ok().flatten()
    }

    fn manager(&self, orm: &Arc<OrmCore>) -> Option<EntityManager> {
        self.managers.iter().find(|em| Arc::ptr_eq(em.orm(), orm)).cloned()
    }

    fn new(managers: &impl RequestManagers) -> Self {
        let outer = Self::current();
        let mut forks: Vec<EntityManager> = Vec::new();
        for em in managers.request_managers() {
            if outer.as_ref().is_some_and(|outer| outer.manager(em.orm()).is_some()) {
                tracing::warn!(
                    target: "orm", manager = em.name(),
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
        Self { managers: forks.into() }
    }

    fn current_of(managers: &impl RequestManagers) -> Option<Self> {
        let current = Self::current()?;
        let wanted = managers.request_managers();
        wanted.iter().all(|em| current.manager(em.orm()).is_some()).then_some(current)
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
    fn request_managers(&self) -> Vec<EntityManager>;
}

impl<S: ContextSource + ?Sized> RequestManagers for &S {
    fn request_managers(&self) -> Vec<EntityManager> {
        vec![self.context_manager()]
    }
}

impl RequestManagers for EntityManager {
    fn request_managers(&self) -> Vec<EntityManager> {
        vec![self.clone()]
    }
}

impl<S: ContextSource, const N: usize> RequestManagers for &[S; N] {
    fn request_managers(&self) -> Vec<EntityManager> {
        self.iter().map(ContextSource::context_manager).collect()
    }
}

impl<S: ContextSource, const N: usize> RequestManagers for [S; N] {
    fn request_managers(&self) -> Vec<EntityManager> {
        self.iter().map(ContextSource::context_manager).collect()
    }
}

impl<S: ContextSource> RequestManagers for &[S] {
    fn request_managers(&self) -> Vec<EntityManager> {
        self.iter().map(ContextSource::context_manager).collect()
    }
}

impl<S: ContextSource> RequestManagers for Vec<S> {
    fn request_managers(&self) -> Vec<EntityManager> {
        self.iter().map(ContextSource::context_manager).collect()
    }
}

/// Carries a future into the context where this is called: for tasks that are spawned.
pub trait InCurrentContext: Future + Sized {
    /// Runs the future in the context that is current now, wherever it is polled.
    fn in_current_context(self) -> impl Future<Output = Self::Output> + Send
    where
        Self: Send,
    {
        let context = RequestContext::current();
        async move {
            match context {
                Some(context) => CURRENT.scope(context, self).await,
                None => self.await,
            }
        }
    }
}

impl<F: Future> InCurrentContext for F {}
