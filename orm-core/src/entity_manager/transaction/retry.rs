//! Trying a transaction again.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use super::{Propagation, TransactionOptions};
use crate::driver::{DriverErrorKind, IsolationLevel};
use crate::error::Error;

/// What [`transactional_with`](crate::EntityManager::transactional_with) takes: options, or a [`Retry`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how to run this transaction",
    label = "neither options nor a retry for a closure that can be cloned",
    note = "pass `TransactionOptions`, a `Propagation` or an `IsolationLevel`; or `retry(attempts)` with a closure whose \
            captures are `Clone` (capture by reference, or clone inside)"
)]
pub trait TransactionPolicy<F> {
    #[doc(hidden)]
    fn __options(&self) -> TransactionOptions;

    /// A copy of the closure, if there is to be another attempt after this one.
    #[doc(hidden)]
    fn __keep(&self, work: &F, attempt: u32) -> Option<F>;

    #[doc(hidden)]
    fn __wants_fork(&self) -> bool;

    /// How long to wait before the next attempt; `None`: the error is the end.
    #[doc(hidden)]
    fn __pause(&self, error: &Error, attempt: u32) -> Option<Duration>;
}

/// What becomes options runs a closure once.
macro_rules! once {
    ($($type:ty),+) => { $(
        impl<F> TransactionPolicy<F> for $type {
            fn __options(&self) -> TransactionOptions {
                (*self).into()
            }

            fn __keep(&self, _: &F, _: u32) -> Option<F> {
                None
            }

            fn __wants_fork(&self) -> bool {
                false
            }

            fn __pause(&self, _: &Error, _: u32) -> Option<Duration> {
                None
            }
        }
    )+ };
}

once!(TransactionOptions, Propagation, IsolationLevel);

/// Runs a transaction again when it may succeed then. Made by [`retry`].
#[derive(Clone)]
pub struct Retry {
    attempts: u32,
    options: TransactionOptions,
    backoff: Duration,
    is_worth_it: Arc<dyn Fn(&Error) -> bool + Send + Sync>,
}

/// Tries a transaction up to `attempts` times (at least once), each time on a fresh fork: after serialization failures,
/// deadlocks, and while another writer is busy. Never after a commit, even if a subscriber fails then; after an unknown
/// outcome, which may have been a success; nor where the propagation says that there is no transaction to take back.
///
/// In an open transaction each attempt needs a second connection, and is refused where there can be none; a failed
/// transaction has to be run again from its start, so let `retry` stand around the outer one.
///
/// The closure is cloned for each attempt, so what it captures is best taken by reference.
///
/// ```ignore
/// em.transactional_with(retry(5), async |em| {
///     let account = em.find_by_id::<Account>(id).await?.ok_or(..)?;
///     account.edit().balance -= 100;
///     Ok(())
/// })
/// .await?;
/// ```
#[must_use]
pub fn retry(attempts: u32) -> Retry {
    Retry {
        attempts: attempts.max(1),
        options: TransactionOptions::default(),
        backoff: Duration::from_millis(10),
        is_worth_it: Arc::new(Error::is_retryable),
    }
}

impl Retry {
    /// Runs each attempt with these options.
    #[must_use]
    pub fn options(mut self, options: impl Into<TransactionOptions>) -> Self {
        self.options = options.into();
        self
    }

    /// Tries again after the errors that `is_worth_it` says, instead of those that [`Error::is_retryable`] says.
    #[must_use]
    pub fn when(mut self, is_worth_it: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        self.is_worth_it = Arc::new(is_worth_it);
        self
    }

    /// The pause before the second attempt, 10 milliseconds if not set. It doubles with each further attempt up to a
    /// hundredfold, and each pause is a random part of it between one half and the whole.
    #[must_use]
    pub fn backoff(mut self, pause: Duration) -> Self {
        self.backoff = pause;
        self
    }
}

impl<F: Clone> TransactionPolicy<F> for Retry {
    fn __options(&self) -> TransactionOptions {
        self.options
    }

    fn __keep(&self, work: &F, attempt: u32) -> Option<F> {
        (attempt < self.attempts).then(|| work.clone())
    }

    fn __wants_fork(&self) -> bool {
        true
    }

    fn __pause(&self, error: &Error, attempt: u32) -> Option<Duration> {
        if !(self.is_worth_it)(error) {
            return None;
        }
        let longest = self.backoff.saturating_mul(2_u32.saturating_pow(attempt - 1).min(100));
        // Attempts that collided once should not come back at the same moment.
        let share = RandomState::new().hash_one(attempt) % 1_000;
        Some(longest / 2 + longest.mul_f64(f64::from(u32::try_from(share).unwrap_or(0)) / 2_000.0))
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("attempts", &self.attempts)
            .field("options", &self.options)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}

impl Error {
    /// Whether the same work may succeed if it is done again from the start: the database gave up a transaction for
    /// another one (serialization failure, deadlock), another writer was busy for too long, or a table was changed under a
    /// prepared statement.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.driver_kind(),
            Some(
                DriverErrorKind::SerializationFailure
                    | DriverErrorKind::Deadlock
                    | DriverErrorKind::Busy
                    | DriverErrorKind::OutdatedStatement
            )
        )
    }
}
