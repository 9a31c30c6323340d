//! A small application on any of the databases: its tables come and go by migrations, which are part of the program.
//!
//! ```sh
//! cargo run -p orm-examples --example bookshop                       # migrates and runs a day in the shop, on SQLite
//! cargo run -p orm-examples --example bookshop -- migrate status
//! cargo run -p orm-examples --example bookshop -- --database-url postgres://localhost/shop migrate up
//! ```

#![expect(clippy::print_stdout, reason = "examples show what they do")]

mod model;
mod shop;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use orm_core::{Error, Orm, Result};
use orm_sqlx::AnyDriver;
use orm_sqlx::migration::{self, Embedded, MigrateCommand, Migrator, embed};

use model::{Author, Customer};

const MIGRATIONS: Embedded = embed!("examples/bookshop/migrations");

/// A bookshop
#[derive(Parser)]
#[command(name = "bookshop")]
struct Arguments {
    /// The database: sqlite://PATH, postgres://USER@HOST/NAME or mysql://USER@HOST/NAME
    #[arg(long, default_value = "sqlite://bookshop.db")]
    database_url: String,
    /// Run the migrations of this folder, instead of those that are part of the program
    #[arg(long, value_name = "PATH")]
    migrations: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Migrate, and run a day in the shop
    Run,
    /// Migrate the database
    #[command(subcommand)]
    Migrate(MigrateCommand),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { database_url, migrations, command } = Arguments::parse();
    let orm = match open(&database_url).await {
        Ok(orm) => orm,
        Err(error) => return failed(&error),
    };
    match command.unwrap_or(Command::Run) {
        Command::Migrate(command) => {
            let cli = migration::cli(&orm);
            // New ones are written beside those that are embedded, for who builds the program again.
            let new = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bookshop/migrations");
            let cli = match migrations {
                Some(folder) => cli.folder(folder),
                None => cli.embedded(MIGRATIONS).folder(new),
            };
            cli.run(command).await
        }
        Command::Run => match day(&orm).await {
            Ok(summary) => {
                println!("\n{summary}");
                ExitCode::SUCCESS
            }
            Err(error) => failed(&error),
        },
    }
}

/// A database of the kind that its URL says, with the entities of the shop.
async fn open(url: &str) -> Result<Orm> {
    let driver = AnyDriver::options().url(url).observer(orm_examples::print_statement).connect().await?;
    Orm::builder(driver).entity::<Author>().entity::<Customer>().build().await
}

async fn day(orm: &Orm) -> Result<String> {
    println!("Migrate, if there is something to:");
    for migration in Migrator::new(orm, MIGRATIONS).up().await? {
        println!("  {migration}");
    }
    shop::run(orm).await
}

/// Says what went wrong, with what that came from.
fn failed(error: &Error) -> ExitCode {
    eprintln!("error: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        eprintln!("  caused by: {source}");
        cause = source.source();
    }
    ExitCode::FAILURE
}
