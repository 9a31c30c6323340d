//! Transactions of a context: by closure, or by `begin` and `commit`.
//!
//! A transaction works on the identity map of its context. It flushes and commits at its end, or rolls back, and then
//! memory is as it was before: new entities are new again, edits and removals wait. One that stands in another is a
//! savepoint. Dropped before its end, it is rolled back.

mod open;
mod options;
mod retry;
mod test;

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

pub(super) use open::Begun;
use open::OpenTransaction;
pub use options::{Propagation, TransactionOptions};
pub use retry::{Retry, TransactionPolicy, retry};
pub(crate) use test::test_transaction;

use super::{ContextKind, EntityManager};
use crate::activity::called_at;
use crate::context::transaction::within;
use crate::driver::{Access, BoxFuture, Writers};
use crate::error::{Error, Result};
use crate::session::{Holder, Level};
use crate::unit_of_work::HookScope;

/// Runs `work` in a transaction: what `#[transactional]` emits.
#[doc(hidden)]
#[track_caller]
pub fn transaction<E, V, W>(
    em: EntityManager,
    options: TransactionOptions,
    work: W,
) -> impl Future<Output = Result<V, E>> + use<E, V, W>
where
    E: From<Error>,
    W: Future<Output = Result<V, E>>,
{
    let holder = Holder::new("transaction", Location::caller());
    called_at(Location::caller(), async move {
        if !em.is_followed() && options.propagation.leaves_the_transaction() {
            return Err(E::from(Error::Transaction {
                action: "#[transactional]",
                problem: "the body would not move to the other transaction, since the manager of this attribute stands for \
                          itself; give it the manager of the ORM (`orm.em()`), which follows the current transaction, or \
                          call `transactional_with` and use the manager that the closure gets",
            }));
        }
        em.run(&options, holder, async |_| work.await).await
    })
}

/// Where a closure runs.
enum Place {
    /// In a transaction of this manager that is opened for it.
    Opened(EntityManager),
    /// In the one that is open.
    Joined(EntityManager),
    /// In none.
    Without(EntityManager),
    /// In none, in a fork that the global manager stands for meanwhile.
    Beside(EntityManager),
}

/// Why a closure's transaction failed.
struct Failure<E> {
    error: E,
    /// Whether some of it is, or may be, in the database for good.
    may_last: bool,
}

impl<E> Failure<E> {
    /// Of what was rolled back, or was not begun.
    fn undone(error: E) -> Self {
        Self { error, may_last: false }
    }

    /// Of work that no transaction of its own takes back.
    fn lasting(error: E) -> Self {
        Self { error, may_last: true }
    }
}

/// A part that joined the transaction of `level`. Dropped before it succeeded, it refuses the commit.
struct JoinedPart {
    level: Arc<Level>,
    is_done: bool,
}

impl Drop for JoinedPart {
    fn drop(&mut self) {
        if !self.is_done {
            self.level.refuse_commit();
        }
    }
}

impl EntityManager {
    /// Runs `work` in a transaction of this context, on the same identity map: flushes and commits when it succeeds,
    /// rolls back when it fails, and returns what it returned.
    ///
    /// Everything of the context runs in it meanwhile, on one connection: this manager and the global one too, when they
    /// are used in the closure. Tasks that are spawned in it use the manager that the closure gets. In a transaction it
    /// is a savepoint. Several transactions of one context that are polled at the same time run one after another.
    /// On the global manager outside any context it runs in a fresh fork.
    ///
    /// After a rollback, memory is as it was before: what was new is new again, edits and removals wait for the next
    /// flush. An entity that was loaded for the first time after the transaction had written is loaded again when it is
    /// asked for.
    ///
    /// Errors of the program pass through [`Error::other`]; [`transactional_as`](Self::transactional_as) keeps their
    /// type.
    ///
    /// ```ignore
    /// let order = em
    ///     .transactional(async |em| {
    ///         let order = em.persist(Order::of(&cart))?;
    ///         em.find_by_id::<Stock>(item).await?; // flushes the order first if the query could miss it
    ///         Ok(order)
    ///     })
    ///     .await?;
    /// ```
    ///
    /// # Errors
    ///
    /// What `work` returns, or what flushing and committing can fail with: see [`flush`](Self::flush).
    /// [`Error::Wait`] when another transaction of the context does not end in time, [`Error::OutcomeUnknown`].
    #[track_caller]
    pub fn transactional<V, F>(&self, work: F) -> impl Future<Output = Result<V>> + use<'_, V, F>
    where
        F: AsyncFnOnce(EntityManager) -> Result<V>,
    {
        self.transactional_as(work)
    }

