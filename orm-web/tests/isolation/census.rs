//! Which contexts are alive, and which ever were.
//!
//! `on_enter` sets a mark in every context. The values of a request belong to its manager, its identity map and the forks
//! of it; so the mark is dropped when the last of them, and the last handle of an entity, is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counts contexts by their marks.
#[derive(Clone, Default)]
pub(crate) struct Census(Arc<Numbers>);

#[derive(Default)]
struct Numbers {
    alive: AtomicUsize,
    most: AtomicUsize,
    made: AtomicU64,
}

/// Of one context, to be set in it.
pub(crate) struct Mark(Census);

impl Census {
    pub(crate) fn mark(&self) -> Mark {
        let alive = self.0.alive.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most.fetch_max(alive, Ordering::SeqCst);
        self.0.made.fetch_add(1, Ordering::SeqCst);
        Mark(self.clone())
    }

    /// Contexts that are there now.
    pub(crate) fn alive(&self) -> usize {
        self.0.alive.load(Ordering::SeqCst)
    }

    /// As many were there at one time.
    pub(crate) fn most(&self) -> usize {
        self.0.most.load(Ordering::SeqCst)
    }

    /// As many were there at all.
    pub(crate) fn made(&self) -> u64 {
        self.0.made.load(Ordering::SeqCst)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.0.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The numbers of contexts that had a request: a bit for each, all of them made at the start so that they don't grow.
pub(crate) struct Numbered {
    first: u64,
    words: Box<[AtomicU64]>,
}

impl Numbered {
    /// For as many contexts from `first` on.
    pub(crate) fn from(first: u64, contexts: usize) -> Self {
        Self { first, words: (0..=contexts / 64).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Notes the context of this number. Whether it is its first time; `None` for one outside the range.
    pub(crate) fn is_new(&self, number: u64) -> Option<bool> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let bit = 1_u64 << (at % 64);
        Some(self.words.get(at / 64)?.fetch_or(bit, Ordering::SeqCst) & bit == 0)
    }
}
