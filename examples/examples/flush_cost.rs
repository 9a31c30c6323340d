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
const FLUSHES: u32 = 501;

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
    let [among_few, among_many] = median_flushes().await?;
    println!(
        "{CHANGES} changes among {few}: {among_few:?}, among {many}: {among_many:?} (medians of {FLUSHES}, by turns)"
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

/// The median times of flushes of the same ten rows by a context that holds few entities and by one that holds many, by
/// turns. The table is the same for both.
async fn median_flushes() -> Result<[Duration; 2], Box<dyn std::error::Error>> {
    let orm = open(&StatementCounter::new()).await?;
    let rows = MANAGED[1];
    orm.em()
        .fork()
        .insert_many((0..rows).map(|row| Reading { sensor: format!("s{row}"), ..Reading::default() }))
        .await?;
    let mut contexts = Vec::new();
    for managed in MANAGED {
        let em = orm.em().fork();
        let step = i64::from(rows / managed);
        let readings = em.find(((Reading::ID - 1) % step).eq(0)).order_by(Reading::ID.asc()).await?;
        assert_eq!(readings.len(), managed as usize);
        contexts.push((em, readings, Vec::new()));
    }
    for value in 1..=i64::from(FLUSHES) {
        for (em, readings, times) in &mut contexts {
            let step = readings.len() / CHANGES;
            readings.iter().step_by(step).take(CHANGES).for_each(|reading| reading.edit().value = value);
            let started = Instant::now();
            em.flush().await?;
            times.push(started.elapsed());
        }
    }
    let mut medians = [Duration::ZERO; 2];
    for (median, (_, _, times)) in medians.iter_mut().zip(&mut contexts) {
        times.sort_unstable();
        *median = times[times.len() / 2];
    }
    Ok(medians)
}

async fn open(counter: &StatementCounter) -> Result<Orm, Box<dyn std::error::Error>> {
    let database = Sqlite::options().memory().observer(counter.observer()).connect().await?;
    let orm = Orm::builder(database).entity::<Reading>().build().await?;
    orm.schema().create().await?;
    Ok(orm)
}
