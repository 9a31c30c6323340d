//! One transaction or savepoint, from its begin to its end.

use std::sync::Arc;

use super::super::EntityManager;
use super::{Failure, TransactionOptions};
use crate::driver::DriverErrorKind;
use crate::error::{Error, Result};
use crate::journal::Mark;
use crate::session::{EndHooks, Holder, Level, Turn};
use crate::unit_of_work::{HookScope, Scope, TransactionMoment, Unknown, fire, flush};

/// What `begin` leaves in a context: everything but the context.
pub(in crate::entity_manager) struct Begun {
    level: Arc<Level>,
    /// The turn on the level that it stands on.
    turn: Turn,
    holder: Holder,
    /// Its savepoint; `None`: it is the transaction.
    savepoint: Option<u32>,
    /// Where the journal stood when it began.
    mark: Mark,
}

impl Begun {
    pub(super) fn level(&self) -> &Arc<Level> {
        &self.level
    }

    /// Whether it is the outermost transaction of the program, which in a test is a savepoint.
    fn is_outermost(&self) -> bool {
        self.level.is_transaction() && !self.turn.level().is_transaction()
    }
}

/// A transaction or savepoint that is open. Dropped before its end, it is rolled back, in the database by closing the
/// connection.
pub(super) struct OpenTransaction<'a> {
    em: &'a EntityManager,
    /// `None`: it came to its end, or was handed over.
    begun: Option<Begun>,
    /// Whether COMMIT was sent, so that nobody knows the outcome until it is answered.
    is_committing: bool,
}

impl<'a> OpenTransaction<'a> {
    /// Begins where calls on `em` stand.
    pub(super) async fn begin(
        em: &'a EntityManager,
        options: &TransactionOptions,
        holder: Holder,
    ) -> Result<Self> {
        if HookScope::is_inside(em.context.id) {
            return Err(Error::FlushInHook);
        }
        let (session, activity) = (&em.context.session, &em.request().activity);
        let turn = em.turn(holder).await?;
        let base = turn.level();
        if em.region().pending().unknown.is_some() {
            return Err(Error::OutcomeUnknown);
        }
        let is_outermost = !base.is_transaction();
        if is_outermost {
            fire(em, TransactionMoment::BeforeStart).await?;
        }
        let savepoint = if base.transaction().is_some() {
            if options.isolation.is_some() && !is_outermost {
                return Err(Error::Transaction {
                    action: "transactional",
                    problem: "a savepoint can't have an isolation level of its own; give it to the outer transaction",
                });
            }
            Some(session.set_savepoint(base, activity).await?)
        } else {
            session.begin(options.mode(), holder, activity).await?;
            None
        };
        let level = base.deeper(session.transaction(), options.flush_mode, options.access);
        let mark = em.region().mark();
        let begun = Begun { level, turn, holder, savepoint, mark };
        let transaction = Self { em, begun: Some(begun), is_committing: false };
        if is_outermost && let Err(error) = fire(em, TransactionMoment::AfterStart).await {
            transaction.roll_back().await;
            return Err(error);
        }
        Ok(transaction)
    }

    /// Begins that of a test, in which the program is in no transaction.
    pub(super) async fn begin_test(em: &'a EntityManager, holder: Holder) -> Result<Self> {
        let (session, activity) = (&em.context.session, &em.request().activity);
        let turn = em.turn(holder).await?;
        let base = turn.level();
        let savepoint = match base.transaction() {
            Some(_) => Some(session.set_savepoint(base, activity).await?),
            None => {
                session.begin(TransactionOptions::default().mode(), holder, activity).await?;
                None
            }
        };
        let level = base.deeper_for_test(session.transaction());
        let mark = em.region().mark();
        let begun = Begun { level, turn, holder, savepoint, mark };
        Ok(Self { em, begun: Some(begun), is_committing: false })
    }

    /// Hands it to the context, to be ended by hand.
    pub(super) fn keep_open(mut self) -> Begun {
        let begun = self.begun.take().expect("it was begun, and ends once");
        begun.turn.level().set_explicit(Some(&begun.level));
        begun
    }

    pub(super) fn take_over(em: &'a EntityManager, begun: Begun) -> Self {
        begun.turn.level().set_explicit(None);
        Self { em, begun: Some(begun), is_committing: false }
    }

    /// The manager that stands in it.
    pub(super) fn manager(&self) -> EntityManager {
        let level = self.begun.as_ref().map(|begun| Arc::clone(&begun.level));
        EntityManager { context: Arc::clone(&self.em.context), level }
    }

    /// Flushes and makes it durable, or part of the outer one.
    pub(super) async fn commit(mut self) -> Result<(), Failure<Error>> {
        let em = self.em;
        if let Err(error) = self.finish().await {
            self.roll_back().await;
            let may_last = em.region().pending().unknown.is_some();
            return Err(Failure { error, may_last });
        }
        let Some(begun) = self.end() else { return Ok(()) };
        let hooks = std::mem::take(&mut *begun.level.hooks());
        if !begun.is_outermost() {
            let mut outer = begun.turn.level().hooks();
            outer.after_commit.extend(hooks.after_commit);
            outer.after_rollback.extend(hooks.after_rollback);
            return Ok(());
        }
        drop(begun);
        em.context.orm.caching.tell_or_warn().await;
        let heard = fire(em, TransactionMoment::AfterCommit).await;
        for hook in hooks.after_commit {
            hook().await;
        }
        heard.map_err(|error| Failure { error, may_last: true })
    }

