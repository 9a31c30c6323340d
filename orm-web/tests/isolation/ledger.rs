//! What became of each request, as its handler and its client know it.

use std::sync::atomic::{AtomicU8, Ordering};

/// By the number of the request, all of it made at the start so that it does not grow.
pub(crate) struct Ledger(Box<[AtomicU8]>);

/// What may be noted of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fact {
    /// Its handler began.
    Begun = 1,
    /// Its handler came to its end.
    Finished = 2,
    /// Its handler panicked as planned.
    Panicked = 4,
    /// Its handler was dropped in the middle.
    CutOff = 8,
    /// Its client read a response that says so.
    Acknowledged = 16,
    /// Its client closed the connection without having read the response.
    HungUp = 32,
}

impl Ledger {
    /// For requests of the numbers 1 to `requests`.
    pub(crate) fn of(requests: usize) -> Self {
        Self((0..=requests).map(|_| AtomicU8::new(0)).collect())
    }

    pub(crate) fn note(&self, request: usize, fact: Fact) {
        self.0[request].fetch_or(fact as u8, Ordering::SeqCst);
    }

    pub(crate) fn says(&self, request: usize, fact: Fact) -> bool {
        self.0[request].load(Ordering::SeqCst) & fact as u8 != 0
    }

    /// How many of these requests it says so of.
    pub(crate) fn count(&self, requests: impl Iterator<Item = usize>, fact: Fact) -> usize {
        requests.filter(|request| self.says(*request, fact)).count()
    }
}
