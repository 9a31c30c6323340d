//! The cache in memory, over moka.

use std::fmt;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::sync::Cache;

use super::store::{CacheEntry, CacheError, ResultCache};
use crate::driver::BoxFuture;

/// A result cache in the memory of this process: what an ORM has where its builder is given no other.
///
/// It holds 64 MiB of entries at most, or what it is given; then those that are asked for least make room. An entry that
/// takes more than all of it is not kept. Other processes neither see it nor void anything in it: what they write is seen
/// once the lifetime of an entry is over.
///
/// ```
/// use orm_core::cache::MokaCache;
///
/// let small = MokaCache::with_capacity(8 * 1024 * 1024);
/// # let _ = small;
/// ```
pub struct MokaCache {
    entries: Cache<String, Kept>,
}

/// An entry and how long it lives; `None`: as long as there is room.
#[derive(Clone)]
struct Kept {
    entry: CacheEntry,
    lifetime: Option<Duration>,
}

impl MokaCache {
    /// Room for about so many bytes of entries.
    #[must_use]
    pub fn with_capacity(bytes: u64) -> Self {
        let weight =
            |key: &String, kept: &Kept| u32::try_from(key.len() + kept.entry.weight()).unwrap_or(u32::MAX);
        let entries = Cache::builder().max_capacity(bytes).weigher(weight).expire_after(ByLifetime).build();
        Self { entries }
    }
}

/// With room for 64 MiB.
impl Default for MokaCache {
    fn default() -> Self {
        Self::with_capacity(64 * 1024 * 1024)
    }
}

struct ByLifetime;

impl Expiry<String, Kept> for ByLifetime {
    fn expire_after_create(&self, _: &String, kept: &Kept, _: Instant) -> Option<Duration> {
        kept.lifetime
    }

    fn expire_after_update(
        &self,
        _: &String,
        kept: &Kept,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        kept.lifetime
    }
}

impl ResultCache for MokaCache {
    fn get<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<Vec<Option<CacheEntry>>, CacheError>> {
        let entries = keys.iter().map(|key| self.entries.get(key).map(|kept| kept.entry)).collect();
        Box::pin(std::future::ready(Ok(entries)))
    }

    fn set(
        &self,
        entries: Vec<(String, CacheEntry)>,
        lifetime: Option<Duration>,
    ) -> BoxFuture<'_, Result<(), CacheError>> {
        entries.into_iter().for_each(|(key, entry)| self.entries.insert(key, Kept { entry, lifetime }));
        Box::pin(std::future::ready(Ok(())))
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        self.entries.invalidate_all();
        Box::pin(std::future::ready(Ok(())))
    }
}

impl fmt::Debug for MokaCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MokaCache").field("entries", &self.entries.entry_count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::store::Answer;
    use crate::value::Value;

    #[test]
    fn it_keeps_within_its_bounds() {
        let cache = MokaCache::with_capacity(10_000);
        let put = |key: usize, bytes: usize| {
            let rows = vec![vec![Value::Bytes(vec![0; bytes])]];
            let answer = Answer { question: Box::default(), generations: Vec::new(), asked_at: 0, rows };
            drop(cache.set(vec![(key.to_string(), CacheEntry::answer(answer))], None));
        };
        (0..100).for_each(|key| put(key, 1_000));
        put(100, 20_000);
        cache.entries.run_pending_tasks();
        assert!((1..=10_000).contains(&cache.entries.weighted_size()), "{}", cache.entries.weighted_size());
        assert!(cache.entries.get("100").is_none(), "it would take more than all of it");
    }
}
