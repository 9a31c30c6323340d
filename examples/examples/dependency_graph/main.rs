//! Stores the dependency graph of this workspace in a SQLite file, and reports what it says.
//!
//! `cargo run -p orm-examples --example dependency_graph [FILE]`. Run it twice: the second run loads what the first one
//! stored, compares, and writes nothing. Without FILE the database is in the target folder; remove it after a change of
//! the model, since nothing migrates it.

#![expect(clippy::print_stdout, reason = "examples show what they do")]

mod import;
mod known;
mod model;
mod report;
mod workspace;

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use orm_core::Orm;
use orm_sqlx::{Sqlite, StatementCounter};

use import::Importer;
use model::Package;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut steps = Steps::new();
    let metadata = workspace::read()?;
    steps.done(&format!("read cargo's metadata, {} packages", metadata.packages.len()));

    let file = std::env::args_os().nth(1).map(PathBuf::from);
    let file = file.unwrap_or_else(|| metadata.target_directory.join("dependency_graph.sqlite").into());
    let is_new = !file.exists();
    let database = Sqlite::options().path(&file).observer(steps.statements.observer()).connect().await?;
    let orm = Orm::builder(database).entity::<Package>().build().await?;
    if is_new {
        orm.schema().create().await?;
    }
    steps.done(&format!("opened {}", file.display()));

    let em = orm.em().fork();
    let importer = Importer::load(&em).await?;
    steps.done(&format!("loaded what it has, {} entities", em.managed_count()?));
    importer.import(&metadata)?;
    steps.done(&format!("compared, {} entities", em.managed_count()?));
    let plan = em.flush_plan()?;
    if !plan.is_empty() {
        println!("\nThis differs:\n{plan}\n");
    }
    em.flush().await?;
    steps.done("flushed");

    let em = orm.em().fork(); // Knows nothing yet, so the report is what the database says.
    report::print(&em).await?;
    steps.done(&format!("\nreported, {} entities", em.managed_count()?));
    orm.close().await;
    println!("{} write statements", steps.writes);
    Ok(())
}

/// Says what each step took.
struct Steps {
    statements: StatementCounter,
    started: Instant,
    writes: usize,
}

impl Steps {
    fn new() -> Self {
        Self { statements: StatementCounter::new(), started: Instant::now(), writes: 0 }
    }

    fn done(&mut self, step: &str) {
        let (all, reads, writes) =
            (self.statements.count(), self.statements.reads(), self.statements.writes());
        let time = self.started.elapsed();
        println!("{step}: {all} statements, of these {reads} reads and {writes} writes; {time:.0?}");
        self.writes += writes;
        self.statements.reset();
        self.started = Instant::now();
    }
}
