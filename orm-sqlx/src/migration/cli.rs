//! The commands of migrations, for a program of the user's own.
//!
//! They are parsed by clap as a part of the program's own commands; which database it is stays the program's affair.

use std::error::Error as StdError;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Args, Subcommand};
use orm_core::Orm;
use orm_core::schema::Unknown;

use super::error::{MigrationError, Result};
use super::migrator::{AppliedMigration, Migrator, Resolution};
use super::plan::Goal;
use super::source::Embedded;

/// The commands, as a part of a program's own.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum MigrateCommand {
    /// Write a migration from what the entities need and the database lacks
    Create(Create),
    /// Apply what is not applied
    Up(Up),
    /// Take the last applied migration back, or several
    Down(Down),
    /// Show every migration, and how it stands
    Status,
    /// Show what the entities need and the database lacks
    Diff(Diff),
    /// Fail unless everything is applied and the database has what the entities need
    Check,
    /// Note a migration as applied or as pending, and run nothing
    Resolve(Resolve),
}

/// Arguments of `create`.
#[derive(Clone, Debug, Args)]
pub struct Create {
    /// What changes, such as `add books`
    name: String,
    /// Write it without statements, to be filled in
    #[arg(long, conflicts_with = "drop_unknown")]
    blank: bool,
    /// Drop the tables too that no entity knows
    #[arg(long)]
    drop_unknown: bool,
    /// Write it to this folder, whose migrations are to be applied before
    #[arg(long, value_name = "PATH")]
    folder: Option<PathBuf>,
}

/// Arguments of `up`.
#[derive(Clone, Debug, Args)]
pub struct Up {
    /// Stop when this version is applied
    #[arg(long, value_name = "VERSION")]
    to: Option<i64>,
    /// Apply a migration too that is older than the last applied one
    #[arg(long)]
    out_of_order: bool,
    /// Run what is marked as destructive
    #[arg(long)]
    yes: bool,
}

/// Arguments of `down`.
#[derive(Clone, Debug, Args)]
pub struct Down {
    /// Take back everything above this version; 0 for all
    #[arg(long, value_name = "VERSION")]
    to: Option<i64>,
    /// Do it, and not only show what would be taken back
    #[arg(long)]
    yes: bool,
}

/// Arguments of `diff`.
#[derive(Clone, Debug, Args)]
pub struct Diff {
    /// Show the statements instead of the changes
    #[arg(long)]
    sql: bool,
    /// Show the tables too that no entity knows
    #[arg(long)]
    drop_unknown: bool,
}

/// Arguments of `resolve`.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("as").required(true).args(["applied", "pending"]))]
pub struct Resolve {
    /// The version of the migration
    version: i64,
    /// The database is as if it had been run
    #[arg(long)]
    applied: bool,
    /// The database is as if it had never been run
    #[arg(long)]
    pending: bool,
}

/// Runs the commands of migrations on the database of `orm`. Migrations come from the folder `migrations` where the program
/// runs, unless [`embedded`](MigrationCli::embedded) or [`folder`](MigrationCli::folder) say otherwise.
///
/// # Examples
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use clap::Parser;
/// use orm_core::Orm;
/// use orm_sqlx::migration::{self, MigrateCommand};
///
/// #[derive(Parser)]
/// struct Bookshop {
///     #[arg(long, default_value = "sqlite://bookshop.db")]
///     database_url: String,
///     #[command(subcommand)]
///     command: Command,
/// }
///
/// #[derive(clap::Subcommand)]
/// enum Command {
///     /// Migrate the database
///     #[command(subcommand)]
///     Migrate(MigrateCommand),
/// }
///
/// # async fn run() -> orm_core::Result<ExitCode> {
/// let Bookshop { database_url, command: Command::Migrate(command) } = Bookshop::parse();
/// let orm = Orm::builder(orm_sqlx::Sqlite::connect(&database_url).await?).build().await?;
/// Ok(migration::cli(&orm).run(command).await)
/// # }
/// ```
pub fn cli(orm: &Orm) -> MigrationCli {
    MigrationCli { migrator: Migrator::new(orm, "migrations"), folder: "migrations".into(), embedded: None }
}

/// The commands of migrations on one database; made by [`cli`].
#[derive(Clone, Debug)]
#[must_use = "nothing is done until `run` is awaited"]
pub struct MigrationCli {
    migrator: Migrator,
    /// Where new ones are written.
    folder: PathBuf,
    embedded: Option<Embedded>,
}

/// How a command ended. It is the exit code of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// Well.
    Done = 0,
    /// With an error.
    Failed = 1,
    /// It was not said that it may be done. As clap ends where an argument is wrong.
    Usage = 2,
    /// The database is not as it should be.
    Behind = 3,
}

impl MigrationCli {
    /// Runs migrations from this folder, and writes new ones there.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// Runs the migrations that are part of the program. New ones are still written to the folder, from which they are
    /// embedded when the program is built again.
    pub fn embedded(mut self, embedded: Embedded) -> Self {
        self.embedded = Some(embedded);
        self
    }

