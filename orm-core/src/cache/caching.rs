//! The result cache of one ORM: its store, and what is void there.
//!
//! What a commit voids is noted here at once, without an await, and told to the store afterwards. Until the store has
//! confirmed it, no entry of it is taken: whatever is dropped in between, and however long the store is away.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::store::{CacheEntry, CacheError, ResultCache};
use super::tag::Tag;
use super::touched::Written;
use crate::driver::BoxFuture;
use crate::error::Result;
use crate::metadata::Metadata;
use crate::wait::within;

/// How long a call of the store may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// The longest time for which an unknown commit is doubted.
const LONGEST_DOUBT: Duration = Duration::from_secs(600);

/// The result cache of one ORM.
pub(crate) struct Caching {
    /// The name of the ORM: programs that share a store tell their ORMs apart by it.
    name: String,
    /// Without one of the program's own it is made when it is first asked.
    store: OnceLock<Arc<dyn ResultCache>>,
    void: Mutex<HashMap<Tag, Void, foldhash::fast::RandomState>>,
    voids: AtomicU64,
    /// How long a commit whose outcome is unknown may still take effect.
    doubt: Duration,
}

/// That the entries of a tag are void, and the store was not told yet.
#[derive(Clone, Copy)]
struct Void {
    /// Tells it from a later one of the same tag.
    number: u64,
    /// Until when they may become void once more.
    doubted_until: Option<Instant>,
}

impl Caching {
    pub(crate) fn new(name: String, store: Option<Arc<dyn ResultCache>>, doubt: Duration) -> Self {
        let store = store.map_or_else(OnceLock::new, OnceLock::from);
        let doubt = doubt.min(LONGEST_DOUBT);
        Self { name, store, void: Mutex::default(), voids: AtomicU64::new(0), doubt }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The store, or the one in memory.
    ///
    /// # Errors
    ///
    /// [`Error::NoResultCache`](crate::Error::NoResultCache).
    pub(crate) fn open(&self) -> Result<&Arc<dyn ResultCache>> {
        #[cfg(feature = "moka")]
        return Ok(self.store.get_or_init(|| Arc::new(super::MokaCache::default())));
        #[cfg(not(feature = "moka"))]
        self.store.get().ok_or(crate::Error::NoResultCache)
    }

    /// The store, if it was made.
    pub(super) fn made(&self) -> Option<&Arc<dyn ResultCache>> {
        self.store.get()
    }

    /// Voids what was written and is committed now. What was never asked has nothing to void.
    pub(super) fn note_committed(&self, written: &mut Written, metadata: &Metadata) {
        if self.store.get().is_some() && !written.is_empty() {
            self.void(written.tags(metadata));
        }
        written.forget();
    }

    /// Voids what was written by a commit that nobody knows the outcome of: it may take effect later.
    pub(super) fn note_unknown(&self, written: &mut Written, metadata: &Metadata) {
        if !written.is_empty() {
            let until = Instant::now().checked_add(self.doubt);
            self.mark(written.tags(metadata), until);
        }
        written.forget();
    }

    /// From now on no entry with one of these tags is taken that was put before.
    pub(super) fn void(&self, tags: Vec<Tag>) {
        self.mark(tags, None);
    }

    fn mark(&self, tags: Vec<Tag>, doubted_until: Option<Instant>) {
        let number = self.voids.fetch_add(1, Ordering::Relaxed);
        let mut void = self.void.lock();
        for tag in tags {
            let known = void.entry(tag).or_insert(Void { number, doubted_until });
            *known = Void { number, doubted_until: known.doubted_until.max(doubted_until) };
        }
    }

    /// Whether the answer to what has these tags may change yet without a word.
    pub(super) fn doubts(&self, tags: &[Tag]) -> bool {
        let void = self.void.lock();
        let mut known = tags.iter().filter_map(|tag| void.get(tag)?.doubted_until);
        // Most often nothing is void, and the time need not be asked.
        known.any(|until| Instant::now() < until)
    }

    /// Tells the store what is void, but for what is still in doubt.
    pub(super) async fn tell(&self) -> Result<(), CacheError> {
        let waiting: Vec<(Tag, u64)> = {
            let void = self.void.lock();
            let is_settled = |void: &Void| void.doubted_until.is_none_or(|until| until <= Instant::now());
            let settled = void.iter().filter(|(_, void)| is_settled(void));
            settled.map(|(tag, void)| (tag.clone(), void.number)).collect()
        };
        let Some(store) = self.store.get().filter(|_| !waiting.is_empty()) else { return Ok(()) };
        let fresh = waiting.iter().map(|(tag, _)| (tag.key(&self.name), fresh_generation()));
        patiently(store.set(fresh.collect(), None)).await?;
        let mut void = self.void.lock();
        for (tag, number) in waiting {
            if void.get(&tag).is_some_and(|void| void.number == number) {
                void.remove(&tag);
            }
        }
        Ok(())
    }

    /// As [`tell`](Self::tell), at the end of a write, which did what it was to do: a failure is logged, and the next who
    /// asks for what is void tries again.
    pub(crate) async fn tell_or_warn(&self) {
        if let Err(error) = self.tell().await {
            warn(&*error);
        }
    }
}

/// Says that the cache failed, and nothing else did.
pub(super) fn warn(error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(target: "orm", error, "the result cache failed; the database is asked");
}

/// A call of the store, as long as it may take.
///
/// # Errors
///
/// What the store fails with, and that it took too long.
pub(super) async fn patiently<V>(call: BoxFuture<'_, Result<V, CacheError>>) -> Result<V, CacheError> {
    within(PATIENCE, call).await.ok_or("the store did not answer within a second")?
}

/// A generation that nothing else has ever had.
pub(super) fn fresh_generation() -> CacheEntry {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    CacheEntry::generation(RandomState::new().hash_one(NEXT.fetch_add(1, Ordering::Relaxed)))
}

impl fmt::Debug for Caching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caching").field("store", &self.store.get()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(feature = "moka"))]
    #[test]
    fn without_a_store_nothing_can_be_cached() {
        let caching = Caching::new("default".to_owned(), None, Duration::ZERO);
        assert!(matches!(caching.open(), Err(crate::Error::NoResultCache)));
    }