    /// As [`transactional`](Self::transactional), with an error type of the program's own.
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn transactional_as<E, V, F>(&self, work: F) -> impl Future<Output = Result<V, E>> + use<'_, E, V, F>
    where
        E: From<Error>,
        F: AsyncFnOnce(EntityManager) -> Result<V, E>,
    {
        let holder = Holder::new("transaction", Location::caller());
        called_at(
            Location::caller(),
            async move { self.run(&TransactionOptions::default(), holder, work).await },
        )
    }

    /// As [`transactional`](Self::transactional), with options: [`TransactionOptions`] for propagation, isolation, read
    /// only and flush mode, or one of the first two alone; or [`retry(attempts)`](retry()), which runs a closure that is `Clone` again, each time on a
    /// fresh fork, when the database says that it may succeed then.
    ///
    /// # Errors
    ///
    /// As there, and [`Error::Transaction`] when the options do not fit where it is called.
    #[track_caller]
    pub fn transactional_with<O, V, F>(
        &self,
        options: O,
        work: F,
    ) -> impl Future<Output = Result<V>> + use<'_, O, V, F>
    where
        O: TransactionPolicy<F>,
        F: AsyncFnOnce(EntityManager) -> Result<V>,
    {
        let holder = Holder::new("transaction", Location::caller());
        called_at(Location::caller(), async move {
            let mut attempt = 1;
            let mut work = work;
            if options.__wants_fork() {
                let em = self.contextual();
                if em.level().is_transaction() {
                    em.check_second_connection("retry")?;
                }
            }
            loop {
                let Some(kept) = options.__keep(&work, attempt) else {
                    let place = if options.__wants_fork() { self.fork() } else { self.clone() };
                    return place.run(&options.__options(), holder, work).await;
                };
                let error = match self.fork().attempt(&options.__options(), holder, work).await {
                    Ok(value) => return Ok(value),
                    Err(Failure { error, may_last: true }) => return Err(error),
                    Err(Failure { error, may_last: false }) => error,
                };
                match options.__pause(&error, attempt) {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(error),
                }
                tracing::info!(target: "orm", %error, attempt, "a transaction is tried again");
                work = kept;
                attempt += 1;
            }
        })
    }

    /// As [`transactional_with`](Self::transactional_with), with an error type of the program's own.
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn transactional_with_as<E, V, F>(
        &self,
        options: TransactionOptions,
        work: F,
    ) -> impl Future<Output = Result<V, E>> + use<'_, E, V, F>
    where
        E: From<Error>,
        F: AsyncFnOnce(EntityManager) -> Result<V, E>,
    {
        let holder = Holder::new("transaction", Location::caller());
        called_at(Location::caller(), async move { self.run(&options, holder, work).await })
    }

    async fn run<V, E, F>(&self, options: &TransactionOptions, holder: Holder, work: F) -> Result<V, E>
    where
        E: From<Error>,
        F: AsyncFnOnce(EntityManager) -> Result<V, E>,
    {
        self.attempt(options, holder, work).await.map_err(|failure| failure.error)
    }

