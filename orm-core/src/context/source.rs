//! Where the context attributes get a manager from.

use std::future::IntoFuture;
use std::sync::Arc;

use crate::entity::Entity;
use crate::entity_manager::{EntityManager, Repository};
use crate::orm::Orm;

/// Something that has a manager: what `#[create_request_context]` may stand on.
///
/// Implement it for a service to name the field once:
///
/// ```ignore
/// impl ContextSource for ReportService {
///     fn context_manager(&self) -> EntityManager { self.orm.em().clone() }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no EntityManager to make a request context of",
    label = "not an `Orm`, `EntityManager` or `Repository`, nor a `ContextSource`",
    note = "implement `ContextSource` for it, or name the source: `#[create_request_context(self.orm)]`"
)]
pub trait ContextSource {
    /// The manager.
    fn context_manager(&self) -> EntityManager;
}

impl ContextSource for EntityManager {
    fn context_manager(&self) -> EntityManager {
        self.clone()
    }
}

impl ContextSource for Orm {
    fn context_manager(&self) -> EntityManager {
        self.em().clone()
    }
}

impl<T: Entity> ContextSource for Repository<T> {
    fn context_manager(&self) -> EntityManager {
        self.em().clone()
    }
}

impl<S: ContextSource + ?Sized> ContextSource for &S {
    fn context_manager(&self) -> EntityManager {
        (**self).context_manager()
    }
}

impl<S: ContextSource + ?Sized> ContextSource for Arc<S> {
    fn context_manager(&self) -> EntityManager {
        (**self).context_manager()
    }
}

/// What a synchronous function under a context attribute returned.
///
/// Lets any value through but a future, or what becomes one: its context would end before the future begins. The
/// inherent method is found for those and asks for what nothing has; for all others the trait's method is found.
#[doc(hidden)]
#[derive(Debug)]
pub struct Returned<V>(pub V);

impl<V: IntoFuture> Returned<V> {
    /// Does not compile.
    pub fn checked(self) -> V
    where
        V: NotAFuture,
    {
        self.0
    }
}

/// Has no implementation; its message is what it is for.
#[diagnostic::on_unimplemented(
    message = "this function returns a future, which would run after its context has ended",
    label = "this type does not say that it is a future",
    note = "write `async fn`, or return `impl Future<Output = ..>` or `Pin<Box<dyn Future<Output = ..>>>`"
)]
#[doc(hidden)]
pub trait NotAFuture {}

/// Gives back a returned value that is no future.
#[doc(hidden)]
pub trait ReturnedValue {
    /// What was returned.
    type Value;

    /// The value.
    fn checked(self) -> Self::Value;
}

impl<V> ReturnedValue for Returned<V> {
    type Value = V;

    fn checked(self) -> V {
        self.0
    }
}
