//! Isolation of requests, proved: a service with tenants under load, over HTTP, with clients that hang up, handlers that
//! panic, tasks, threads and cancelled branches.
//!
//! `cargo test --release -p orm-web --test isolation -- --requests 100000` prints the figures; without options it is a
//! shorter run. `--break NAME` breaks the service on purpose, which the checks have to notice; a small run of each kind is
//! a part of every run.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

mod after;
mod breaks;
mod census;
mod clients;
mod figures;
mod http;
mod ledger;
mod library;
mod options;
mod plan;
mod problems;
mod report;
mod run;
mod scopes;
mod service;
mod witness;

use std::error::Error;
use std::panic;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use peak_alloc::PeakAlloc;

use crate::breaks::Break;
use crate::options::{NAME, Options, Task};
use crate::report::Conviction;
use crate::service::Planned;
use crate::witness::Witness;

/// What a step comes to; an error of the test itself ends it.
pub(crate) type Outcome<V> = Result<V, Box<dyn Error + Send + Sync>>;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Bytes that the process has allocated and not freed.
pub(crate) fn live_bytes() -> usize {
    ALLOCATOR.current_usage()
}

static UNPLANNED: AtomicU64 = AtomicU64::new(0);
/// Whether what runs is broken on purpose, so that its panics are not shown.
static IS_BROKEN: AtomicBool = AtomicBool::new(false);

/// Panics so far that no plan has.
pub(crate) fn unplanned_panics() -> u64 {
    UNPLANNED.load(Ordering::SeqCst)
}

fn main() -> ExitCode {
    let options = match Task::from_arguments(std::env::args().skip(1)) {
        Ok(Task::Run(options)) => options,
        Ok(Task::List) => {
            println!("{NAME}: test");
            return ExitCode::SUCCESS;
        }
        Ok(Task::Nothing) => return ExitCode::SUCCESS,
        Err(problem) => {
            println!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let shown = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.payload().is::<Planned>() {
            return;
        }
        UNPLANNED.fetch_add(1, Ordering::SeqCst);
        if !IS_BROKEN.load(Ordering::SeqCst) {
            shown(info);
        }
    }));
    run::exercise_locks();
    let done = match options.breaks {
        Some(_) => broken(&options),
        None => proof(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{NAME}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// All there is to run. Whether every check holds, and every broken service is noticed.
fn proof(options: &Options) -> Outcome<bool> {
    let witness = Arc::new(Witness::default());
    scopes::run(&witness)?;
    let [warm, live] = problems::run(options, &witness)?;
    let mut runs = Vec::new();
    for workers in &options.workers {
        runs.push(run::run(options, *workers, &witness)?);
    }
    println!("{}", report::runs(options, &runs));
    println!(
        "problem 1: {} live bytes after 200 requests, {} after {}\n",
        figures::grouped(warm),
        figures::grouped(live),
        figures::grouped(problems::ROUNDS)
    );
    println!("{}", report::checks(&witness));

    IS_BROKEN.store(true, Ordering::SeqCst);
    let convictions = Break::ALL.into_iter().map(|breaks| convict(options, breaks));
    let convictions = convictions.collect::<Outcome<Vec<_>>>()?;
    println!("{}", report::convictions(&convictions));
    let unnoticed = convictions.iter().filter(|conviction| !conviction.holds()).count();
    println!("{NAME}: {} violations, {unnoticed} broken services unnoticed", witness.violations());
    Ok(witness.violations() == 0 && unnoticed == 0)
}

/// A small run of a broken service, and what noticed it.
fn convict(options: &Options, breaks: Break) -> Outcome<Conviction> {
    let witness = Arc::new(Witness::default());
    let options = Options { requests: 500, breaks: Some(breaks), ..options.clone() };
    run::run(&options, 2, &witness)?;
    if breaks == Break::SharedContext {
        problems::run_shared(&options, &witness)?;
    }
    let checks = breaks.must_violate().iter();
    let violations = checks.map(|check| (*check, witness.violated(*check))).collect();
    Ok(Conviction { breaks, violations })
}

/// A run of a broken service alone. Whether nothing was noticed.
fn broken(options: &Options) -> Outcome<bool> {
    IS_BROKEN.store(true, Ordering::SeqCst);
    let witness = Arc::new(Witness::default());
    let mut runs = Vec::new();
    for workers in &options.workers {
        runs.push(run::run(options, *workers, &witness)?);
    }
    println!("{}", report::runs(options, &runs));
    println!("{}", report::checks(&witness));
    Ok(witness.violations() == 0)
}