    async fn attempt<V, E, F>(
        &self,
        options: &TransactionOptions,
        holder: Holder,
        work: F,
    ) -> Result<V, Failure<E>>
    where
        E: From<Error>,
        F: AsyncFnOnce(EntityManager) -> Result<V, E>,
    {
        let undone = |error: Error| Failure::undone(E::from(error));
        match self.place(options).map_err(undone)? {
            Place::Without(em) => work(em).await.map_err(Failure::lasting),
            Place::Beside(em) => within(em.clone(), work(em)).await.map_err(Failure::lasting),
            Place::Joined(em) => {
                let mut part = JoinedPart { level: em.level(), is_done: false };
                let result = work(em).await;
                part.is_done = result.is_ok();
                result.map_err(Failure::lasting)
            }
            Place::Opened(em) => {
                let transaction = OpenTransaction::begin(&em, options, holder).await.map_err(undone)?;
                let inside = transaction.manager();
                let result = within(inside.clone(), work(inside)).await;
                match result {
                    Ok(value) => match transaction.commit().await {
                        Ok(()) => Ok(value),
                        Err(Failure { error, may_last }) => Err(Failure { error: E::from(error), may_last }),
                    },
                    Err(error) => {
                        transaction.roll_back().await;
                        Err(Failure::undone(error))
                    }
                }
            }
        }
    }

    /// Whether it stands for whatever transaction of its ORM the current task is in.
    fn is_followed(&self) -> bool {
        self.context.kind != ContextKind::Own && self.level.is_none()
    }

    /// Where a closure with these options runs.
    fn place(&self, options: &TransactionOptions) -> Result<Place> {
        let em = self.contextual();
        let is_inside = em.level().is_transaction();
        let is_guarded = em.context.kind == ContextKind::Global && !em.context.orm.allow_global_context;
        let em = if is_guarded { em.fork() } else { em };
        let refuse = |problem| Err(Error::Transaction { action: "transactional", problem });
        Ok(match (options.propagation, is_inside) {
            (Propagation::Nested, _) | (Propagation::Required, false) => Place::Opened(em),
            (Propagation::Required | Propagation::Supports | Propagation::Mandatory, true) => {
                Place::Joined(em)
            }
            (Propagation::RequiresNew, false) => Place::Opened(em.fork()),
            (Propagation::RequiresNew, true) => {
                em.check_second_connection("requires_new")?;
                Place::Opened(em.fork())
            }
            (Propagation::NotSupported, true) => {
                em.check_second_connection("not_supported")?;
                Place::Beside(em.fork())
            }
            (Propagation::Supports | Propagation::Never | Propagation::NotSupported, false) if is_guarded => {
                Place::Beside(em)
            }
            (Propagation::Supports | Propagation::Never | Propagation::NotSupported, false) => {
                Place::Without(em)
            }
            (Propagation::Mandatory, false) => {
                return refuse(
                    "there is no transaction to join, and the propagation is mandatory; call it inside `transactional`",
                );
            }
            (Propagation::Never, true) => {
                return refuse(
                    "there is a transaction, and the propagation is never; call it outside `transactional`",
                );
            }
        })
    }

    /// Whether there can be a second connection beside the one of the open transaction.
    fn check_second_connection(&self, action: &'static str) -> Result<()> {
        if self.level().of_test().is_some() {
            // Forks are savepoints there.
            return Ok(());
        }
        let capabilities = self.context.orm.driver.capabilities();
        if capabilities.connections <= 1 {
            return Err(Error::Transaction {
                action,
                problem: "it needs a second connection while this transaction has the only one of the pool; allow the \
                          pool more, or use a savepoint (`Propagation::Nested`)",
            });
        }
        let access = self.context.session.transaction_access();
        if capabilities.writers == Writers::One && access == Some(Access::ReadWrite) {
            return Err(Error::Transaction {
                action,
                problem: "this database has one writer at a time, which is the open transaction; use a savepoint \
                          (`Propagation::Nested`), or do it after the transaction",
            });
        }
        Ok(())
    }

    // ---- by hand

