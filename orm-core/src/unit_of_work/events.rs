//! Hooks and subscribers at their places in a flush.
//!
//! before_flush → compute → made values, before-hooks → on_flush → (plan, statements) → after-hooks → (commit, settle) →
//! after_flush. Where neither the entity has hooks nor anybody listens, nothing happens and nothing is allocated.
//!
//! Before the commit every failure fails the flush, and what hooks did to the context is taken back.

use std::future::Future;
use std::sync::Arc;
use std::time::SystemTime;

use hashbrown::{HashMap, HashSet};

use super::change_set::{ChangeSet, ChangeSets, compute};
use super::flush::load_cascades;
use super::hook_scope::HookScope;
use super::prepare::{Draft, is_edit, makes_values, recompute, rewrite, take_bases};
use super::settle::{Bases, Settlement};
use crate::entity::{CellId, ChangeKind, ErasedSnapshot, HookContext, PropertySet, Region};
use crate::entity_manager::EntityManager;
use crate::error::{Error, Result};
use crate::metadata::EntityId;
use crate::subscriber::{
    Change, EntityEvent, FlushChanges, FlushEvent, Subscription, Subscriptions, TransactionEvent,
};

/// How often hooks may bring in entities whose hooks bring in further ones.
const MAX_ROUNDS: usize = 100;

/// One flush as its hooks and subscribers take part in it.
pub(super) struct FlushEvents<'a> {
    em: &'a EntityManager,
    region: &'a Arc<Region>,
    subscribers: Subscriptions,
    now: SystemTime,
    scope: Arc<HookScope>,
    /// The changes whose hooks run again after the write.
    announced: Vec<Announced>,
    /// Whether what hooks did to the context stays.
    stays: bool,
    /// The transaction that the flush is in; `None`: one of its own.
    transaction: Option<u64>,
}

/// A change whose hooks run again after the write.
struct Announced {
    cell: CellId,
    kind: ChangeKind,
    changed: PropertySet,
    original: Option<ErasedSnapshot>,
}

/// A flush forgets what it had to know alone; failed or dropped before its commit, it takes back what its hooks did to the
/// context.
impl Drop for FlushEvents<'_> {
    fn drop(&mut self) {
        self.region.links().forget_unseen();
        if self.stays {
            self.hand_over();
        } else {
            self.take_back();
        }
    }
}

impl<'a> FlushEvents<'a> {
    pub(super) fn new(em: &'a EntityManager, region: &'a Arc<Region>) -> Self {
        Self {
            em,
            region,
            subscribers: em.subscriptions(),
            now: em.now(),
            scope: HookScope::new(em.context_id(), region),
            announced: Vec::new(),
            stays: false,
            transaction: region.session().transaction(),
        }
    }

    /// From now on what hooks did to the context stays: the commit is on its way, or there is nothing to commit.
    pub(super) fn keep(&mut self) {
        self.stays = true;
    }

    /// What hooks did so far did not happen.
    pub(super) fn take_back(&self) {
        self.scope.take_steps().take_back(self.region);
    }

    /// What hooks did so far stays or goes with the transaction that the flush is in.
    pub(super) fn hand_over(&self) {
        let steps = self.scope.take_steps();
        let transaction = self.region.session().transaction();
        if transaction.is_some() && transaction == self.transaction && !steps.is_empty() {
            self.region.record_hooks(steps);
        }
    }

    /// The commit was refused after all.
    pub(super) fn keep_no_more(&mut self) {
        self.stays = false;
    }

    /// What is to be written, with the snapshots that other values are written for.
    pub(super) async fn change_sets(&mut self) -> Result<(ChangeSets, Bases)> {
        let event = FlushEvent { em: self.em, now: self.now };
        for subscription in self.subscribers.iter() {
            self.call(subscription, "before_flush", subscription.subscriber.before_flush(&event)).await?;
        }
        load_cascades(self.region).await?;
        let mut change_sets = compute(self.region)?;
        let mut prepared = HashSet::default();
        change_sets = self.prepare(change_sets, &mut prepared).await?;
        change_sets = self.on_flush(change_sets, &mut prepared).await?;
        self.announced = change_sets.all.iter().filter_map(|change_set| self.announced(change_set)).collect();
        let bases = take_bases(&mut change_sets.all);
        Ok((change_sets, bases))
    }