    #[cfg(feature = "moka")]
    mod over_moka {
        use std::future::Future;
        use std::pin::pin;
        use std::task::{Context, Poll, Waker};

        use super::*;
        use crate::cache::MokaCache;
        use crate::cache::store::Content;

        /// A store in memory answers at once.
        fn at_once<F: Future>(future: F) -> F::Output {
            match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(output) => output,
                Poll::Pending => panic!("the store should be in memory"),
            }
        }

        fn caching() -> (Caching, Arc<MokaCache>, Tag) {
            let store = Arc::new(MokaCache::default());
            let shared: Arc<dyn ResultCache> = Arc::<MokaCache>::clone(&store);
            (Caching::new("x".to_owned(), Some(shared), Duration::MAX), store, Tag::Table("a".to_owned()))
        }

        fn generation(store: &MokaCache, tag: &Tag) -> Option<Content> {
            let found = at_once(store.get(&[tag.key("x")])).expect("memory does not fail");
            found.into_iter().next().flatten().map(|entry| entry.content)
        }

        #[test]
        fn what_is_void_gets_another_generation_each_time() {
            let (caching, store, tag) = caching();
            let mut seen = vec![generation(&store, &tag)];
            for _ in 0..3 {
                caching.void(vec![tag.clone()]);
                at_once(caching.tell()).expect("memory does not fail");
                assert!(caching.void.lock().is_empty());
                let now = generation(&store, &tag);
                assert!(!seen.contains(&now));
                seen.push(now);
            }
        }

        #[test]
        fn a_doubt_lasts_and_ends_by_voiding() {
            let (caching, store, tag) = caching();
            let tags = std::slice::from_ref(&tag);
            caching.mark(tags.to_vec(), Instant::now().checked_add(caching.doubt));
            // A commit that is known does not end it, nor does a shorter doubt.
            caching.void(tags.to_vec());
            caching.mark(tags.to_vec(), Some(Instant::now()));
            at_once(caching.tell()).expect("memory does not fail");
            assert!(caching.doubts(tags) && !caching.doubts(&[Tag::Everything]));
            assert_eq!(generation(&store, &tag), None);

            caching.void.lock().clear();
            caching.mark(tags.to_vec(), Some(Instant::now()));
            assert!(!caching.doubts(tags));
            at_once(caching.tell()).expect("memory does not fail");
            assert!(generation(&store, &tag).is_some() && caching.void.lock().is_empty());
        }
    }
}
