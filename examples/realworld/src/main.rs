//! Serves the API, on SQLite if nothing else is said; its tables come by migrations, which are part of the program.
//!
//! ```sh
//! cargo run -p realworld
//! cargo run -p realworld -- --database-url postgres://localhost/conduit --listen 0.0.0.0:8080
//! ```

#![expect(clippy::print_stdout, reason = "it says where it listens")]

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use orm_core::Orm;
use orm_sqlx::AnyDriver;
use orm_sqlx::migration::{self, MigrateCommand, Migrator};
use realworld::Tokens;
use tokio::net::TcpListener;
use tracing_subscriber::filter::LevelFilter;

/// The backend of RealWorld
#[derive(Parser)]
#[command(name = "realworld")]
struct Arguments {
    /// The database: sqlite://PATH, postgres://USER@HOST/NAME or mysql://USER@HOST/NAME
    #[arg(long, env, default_value = "sqlite://realworld.db", hide_env_values = true)]
    database_url: String,
    /// Where to listen; port 0 is any that is free
    #[arg(long, env, default_value = "127.0.0.1:3000")]
    listen: String,
    /// What tokens are signed with; without it they end with the program
    #[arg(long, env, hide_env_values = true)]
    jwt_secret: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Migrate, and serve
    Serve,
    /// Migrate the database
    #[command(subcommand)]
    Migrate(MigrateCommand),
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_max_level(LevelFilter::WARN).with_writer(std::io::stderr).init();
    let Arguments { database_url, listen, jwt_secret, command } = Arguments::parse();
    let orm = match realworld::connect(AnyDriver::options().url(database_url)).await {
        Ok(orm) => orm,
        Err(error) => return failed(&error),
    };
    match command.unwrap_or(Command::Serve) {
        Command::Migrate(command) => {
            // New ones are written beside those that are embedded, for who builds the program again.
            let new = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
            migration::cli(&orm).embedded(realworld::MIGRATIONS).folder(new).run(command).await
        }
        Command::Serve => match serve(&orm, &listen, jwt_secret).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&*error),
        },
    }
}

/// Until it is interrupted, and what it answers then is answered.
async fn serve(orm: &Orm, listen: &str, secret: Option<String>) -> Result<(), Box<dyn Error>> {
    let tokens = secret.map_or_else(Tokens::random, |secret| Tokens::new(secret.as_bytes()))?;
    Migrator::new(orm, realworld::MIGRATIONS).up().await?;
    let listener =
        TcpListener::bind(listen).await.map_err(|error| format!("can't listen on {listen}: {error}"))?;
    println!("listening on http://{}/api", listener.local_addr()?);
    let interrupted = async {
        // Without a handler there is nothing to wait for but the end.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    Ok(axum::serve(listener, realworld::api(orm, tokens)).with_graceful_shutdown(interrupted).await?)
}

/// Says what went wrong, with what that came from.
fn failed(error: &(dyn Error + 'static)) -> ExitCode {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(source) = cause {
        eprintln!("  caused by: {source}");
        cause = source.source();
    }
    ExitCode::FAILURE
}