    async fn finish(&mut self) -> Result<()> {
        let Some(begun) = &self.begun else { return Ok(()) };
        let (level, holder) = (Arc::clone(&begun.level), begun.holder);
        if level.explicit().is_some() {
            return Err(Error::Transaction {
                action: "commit",
                problem: "`begin` was called in this transaction without `commit` or `rollback`, so the whole of it is \
                          rolled back; end what you begin, or use `transactional`, which can't forget its end",
            });
        }
        // What was spawned in it and still writes comes to its end first.
        let _turn = level.turn(holder, self.em.context.orm.wait_timeout).await?;
        let finished = self.finish_alone().await;
        // Who waits for the turn goes on outside.
        level.close();
        finished
    }

    /// As the only one at its level.
    async fn finish_alone(&mut self) -> Result<()> {
        let Some(begun) = &self.begun else { return Ok(()) };
        let (session, activity) = (&self.em.context.session, &self.em.request().activity);
        if begun.level.must_roll_back() {
            return Err(Error::Transaction {
                action: "commit",
                problem: "a part that joined this transaction failed, so the whole of it is rolled back",
            });
        }
        let region = self.em.region();
        flush(&self.manager(), &region, &begun.level, Scope::LastOfTransaction).await?;
        if let Some(savepoint) = begun.savepoint {
            if begun.is_outermost() {
                fire(self.em, TransactionMoment::BeforeCommit).await?;
            }
            return session.release_savepoint(begun.turn.level(), savepoint, activity).await;
        }
        session.check_usable("commit")?;
        fire(self.em, TransactionMoment::BeforeCommit).await?;
        // Nobody needs to be asked about a transaction that wrote nothing.
        let can_be_unknown = session.reads_uncommitted();
        let mark = begun.mark;
        if can_be_unknown {
            region.pending().unknown = Some(Unknown::Transaction(mark));
        }
        self.is_committing = can_be_unknown;
        match session.commit(activity).await {
            Ok(()) => {
                region.pending().unknown = None;
                region.forget_journal();
                Ok(())
            }
            Err(error) => {
                if error.driver_kind() != Some(DriverErrorKind::ConnectionLost) || !can_be_unknown {
                    region.pending().unknown = None;
                    self.is_committing = false;
                }
                Err(error)
            }
        }
    }

    /// Takes everything back. A failure is logged: there is an error to tell already, and the connection is closed.
    pub(super) async fn roll_back(mut self) {
        let session = &self.em.context.session;
        let Some(begun) = &self.begun else { return };
        begun.level.close();
        if self.is_committing {
            // Nobody knows: memory waits for the program's word.
            session.close();
        } else {
            if begun.is_outermost() {
                // Subscribers that fail around a rollback are logged.
                let _ = fire(self.em, TransactionMoment::BeforeRollback).await;
            }
            match begun.savepoint {
                Some(savepoint) => {
                    let activity = &self.em.request().activity;
                    session.roll_back_to(begun.turn.level(), savepoint, activity).await;
                }
                None => session.roll_back().await,
            }
            self.roll_back_memory(begun);
        }
        let (em, is_committing) = (self.em, self.is_committing);
        let Some(begun) = self.end() else { return };
        let is_outermost = begun.is_outermost();
        let EndHooks { after_rollback, .. } = std::mem::take(&mut *begun.level.hooks());
        drop(begun);
        if is_outermost && !is_committing {
            let _ = fire(em, TransactionMoment::AfterRollback).await;
        }
        for hook in after_rollback {
            hook().await;
        }
    }

    /// What ended with the one that it stands in was taken back with that.
    fn roll_back_memory(&self, begun: &Begun) {
        if begun.turn.level().is_open() {
            self.em.region().roll_back(begun.mark);
        }
    }

    /// Nothing stands on it any more: what was begun in it and has no end of its own goes with it.
    fn end(&mut self) -> Option<Begun> {
        let begun = self.begun.take()?;
        begun.level.close();
        let left = {
            let mut all = self.em.context.begun.lock();
            let first = all.iter().position(|other| other.level.depth() > begun.level.depth());
            first.map(|first| all.split_off(first)).unwrap_or_default()
        };
        for other in left {
            let hooks = std::mem::take(&mut *other.level.hooks());
            begun.level.hooks().after_rollback.extend(hooks.after_rollback);
            other.level.close();
        }
        Some(begun)
    }
}

impl Drop for OpenTransaction<'_> {
    fn drop(&mut self) {
        let Some(begun) = self.end() else { return };
        let session = &self.em.context.session;
        match (self.is_committing, begun.savepoint) {
            (true, _) => session.close(),
            (false, None) => {
                session.close();
                self.roll_back_memory(&begun);
            }
            (false, Some(_)) => {
                session.doom(begun.level.transaction());
                self.roll_back_memory(&begun);
            }
        }
    }
}
