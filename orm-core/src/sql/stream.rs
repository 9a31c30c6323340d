//! Rows of raw SQL one by one, at the pace of the program.
//!
//! The stream has the running statement and polls it only when a row is wanted: the driver gives way after each row
//! ([`RawRows::poll_ready`]), so that no more than one waits here, and what the connection buffers behind it.

use std::any::type_name;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use parking_lot::Mutex;

use super::row::FromRow;
use super::rows::RowsAs;
use crate::driver::{BoxFuture, RawRows, RowReader, RowSink, RowSinkError};
use crate::error::{Error, Result};

/// The rows of a statement of raw SQL one by one, made by [`SqlQuery::stream_as`](super::SqlQuery::stream_as).
///
/// Unlike a [`FindStream`](crate::query::FindStream) it is one statement, and has its connection until it ends or is dropped:
/// outside a transaction one of the pool, inside one that of the transaction. A query of the same context that is
/// awaited in the loop then waits for the stream, and fails with [`Error::Wait`] in the end; collect the rows before, or
/// use a fork. Memory holds one row at a time, and what the connection buffers.
///
/// Dropped after a row, a statement that reads ends there, and its connection, or transaction, goes on. One that writes is
/// kept only when the stream comes to its end: dropped earlier, it is taken back, and a transaction that it stands in can
/// only be rolled back, unless the database has answered before the stream was gone. The same holds for a transaction
/// whose stream is dropped while it waits for a row.
///
/// After an error the stream has ended.
///
/// # Examples
///
/// ```
/// # use std::future::poll_fn;
/// # use std::pin::Pin;
/// # use futures_core::Stream;
/// # use orm_core::{EntityManager, Result};
/// # async fn example(em: EntityManager) -> Result<()> {
/// let mut rows = em.sql("select id, title from book", ()).stream_as::<(i64, String)>();
/// // With `futures::TryStreamExt` in scope, this is `rows.try_next().await?`.
/// while let Some(row) = poll_fn(|context| Pin::new(&mut rows).poll_next(context)).await {
///     let (id, title) = row?;
///     println!("{id}: {title}");
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream sends nothing until it is polled"]
pub struct SqlStream<R> {
    rows: Waiting<R>,
    /// The statement, until it has ended.
    running: Option<BoxFuture<'static, Result<()>>>,
}

impl<R: FromRow> SqlStream<R> {
    /// The stream of what `run` hands to the sink that it gets.
    pub(super) fn new<F>(run: impl FnOnce(PacedRows<R>) -> F) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let rows = Waiting(Arc::default());
        let running = run(PacedRows::new(rows.clone()));
        Self { rows, running: Some(Box::pin(running)) }
    }
}

impl<R> Stream for SqlStream<R> {
    type Item = Result<R>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // A driver that does not give way has left several.
        if let Some(row) = self.rows.next() {
            return Poll::Ready(Some(Ok(row)));
        }
        let Some(running) = &mut self.running else { return Poll::Ready(None) };
        match running.as_mut().poll(context) {
            Poll::Pending => match self.rows.next() {
                Some(row) => Poll::Ready(Some(Ok(row))),
                None => Poll::Pending,
            },
            Poll::Ready(outcome) => {
                self.running = None;
                match outcome {
                    Ok(()) => Poll::Ready(self.rows.next().map(Ok)),
                    Err(error) => {
                        self.rows.0.lock().rows.clear();
                        Poll::Ready(Some(Err(error)))
                    }
                }
            }
        }
    }
}

impl<R> Drop for SqlStream<R> {
    fn drop(&mut self) {
        let Some(running) = &mut self.running else { return };
        if self.rows.close() {
            // The driver waits for us and for nothing else: it hears that no row is wanted, and ends the statement.
            let _ = running.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
    }
}

impl<R> fmt::Debug for SqlStream<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqlStream<{}>", type_name::<R>())
    }
}

/// Rows that were read and not handed out, as the stream and its sink share them.
struct Waiting<R>(Arc<Mutex<Place<R>>>);

struct Place<R> {
    rows: VecDeque<R>,
    /// Whether the driver has given way until they are taken.
    gave_way: bool,
    is_closed: bool,
}

impl<R> Waiting<R> {
    fn next(&self) -> Option<R> {
        self.0.lock().rows.pop_front()
    }

    /// No row is wanted any more. Whether the driver waits to hear that.
    fn close(&self) -> bool {
        let mut place = self.0.lock();
        place.is_closed = true;
        place.gave_way
    }
}

impl<R> Clone for Waiting<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R> Default for Place<R> {
    fn default() -> Self {
        Self { rows: VecDeque::new(), gave_way: false, is_closed: false }
    }
}

/// Takes rows for a stream, one at a time.
pub(super) struct PacedRows<R> {
    rows: RowsAs<R, Box<dyn FnMut(R) -> Result<()> + Send>>,
    waiting: Waiting<R>,
}

impl<R: FromRow> PacedRows<R> {
    fn new(waiting: Waiting<R>) -> Self {
        let to = waiting.clone();
        let keep = move |row| {
            to.0.lock().rows.push_back(row);
            Ok(())
        };
        Self { rows: RowsAs::new(Box::new(keep)), waiting }
    }
}

impl<R: FromRow> RowSink for PacedRows<R> {
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        self.rows.row(row)
    }
}

impl<R: FromRow> RawRows for PacedRows<R> {
    fn columns(&mut self, names: &[&str]) -> Result<(), RowSinkError> {
        self.rows.columns(names)
    }

    fn poll_ready(&mut self) -> Poll<Result<(), RowSinkError>> {
        let mut place = self.waiting.0.lock();
        place.gave_way = !place.is_closed && !place.rows.is_empty();
        match (place.is_closed, place.gave_way) {
            (true, _) => Poll::Ready(Err(Error::other("the stream was dropped").into())),
            (false, true) => Poll::Pending,
            (false, false) => Poll::Ready(Ok(())),
        }
    }
}