    /// Makes values and runs the hooks of what they have not run for, until no hook brings in anything new.
    async fn prepare(
        &self,
        mut change_sets: ChangeSets,
        prepared: &mut HashSet<(CellId, ChangeKind), foldhash::fast::RandomState>,
    ) -> Result<ChangeSets> {
        for _ in 0..MAX_ROUNDS {
            for change_set in &mut change_sets.all {
                if (self.is_heard(change_set) || makes_values(self.region, change_set))
                    && is_edit(self.region, change_set)
                    && prepared.insert((change_set.cell, change_set.kind.as_change()))
                {
                    *change_set = self.prepare_one(change_set.take()).await?;
                }
            }
            if !self.scope.has_news() {
                return Ok(change_sets);
            }
            load_cascades(self.region).await?;
            change_sets = recompute(self.region, change_sets.all)?;
        }
        Err(Error::EndlessHooks)
    }

    async fn prepare_one(&self, change_set: ChangeSet) -> Result<ChangeSet> {
        let (cell, kind) = (change_set.cell, change_set.kind.as_change());
        let (mut draft, mut value) = Draft::of(self.region, change_set);
        if let Some(value) = &mut value {
            draft.make_values(self.region, value, self.em, self.now)?;
            let cx = draft.context(self.em, self.now);
            self.scope.sync(|| self.region.arena(cell.entity).run_before(value, &cx))?;
        }
        let mut event =
            EntityEvent { cx: draft.context(self.em, self.now), region: self.region, cell, value };
        for subscription in self.listeners(cell.entity) {
            self.call(subscription, kind.before(), subscription.subscriber.before_write(&mut event)).await?;
        }
        let value = event.value;
        self.scope.sync(|| draft.finish(self.region, value))
    }

    async fn on_flush(
        &self,
        change_sets: ChangeSets,
        prepared: &mut HashSet<(CellId, ChangeKind), foldhash::fast::RandomState>,
    ) -> Result<ChangeSets> {
        if self.subscribers.is_empty() {
            return Ok(change_sets);
        }
        let ChangeSets { all, cascade, visited } = change_sets;
        let changes = all.into_iter().map(|change_set| Change::new(self.region, change_set)).collect();
        let mut changes = FlushChanges { em: self.em, now: self.now, changes };
        for subscription in self.subscribers.iter() {
            self.call(subscription, "on_flush", subscription.subscriber.on_flush(&mut changes)).await?;
        }
        let all = changes.changes.into_iter().map(|change| match change.edited {
            Some(value) => {
                self.scope.sync(|| rewrite(self.region, change.change_set, value, &PropertySet::new()))
            }
            None => Ok(change.change_set),
        });
        let all = all.collect::<Result<Vec<_>>>()?;
        if !self.scope.has_news() {
            return Ok(ChangeSets { all, cascade, visited });
        }
        load_cascades(self.region).await?;
        let change_sets = recompute(self.region, all)?;
        self.prepare(change_sets, prepared).await
    }

    /// After the statements, before the commit.
    pub(super) async fn after_writes(&self, settlement: &Settlement) -> Result<()> {
        if self.announced.is_empty() {
            return Ok(());
        }
        let saved = settlement.places();
        let _held = self.scope.hold_connection();
        for Announced { cell, kind, changed, original } in &self.announced {
            let arena = self.region.arena(cell.entity);
            let value = match kind {
                ChangeKind::Create | ChangeKind::Update => {
                    let Some(at) = saved.get(cell) else { continue };
                    Some(settlement.stored(self.region, *at))
                }
                ChangeKind::Delete => arena.current(cell.at),
            };
            let cx = HookContext {
                em: self.em,
                now: self.now,
                entity: cell.entity,
                kind: *kind,
                original: original.as_ref(),
                changed,
            };
            if let Some(value) = &value {
                self.scope.sync(|| arena.run_after(value, &cx))?;
            }
            let event = EntityEvent { cx, region: self.region, cell: *cell, value };
            for subscription in self.listeners(cell.entity) {
                self.call(subscription, kind.after(), subscription.subscriber.after_write(&event)).await?;
            }
        }
        Ok(())
    }

