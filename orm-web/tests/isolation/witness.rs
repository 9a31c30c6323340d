//! What is checked, how often it was, and how often it did not hold.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// A promise that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    // ---- by handlers
    FreshIdentityMap,
    OwnContext,
    NoTransactionAtStart,
    OwnTenant,
    FilterParameter,
    OwnEdits,
    OneInstance,
    CarriedTasks,
    GuardedTasks,
    OtherScopes,
    AfterCancelled,
    OwnTransaction,
    // ---- by clients
    OwnResponse,
    NoFailure,
    // ---- when all is over
    NoContextAlive,
    NoTaskAlive,
    NoOpenTransaction,
    RowsAsAcknowledged,
    SumsKept,
    LiveBytes,
    // ---- beside the service
    JoinedScopes,
    OuterRestored,
    // ---- the two problems of one shared identity map
    FlatMemory,
    StableResponse,
}

impl Check {
    pub(crate) const ALL: [Self; 24] = [
        Self::FreshIdentityMap,
        Self::OwnContext,
        Self::NoTransactionAtStart,
        Self::OwnTenant,
        Self::FilterParameter,
        Self::OwnEdits,
        Self::OneInstance,
        Self::CarriedTasks,
        Self::GuardedTasks,
        Self::OtherScopes,
        Self::AfterCancelled,
        Self::OwnTransaction,
        Self::OwnResponse,
        Self::NoFailure,
        Self::NoContextAlive,
        Self::NoTaskAlive,
        Self::NoOpenTransaction,
        Self::RowsAsAcknowledged,
        Self::SumsKept,
        Self::LiveBytes,
        Self::JoinedScopes,
        Self::OuterRestored,
        Self::FlatMemory,
        Self::StableResponse,
    ];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::FreshIdentityMap => "the identity map is empty when a handler begins",
            Self::OwnContext => "a context, its number and its values are of one request",
            Self::NoTransactionAtStart => "no transaction is open when a handler begins",
            Self::OwnTenant => "entities that are read are of the request's tenant",
            Self::FilterParameter => "a filter has the parameter of its request",
            Self::OwnEdits => "no unsaved edit of another request is seen",
            Self::OneInstance => "one row is one instance in a request",
            Self::CarriedTasks => "tasks and threads that are carried in are in the context",
            Self::GuardedTasks => "tasks and threads that are not get the guard's error",
            Self::OtherScopes => "a scope in a request is apart from it",
            Self::AfterCancelled => "a cancelled branch leaves context and transaction as they were",
            Self::OwnTransaction => "a transaction is seen by its own request alone",
            Self::OwnResponse => "a response is of the request that it answers",
            Self::NoFailure => "no handler fails but by a planned panic",
            Self::NoContextAlive => "no context is alive",
            Self::NoTaskAlive => "no task of the service is alive",
            Self::NoOpenTransaction => "no connection is lost or in a transaction",
            Self::RowsAsAcknowledged => "rows are as acknowledged",
            Self::SumsKept => "the sum over the tables is kept",
            Self::LiveBytes => "live bytes are within 1 % of those after warm-up",
            Self::JoinedScopes => "two scopes that are joined on one task do not mix",
            Self::OuterRestored => "the outer context is back after Ok, Err, panic and drop",
            Self::FlatMemory => "memory does not grow with requests (problem 1)",
            Self::StableResponse => "responses do not depend on what was loaded (problem 2)",
        }
    }
}

/// Counts checks, and keeps what the first that did not hold have to say.
#[derive(Default)]
pub(crate) struct Witness {
    counts: [Count; Check::ALL.len()],
    told: Mutex<Vec<String>>,
}

/// Of one check.
#[derive(Default)]
struct Count {
    made: AtomicU64,
    violated: AtomicU64,
}

impl Witness {
    /// So many violations are told in words.
    const TOLD: usize = 12;

    /// Notes whether `check` holds. Returns that.
    pub(crate) fn check(&self, check: Check, holds: bool, problem: impl FnOnce() -> String) -> bool {
        let count = &self.counts[check as usize];
        count.made.fetch_add(1, Ordering::Relaxed);
        if !holds {
            count.violated.fetch_add(1, Ordering::Relaxed);
            let mut told = self.told.lock();
            if told.len() < Self::TOLD {
                told.push(format!("{}: {}", check.words(), problem()));
            }
        }
        holds
    }

    pub(crate) fn made(&self, check: Check) -> u64 {
        self.counts[check as usize].made.load(Ordering::Relaxed)
    }

    pub(crate) fn violated(&self, check: Check) -> u64 {
        self.counts[check as usize].violated.load(Ordering::Relaxed)
    }

    /// Of all checks.
    pub(crate) fn violations(&self) -> u64 {
        Check::ALL.iter().map(|check| self.violated(*check)).sum()
    }

    /// What the first violations were.
    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().clone()
    }
}
