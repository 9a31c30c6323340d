//! What a context does, counted; and for what each of its statements is sent.
//!
//! The place of a call is kept beside its future, and is there while that is polled: so that every statement of a call has
//! it, of whatever level of populating, without being handed through.

use std::fmt;
use std::future::Future;
use std::iter::Sum;
use std::ops::Add;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::futures::TaskLocalFuture;

tokio::task_local! {
    static PLACE: &'static Location<'static>;
}

/// Runs `future` as what the program has called at `place`.
pub(crate) fn called_at<F: Future>(
    place: &'static Location<'static>,
    future: F,
) -> TaskLocalFuture<&'static Location<'static>, F> {
    PLACE.scope(place, future)
}

/// Where the program has called what runs now; the innermost place, where calls are nested.
pub(crate) fn place() -> Option<&'static Location<'static>> {
    PLACE.try_with(|place| *place).ok()
}

/// The counters of one context.
#[derive(Debug)]
pub(crate) struct Activity {
    context: u64,
    statements: AtomicU64,
    hits: AtomicU64,
    flushes: AtomicU64,
}

impl Default for Activity {
    /// Those of a new context.
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            context: NEXT.fetch_add(1, Ordering::Relaxed),
            statements: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
        }
    }
}

impl Activity {
    /// The number of the context.
    pub(crate) fn context(&self) -> u64 {
        self.context
    }

    /// Notes that the identity map has answered instead of the database.
    pub(crate) fn note_hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a flush wrote.
    pub(crate) fn note_flush(&self) {
        self.flushes.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters now, of a context that has so many entities.
    pub(crate) fn statistics(&self, entities: usize) -> Statistics {
        Statistics {
            statements: self.statements.load(Ordering::Relaxed),
            identity_map_hits: self.hits.load(Ordering::Relaxed),
            entities: entities as u64,
            flushes: self.flushes.load(Ordering::Relaxed),
        }
    }
}

/// What a context has done so far: of [`EntityManager::statistics`](crate::EntityManager::statistics) and
/// [`RequestContext::statistics`](crate::RequestContext::statistics).
///
/// ```
/// # use orm_core::{Error, Orm};
/// # async fn example(orm: Orm) {
/// let em = orm.em().fork();
/// // …
/// let seen = em.statistics();
/// assert!(seen.statements <= 8, "{seen}");
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Statements that were sent, those of transactions included.
    pub statements: u64,
    /// Finds by key that the identity map has answered, without a statement.
    pub identity_map_hits: u64,
    /// Entities that the identity map has now.
    pub entities: u64,
    /// Flushes that wrote. One without changes does nothing, and is not counted.
    pub flushes: u64,
}

impl Add for Statistics {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            statements: self.statements + other.statements,
            identity_map_hits: self.identity_map_hits + other.identity_map_hits,
            entities: self.entities + other.entities,
            flushes: self.flushes + other.flushes,
        }
    }
}

impl Sum for Statistics {
    fn sum<I: Iterator<Item = Self>>(each: I) -> Self {
        each.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { statements, identity_map_hits, entities, flushes } = self;
        write!(
            f,
            "statements: {statements}, identity map hits: {identity_map_hits}, entities: {entities}, flushes: {flushes}"
        )
    }
}

/// For what statements are sent: a context, and the call of the program that they belong to.
#[derive(Clone, Debug)]
pub struct Origin {
    activity: Arc<Activity>,
    place: Option<&'static Location<'static>>,
}

impl Origin {
    /// What is called now, for that context.
    pub(crate) fn of(activity: &Arc<Activity>) -> Self {
        Self { activity: Arc::clone(activity), place: place() }
    }

    /// The number of the context: its [`EntityManager::id`](crate::EntityManager::id).
    #[must_use]
    pub fn context(&self) -> u64 {
        self.activity.context
    }

    /// Where the program has called for it: made the query, flushed, loaded.
    #[must_use]
    pub fn place(&self) -> Option<&'static Location<'static>> {
        self.place
    }

    /// Counts a statement that is sent for it.
    pub fn note_statement(&self) {
        self.activity.statements.fetch_add(1, Ordering::Relaxed);
    }
}
