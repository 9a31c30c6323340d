//! Typed values of the request: who asks, which tenant, what the hooks and filters of a context need to know.
//!
//! One value a type. They belong to the context: `clear` keeps them, a fork starts with a copy of them, and what is set
//! later does not flow to either side.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::RwLock;

use super::EntityManager;
use crate::activity::Activity;
use crate::error::Result;
use crate::filter::ContextFilters;

type Value = Arc<dyn Any + Send + Sync>;

/// What a context knows of the request that it serves; its regions share it.
#[derive(Debug, Default)]
pub(crate) struct RequestState {
    pub(crate) values: RequestValues,
    pub(crate) filters: ContextFilters,
    pub(crate) activity: Arc<Activity>,
}

impl RequestState {
    /// The state of a new context, which knows what this one knows now.
    pub(crate) fn copy(&self) -> Self {
        Self { values: self.values.copy(), filters: self.filters.copy(), activity: Arc::default() }
    }
}

/// The values of one context.
#[derive(Default)]
pub(crate) struct RequestValues {
    values: RwLock<HashMap<TypeId, Value, foldhash::fast::RandomState>>,
}

impl RequestValues {
    /// Values of its own, the same as these are now.
    pub(crate) fn copy(&self) -> Self {
        Self { values: RwLock::new(self.values.read().clone()) }
    }

    pub(crate) fn set<V: Send + Sync + 'static>(&self, value: V) {
        let replaced = self.values.write().insert(TypeId::of::<V>(), Arc::new(value));
        // Dropping a value is the program's code, and must not run under the lock.
        drop(replaced);
    }

    pub(crate) fn get<V: Send + Sync + 'static>(&self) -> Option<Arc<V>> {
        let value = self.values.read().get(&TypeId::of::<V>()).cloned()?;
        value.downcast().ok()
    }

    pub(crate) fn unset<V: Send + Sync + 'static>(&self) -> Option<Arc<V>> {
        let value = self.values.write().remove(&TypeId::of::<V>())?;
        value.downcast().ok()
    }
}

impl fmt::Debug for RequestValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestValues({})", self.values.read().len())
    }
}

impl EntityManager {
    /// Sets a value of the request, such as the current user or tenant, for the filters and hooks of this context. A
    /// value of the same type is replaced. Forks made later start with it.
    ///
    /// ```ignore
    /// em.set(CurrentUser { id: 7 })?;
    /// let user = em.get::<CurrentUser>();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::GlobalContext`](crate::Error::GlobalContext): a value of the global manager would be everybody's.
    #[track_caller]
    pub fn set<V: Send + Sync + 'static>(&self, value: V) -> Result<()> {
        let em = self.resolve("set")?;
        em.request().values.set(value);
        em.request().filters.touch();
        Ok(())
    }

    /// The value of this type that was set on this manager's context, or on the one that it was forked from before the
    /// fork.
    #[must_use]
    pub fn get<V: Send + Sync + 'static>(&self) -> Option<Arc<V>> {
        self.contextual().request().values.get()
    }

    /// Takes the value of this type out of this manager's context, and returns it.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalContext`](crate::Error::GlobalContext).
    #[track_caller]
    pub fn unset<V: Send + Sync + 'static>(&self) -> Result<Option<Arc<V>>> {
        let em = self.resolve("unset")?;
        em.request().filters.touch();
        Ok(em.request().values.unset())
    }
}
