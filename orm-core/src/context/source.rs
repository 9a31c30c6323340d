//! Where the context attributes get a manager from.

use std::future::Future;
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

/// Ambiguous for futures, so that a synchronous function that returns one does not compile: its context would end
/// before the future begins.
#[diagnostic::on_unimplemented(message = "a value that may be a future")]
pub trait NotAFuture<Marker> {}

impl<V: ?Sized> NotAFuture<()> for V {}
impl<F: Future + ?Sized> NotAFuture<u8> for F {}

/// Lets any value through but a future.
#[doc(hidden)]
pub fn check_not_a_future<Marker, V: NotAFuture<Marker>>(value: V) -> V {
    value
}
