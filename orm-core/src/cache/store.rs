//! What a cache is to the ORM: a store of opaque entries by name, in this process or beside it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::codec;
use crate::driver::BoxFuture;
use crate::value::Value;

/// What a store fails with. The ORM logs it and goes on without.
pub type CacheError = Box<dyn std::error::Error + Send + Sync>;

/// A store for the result cache, given to [`OrmBuilder::result_cache`](crate::OrmBuilder::result_cache).
///
/// It keeps entries by name and knows nothing of what is in them: what is void is found out by the ORM, by comparing what
/// entries hold. A store beside the process takes them as [bytes](CacheEntry::to_bytes); then all programs that share the
/// store, the database and the [name](crate::OrmBuilder::name) of their ORM share the results, and invalidate them for each
/// other.
///
/// # Contract
///
/// - Once `set` is done, `get` gives what was set, or nothing, and never again what was there before.
/// - Entries may be forgotten at any time: the database is asked then.
/// - A call that takes longer than a second counts as failed.
/// - Whoever can write to the store decides what the program reads: keep it as safe as the database.
///
/// # Examples
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
/// use std::time::Duration;
///
/// use orm_core::cache::{CacheEntry, CacheError, ResultCache};
/// use orm_core::driver::BoxFuture;
///
/// /// Keeps everything for ever: fit for a test.
/// #[derive(Debug, Default)]
/// struct Hoard(Mutex<HashMap<String, Vec<u8>>>);
///
/// impl ResultCache for Hoard {
///     fn get<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<Vec<Option<CacheEntry>>, CacheError>> {
///         Box::pin(async move {
///             let entries = self.0.lock().map_err(|_| "a thread panicked")?;
///             keys.iter().map(|key| entries.get(key).map(|bytes| CacheEntry::from_bytes(bytes)).transpose()).collect()
///         })
///     }
///
///     fn set(&self, set: Vec<(String, CacheEntry)>, _: Option<Duration>) -> BoxFuture<'_, Result<(), CacheError>> {
///         Box::pin(async move {
///             let mut entries = self.0.lock().map_err(|_| "a thread panicked")?;
///             entries.extend(set.into_iter().map(|(key, entry)| (key, entry.to_bytes())));
///             Ok(())
///         })
///     }
/// }
/// ```
pub trait ResultCache: fmt::Debug + Send + Sync + 'static {
    /// The entries under these keys, in their order; `None` for what is not there, or no longer.
    ///
    /// # Errors
    ///
    /// Anything; the database is asked then.
    fn get<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<Vec<Option<CacheEntry>>, CacheError>>;

    /// Puts entries under their keys, in place of what is there: for `lifetime`, which is never zero and at most a hundred
    /// years, or for as long as there is room.
    ///
    /// # Errors
    ///
    /// Anything; nothing is taken from the cache then that these entries were to void.
    fn set(
        &self,
        entries: Vec<(String, CacheEntry)>,
        lifetime: Option<Duration>,
    ) -> BoxFuture<'_, Result<(), CacheError>>;

    /// Gives back the memory of all entries, which are void already. Does nothing where it is left as it is.
    ///
    /// # Errors
    ///
    /// Anything.
    fn clear(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// So that a program can keep the store that it hands over.
impl<C: ResultCache + ?Sized> ResultCache for Arc<C> {
    fn get<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<Vec<Option<CacheEntry>>, CacheError>> {
        (**self).get(keys)
    }

    fn set(
        &self,
        entries: Vec<(String, CacheEntry)>,
        lifetime: Option<Duration>,
    ) -> BoxFuture<'_, Result<(), CacheError>> {
        (**self).set(entries, lifetime)
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        (**self).clear()
    }
}

/// What a store keeps under a key. Cheap to clone. Opaque: its `Debug` shows no values.
#[derive(Clone)]
pub struct CacheEntry {
    pub(super) content: Content,
}

/// What is in an entry.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// The generation of a table or a name.
    Generation(u64),
    /// What a select answered.
    Answer(Arc<Answer>),
}

/// The rows of a select, and what they depend on.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    /// What was asked, in full.
    pub(super) question: Box<[u8]>,
    /// The generations of the tags that the question names, in their order, from before the select.
    pub(super) generations: Vec<u64>,
    /// When it was asked: microseconds since 1970, by the clock of the ORM.
    pub(super) asked_at: u64,
    /// The rows, column by column.
    pub(super) rows: Vec<Vec<Value>>,
}

impl CacheEntry {
    pub(super) fn generation(generation: u64) -> Self {
        Self { content: Content::Generation(generation) }
    }

    pub(super) fn answer(answer: Answer) -> Self {
        Self { content: Content::Answer(Arc::new(answer)) }
    }

    /// The entry as bytes, for a store beside the process.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(&self.content)
    }

    /// An entry that [`to_bytes`](Self::to_bytes) made.
    ///
    /// # Errors
    ///
    /// [`CacheError`] for bytes that are damaged, or of another version of this format: such an entry is best told as not
    /// there.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CacheError> {
        Ok(Self { content: codec::decode(bytes)? })
    }

    /// About how many bytes of memory it takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let Content::Answer(answer) = &self.content else { return size_of::<Self>() };
        let row = |row: &Vec<Value>| {
            size_of::<Vec<Value>>() + row.iter().map(|value| size_of::<Value>() + heap(value)).sum::<usize>()
        };
        size_of::<Answer>()
            + answer.question.len()
            + answer.generations.len() * size_of::<u64>()
            + answer.rows.iter().map(row).sum::<usize>()
    }
}

fn heap(value: &Value) -> usize {
    match value {
        Value::Text(text) | Value::Decimal(text) | Value::Json(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Array(_, values) => values.iter().map(|value| size_of::<Value>() + heap(value)).sum(),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Uuid(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::DateTime(_)
        | Value::Timestamp(_)
        | Value::Enum(..) => 0,
    }
}

impl fmt::Debug for CacheEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content {
            Content::Generation(_) => f.write_str("CacheEntry(generation)"),
            Content::Answer(answer) => write!(f, "CacheEntry({} rows)", answer.rows.len()),
        }
    }
}
