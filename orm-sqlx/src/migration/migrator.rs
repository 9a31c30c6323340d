//! What programs call to migrate.

use std::fmt;
use std::time::Duration;

use orm_core::Orm;

use super::error::{MigrationError, Result};
use super::file::Migration;
use super::history::{Direction, Entry};
use super::plan::{self, Goal, Order};
use super::runner::Runner;
use super::source::MigrationSource;

/// Brings the database of an ORM to the version of a program.
///
/// Nothing is read or sent before one of its methods is awaited, each of which looks at the files and the database anew.
/// Several at the same time, in one program or in many, do each migration once.
///
/// # Examples
///
/// ```no_run
/// # async fn example(orm: orm_core::Orm) -> orm_core::Result<()> {
/// use orm_sqlx::migration::Migrator;
///
/// let migrator = Migrator::new(&orm, "migrations");
/// for migration in migrator.up().await? {
///     println!("{migration}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is migrated until one of its methods is awaited"]
pub struct Migrator {
    pub(super) orm: Orm,
    pub(super) source: MigrationSource,
    pub(super) table: String,
    pub(super) lock_timeout: Duration,
    pub(super) order: Order,
}

/// A migration that was run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppliedMigration {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// Which way.
    pub direction: Direction,
    /// How long it took.
    pub duration: Duration,
}

/// A migration as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationStatus {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: MigrationState,
}

/// How a migration stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MigrationState {
    /// It is not applied.
    Pending,
    /// It is applied.
    Applied {
        /// When, in UTC.
        at: String,
        /// How long it took.
        duration: Duration,
    },
    /// It is applied, and its file was changed since.
    Changed,
    /// It is applied, and its file is not there.
    Missing,
    /// It stopped in the middle.
    Dirty {
        /// Which way it was going.
        direction: Direction,
        /// How many of its statements were done for certain.
        done: i64,
    },
}

/// How a migration is noted by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resolution {
    /// As applied, as its file is now: the database is as if it had been run.
    Applied,
    /// As not applied: the database is as if it had never been run.
    Pending,
}

impl Migrator {
    /// Of the database of `orm`, with migrations from a folder or [embedded](super::Embedded).
    pub fn new(orm: &Orm, source: impl Into<MigrationSource>) -> Self {
        Self {
            orm: orm.clone(),
            source: source.into(),
            table: "orm_migrations".to_owned(),
            lock_timeout: Duration::from_secs(60),
            order: Order::Strict,
        }
    }

