//! Reads selects: out of the cache where it has the answer and may give it, else from the database.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::caching::{Caching, fresh_generation, patiently, warn};
use super::question::Question;
use super::store::{Answer, CacheEntry, CacheError, Content, ResultCache};
use super::tap::{Tap, replay};
use crate::driver::{Connection, Reading, RowSink, Select};
use crate::entity::{Freshness, Region};
use crate::error::Result;
use crate::value::Value;

/// The longest lifetime that a store is asked for.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// How a query uses the cache.
#[derive(Clone, Debug)]
pub(crate) struct CacheUse {
    /// How old an answer may be.
    pub(crate) lifetime: Duration,
    /// What the program calls it.
    pub(crate) name: Option<Arc<str>>,
    /// Whether the database is asked all the same, and the answer kept for others.
    pub(crate) is_refreshing: bool,
}

impl CacheUse {
    /// What `asked` comes to; `None` where nothing is to be cached.
    ///
    /// # Errors
    ///
    /// [`Error::NoResultCache`](crate::Error::NoResultCache).
    pub(crate) fn of(region: &Region, asked: Option<Self>, freshness: Freshness) -> Result<Option<Self>> {
        let Some(cache) = asked.filter(|cache| !cache.lifetime.is_zero()) else { return Ok(None) };
        region.orm().caching.open()?;
        Ok(Some(Self { is_refreshing: freshness == Freshness::Refresh, ..cache }))
    }
}

/// What the cache said.
struct Asked {
    /// The answer, if it has one.
    answer: Option<Arc<Answer>>,
    /// How it is told another one.
    ticket: Ticket,
}

/// Where an answer is put, and what it depends on.
struct Ticket {
    key: String,
    question: Box<[u8]>,
    generations: Vec<u64>,
    asked_at: u64,
    lifetime: Duration,
}

/// Reads the rows of `select` into what `make` makes.
///
/// # Errors
///
/// [`Error::Wait`](crate::Error::Wait), [`Error::Transaction`](crate::Error::Transaction),
/// [`Error::Driver`](crate::Error::Driver), or what the sink refuses. Never what the cache fails with.
pub(crate) async fn select<R>(
    region: &Region,
    select: &Select,
    action: &'static str,
    cache: Option<&CacheUse>,
    make: impl Fn() -> R,
    sink: impl Fn(&mut R) -> &mut dyn RowSink,
) -> Result<R> {
    let orm = region.orm();
    let asked = ask(region, select, Reading::Rows, cache).await;
    if let Some(answer) = asked.as_ref().and_then(|asked| asked.answer.as_deref()) {
        let mut rows = make();
        match replay(&answer.rows, sink(&mut rows)) {
            Ok(()) => return Ok(rows),
            // Another version of the program has kept them.
            Err(error) => warn(&*error),
        }
    }
    let mut rows = make();
    let mut connection = region.connection(action).await?;
    // A transaction that began meanwhile may have written what it reads.
    let Some(Asked { ticket, .. }) = asked.filter(|_| !connection.is_in_transaction()) else {
        let done = connection.select(select, sink(&mut rows)).await;
        return done.map(|()| rows).map_err(|error| orm.error(action, error));
    };
    let mut tap = Tap::new(sink(&mut rows));
    connection.select(select, &mut tap).await.map_err(|error| orm.error(action, error))?;
    let kept = tap.into_rows();
    drop(connection);
    ticket.keep(&orm.caching, kept).await;
    Ok(rows)
}

/// How many rows `select` meets.
///
/// # Errors
///
/// As [`select`].
pub(crate) async fn count(region: &Region, select: &Select, cache: Option<&CacheUse>) -> Result<u64> {
    let orm = region.orm();
    let asked = ask(region, select, Reading::Count, cache).await;
    if let Some(answer) = asked.as_ref().and_then(|asked| asked.answer.as_deref())
        && let [row] = &answer.rows[..]
        && let [Value::Int(count)] = &row[..]
        && let Ok(count) = u64::try_from(*count)
    {
        return Ok(count);
    }
    let mut connection = region.connection("count").await?;
    let count = connection.count(select).await.map_err(|error| orm.error("count", error))?;
    if let Some(Asked { ticket, .. }) = asked.filter(|_| !connection.is_in_transaction()) {
        drop(connection);
        ticket.keep(&orm.caching, i64::try_from(count).ok().map(|count| vec![vec![Value::Int(count)]])).await;
    }
    Ok(count)
}

