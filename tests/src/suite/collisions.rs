//! Transactions that get into each other's way: the database gives one of them up, and it is run again until it is through.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use orm_core::driver::{DriverErrorKind, IsolationLevel};
use orm_core::sql::Sql;
use orm_core::{EntityManager, Error, LockMode, Result, TransactionOptions, retry};

use crate::fixtures::theatre::{self, Seat};
use crate::{Backend, TestDb};

const TASKS: u64 = 16;
const TRANSFERS: u64 = 200;
const ACCOUNTS: u64 = 20;
const START: i64 = 1_000;

/// Sixteen tasks move money between twenty accounts, each move reading and writing two of them, serializably: every move
/// is made, once.
pub async fn serializable_transfers_lose_nothing<B: Backend>() -> Result<()> {
    transfer_all::<B>(|db| TransactionOptions::new().isolation(db.level()), None).await
}

/// The same with locks that are taken in whatever order, so that tasks wait for each other in a circle.
pub async fn transfers_that_lock_in_any_order_lose_nothing<B: Backend>() -> Result<()> {
    transfer_all::<B>(|_| TransactionOptions::new(), Some(LockMode::PESSIMISTIC_WRITE)).await
}

/// What the moves are made on.
struct Bank {
    db: TestDb,
    accounts: Vec<i64>,
    /// What is sent first in each transaction, so that circles are found soon.
    prelude: Option<&'static str>,
}

impl Bank {
    fn level(&self) -> IsolationLevel {
        IsolationLevel::Serializable
    }
}

/// A move of money, the same in every run.
#[derive(Clone, Copy)]
struct Transfer {
    from: usize,
    to: usize,
    amount: i64,
}

impl Transfer {
    fn of(task: u64, number: u64) -> Self {
        // Any numbers do that are spread well.
        let mixed = (task * TRANSFERS + number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let pick = |shift: u32| usize::try_from((mixed >> shift) % ACCOUNTS).unwrap_or(0);
        let (from, to) = (pick(8), pick(32));
        let all = usize::try_from(ACCOUNTS).unwrap_or(1);
        let to = if from == to { (to + 1) % all } else { to };
        Self { from, to, amount: 1 + i64::try_from((mixed >> 56) % 9).unwrap_or(0) }
    }
}

async fn transfer_all<B: Backend>(
    options: fn(&Bank) -> TransactionOptions,
    lock: Option<orm_core::driver::RowLock>,
) -> Result<()> {
    let db = TestDb::open_pool::<B>(8, theatre::entities).await?;
    let em = db.em();
    let seats = (0..ACCOUNTS).map(|at| Seat { price: START, ..Seat::new(&format!("{at}")) });
    let accounts = em.insert_many(seats).await?;
    let bank = Arc::new(Bank { db, accounts, prelude: B::facts().finds_deadlocks_soon });
    let failures = Arc::new(AtomicU32::new(0));
    let tasks = (0..TASKS).map(|task| {
        let (bank, failures) = (Arc::clone(&bank), Arc::clone(&failures));
        tokio::spawn(async move {
            for number in 0..TRANSFERS {
                let transfer = Transfer::of(task, number);
                let counted = Arc::clone(&failures);
                let policy = retry(10_000).options(options(&bank)).backoff(Duration::from_millis(1)).when(
                    move |error| {
                        counted.fetch_add(1, Ordering::Relaxed);
                        assert_typed(error);
                        error.is_retryable()
                    },
                );
                let work = async |em: EntityManager| bank.make(&em, transfer, lock).await;
                bank.db.em().transactional_with(policy, work).await?;
            }
            Ok::<_, Error>(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.map_err(Error::other)??;
    }
    let mut expected = vec![START; bank.accounts.len()];
    for transfer in (0..TASKS).flat_map(|task| (0..TRANSFERS).map(move |number| Transfer::of(task, number))) {
        expected[transfer.from] -= transfer.amount;
        expected[transfer.to] += transfer.amount;
    }
    let balances = bank.db.em().find_all::<Seat>().order_by(Seat::ID.asc()).select(Seat::PRICE).await?;
    assert_eq!(balances, expected);
    assert_eq!(balances.iter().sum::<i64>(), START * i64::try_from(ACCOUNTS).unwrap_or(0));
    println!("{} transfers, {} tried again", TASKS * TRANSFERS, failures.load(Ordering::Relaxed));
    Ok(())
}

impl Bank {
    async fn make(
        &self,
        em: &EntityManager,
        transfer: Transfer,
        lock: Option<orm_core::driver::RowLock>,
    ) -> Result<()> {
        if let (Some(prelude), Some(_)) = (self.prelude, lock) {
            em.sql(Sql::trusted(prelude), ()).execute().await?;
        }
        let from = self.account(em, transfer.from, lock).await?;
        let to = self.account(em, transfer.to, lock).await?;
        from.edit().price -= transfer.amount;
        to.edit().price += transfer.amount;
        Ok(())
    }

    async fn account(
        &self,
        em: &EntityManager,
        at: usize,
        lock: Option<orm_core::driver::RowLock>,
    ) -> Result<orm_core::Loaded<Seat>> {
        let find = em.find_one_or_fail(Seat::ID.eq(self.accounts[at]));
        match lock {
            Some(lock) => find.lock(lock).await,
            None => find.await,
        }
    }
}

/// What a database gives up for another transaction has a kind that says so.
fn assert_typed(error: &Error) {
    let is_typed = matches!(
        error.driver_kind(),
        Some(DriverErrorKind::SerializationFailure | DriverErrorKind::Deadlock | DriverErrorKind::Busy)
    );
    assert!(is_typed || matches!(error, Error::StaleEntity { .. }), "{error:?}");
}
