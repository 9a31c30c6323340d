//! Loads a million rows in flat memory: chunk by chunk through the unit of work, with `clear()` between.
//!
//! `cargo run --release -p orm-examples --example import [ROWS]`. Some lines are bad: the code of another reading, or no
//! station. A flush that meets one writes nothing; the program takes these out with `detach` and flushes the rest.
//! A counting allocator says how much memory lives after the second chunk and after the last; the program fails if
//! they differ by one per cent.

#![expect(clippy::print_stdout, reason = "examples show what they do")]

use std::collections::HashSet;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use orm_core::prelude::*;
use orm_sqlx::{Sqlite, StatementEvent};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const CHUNK: usize = 5_000;
const STATIONS: i64 = 100;

/// Where something is measured.
#[derive(Entity, Clone, Debug, Default)]
struct Station {
    #[entity(id, auto)]
    id: i64,
    name: String,
}

/// What was measured.
#[derive(Entity, Clone, Debug, Default)]
struct Reading {
    #[entity(id, auto)]
    id: i64,
    #[entity(unique)]
    code: String,
    station: Ref<Station>,
    celsius: f64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let rows = match std::env::args().nth(1) {
        Some(rows) => rows.parse()?,
        None => 1_000_000,
    };
    let file = TemporaryFile::new();
    let statements = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&statements);
    let count = move |_: &StatementEvent<'_>| {
        counter.fetch_add(1, Ordering::Relaxed);
    };
    // One connection is all that one task needs; each further one would hold memory of its own.
    let database = Sqlite::options().path(&file.0).max_connections(1).observer(count).connect().await?;
    let orm = Orm::builder(database).entity::<Reading>().build().await?;
    orm.schema().create().await?;
    let em = orm.em().fork();
    em.insert_many((1..=STATIONS).map(|id| Station { id, name: format!("Station {id}") })).await?;

    let report = import(&em, rows).await?;

    println!("{} rows in {:.1} s, {} bad ones left out", report.saved, report.seconds, report.bad);
    println!("{} rows a second, {} statements", report.rows_a_second(), statements.load(Ordering::Relaxed));
    println!("{} live bytes after chunk 2, {} after chunk {}", report.early, report.late, report.chunks);
    assert_eq!(em.count_all::<Reading>().await?, report.saved);
    orm.close().await;
    if !report.is_flat() {
        return Err("memory grew with the number of rows".into());
    }
    Ok(())
}

/// What an import did.
#[derive(Default)]
struct Report {
    saved: u64,
    bad: u64,
    chunks: usize,
    seconds: f64,
    /// Live bytes after the second chunk, and after the last.
    early: usize,
    late: usize,
}

impl Report {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a figure for people")]
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    fn rows_a_second(&self) -> u64 {
        (self.saved as f64 / self.seconds) as u64
    }

    fn is_flat(&self) -> bool {
        self.early.abs_diff(self.late) * 100 < self.early
    }
}

async fn import(em: &EntityManager, rows: usize) -> Result<Report, Box<dyn Error>> {
    let style = "{bar:40} {human_pos}/{human_len} rows, {per_sec}, {eta} left";
    let bar = ProgressBar::new(rows.try_into()?).with_style(ProgressStyle::with_template(style)?);
    let started = Instant::now();
    let mut report = Report::default();
    for first in (0..rows).step_by(CHUNK) {
        let lines = (first..rows.min(first + CHUNK)).map(line);
        let (saved, bad) = import_chunk(em, lines).await?;
        em.clear()?; // The next chunk begins with an empty identity map.
        report.saved += saved;
        report.bad += bad;
        report.chunks += 1;
        bar.inc(saved + bad);
        report.late = ALLOCATOR.current_usage();
        if report.chunks == 2 {
            report.early = report.late;
        }
    }
    bar.finish();
    report.seconds = started.elapsed().as_secs_f64();
    if report.chunks < 2 {
        report.early = report.late;
    }
    Ok(report)
}

/// Saves what can be saved of some lines, in one transaction. Returns how many rows were saved, and how many not.
async fn import_chunk(em: &EntityManager, lines: impl Iterator<Item = String>) -> Result<(u64, u64)> {
    let mut readings = Vec::with_capacity(CHUNK);
    for line in lines {
        readings.push(em.persist(parse(&line))?);
    }
    let mut bad = 0;
    loop {
        let refused = match em.flush().await {
            Ok(()) => break,
            Err(error) => error,
        };
        let poisoned = match &refused {
            orm_core::Error::RequiredRelation { .. } => without_station(&readings),
            error if error.is_violation_of(Reading::CODE) => with_taken_code(em, &readings).await?,
            _ => return Err(refused),
        };
        if poisoned.is_empty() {
            return Err(refused);
        }
        for at in poisoned.into_iter().rev() {
            em.detach(&readings.swap_remove(at))?;
            bad += 1;
        }
    }
    let saved = u64::try_from(readings.len()).unwrap_or(u64::MAX);
    Ok((saved, bad))
}

type Readings = [Loaded<Reading, orm_core::NewEntity>];

/// Which of them are without a station.
fn without_station(readings: &Readings) -> Vec<usize> {
    let all = readings.iter().enumerate();
    all.filter(|(_, reading)| !reading.get().station.is_set()).map(|(at, _)| at).collect()
}

/// Which of them have a code that the database has already, or that another one before them has.
async fn with_taken_code(em: &EntityManager, readings: &Readings) -> Result<Vec<usize>> {
    let codes = readings.iter().map(|reading| reading.get().code.clone());
    let known = em.find(Reading::CODE.in_(codes)).disable_identity_map().await?;
    let mut taken: HashSet<String> = known.iter().map(|reading| reading.get().code.clone()).collect();
    let all = readings.iter().enumerate();
    Ok(all.filter(|(_, reading)| !taken.insert(reading.get().code.clone())).map(|(at, _)| at).collect())
}

/// One line of the input. Each thousandth has the code of the one before, and each thousandth no station.
fn line(at: usize) -> String {
    let code = if at % 1_000 == 500 { at - 1 } else { at };
    let station = if at % 1_000 == 900 { String::new() } else { (at % 100 + 1).to_string() };
    format!("R{code:09};{station};{}.{}", at % 40, at % 10)
}

fn parse(line: &str) -> Reading {
    let mut fields = line.split(';');
    let mut next = || fields.next().unwrap_or_default();
    Reading {
        code: next().to_owned(),
        station: next().parse::<i64>().map(Ref::key).unwrap_or_default(),
        celsius: next().parse().unwrap_or(f64::NAN),
        ..Reading::default()
    }
}

/// A file that goes with the program.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new() -> Self {
        let name = format!("orm-import-{}.sqlite", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm"] {
            let mut path = self.0.clone().into_os_string();
            path.push(ending);
            // What is not there needs no removing.
            let _ = std::fs::remove_file(path);
        }
    }
}
