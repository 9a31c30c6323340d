//! Results one by one, in bounded memory.
//!
//! Loads a chunk, hands it out entity by entity, and asks for the next only when that is wanted: pages by the last row
//! seen ([`super::keyset`]), so nothing is held between two of them, neither a connection nor a cursor.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use futures_core::Stream;

use super::find::{Query, Running};
use super::keyset::Keyset;
use crate::activity::called_at;
use crate::driver::BoxFuture;
use crate::entity::{Entity, Loaded, Record};
use crate::error::{Error, Result};
use crate::value::Value;

/// The results of a query one by one, made by [`Find::stream`](super::Find::stream).
///
/// Each chunk is one select, and one for each populated relation. Between two chunks nothing is held: no connection,
/// no cursor, no lock; a stream that is not polled sends nothing, and one that is dropped early has sent what it
/// handed out and no more than a chunk. The order is the query's, with the primary key deciding between equals.
///
/// Each chunk lives in a context of its own, as with `disable_identity_map`: its memory goes with its last handle, the
/// identity map of the manager stays as it is, and edits are never saved. [`managed`](Self::managed) is for changing what
/// a stream brings.
///
/// Chunks are read one after another, so a row that is inserted, deleted or moved in the order meanwhile may be seen or
/// not; a row that stays where it is comes exactly once. Inside a transaction all see what the transaction sees.
///
/// After an error the stream ends.
///
/// # Examples
///
/// ```ignore
/// let mut books = em.find_all::<Book>().populate(Book::AUTHOR).stream().chunk_size(500);
/// while let Some(book) = books.next().await {
///     let book = book?;
///     println!("{} by {}", book.get().title, book.author().get().name);
/// }
/// ```
#[must_use = "a stream sends nothing until it is polled"]
pub struct FindStream<T: Entity, P: 'static = <T as Entity>::Nothing> {
    chunk: vec::IntoIter<Loaded<T, P>>,
    stage: Stage<T, P>,
    /// Where the program has made it.
    place: &'static Location<'static>,
}

enum Stage<T: Entity, P: 'static> {
    /// The next chunk is not asked for.
    Waiting(Box<Reader>),
    Loading(BoxFuture<'static, Result<Chunk<T, P>>>),
    Ended,
}

/// What one chunk brought, and what reads the next, if there is one.
struct Chunk<T: Entity, P: 'static> {
    entities: Vec<Loaded<T, P>>,
    next: Option<Box<Reader>>,
}

/// Reads chunk after chunk.
#[derive(Debug)]
struct Reader {
    query: Query,
    size: u64,
    /// How many rows the query's limit still allows.
    left: Option<u64>,
    /// Where the last row of the chunk before stands.
    last: Option<Vec<Value>>,
}

impl<T: Entity, P: 'static> FindStream<T, P> {
    /// A stream is for more than fits into memory, and so into a cache.
    pub(super) fn new(mut query: Query) -> Self {
        let place = query.place;
        query.uses_identity_map = false;
        query.cache = None;
        let reader = Reader { left: query.limit, size: CHUNK_SIZE, last: None, query };
        Self { chunk: Vec::new().into_iter(), stage: Stage::Waiting(Box::new(reader)), place }
    }

    /// Loads `entities` at a time, at least one. The default is 1,000.
    pub fn chunk_size(mut self, entities: usize) -> Self {
        if let Stage::Waiting(reader) = &mut self.stage {
            reader.size = u64::try_from(entities).unwrap_or(u64::MAX).max(1);
        }
        self
    }

    /// Takes the results into the identity map, as a plain query does: a loaded row is the same instance, and edits
    /// are saved by the next flush. Memory then grows with what was read, until the program calls `clear()`: handles
    /// of chunks before are detached by it, and the stream goes on.
    pub fn managed(mut self) -> Self {
        if let Stage::Waiting(reader) = &mut self.stage {
            reader.query.uses_identity_map = true;
        }
        self
    }
}

/// How many entities are loaded at a time unless the program says it.
const CHUNK_SIZE: u64 = 1_000;

impl Reader {
    async fn read<T: Entity, P: Record<T>>(mut self: Box<Self>) -> Result<Chunk<T, P>> {
        let metadata = Arc::clone(&self.query.em.orm().metadata);
        let id = metadata.id_of::<T>().ok_or(Error::UnknownEntity { entity: T::__DESCRIPTION.name })?;
        if self.last.is_none() && self.query.uses_identity_map {
            // One context for all chunks, wherever the stream is polled.
            self.query.em = self.query.em.resolve_in_call("stream")?;
        }
        // The primary key, once it is in the order, stays where it is.
        let order = Keyset::of("a stream", &metadata, id, std::mem::take(&mut self.query.order))?;
        self.query.order = order.order();
        let size = self.left.map_or(self.size, |left| left.min(self.size));
        let mut page = self.query.clone();
        page.limit = Some(size);
        if let Some(last) = &self.last {
            let nulls = self.query.em.orm().driver.capabilities().null_order;
            page.offset = None;
            page.condition = page.condition.and(order.after(last, nulls));
        }
        let mut running = Running::start::<T, P>(page, "stream").await?;
        let (rows, placed) = running.placed_rows(&order).await?;
        running.complete(&rows).await?;
        let count = u64::try_from(placed.len()).unwrap_or(u64::MAX);
        self.left = self.left.map(|left| left.saturating_sub(count));
        let is_last = count < size || self.left == Some(0);
        let next = match placed.last() {
            Some(row) if !is_last => {
                self.last = Some(row.position(&running, &order)?);
                Some(self)
            }
            Some(_) | None => None,
        };
        Ok(Chunk { entities: running.handles(rows.cells), next })
    }
}

impl<T: Entity, P: Record<T>> Stream for FindStream<T, P> {
    type Item = Result<Loaded<T, P>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(entity) = self.chunk.next() {
                return Poll::Ready(Some(Ok(entity)));
            }
            match std::mem::replace(&mut self.stage, Stage::Ended) {
                Stage::Waiting(reader) => {
                    self.stage = Stage::Loading(Box::pin(called_at(self.place, reader.read())))
                }
                Stage::Loading(mut loading) => {
                    let Poll::Ready(chunk) = loading.as_mut().poll(context) else {
                        self.stage = Stage::Loading(loading);
                        return Poll::Pending;
                    };
                    match chunk {
                        Ok(Chunk { entities, next }) => {
                            self.chunk = entities.into_iter();
                            self.stage = next.map_or(Stage::Ended, Stage::Waiting);
                        }
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    }
                }
                Stage::Ended => return Poll::Ready(None),
            }
        }
    }
}

// Nothing in it is ever pinned: the running future is in its own box.
impl<T: Entity, P: 'static> Unpin for FindStream<T, P> {}

impl<T: Entity, P: 'static> fmt::Debug for FindStream<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FindStream<{}>", T::__DESCRIPTION.name)
    }
}
