//! The statement log: what was sent, how long it took, and how it ended.
//!
//! Every statement makes one event, whether it succeeded, failed or was cut off. Values are shown only where the
//! options ask for it.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use orm_core::driver::{DriverError, Origin};
use orm_core::value::Value;
use orm_sql::Bound;
use parking_lot::Mutex;

/// One statement that was sent.
#[derive(Debug)]
#[non_exhaustive]
pub struct StatementEvent<'a> {
    /// Its text.
    pub sql: &'a str,
    /// What it is for.
    pub kind: StatementKind,
    /// What was bound, if the options ask for values.
    pub values: Option<&'a [Value]>,
    /// From the moment it was sent until it ended.
    pub duration: Duration,
    /// Rows that a read gave, or that a write affected.
    pub rows: u64,
    /// The number of the context that it was sent for, its [`EntityManager::id`](orm_core::EntityManager::id); none for
    /// what belongs to none, such as a migration.
    pub context: Option<u64>,
    /// Where the program has called for it: made the query, flushed, loaded; none where the program is not in it.
    pub place: Option<&'static Location<'static>>,
    /// How it ended.
    pub outcome: StatementOutcome<'a>,
}

/// What a statement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatementKind {
    /// It reads rows.
    Read,
    /// It writes rows.
    Write,
    /// It begins or ends a transaction.
    Transaction,
    /// It changes the schema.
    Schema,
}

impl StatementKind {
    /// What failed, for messages.
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::Read => "reading rows",
            Self::Write => "writing rows",
            Self::Transaction => "a step of a transaction",
            Self::Schema => "changing the schema",
        }
    }
}

/// How a statement ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum StatementOutcome<'a> {
    /// Well.
    Done,
    /// With an error.
    Failed(&'a DriverError),
    /// Its future was dropped.
    CutOff,
}

/// Called for every statement.
pub(super) type Observer = Arc<dyn Fn(&StatementEvent<'_>) + Send + Sync>;

#[derive(Clone, Default)]
pub(super) struct Log {
    pub(super) shows_values: bool,
    pub(super) observers: Vec<Observer>,
}

impl Log {
    /// Notes that a statement is about to be sent.
    pub(super) fn sent(
        &self,
        sql: Arc<str>,
        kind: StatementKind,
        values: &[Bound],
        origin: Option<&Origin>,
    ) -> Sent<'_> {
        let values = self.shows_values.then(|| values.iter().cloned().map(Bound::into_value).collect());
        if let Some(origin) = origin {
            origin.note_statement();
        }
        let (context, place) = (origin.map(Origin::context), origin.and_then(Origin::place));
        let started = Instant::now();
        Sent { log: self, sql, kind, values, context, place, started, rows: 0, is_over: false }
    }
}

/// A statement that was sent; dropped before its end, it was cut off.
pub(super) struct Sent<'a> {
    log: &'a Log,
    sql: Arc<str>,
    kind: StatementKind,
    values: Option<Vec<Value>>,
    context: Option<u64>,
    place: Option<&'static Location<'static>>,
    started: Instant,
    pub(super) rows: u64,
    is_over: bool,
}

impl Sent<'_> {
    /// Notes how the statement ended.
    pub(super) fn end<T>(mut self, result: &Result<T, DriverError>) {
        self.is_over = true;
        self.tell(match result {
            Ok(_) => StatementOutcome::Done,
            Err(error) => StatementOutcome::Failed(error),
        });
    }

    fn tell(&self, outcome: StatementOutcome<'_>) {
        let duration = self.started.elapsed();
        let (text, rows) = (&*self.sql, self.rows);
        let error = match outcome {
            StatementOutcome::Failed(error) => Some(error),
            StatementOutcome::Done | StatementOutcome::CutOff => None,
        };
        let error = error.map(tracing::field::display);
        let cut_off = matches!(outcome, StatementOutcome::CutOff).then_some(true);
        let values = self.values.as_ref().map(tracing::field::debug);
        let context = self.context;
        let place = self.place.map(tracing::field::display);
        tracing::debug!(
            target: "orm::statement",
            text, ?duration, rows, context, place, values, error, cut_off
        );
        let event = StatementEvent {
            sql: text,
            kind: self.kind,
            values: self.values.as_deref(),
            duration,
            rows,
            context,
            place: self.place,
            outcome,
        };
        self.log.observers.iter().for_each(|observer| observer(&event));
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.tell(StatementOutcome::CutOff);
        }
    }
}

/// Counts statements and keeps their texts, for tests and examples.
///
/// Clones count together. The texts are kept until [`reset`](Self::reset), so it is nothing for a server.
///
/// ```no_run
/// # async fn run() -> orm_core::Result<()> {
/// use orm_sqlx::{Sqlite, StatementCounter};
///
/// let statements = StatementCounter::new();
/// let driver = Sqlite::options().observer(statements.observer()).connect().await?;
/// // …
/// assert_eq!(statements.writes(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct StatementCounter {
    seen: Arc<Mutex<Vec<(StatementKind, String)>>>,
}

impl StatementCounter {
    /// A counter at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the `observer` of a driver's options takes.
    pub fn observer(&self) -> impl Fn(&StatementEvent<'_>) + Send + Sync + 'static {
        let seen = Arc::clone(&self.seen);
        move |event| seen.lock().push((event.kind, event.sql.to_owned()))
    }

    /// How many statements were sent, those of transactions and of the schema included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.seen.lock().len()
    }

    /// How many statements that read rows were sent.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.of_kind(StatementKind::Read)
    }

    /// How many statements that write rows were sent.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.of_kind(StatementKind::Write)
    }

    /// The texts, in the order in which the statements ended.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.seen.lock().iter().map(|(_, text)| text.clone()).collect()
    }

    /// Starts again at zero.
    pub fn reset(&self) {
        self.seen.lock().clear();
    }

    fn of_kind(&self, kind: StatementKind) -> usize {
        self.seen.lock().iter().filter(|(seen, _)| *seen == kind).count()
    }
}

impl fmt::Debug for StatementCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatementCounter").field("count", &self.count()).finish()
    }
}