    /// After the commit. What hooks did to the context stays, whatever comes of this.
    pub(super) async fn after_flush(&mut self) -> Result<()> {
        self.keep();
        let event = FlushEvent { em: self.em, now: self.now };
        for subscription in self.subscribers.iter() {
            self.call(subscription, "after_flush", subscription.subscriber.after_flush(&event)).await?;
        }
        Ok(())
    }

    async fn call(
        &self,
        subscription: &Subscription,
        event: &'static str,
        future: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let done = self.scope.run(future).await;
        done.map_err(|error| Error::in_hook(subscription.subscriber.name(), event, error))
    }

    fn listeners(&self, entity: EntityId) -> impl Iterator<Item = &Subscription> {
        self.subscribers.iter().filter(move |subscription| subscription.hears(self.region, entity))
    }

    /// Whether the entity has hooks, or anybody listens to it.
    fn is_heard(&self, change_set: &ChangeSet) -> bool {
        let entity = change_set.cell.entity;
        self.region.arena(entity).has_hooks() || self.listeners(entity).next().is_some()
    }

    fn announced(&self, change_set: &ChangeSet) -> Option<Announced> {
        if !self.is_heard(change_set) {
            return None;
        }
        let cell = change_set.cell;
        Some(Announced {
            cell,
            kind: change_set.kind.as_change(),
            changed: change_set.kind.changed(self.region.entity(cell.entity).properties.len()),
            original: self.region.arena(cell.entity).original(cell.at),
        })
    }
}

/// A step of a transaction that subscribers hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionMoment {
    BeforeStart,
    AfterStart,
    BeforeCommit,
    AfterCommit,
    BeforeRollback,
    AfterRollback,
}

impl TransactionMoment {
    const fn name(self) -> &'static str {
        match self {
            Self::BeforeStart => "before_transaction_start",
            Self::AfterStart => "after_transaction_start",
            Self::BeforeCommit => "before_transaction_commit",
            Self::AfterCommit => "after_transaction_commit",
            Self::BeforeRollback => "before_transaction_rollback",
            Self::AfterRollback => "after_transaction_rollback",
        }
    }
}

/// Tells the subscribers of `em` about a step of its transaction. A failure before the commit is for the caller to roll
/// back on; around a rollback it is logged, so that it hides no other error.
///
/// # Errors
///
/// [`Error::Hook`].
pub(crate) async fn fire(em: &EntityManager, moment: TransactionMoment) -> Result<()> {
    let subscribers = em.subscriptions();
    if subscribers.is_empty() {
        return Ok(());
    }
    tell(em, moment, &subscribers, &HookScope::new(em.context_id(), &em.region())).await
}

/// As [`fire`], while the caller has the connection of the context.
///
/// # Errors
///
/// [`Error::Hook`].
pub(super) async fn fire_within(em: &EntityManager, moment: TransactionMoment) -> Result<()> {
    let subscribers = em.subscriptions();
    if subscribers.is_empty() {
        return Ok(());
    }
    let scope = HookScope::new(em.context_id(), &em.region());
    let _held = scope.hold_connection();
    tell(em, moment, &subscribers, &scope).await
}

async fn tell(
    em: &EntityManager,
    moment: TransactionMoment,
    subscribers: &Subscriptions,
    scope: &Arc<HookScope>,
) -> Result<()> {
    let event = TransactionEvent { em };
    for subscription in subscribers.iter() {
        let subscriber = &subscription.subscriber;
        let done = scope.run(subscriber.transaction(moment, &event)).await;
        let done = done.map_err(|error| Error::in_hook(subscriber.name(), moment.name(), error));
        match (done, moment) {
            (Ok(()), _) => {}
            (Err(error), TransactionMoment::BeforeRollback | TransactionMoment::AfterRollback) => {
                tracing::warn!(target: "orm", %error, "a subscriber failed while a transaction was rolled back");
            }
            (
                Err(error),
                TransactionMoment::BeforeStart
                | TransactionMoment::AfterStart
                | TransactionMoment::BeforeCommit
                | TransactionMoment::AfterCommit,
            ) => return Err(error),
        }
    }
    Ok(())
}

/// The places of cells among the saved rows.
pub(super) type Places = HashMap<CellId, usize, foldhash::fast::RandomState>;