/// Asks the cache, if the query uses it and what it reads now is what the database has for everybody.
async fn ask(region: &Region, select: &Select, reading: Reading, cache: Option<&CacheUse>) -> Option<Asked> {
    let cache = cache.filter(|_| region.session().reads_for_everybody())?;
    let orm = region.orm();
    let question = match Question::of(&*orm.driver, select, reading, cache.name.as_ref()) {
        Ok(question) => question,
        Err(error) => {
            tracing::warn!(target: "orm", %error, "a select can't be cached; the database is asked");
            return None;
        }
    };
    let asked = look_up(&orm.caching, question, cache, orm.clock.now()).await;
    asked.unwrap_or_else(|error| {
        warn(&*error);
        None
    })
}

async fn look_up(
    caching: &Caching,
    question: Question,
    cache: &CacheUse,
    now: SystemTime,
) -> Result<Option<Asked>, CacheError> {
    let tags = &question.tags;
    let store = caching.open()?;
    caching.tell().await?;
    if caching.doubts(tags) {
        return Ok(None);
    }
    let tag_keys = tags.iter().map(|tag| tag.key(caching.name()));
    let keys: Vec<String> = std::iter::once(question.key(caching.name())).chain(tag_keys).collect();
    let mut entries = patiently(store.get(&keys)).await?.into_iter();
    let found = entries.next().flatten();
    let generations = generations(&**store, &keys[1..], entries).await?;
    let asked_at = micros(now);
    let answers = |answer: &Arc<Answer>| {
        let age = asked_at.checked_sub(answer.asked_at);
        !cache.is_refreshing
            && answer.question == question.bytes
            && answer.generations == generations
            && age.is_some_and(|age| u128::from(age) < cache.lifetime.as_micros())
    };
    let answer = match found.map(|entry| entry.content) {
        Some(Content::Answer(answer)) => Some(answer).filter(answers),
        Some(Content::Generation(_)) | None => None,
    };
    if let Some(answer) = &answer {
        tracing::debug!(target: "orm", rows = answer.rows.len(), "answered by the result cache");
    }
    let key = keys.into_iter().next().unwrap_or_default();
    let lifetime = cache.lifetime.min(LONGEST);
    let ticket = Ticket { key, question: question.bytes, generations, asked_at, lifetime };
    Ok(Some(Asked { answer, ticket }))
}

/// The generations under these keys, of which `entries` is what the store has. Those that it has not get new ones.
async fn generations(
    store: &dyn ResultCache,
    keys: &[String],
    mut entries: impl Iterator<Item = Option<CacheEntry>>,
) -> Result<Vec<u64>, CacheError> {
    let mut fresh = Vec::new();
    let mut generations = Vec::with_capacity(keys.len());
    for key in keys {
        let known = entries.next().flatten().filter(|entry| matches!(entry.content, Content::Generation(_)));
        let entry = known.unwrap_or_else(|| {
            let made = fresh_generation();
            fresh.push((key.clone(), made.clone()));
            made
        });
        if let Content::Generation(generation) = entry.content {
            generations.push(generation);
        }
    }
    if !fresh.is_empty() {
        patiently(store.set(fresh, None)).await?;
    }
    Ok(generations)
}

impl Ticket {
    /// Puts the rows into the store. What they depend on may have been voided since: then nobody takes them.
    async fn keep(self, caching: &Caching, rows: Option<Vec<Vec<Value>>>) {
        let Some(rows) = rows else { return };
        let Self { key, question, generations, asked_at, lifetime } = self;
        let entry = CacheEntry::answer(Answer { question, generations, asked_at, rows });
        let Ok(store) = caching.open() else { return };
        if let Err(error) = patiently(store.set(vec![(key, entry)], Some(lifetime))).await {
            warn(&*error);
        }
    }
}

/// Microseconds since 1970; 0 for a clock that goes before it.
fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
