//! A result cache as a store beside the process would be: entries as bytes, and it fails when told to.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use orm_core::cache::{CacheEntry, CacheError, ResultCache};
use orm_core::driver::BoxFuture;
use parking_lot::Mutex;

/// How a [`Hoard`] behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// As it should.
    #[default]
    Well,
    /// Fails every call.
    Failing,
    /// Never answers.
    Silent,
}

#[derive(Debug, Default)]
struct Inside {
    entries: HashMap<String, Vec<u8>>,
    mood: Mood,
}

/// Keeps everything for ever. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Hoard(Arc<Mutex<Inside>>);

impl Hoard {
    /// From now on it behaves so.
    pub fn is(&self, mood: Mood) {
        self.0.lock().mood = mood;
    }

    /// Changes the bytes of every entry.
    pub fn damage(&self, damage: impl FnMut(&mut Vec<u8>)) {
        self.0.lock().entries.values_mut().for_each(damage);
    }

    /// How many entries there are, generations included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lock().entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    async fn answer<V>(
        &self,
        answer: impl FnOnce(&mut Inside) -> Result<V, CacheError>,
    ) -> Result<V, CacheError> {
        let mood = self.0.lock().mood;
        match mood {
            Mood::Well => answer(&mut self.0.lock()),
            Mood::Failing => Err("the store is away".into()),
            Mood::Silent => std::future::pending().await,
        }
    }
}

impl ResultCache for Hoard {
    fn get<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<Vec<Option<CacheEntry>>, CacheError>> {
        Box::pin(self.answer(|inside| {
            let entry = |key| inside.entries.get(key).map(|bytes| CacheEntry::from_bytes(bytes)).transpose();
            keys.iter().map(entry).collect()
        }))
    }

    fn set(
        &self,
        entries: Vec<(String, CacheEntry)>,
        _: Option<Duration>,
    ) -> BoxFuture<'_, Result<(), CacheError>> {
        Box::pin(self.answer(|inside| {
            inside.entries.extend(entries.into_iter().map(|(key, entry)| (key, entry.to_bytes())));
            Ok(())
        }))
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        Box::pin(self.answer(|inside| {
            inside.entries.clear();
            Ok(())
        }))
    }
}