    /// Keeps what is applied in a table of this name, as [`Migrator::table`].
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.migrator = self.migrator.table(name);
        self
    }

    /// Runs a command, and prints what came of it.
    ///
    /// The code is 0 where all is well, 1 after an error, which is printed with its causes to the standard error, 2 where
    /// `--yes` is missing, and 3 where `check` finds that the database is not as it should be.
    pub async fn run(mut self, command: MigrateCommand) -> ExitCode {
        self.migrator.source = match self.embedded {
            Some(embedded) => embedded.into(),
            None => self.folder.clone().into(),
        };
        let mut out = Vec::new();
        let ending = self.run_into(command, &mut out).await;
        // Who closed the pipe does not want to know.
        let _ = io::stdout().write_all(&out).and_then(|()| io::stdout().flush());
        let ending = match ending {
            Ok(ending) => ending,
            Err(error) => {
                let _ = writeln!(io::stderr(), "error: {}", with_causes(&error));
                Ending::Failed
            }
        };
        ExitCode::from(ending as u8)
    }

    async fn run_into(self, command: MigrateCommand, out: &mut Vec<u8>) -> Result<Ending> {
        match command {
            MigrateCommand::Create(create) => self.create(create, out).await,
            MigrateCommand::Up(up) => self.up(up, out).await,
            MigrateCommand::Down(down) => self.down(down, out).await,
            MigrateCommand::Status => {
                let all = self.migrator.list().await?;
                say_each(out, &all, "there is no migration");
                Ok(Ending::Done)
            }
            MigrateCommand::Diff(diff) => self.diff(diff, out).await,
            MigrateCommand::Check => self.check(out).await,
            MigrateCommand::Resolve(Resolve { version, applied, .. }) => {
                let resolution = if applied { Resolution::Applied } else { Resolution::Pending };
                self.migrator.resolve(version, resolution).await?;
                say(
                    out,
                    format_args!("{version} is noted as {}", if applied { "applied" } else { "pending" }),
                );
                Ok(Ending::Done)
            }
        }
    }

    async fn create(self, create: Create, out: &mut Vec<u8>) -> Result<Ending> {
        let Create { name, blank, drop_unknown, folder } = create;
        // What is embedded was the folder when the program was built.
        let migrator = Migrator { source: folder.unwrap_or(self.folder).into(), ..self.migrator };
        let created = match blank {
            true => Some(migrator.create_blank(&name).await?),
            false => migrator.create(&name, unknown(drop_unknown)).await?,
        };
        let Some(created) = created else {
            say(out, "there is nothing to do: the database has what the entities need");
            return Ok(Ending::Done);
        };
        say(out, created.up.display());
        say(out, created.down.display());
        for change in &created.destructive {
            say(out, format_args!("look at it before you run it: {change}"));
        }
        Ok(Ending::Done)
    }

    async fn up(self, up: Up, out: &mut Vec<u8>) -> Result<Ending> {
        let Up { to, out_of_order, yes } = up;
        let migrator = if out_of_order { self.migrator.allow_out_of_order() } else { self.migrator };
        if !yes {
            let destructive = migrator.destructive(to).await?;
            if !destructive.is_empty() {
                say_each(out, &destructive, "");
                say(out, "this can lose data; say --yes to do it");
                return Ok(Ending::Usage);
            }
        }
        let mut done = Vec::new();
        let result = migrator.run_into(Goal::Up(to), &mut done).await;
        ended(out, &done, "everything is applied", result)
    }

    async fn down(self, down: Down, out: &mut Vec<u8>) -> Result<Ending> {
        let Down { to, yes } = down;
        let goal = to.map_or(Goal::Down, Goal::DownTo);
        if !yes {
            let applied = self.migrator.reverted_by(goal).await?;
            say_each(out, &applied, "nothing is applied");
            if applied.is_empty() {
                return Ok(Ending::Done);
            }
            say(out, "this would be taken back, with all that is in its tables; say --yes to do it");
            return Ok(Ending::Usage);
        }
        let mut done = Vec::new();
        let result = self.migrator.run_into(goal, &mut done).await;
        ended(out, &done, "nothing is applied", result)
    }

    async fn diff(self, diff: Diff, out: &mut Vec<u8>) -> Result<Ending> {
        let found = self.migrator.diff(unknown(diff.drop_unknown)).await?;
        match diff.sql {
            true => found.all_statements().iter().for_each(|sql| say(out, format_args!("{sql};"))),
            false => {
                let _ = write!(out, "{found}");
            }
        }
        Ok(Ending::Done)
    }

    async fn check(self, out: &mut Vec<u8>) -> Result<Ending> {
        match self.migrator.check().await {
            Ok(()) => {}
            Err(
                behind @ (MigrationError::Pending { .. }
                | MigrationError::Dirty { .. }
                | MigrationError::Changed { .. }
                | MigrationError::Missing { .. }),
            ) => {
                say(out, behind);
                return Ok(Ending::Behind);
            }
            Err(error) => return Err(error),
        }
        let diff = self.migrator.diff(Unknown::Left).await?;
        if diff.is_empty() {
            say(out, "everything is applied, and the database has what the entities need");
            return Ok(Ending::Done);
        }
        say(out, "everything is applied, and the entities need more; write a migration with `create`:");
        let _ = write!(out, "{diff}");
        Ok(Ending::Behind)
    }
}

/// Shows what was run, also before a failure.
fn ended(out: &mut Vec<u8>, done: &[AppliedMigration], none: &str, result: Result<()>) -> Result<Ending> {
    match result {
        Ok(()) => say_each(out, done, none),
        Err(_) => done.iter().for_each(|line| say(out, line)),
    }
    result.map(|()| Ending::Done)
}

fn unknown(is_dropped: bool) -> Unknown {
    if is_dropped { Unknown::Dropped } else { Unknown::Left }
}

// Writing to memory can't fail.
fn say(out: &mut Vec<u8>, line: impl Display) {
    let _ = writeln!(out, "{line}");
}

fn say_each(out: &mut Vec<u8>, lines: &[impl Display], none: &str) {
    lines.iter().for_each(|line| say(out, line));
    if lines.is_empty() {
        say(out, none);
    }
}

/// The error and what it came from, but what it repeats.
fn with_causes(error: &MigrationError) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let text = source.to_string();
        if !said.contains(&text) {
            said += &format!(": {text}");
        }
        cause = source.source();
    }
    said
}
