//! Registered subscribers, without their types.

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{EntityEvent, FlushChanges, FlushEvent, Subscriber, TransactionEvent};
use crate::driver::BoxFuture;
use crate::entity::{ChangeKind, Region};
use crate::error::Result;
use crate::metadata::EntityId;
use crate::unit_of_work::TransactionMoment;

/// A [`Subscriber`] whose futures are boxed.
pub(crate) trait ErasedSubscriber: Send + Sync {
    /// Its type, for messages.
    fn name(&self) -> &'static str;

    fn before_flush<'a>(&'a self, event: &'a FlushEvent<'_>) -> BoxFuture<'a, Result<()>>;
    fn on_flush<'a>(&'a self, changes: &'a mut FlushChanges<'_>) -> BoxFuture<'a, Result<()>>;
    fn after_flush<'a>(&'a self, event: &'a FlushEvent<'_>) -> BoxFuture<'a, Result<()>>;
    fn before_write<'a>(&'a self, event: &'a mut EntityEvent<'_>) -> BoxFuture<'a, Result<()>>;
    fn after_write<'a>(&'a self, event: &'a EntityEvent<'_>) -> BoxFuture<'a, Result<()>>;
    fn transaction<'a>(
        &'a self,
        moment: TransactionMoment,
        event: &'a TransactionEvent<'_>,
    ) -> BoxFuture<'a, Result<()>>;
}

impl<S: Subscriber> ErasedSubscriber for S {
    fn name(&self) -> &'static str {
        type_name::<S>()
    }

    fn before_flush<'a>(&'a self, event: &'a FlushEvent<'_>) -> BoxFuture<'a, Result<()>> {
        Box::pin(Subscriber::before_flush(self, event))
    }

    fn on_flush<'a>(&'a self, changes: &'a mut FlushChanges<'_>) -> BoxFuture<'a, Result<()>> {
        Box::pin(Subscriber::on_flush(self, changes))
    }

    fn after_flush<'a>(&'a self, event: &'a FlushEvent<'_>) -> BoxFuture<'a, Result<()>> {
        Box::pin(Subscriber::after_flush(self, event))
    }

    fn before_write<'a>(&'a self, event: &'a mut EntityEvent<'_>) -> BoxFuture<'a, Result<()>> {
        match event.kind() {
            ChangeKind::Create => Box::pin(self.before_create(event)),
            ChangeKind::Update => Box::pin(self.before_update(event)),
            ChangeKind::Delete => Box::pin(self.before_delete(event)),
        }
    }

    fn after_write<'a>(&'a self, event: &'a EntityEvent<'_>) -> BoxFuture<'a, Result<()>> {
        match event.kind() {
            ChangeKind::Create => Box::pin(self.after_create(event)),
            ChangeKind::Update => Box::pin(self.after_update(event)),
            ChangeKind::Delete => Box::pin(self.after_delete(event)),
        }
    }

    fn transaction<'a>(
        &'a self,
        moment: TransactionMoment,
        event: &'a TransactionEvent<'_>,
    ) -> BoxFuture<'a, Result<()>> {
        match moment {
            TransactionMoment::BeforeStart => Box::pin(self.before_transaction_start(event)),
            TransactionMoment::AfterStart => Box::pin(self.after_transaction_start(event)),
            TransactionMoment::BeforeCommit => Box::pin(self.before_transaction_commit(event)),
            TransactionMoment::AfterCommit => Box::pin(self.after_transaction_commit(event)),
            TransactionMoment::BeforeRollback => Box::pin(self.before_transaction_rollback(event)),
            TransactionMoment::AfterRollback => Box::pin(self.after_transaction_rollback(event)),
        }
    }
}

/// A registered subscriber.
#[derive(Clone)]
pub(crate) struct Subscription {
    pub(crate) subscriber: Arc<dyn ErasedSubscriber>,
    /// The types that it hears of, by their number in this process; `None`: all.
    entities: Option<Arc<[usize]>>,
}

impl Subscription {
    pub(crate) fn new(subscriber: impl Subscriber) -> Self {
        let entities = subscriber.entities();
        let entities =
            entities.map(|entities| entities.iter().map(crate::entity::EntityType::index).collect());
        Self { subscriber: Arc::new(subscriber), entities }
    }

    /// Whether it hears of this type.
    pub(crate) fn hears(&self, region: &Region, entity: EntityId) -> bool {
        let index = || region.metadata().entity_type(entity).index();
        self.entities.as_ref().is_none_or(|entities| entities.contains(&index()))
    }
}

/// The subscribers of a flush, in their order.
pub(crate) type Subscriptions = Arc<[Subscription]>;

/// The subscribers of one context.
pub(crate) struct SubscriberList(Mutex<Subscriptions>);

impl SubscriberList {
    pub(crate) fn new(subscribers: Subscriptions) -> Self {
        Self(Mutex::new(subscribers))
    }

    pub(crate) fn add(&self, subscription: Subscription) {
        let mut list = self.0.lock();
        let longer: Subscriptions = list.iter().cloned().chain([subscription]).collect();
        let shorter = std::mem::replace(&mut *list, longer);
        drop(list);
        drop(shorter);
    }

    pub(crate) fn set(&self, subscribers: Subscriptions) {
        let before = std::mem::replace(&mut *self.0.lock(), subscribers);
        drop(before);
    }

    pub(crate) fn now(&self) -> Subscriptions {
        Arc::clone(&self.0.lock())
    }
}

impl fmt::Debug for SubscriberList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.now().iter().map(|one| one.subscriber.name())).finish()
    }
}
