//! What is looked at when all requests have ended: contexts, tasks, connections, rows.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use orm_core::{Orm, TransactionOptions};
use orm_sqlx::Sqlite;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::figures::Rows;
use crate::ledger::Fact;
use crate::library::{Book, COPIES, Note, Transfer};
use crate::plan::{Plan, Route};
use crate::service::Service;
use crate::witness::Check;

/// The one that accepts connections.
const TASKS_OF_AN_IDLE_SERVER: usize = 1;

/// Waits until the service is idle. What is left after `patience` stays.
pub(crate) async fn settle(service: &Service, patience: Duration) {
    let deadline = Instant::now() + patience;
    while (tasks() > 0 || service.census.alive() > 0) && Instant::now() < deadline {
        sleep(Duration::from_millis(2)).await;
    }
}

/// Tasks beyond those of an idle server.
fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks().saturating_sub(TASKS_OF_AN_IDLE_SERVER)
}

/// Whether a context or a task is left. Returns how many contexts are.
pub(crate) fn leftovers(service: &Service) -> usize {
    let (contexts, tasks) = (service.census.alive(), tasks());
    service.witness.check(Check::NoContextAlive, contexts == 0, || format!("{contexts} are"));
    service.witness.check(Check::NoTaskAlive, tasks == 0, || format!("{tasks} are"));
    contexts
}

/// Holds all connections of the pool at once, each in a transaction, which begins on none that is in one; then closes
/// them, since what nobody ends is closed. Returns how many could be had.
///
/// Another program then has to find the database free of writers and of readers.
pub(crate) async fn connections(
    service: &Service,
    database: &Path,
    most: u32,
    patience: Duration,
) -> Outcome<u32> {
    let mut held = Vec::new();
    for _ in 0..most {
        let em = service.orm.em().fork();
        let begun = em.begin_with(TransactionOptions::new().read_only()).await;
        let problem = begun.as_ref().err().map(ToString::to_string);
        service.witness.check(Check::NoOpenTransaction, problem.is_none(), || problem.unwrap_or_default());
        held.extend(begun.is_ok().then_some(em));
    }
    let free = u32::try_from(held.len())?;
    drop(held);
    settle(service, patience).await;

    let driver = Sqlite::options().path(database).busy_timeout(Duration::ZERO).connect().await?;
    let other = Orm::builder(driver).build().await?;
    let em = other.em().fork();
    let writes = em.begin().await;
    service
        .witness
        .check(Check::NoOpenTransaction, writes.is_ok(), || format!("a writer is left: {writes:?}"));
    if writes.is_ok() {
        em.rollback().await?;
    }
    let (busy, _, _): (i64, i64, i64) = em.sql("PRAGMA wal_checkpoint(TRUNCATE)", ()).fetch_one_as().await?;
    service.witness.check(Check::NoOpenTransaction, busy == 0, || "a reader or a writer is left".into());
    drop(em);
    other.close().await;
    Ok(free)
}

/// Whether every row is there that a client was told of, and none that nobody wrote; and whether each book has as many
/// copies as it had and got and gave. `requests` are all so far.
pub(crate) async fn rows(service: &Service, requests: Range<usize>) -> Outcome<Rows> {
    let em = service.orm.em().fork();
    em.disable_filters()?;
    let transfers = em
        .find_all::<Transfer>()
        .select((
            Transfer::ID,
            Transfer::COPIES,
            Transfer::IS_PENDING,
            Transfer::SOURCE.key(),
            Transfer::TARGET.key(),
        ))
        .await?;
    let notes = em.find_all::<Note>().select(Note::ID).await?;
    let books = em.find_all::<Book>().select((Book::ID, Book::COPIES)).await?;

    let mut saved = HashMap::new();
    let mut expected: HashMap<i64, i64> = books.iter().map(|(book, _)| (*book, COPIES)).collect();
    for (id, copies, is_pending, source, target) in transfers {
        saved.insert(usize::try_from(id)?, true);
        for (book, change) in [(source, -copies), (target, copies)] {
            *expected.entry(book.ok_or("a transfer without a book")?).or_default() += change;
        }
        service.witness.check(Check::RowsAsAcknowledged, !is_pending, || format!("transfer {id} is pending"));
    }
    for id in notes {
        saved.insert(usize::try_from(id)?, false);
    }
    for (book, copies) in &books {
        service.witness.check(Check::SumsKept, expected.get(book) == Some(copies), || {
            format!("book {book} has {copies} copies instead of {:?}", expected.get(book))
        });
    }
    let copies = books.iter().map(|(_, copies)| copies).sum();
    let total = i64::try_from(books.len())? * COPIES;
    service.witness.check(Check::SumsKept, copies == total, || format!("{copies} copies instead of {total}"));

    let mut rows = Rows { saved: saved.len(), copies, ..Rows::default() };
    for request in requests {
        judge(service, &Plan::of(service.seed, request), saved.remove(&request), &mut rows);
    }
    service.witness.check(Check::RowsAsAcknowledged, saved.is_empty(), || format!("nobody wrote {saved:?}"));
    Ok(rows)
}

/// `saved` says whether there is a row of this request, and if so whether it is a transfer.
fn judge(service: &Service, plan: &Plan, saved: Option<bool>, rows: &mut Rows) {
    let says = |fact| service.ledger.says(plan.request, fact);
    let writes = plan.route.is_write();
    // A handler that goes on without its client comes to its end.
    let is_detached = plan.route == Route::DetachedTransfer && says(Fact::Begun);
    let is_possible = writes && says(Fact::Begun) && plan.panics_at.is_none();
    let is_sure = is_possible && (says(Fact::Acknowledged) || is_detached);
    let is_right = match saved {
        Some(is_transfer) => is_possible && is_transfer == plan.route.is_transfer(),
        None => !is_sure,
    };
    service.witness.check(Check::RowsAsAcknowledged, is_right, || {
        format!("request {} to {}: saved {}", plan.request, plan.route.path(), saved.is_some())
    });
    rows.acknowledged += usize::from(writes && says(Fact::Acknowledged));
    if is_possible && !says(Fact::Acknowledged) {
        rows.unknown += 1;
        rows.unknown_saved += usize::from(saved.is_some());
    }
}
