//! What a flush costs: statements for ten thousand rows, and time for ten changes among few and among many entities.
//!
//! `cargo run --release -p orm-examples --example flush_cost`. The ratio is of medians of one run, so the machine does
//! not matter much.

#![expect(clippy::print_stdout, reason = "examples show what they do")]

use std::time::{Duration, Instant};

use orm_core::prelude::*;
use orm_sqlx::{Sqlite, StatementCounter};

/// How many rows a flush writes.
const ROWS: u32 = 10_000;
/// How many entities are loaded beside those that change: few and many.
const MANAGED: [u32; 2] = [100, 100_000];
/// How many of them change.
const CHANGES: usize = 10;
/// How many flushes are measured.
const FLUSHES: u32 = 101;

#[derive(Entity, Clone, Debug, Default)]
struct Reading {
    #[entity(id, auto)]
    id: i64,
    sensor: String,
    value: i64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    statements().await?;
    let [few, many] = MANAGED;
    let (among_few, among_many) = (median_flush(few).await?, median_flush(many).await?);
    println!(
        "{CHANGES} changes among {few}: {among_few:?}, among {many}: {among_many:?} (medians of {FLUSHES})"
    );
    println!("ratio {:.2}", among_many.as_secs_f64() / among_few.as_secs_f64());
    Ok(())
}

/// Prints how many statements it takes to write many rows.
async fn statements() -> Result<(), Box<dyn std::error::Error>> {
    let counter = StatementCounter::new();
    let orm = open(&counter).await?;
    let em = orm.em().fork();
    let readings =
        (0..ROWS).map(|row| em.persist(Reading { sensor: format!("s{row}"), ..Reading::default() }));
    let readings = readings.collect::<Result<Vec<_>, _>>()?;
    for kind in ["new", "changed", "removed"] {
        match kind {
            "new" => {}
            "changed" => readings.iter().zip(1..).for_each(|(reading, value)| reading.edit().value = value),
            _ => readings.iter().try_for_each(|reading| em.remove(reading))?,
        }
        counter.reset();
        em.flush().await?;
        println!("{ROWS} {kind}: {} statements", counter.count());
    }
    Ok(())
}

/// The median time of a flush of ten changes among so many loaded entities.
async fn median_flush(managed: u32) -> Result<Duration, Box<dyn std::error::Error>> {
    let orm = open(&StatementCounter::new()).await?;
    let em = orm.em().fork();
    let readings =
        (0..managed).map(|row| em.persist(Reading { sensor: format!("s{row}"), ..Reading::default() }));
    let readings = readings.collect::<Result<Vec<_>, _>>()?;
    em.flush().await?;
    let mut times = Vec::new();
    for value in 1..=i64::from(FLUSHES) {
        let step = readings.len() / CHANGES;
        readings.iter().step_by(step).take(CHANGES).for_each(|reading| reading.edit().value = value);
        let started = Instant::now();
        em.flush().await?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

async fn open(counter: &StatementCounter) -> Result<Orm, Box<dyn std::error::Error>> {
    let database = Sqlite::options().memory().observer(counter.observer()).connect().await?;
    let orm = Orm::builder(database).entity::<Reading>().build().await?;
    orm.schema().create().await?;
    Ok(orm)
}