    /// Begins a transaction of this context; in one, a savepoint. Everything of the context is in it until
    /// [`commit`](Self::commit) or [`rollback`](Self::rollback). A context that is dropped before rolls back.
    ///
    /// [`transactional`](Self::transactional) does this and can't forget its end.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalContext`], [`Error::Wait`], [`Error::OutcomeUnknown`], [`Error::Driver`].
    #[track_caller]
    pub fn begin(&self) -> impl Future<Output = Result<()>> + Send + use<'_> {
        self.begin_with(TransactionOptions::default())
    }

    /// As [`begin`](Self::begin), with isolation level, read only and flush mode; the propagation does not matter.
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn begin_with(
        &self,
        options: TransactionOptions,
    ) -> impl Future<Output = Result<()>> + Send + use<'_> {
        let holder = Holder::new("transaction", Location::caller());
        called_at(Location::caller(), async move {
            let em = self.resolve_in_call("begin")?;
            let begun = OpenTransaction::begin(&em, &options, holder).await?.keep_open();
            em.context.begun.lock().push(begun);
            Ok(())
        })
    }

    /// Flushes and commits what [`begin`](Self::begin) has begun last.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] when nothing was begun where it is called; what [`flush`](Self::flush) can fail with: then
    /// it is rolled back, and everything that was not saved waits for the next flush. [`Error::FlushInHook`] from a hook:
    /// the transaction goes on.
    #[track_caller]
    pub fn commit(&self) -> impl Future<Output = Result<()>> {
        called_at(Location::caller(), async move {
            let em = self.resolve_in_call("commit")?;
            em.take_begun("commit")?.commit().await.map_err(|failure| failure.error)
        })
    }

    /// Takes back what was written since [`begin`](Self::begin), in the database and in memory: what was new is new
    /// again, edits and removals wait.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] when nothing was begun where it is called, and [`Error::FlushInHook`] from a hook, which fails
    /// its flush by an error instead.
    #[track_caller]
    pub fn rollback(&self) -> impl Future<Output = Result<()>> {
        called_at(Location::caller(), async move {
            let em = self.resolve_in_call("rollback")?;
            em.take_begun("rollback")?.roll_back().await;
            Ok(())
        })
    }

    fn take_begun(&self, action: &'static str) -> Result<OpenTransaction<'_>> {
        if HookScope::is_inside(self.context.id) {
            return Err(Error::FlushInHook);
        }
        let level = self.level();
        let begun = self.context.begun.lock().pop_if(|begun| Arc::ptr_eq(begun.level(), &level));
        begun.map(|begun| OpenTransaction::take_over(self, begun)).ok_or(Error::Transaction {
            action,
            problem: "an open transaction is required for this; call `begin` first (a closure's transaction ends by \
                      itself)",
        })
    }

    /// Whether a call on this manager would run in a transaction.
    #[must_use]
    pub fn is_in_transaction(&self) -> bool {
        self.contextual().level().is_transaction()
    }

    /// Runs `work` when the transaction has been committed: for mails, messages and caches, which can't be taken back.
    /// What is registered in a savepoint that is rolled back does not run.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] outside a transaction.
    #[track_caller]
    pub fn after_commit<Fut>(&self, work: impl FnOnce() -> Fut + Send + 'static) -> Result<()>
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        let level = self.hooked_level("after_commit")?;
        level.hooks().after_commit.push(Box::new(|| -> BoxFuture<'static, ()> { Box::pin(work()) }));
        Ok(())
    }

    /// Runs `work` when the transaction, or the savepoint that this is called in, has been rolled back. Not when its
    /// future was dropped: nothing runs then.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] outside a transaction.
    #[track_caller]
    pub fn after_rollback<Fut>(&self, work: impl FnOnce() -> Fut + Send + 'static) -> Result<()>
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        let level = self.hooked_level("after_rollback")?;
        level.hooks().after_rollback.push(Box::new(|| -> BoxFuture<'static, ()> { Box::pin(work()) }));
        Ok(())
    }

    #[track_caller]
    fn hooked_level(&self, action: &'static str) -> Result<Arc<Level>> {
        let level = self.resolve(action)?.level();
        if !level.is_transaction() {
            return Err(Error::Transaction { action, problem: "no transaction is open; call it inside one" });
        }
        Ok(level)
    }
}