    /// Keeps what is applied in a table of this name: letters, digits and `_`. `orm_migrations` by default.
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = name.into();
        self
    }

    /// Waits so long for another one that migrates. A minute by default.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Applies a migration that was never applied though a later one was, as branches that are merged bring them along.
    /// Otherwise it is an error.
    pub fn allow_out_of_order(mut self) -> Self {
        self.order = Order::Any;
        self
    }

    // ---- running

    /// Applies everything that is not applied, in the order of versions, and gives what was run.
    ///
    /// All scripts are read before the first is run. One that fails ends the run: what came before it stays applied.
    ///
    /// # Errors
    ///
    /// - [`Failed`](MigrationError::Failed), with the statement and the database's words, and whether anything of it stays.
    /// - [`Dirty`](MigrationError::Dirty) where an earlier run was cut off in the middle.
    /// - [`Changed`](MigrationError::Changed), [`Missing`](MigrationError::Missing) and
    ///   [`OutOfOrder`](MigrationError::OutOfOrder) where files and database don't agree.
    /// - [`Locked`](MigrationError::Locked) when another one is at it for too long.
    /// - What is wrong with the files, such as [`Script`](MigrationError::Script).
    pub async fn up(&self) -> Result<Vec<AppliedMigration>> {
        self.run(Goal::Up(None)).await
    }

    /// As [`up`](Self::up), until the migration of this version is applied.
    ///
    /// # Errors
    ///
    /// As there, and [`UnknownVersion`](MigrationError::UnknownVersion).
    pub async fn up_to(&self, version: i64) -> Result<Vec<AppliedMigration>> {
        self.run(Goal::Up(Some(version))).await
    }

    /// Takes the last applied migration back.
    ///
    /// # Errors
    ///
    /// As [`up`](Self::up), and [`Irreversible`](MigrationError::Irreversible) where its way back has no statement.
    pub async fn down(&self) -> Result<Vec<AppliedMigration>> {
        self.run(Goal::Down).await
    }

    /// Takes back what was applied above this version, the last one first; with 0 everything.
    ///
    /// # Errors
    ///
    /// As [`down`](Self::down), and [`UnknownVersion`](MigrationError::UnknownVersion).
    pub async fn down_to(&self, version: i64) -> Result<Vec<AppliedMigration>> {
        self.run(Goal::DownTo(version)).await
    }

    /// Goes to this version, whichever way that is: takes back what is above it, and applies what is missing below. 0 is
    /// the empty database.
    ///
    /// # Errors
    ///
    /// As [`up_to`](Self::up_to) and [`down_to`](Self::down_to).
    pub async fn to(&self, version: i64) -> Result<Vec<AppliedMigration>> {
        let mut done = self.down_to(version).await?;
        if version != 0 {
            done.extend(self.up_to(version).await?);
        }
        Ok(done)
    }

    async fn run(&self, goal: Goal) -> Result<Vec<AppliedMigration>> {
        let mut done = Vec::new();
        self.run_into(goal, &mut done).await.map(|()| done)
    }

    /// Adds what was run to `done`, also where it fails in the end.
    pub(super) async fn run_into(&self, goal: Goal, done: &mut Vec<AppliedMigration>) -> Result<()> {
        let mut runner = Runner::open(self).await?;
        let result = runner.run(goal, done).await;
        runner.finish().await;
        if !done.is_empty() {
            self.void_cached_results().await;
        }
        result
    }

    /// What was read of the tables as they were.
    async fn void_cached_results(&self) {
        match self.orm.em().result_cache().clear().await {
            Ok(()) | Err(orm_core::Error::NoResultCache) => {}
            Err(error) => {
                tracing::warn!(target: "orm::migration", %error, "results from before the migrations may still be cached");
            }
        }
    }

    /// The migrations up to a version that are not applied and say that they can lose data.
    #[cfg(feature = "cli")]
    pub(super) async fn destructive(&self, last: Option<i64>) -> Result<Vec<MigrationStatus>> {
        let (migrations, entries) = self.read().await?;
        let steps = plan::steps(&migrations, &entries, Goal::Up(last), self.order)?;
        let destructive = steps.into_iter().filter(|one| one.up.is_destructive());
        Ok(destructive.map(pending).collect())
    }

    /// The migrations that a goal takes back.
    #[cfg(feature = "cli")]
    pub(super) async fn reverted_by(&self, goal: Goal) -> Result<Vec<MigrationStatus>> {
        let (migrations, entries) = self.read().await?;
        let steps = plan::steps(&migrations, &entries, goal, self.order)?;
        let of = |one: &Migration| entries.iter().find(|entry| entry.version == one.version);
        Ok(steps.into_iter().filter_map(of).map(|entry| status(entry, &migrations)).collect())
    }

    // ---- looking

    /// Every migration, by version, with how it stands. Changes nothing, and waits for nobody.
    ///
    /// # Errors
    ///
    /// What is wrong with the files, and [`Driver`](MigrationError::Driver).
    pub async fn list(&self) -> Result<Vec<MigrationStatus>> {
        let (migrations, entries) = self.read().await?;
        let mut all: Vec<MigrationStatus> = entries.iter().map(|entry| status(entry, &migrations)).collect();
        all.extend(plan::pending(&migrations, &entries).map(pending));
        all.sort_by_key(|status| status.version);
        Ok(all)
    }

    /// The migrations that are not applied.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn pending(&self) -> Result<Vec<MigrationStatus>> {
        let mut all = self.list().await?;
        all.retain(|status| status.state == MigrationState::Pending);
        Ok(all)
    }

    /// Fails unless everything is applied, as its file is now: for the start of a program that others migrate.
    ///
    /// # Errors
    ///
    /// [`Pending`](MigrationError::Pending), [`Dirty`](MigrationError::Dirty), [`Changed`](MigrationError::Changed),
    /// [`Missing`](MigrationError::Missing), and as [`list`](Self::list).
    pub async fn check(&self) -> Result<()> {
        let (migrations, entries) = self.read().await?;
        plan::check_clean(&entries)?;
        plan::check_unchanged(&migrations, &entries)?;
        let versions: Vec<i64> = plan::pending(&migrations, &entries).map(|one| one.version).collect();
        if versions.is_empty() { Ok(()) } else { Err(MigrationError::Pending { versions }) }
    }

    async fn read(&self) -> Result<(Vec<Migration>, Vec<Entry>)> {
        let mut runner = Runner::open(self).await?;
        let entries = runner.applied().await?;
        Ok((std::mem::take(&mut runner.migrations), entries))
    }

    // ---- by hand

    /// Notes a migration as applied or as pending and runs nothing: after one was [cut off](MigrationError::Dirty) and the
    /// database was put right by hand, where a file was changed or is gone, and for databases that were made without it.
    ///
    /// # Errors
    ///
    /// [`UnknownVersion`](MigrationError::UnknownVersion), [`Locked`](MigrationError::Locked), and what is wrong with the
    /// files.
    pub async fn resolve(&self, version: i64, resolution: Resolution) -> Result<()> {
        let mut runner = Runner::open(self).await?;
        let result = runner.resolve(version, resolution).await;
        runner.finish().await;
        result
    }
}

fn pending(migration: &Migration) -> MigrationStatus {
    MigrationStatus {
        version: migration.version,
        name: migration.name.clone(),
        state: MigrationState::Pending,
    }
}

fn status(entry: &Entry, migrations: &[Migration]) -> MigrationStatus {
    let file = migrations.iter().find(|one| one.version == entry.version);
    let state = match (entry.going, file) {
        (Some(direction), _) => MigrationState::Dirty { direction, done: entry.done },
        (None, None) => MigrationState::Missing,
        (None, Some(file)) if file.checksum() != entry.checksum => MigrationState::Changed,
        (None, Some(_)) => MigrationState::Applied {
            at: entry.applied_at.clone(),
            duration: Duration::from_micros(entry.duration_us.unsigned_abs()),
        },
    };
    MigrationStatus { version: entry.version, name: entry.name.clone(), state }
}

impl AppliedMigration {
    pub(super) fn new(migration: Migration, direction: Direction, duration: Duration) -> Self {
        let Migration { version, name, .. } = migration;
        Self { version, name, direction, duration }
    }
}

impl fmt::Display for AppliedMigration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} in {:.1?}", self.version, self.name, self.direction, self.duration)
    }
}

impl fmt::Display for MigrationStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.version, self.name, self.state)
    }
}

impl fmt::Display for MigrationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("pending"),
            Self::Applied { at, duration } => write!(f, "applied at {at} in {duration:.1?}"),
            Self::Changed => f.write_str("applied, and its file was changed since"),
            Self::Missing => f.write_str("applied, and its file is not there"),
            Self::Dirty { direction, done } => {
                write!(f, "stopped while it was {direction}, after {done} of its statements")
            }
        }
    }
}
