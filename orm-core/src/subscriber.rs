//! Subscribers: what hears of every flush, every entity and every transaction of a context.
//!
//! Registered on the ORM or on one manager. Hooks of the entity itself ([`EntityHooks`](crate::EntityHooks)) run first,
//! then subscribers in the order in which they were registered, one after the other.

mod event;
mod subscription;

use std::future::{Future, ready};

pub use event::{Change, EntityEvent, FlushChanges, FlushEvent, TransactionEvent};
pub(crate) use subscription::{SubscriberList, Subscription, Subscriptions};

use crate::entity::EntityType;
use crate::error::Result;

/// Hears what happens in a context, and may take part in it.
///
/// Write the methods that matter as `async fn`; the others do nothing. Register with
/// [`OrmBuilder::subscriber`](crate::OrmBuilder::subscriber) for all contexts, or with
/// [`EntityManager::add_subscriber`](crate::EntityManager::add_subscriber) for one and its forks.
///
/// A subscriber that fails before the commit fails the flush: the database and every entity are as they were before,
/// what subscribers persisted, edited and removed is taken back, and the error is [`Error::Hook`](crate::Error::Hook).
/// Calling `flush` of the same context is refused with [`Error::FlushInHook`](crate::Error::FlushInHook), and queries
/// flush nothing.
///
/// # Examples
///
/// ```
/// use orm_core::{Entity, Result, Subscriber, subscriber::FlushChanges};
/// # #[derive(Entity, Clone, Debug, Default)]
/// # struct LogEntry { #[entity(id, auto)] id: i64, text: String }
///
/// struct Journal;
///
/// impl Subscriber for Journal {
///     async fn on_flush(&self, changes: &mut FlushChanges<'_>) -> Result<()> {
///         let lines: Vec<String> =
///             changes.iter().map(|change| format!("{:?} {}", change.kind(), change.entity())).collect();
///         for text in lines {
///             changes.em().persist(LogEntry { text, ..LogEntry::default() })?;
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Subscriber: Send + Sync + 'static {
    /// The types whose entity events it hears; `None`: of all. Asked once, when it is registered.
    fn entities(&self) -> Option<Vec<EntityType>> {
        None
    }

    /// Runs when a flush starts, also if there is nothing to write. What it persists, edits and removes is part of the
    /// flush.
    fn before_flush(&self, event: &FlushEvent<'_>) -> impl Future<Output = Result<()>> + Send {
        let _ = event;
        ready(Ok(()))
    }

    /// Runs when it is known what will be written. May change the values, and persist, edit and remove further
    /// entities; what these are, is computed once more.
    fn on_flush(&self, changes: &mut FlushChanges<'_>) -> impl Future<Output = Result<()>> + Send {
        let _ = changes;
        ready(Ok(()))
    }

    /// Runs when a flush is done and memory agrees with the database, also if there was nothing to write. Failing here
    /// fails the call of `flush`, but not what it wrote.
    fn after_flush(&self, event: &FlushEvent<'_>) -> impl Future<Output = Result<()>> + Send {
        let _ = event;
        ready(Ok(()))
    }

    /// Runs before an entity is inserted, after its own hook. What it changes goes into the same statement.
    fn before_create(&self, event: &mut EntityEvent<'_>) -> impl Future<Output = Result<()>> + Send {
        let _ = event;
        ready(Ok(()))
    }

    /// Runs after an entity was inserted, with its key, before the commit.
    fn after_create(&self, event: &EntityEvent<'_>) -> impl Future<Output = Result<()>> + Send {
        let _ = event;
        ready(Ok(()))
    }

    /// Runs before a changed entity is written, after its own hook. What it changes goes into the same statement.
    fn before_update(&self, event: &mut EntityEvent<'_>) -> impl Future<Output = Result<()>> + Send {
        let _ = event;
        ready(Ok(()))
    }

    /// Runs after a changed entity was written, before the commit.
    fn after_update(&self, event: &EntityEvent<'_>) -> impl Future<Output = Result<()>> + Send {
        let _ = event;
        ready(Ok(()))
    }

    /// Runs before an entity is deleted, after its own hook.
    fn before_delete(&self, event: &mut EntityEvent<'_>) -> impl Future<Output = Result<()>> + Send {
        let _ = event;
        ready(Ok(()))
    }

    /// Runs after an entity was deleted, before the commit.
    fn after_delete(&self, event: &EntityEvent<'_>) -> impl Future<Output = Result<()>> + Send {
        let _ = event;
        ready(Ok(()))
    }

    /// Runs before a transaction is begun.
    fn before_transaction_start(
        &self,
        event: &TransactionEvent<'_>,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = event;
        ready(Ok(()))
    }

    /// Runs when a transaction was begun.
    fn after_transaction_start(
        &self,
        event: &TransactionEvent<'_>,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = event;
        ready(Ok(()))
    }

    /// Runs before a transaction is committed. Failing rolls it back.
    fn before_transaction_commit(
        &self,
        event: &TransactionEvent<'_>,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = event;
        ready(Ok(()))
    }

    /// Runs when a transaction was committed. Failing here fails the call, but not what it wrote.
    fn after_transaction_commit(
        &self,
        event: &TransactionEvent<'_>,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = event;
        ready(Ok(()))
    }

    /// Runs before a transaction is rolled back. Not where a future was dropped: then nobody can be asked. An error is
    /// logged, so that it does not hide why the transaction is rolled back.
    fn before_transaction_rollback(
        &self,
        event: &TransactionEvent<'_>,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = event;
        ready(Ok(()))
    }

    /// Runs when a transaction was rolled back. An error is logged.
    fn after_transaction_rollback(
        &self,
        event: &TransactionEvent<'_>,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = event;
        ready(Ok(()))
    }
}
