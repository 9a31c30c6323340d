//! One service on one runtime: warm-up, requests, and what is left of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use orm_sqlx::{Sqlite, StatementOutcome};
use parking_lot::{Condvar, Mutex};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

use crate::breaks::Break;
use crate::figures::Figures;
use crate::ledger::Fact;
use crate::options::Options;
use crate::service::{Failure, Service};
use crate::witness::{Check, Witness};
use crate::{Outcome, after, clients, library, live_bytes, unplanned_panics};

/// Of the pool.
const CONNECTIONS: u32 = 16;

/// A database file, which goes with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Outcome<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // In memory where the system has such a folder: it is about requests, not about disks.
        let shared_memory = PathBuf::from("/dev/shm");
        let parent = if shared_memory.is_dir() { shared_memory } else { std::env::temp_dir() };
        let path = parent.join(format!("orm-web-isolation-{}-{number}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("library.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What can't be removed now is removed by the system.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Statements that were sent, and those whose future was dropped meanwhile.
#[derive(Default)]
pub(crate) struct Statements {
    sent: AtomicU64,
    cut_off: AtomicU64,
}

pub(crate) fn runtime(workers: usize) -> Outcome<Runtime> {
    // Threads stay, so that their memory is there after the warm-up and at the end.
    let hours = Duration::from_secs(10_000);
    let builder = &mut Builder::new_multi_thread();
    let builder = builder.worker_threads(workers).max_blocking_threads(4).thread_keep_alive(hours);
    Ok(builder.enable_all().build()?)
}

/// A service over a new database, with a server in front of it.
pub(crate) struct Served {
    pub(crate) service: Arc<Service>,
    pub(crate) address: std::net::SocketAddr,
    statements: Arc<Statements>,
}

impl Served {
    /// For requests of the numbers 1 to `requests`, whose server ends with the runtime.
    pub(crate) async fn start(
        database: &Path,
        options: &Options,
        witness: Arc<Witness>,
        requests: usize,
    ) -> Outcome<Self> {
        // A broken service is not waited for.
        let patience = Duration::from_secs(if options.breaks.is_some() { 2 } else { 60 });
        let statements = Arc::new(Statements::default());
        let counted = Arc::clone(&statements);
        let driver = Sqlite::options()
            .path(database)
            .max_connections(CONNECTIONS)
            .busy_timeout(patience)
            .acquire_timeout(patience)
            .observer(move |event| {
                counted.sent.fetch_add(1, Ordering::Relaxed);
                let is_cut_off = matches!(event.outcome, StatementOutcome::CutOff);
                counted.cut_off.fetch_add(u64::from(is_cut_off), Ordering::Relaxed);
            })
            .connect()
            .await?;
        let is_guarded = options.breaks != Some(Break::NoGuard);
        let orm = library::open(driver, &witness, patience, is_guarded).await?;
        let service = Service::new(orm, witness, options.seed, requests, options.breaks);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(axum::serve(listener, service.router()).into_future());
        Ok(Self { service, address, statements })
    }
}

/// Runs the service on `workers` threads, and returns what there is to say of it. Checks are in the witness.
pub(crate) fn run(options: &Options, workers: usize, witness: &Arc<Witness>) -> Outcome<Figures> {
    let folder = Folder::new()?;
    let runtime = runtime(workers)?;
    let figures = runtime.block_on(measure(&folder.database(), options, workers, Arc::clone(witness)));
    runtime.shutdown_timeout(Duration::from_secs(10));
    figures
}

async fn measure(
    database: &Path,
    options: &Options,
    workers: usize,
    witness: Arc<Witness>,
) -> Outcome<Figures> {
    // Long enough that what grows with the requests at one time has grown.
    let warm_up = (options.requests / 10).max(options.in_flight * 32);
    let warm_up = if options.breaks.is_some() { 500 } else { warm_up };
    let all = warm_up + options.requests;
    let (panics, failures) = (unplanned_panics(), Failure::count());
    let served = Served::start(database, options, Arc::clone(&witness), all).await?;
    let service = &served.service;

    exercise(workers).await?;
    clients::run(service, served.address, 1..warm_up + 1, options.in_flight).await?;
    look_around(&served, database, warm_up).await?;
    let warm_bytes = settled_bytes().await?;
    let before = served.count();

    let begun = Instant::now();
    let requests = warm_up + 1..all + 1;
    clients::run(service, served.address, requests.clone(), options.in_flight).await?;
    let took = begun.elapsed();
    let mut figures = served.count();
    figures.subtract(&before);
    figures.count_requests(service, requests);

    let (contexts_alive, free, rows) = look_around(&served, database, all).await?;
    let live_bytes = settled_bytes().await?;
    let figures = Figures {
        workers,
        took,
        contexts_alive,
        connections: CONNECTIONS,
        connections_free: free,
        rows,
        warm_bytes,
        live_bytes,
        ..figures
    };
    witness.check(Check::LiveBytes, figures.drift() < 1.0, || format!("{warm_bytes}, then {live_bytes}"));
    let panics = unplanned_panics() - panics;
    witness.check(Check::NoFailure, panics == 0, || format!("{panics} panics that were not planned"));
    let failures = Failure::count() - failures;
    witness.check(Check::NoFailure, failures == 0, || format!("{failures} handlers failed"));
    Ok(figures)
}

/// Has every worker of the runtime yield as much as one ever does between two looks at its sockets, since it keeps a list of
/// who did, as long as that ever was.
async fn exercise(workers: usize) -> Outcome<()> {
    let mut tasks = JoinSet::new();
    for _ in 0..workers * 512 {
        tasks.spawn(async {
            for _ in 0..64 {
                yield_now().await;
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task?;
    }
    Ok(())
}

/// Has more threads wait for a lock at one time than ever do later: there is one table of them for the whole process, which
/// grows with the most that there were.
pub(crate) fn exercise_locks() {
    const THREADS: usize = 64;
    let (waiting, all_wait) = (Mutex::new(0), Condvar::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut waiting = waiting.lock();
                *waiting += 1;
                all_wait.notify_all();
                all_wait.wait_while(&mut waiting, |waiting| *waiting < THREADS);
            });
        }
    });
}

/// Looks at what is left when all is over.
async fn look_around(
    served: &Served,
    database: &Path,
    requests: usize,
) -> Outcome<(usize, u32, crate::figures::Rows)> {
    let service = &served.service;
    let patience = Duration::from_secs(if service.breaks.is_some() { 1 } else { 30 });
    after::settle(service, patience).await;
    let contexts = after::leftovers(service);
    let rows = after::rows(service, 1..requests + 1).await?;
    let free = after::connections(service, database, CONNECTIONS, patience).await?;
    after::settle(service, patience).await;
    Ok((contexts, free, rows))
}

/// Live bytes of an idle process: the least of many readings.
///
/// Threads that were told to end take a moment. And the runtime keeps what it knew of up to 16 closed sockets, to free it at
/// once; closing some more makes it do so in between.
pub(crate) async fn settled_bytes() -> Outcome<usize> {
    let mut least = usize::MAX;
    for _ in 0..48 {
        drop(TcpListener::bind("127.0.0.1:0").await?);
        sleep(Duration::from_millis(2)).await;
        least = least.min(live_bytes());
    }
    Ok(least)
}

impl Served {
    /// What is counted while it runs.
    fn count(&self) -> Figures {
        let (census, busy) = (&self.service.census, &self.service.busy);
        Figures {
            contexts: census.made(),
            most_contexts: census.most(),
            most_handlers: busy.most.load(Ordering::Relaxed),
            statements: self.statements.sent.load(Ordering::Relaxed),
            statements_cut_off: self.statements.cut_off.load(Ordering::Relaxed),
            tasks: busy.tasks.load(Ordering::Relaxed),
            cancelled: busy.cancelled.load(Ordering::Relaxed),
            ..Figures::default()
        }
    }
}

impl Figures {
    fn subtract(&mut self, before: &Self) {
        self.contexts -= before.contexts;
        self.statements -= before.statements;
        self.statements_cut_off -= before.statements_cut_off;
        self.tasks -= before.tasks;
        self.cancelled -= before.cancelled;
    }

    fn count_requests(&mut self, service: &Service, requests: std::ops::Range<usize>) {
        let count = |fact| service.ledger.count(requests.clone(), fact);
        self.requests = requests.len();
        self.acknowledged = count(Fact::Acknowledged);
        self.hung_up = count(Fact::HungUp);
        self.begun = count(Fact::Begun);
        self.cut_off = count(Fact::CutOff);
        self.panicked = count(Fact::Panicked);
    }
}
