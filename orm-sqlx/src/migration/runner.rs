//! Runs migrations on one connection, one after the other, alone.
//!
//! Where the database takes changes of the schema back, each is one transaction, which has the lock: the lock is asked for
//! inside, and what is applied is read under it. A pooler between us and the database does no harm. Elsewhere, and for
//! migrations that say `-- orm: no-transaction`, the lock is the connection's; the row of the migration is written first
//! and counts the statements that are done, so that one that was cut off is found.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use orm_core::driver::{
    Access, Connection, DriverError, DriverErrorKind, IsolationLevel, TransactionMode, TransactionStep,
};
use orm_sql::ScriptStatement;

use super::error::{FailedStatement, MigrationError, Result};
use super::file::{Migration, Script, migrations};
use super::history::{Direction, Entry, History};
use super::migrator::{AppliedMigration, Migrator, Resolution};
use super::plan::{self, Goal};
use crate::backend::migration::MigrationFacts;
use crate::driver::{MigrationConnection, migration_connection};

pub(super) struct Runner<'m> {
    migrator: &'m Migrator,
    history: History<'m>,
    connection: Box<dyn Connection>,
    facts: &'static MigrationFacts,
    /// The folder of the files that are for its database alone.
    pub(super) folder: &'static str,
    /// Whether changes of the schema are taken back with the transaction that they are in.
    takes_back_schema: bool,
    pub(super) migrations: Vec<Migration>,
    /// Whether the connection has the lock, or may have it.
    is_locked: bool,
    /// What was set on the connection for the time of a migration.
    around: Option<Around>,
    /// Whether something may be set on the connection that nobody takes back.
    is_spoilt: bool,
}

/// What stands around the transaction of a migration: on some databases, settings that can't be changed in one.
struct Around {
    version: i64,
    before: Vec<String>,
    after: Vec<String>,
}

/// What a transaction came to.
enum Turn {
    /// There is nothing to do.
    Over,
    /// A migration was run.
    Done(AppliedMigration),
    /// Something has to be set before the next one.
    Set(Around),
    /// What was set is of another migration, which another runner did meanwhile.
    Unset,
    /// The next migration can't be run in a transaction.
    Outside,
}

impl<'m> Runner<'m> {
    pub(super) async fn open(migrator: &'m Migrator) -> Result<Self> {
        let history = History::new(&migrator.table)?;
        let acquired = migrator.orm.driver().acquire().await;
        let mut connection = acquired.map_err(MigrationError::driver("connect"))?;
        let own = migration_connection(&mut *connection).ok_or(MigrationError::OtherDriver)?;
        let (facts, folder, takes_back_schema) = (own.facts(), own.folder(), own.takes_back_schema());
        let migrations = migrations(migrator.source.read()?, folder)?;
        Ok(Self {
            migrator,
            history,
            connection,
            facts,
            folder,
            takes_back_schema,
            migrations,
            is_locked: false,
            around: None,
            is_spoilt: false,
        })
    }

    /// Runs what leads to the goal, and gives what was run, also of a run that failed in the end.
    pub(super) async fn run(&mut self, goal: Goal, done: &mut Vec<AppliedMigration>) -> Result<()> {
        loop {
            let turn = match self.takes_back_schema {
                true => self.turn_in_transaction(goal, done.is_empty()).await?,
                false => Turn::Outside,
            };
            let turn = match turn {
                Turn::Outside => self.turn_outside(goal, done.is_empty()).await?,
                turn @ (Turn::Over | Turn::Done(_) | Turn::Set(_) | Turn::Unset) => turn,
            };
            match turn {
                Turn::Set(around) => {
                    self.set(around).await?;
                    continue;
                }
                Turn::Unset => {
                    self.unset().await?;
                    continue;
                }
                Turn::Done(applied) => {
                    self.unset().await?;
                    let AppliedMigration { version, name, direction, duration } = &applied;
                    tracing::info!(target: "orm::migration", version, name, %direction, ?duration, "migrated");
                    done.push(applied);
                }
                Turn::Over => return self.unset().await,
                // Another runner was at it meanwhile.
                Turn::Outside => continue,
            }
            if goal == Goal::Down {
                return Ok(());
            }
        }
    }

    /// Sets what has to be set before a transaction.
    async fn set(&mut self, around: Around) -> Result<()> {
        let before = around.before.clone();
        self.around = Some(around);
        for statement in &before {
            let set = self.own().run(statement).await;
            set.map_err(MigrationError::driver("prepare the connection for a migration"))?;
        }
        Ok(())
    }

    /// Takes back what was set.
    async fn unset(&mut self) -> Result<()> {
        let Some(around) = &self.around else { return Ok(()) };
        let after = around.after.clone();
        self.is_spoilt |= after.is_empty();
        for statement in &after {
            let unset = self.own().run(statement).await;
            unset.map_err(MigrationError::driver("set the connection as it was before a migration"))?;
        }
        self.around = None;
        Ok(())
    }

    /// Lets go of the lock. A connection that does not is closed when this is dropped.
    pub(super) async fn finish(mut self) {
        if let (true, Some(release)) = (self.is_locked, self.facts.lock.release) {
            let released = self.history.number(&mut *self.connection, release).await;
            self.is_locked = !released.is_ok_and(|number| number == 1);
        }
    }

    /// The statements of a script.
    fn statements(&mut self, script: &Script) -> Result<Vec<ScriptStatement>> {
        let statements = self.own().script(&script.text);
        statements.map_err(|problem| MigrationError::Script {
            path: script.path.clone(),
            line: problem.line,
            problem: problem.problem,
        })
    }

    fn own(&mut self) -> &mut dyn MigrationConnection {
        migration_connection(&mut *self.connection).expect("it was one when it was opened")
    }

    // ---- what is applied

    /// What is applied, without making the table.
    pub(super) async fn applied(&mut self) -> Result<Vec<Entry>> {
        let there = self.history.number(&mut *self.connection, self.facts.has_table).await;
        match there.map_err(MigrationError::driver("look for the table of migrations"))? {
            0 => Ok(Vec::new()),
            _ => self.entries().await,
        }
    }

    async fn entries(&mut self) -> Result<Vec<Entry>> {
        let entries = self.history.read(&mut *self.connection).await;
        entries.map_err(MigrationError::driver("read what is applied"))
    }

    async fn entries_of_own_table(&mut self) -> Result<Vec<Entry>> {
        let there = self.history.number(&mut *self.connection, self.facts.has_table).await;
        if there.map_err(MigrationError::driver("look for the table of migrations"))? == 0 {
            let create = self.history.create();
            self.own().run(&create).await.map_err(MigrationError::driver("make the table of migrations"))?;
        }
        self.entries().await
    }

    /// What is to be done, with its statements, the first one first. At the first turn all scripts are read, so that a
    /// mistake in a later one is found before anything is run.
    fn planned(
        &mut self,
        goal: Goal,
        entries: &[Entry],
        is_first: bool,
    ) -> Result<Option<(Migration, Vec<ScriptStatement>)>> {
        let steps = plan::steps(&self.migrations, entries, goal, self.migrator.order)?;
        let steps: Vec<Migration> = steps.into_iter().cloned().collect();
        let mut first = None;
        for migration in steps {
            let script = script_of(&migration, goal.direction()).clone();
            let statements = self.statements(&script)?;
            if statements.is_empty() {
                return Err(nothing(&migration, goal.direction()));
            }
            first.get_or_insert((migration, statements));
            if !is_first {
                break;
            }
        }
        Ok(first)
    }

    // ---- in a transaction

    async fn turn_in_transaction(&mut self, goal: Goal, is_first: bool) -> Result<Turn> {
        self.begin().await?;
        let turn = self.run_in_transaction(goal, is_first).await;
        let turn = match turn {
            Ok(turn) => self.step(TransactionStep::Commit, "commit a migration").await.map(|()| turn),
            Err(error) => Err(error),
        };
        if turn.is_err() {
            // If this fails too the connection is closed; the first error is the one to tell.
            let _ = self.connection.transaction(TransactionStep::Rollback).await;
        }
        turn
    }

    async fn run_in_transaction(&mut self, goal: Goal, is_first: bool) -> Result<Turn> {
        let entries = self.entries_of_own_table().await?;
        let Some((migration, statements)) = self.planned(goal, &entries, is_first)? else {
            return Ok(Turn::Over);
        };
        let script = script_of(&migration, goal.direction());
        if script.is_without_transaction() {
            return Ok(Turn::Outside);
        }
        let (first, end) = self.inside(script, &statements)?;
        match &self.around {
            Some(around) if around.version != migration.version => return Ok(Turn::Unset),
            None if (first, end) != (0, statements.len()) => {
                let texts =
                    |statements: &[ScriptStatement]| statements.iter().map(|one| one.text.clone()).collect();
                let (before, after) = (texts(&statements[..first]), texts(&statements[end..]));
                return Ok(Turn::Set(Around { version: migration.version, before, after }));
            }
            Some(_) | None => {}
        }
        let begun = Instant::now();
        for (at, statement) in statements.iter().enumerate().take(end).skip(first) {
            if let Err(source) = self.own().run(&statement.text).await {
                let stop =
                    Stop { migration: &migration, script, statements: &statements, at, is_dirty: false };
                return Err(stop.error(source));
            }
        }
        let duration = begun.elapsed();
        let noted = match goal.direction() {
            Direction::Up => {
                let entry = Entry::of(&migration, None, self.now(), micros(duration));
                self.history.insert(&mut *self.connection, &entry).await
            }
            Direction::Down => self.history.delete(&mut *self.connection, migration.version).await,
        };
        noted.map_err(MigrationError::driver("note a migration"))?;
        Ok(Turn::Done(AppliedMigration::new(migration, goal.direction(), duration)))
    }

    /// Which statements are in the transaction: the first of them, and the first behind them.
    fn inside(&mut self, script: &Script, statements: &[ScriptStatement]) -> Result<(usize, usize)> {
        let own = self.own();
        let is_inside = |statement: &ScriptStatement| !own.is_outside_transactions(&statement.text);
        let first = statements.iter().position(is_inside).unwrap_or(statements.len());
        let end = statements.iter().rposition(is_inside).map_or(first, |last| last + 1);
        match statements[first..end].iter().find(|statement| !is_inside(statement)) {
            None => Ok((first, end)),
            Some(ScriptStatement { line, .. }) => Err(MigrationError::Script {
                path: script.path.clone(),
                line: *line,
                problem: "this has no effect in a transaction; let it stand first or last in the script"
                    .to_owned(),
            }),
        }
    }

    /// Begins a transaction in which this is the only runner.
    async fn begin(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            if self.try_begin().await? {
                return Ok(());
            }
            self.wait(begun).await?;
        }
    }

    async fn try_begin(&mut self) -> Result<bool> {
        // What was committed before the lock was had must be seen.
        let isolation = Some(IsolationLevel::ReadCommitted)
            .filter(|level| self.migrator.orm.capabilities().supports(*level));
        let mode = TransactionMode { isolation, access: Access::ReadWrite };
        match self.connection.transaction(TransactionStep::Begin(mode)).await {
            Ok(()) => {}
            Err(error) if error.kind() == DriverErrorKind::Busy => return Ok(false),
            Err(error) => return Err(MigrationError::driver("begin a migration")(error)),
        }
        let Some(lock) = self.facts.lock.of_transaction else { return Ok(true) };
        let locked = self.history.number(&mut *self.connection, lock).await;
        if !matches!(locked, Ok(1)) {
            let _ = self.connection.transaction(TransactionStep::Rollback).await;
        }
        locked.map(|number| number == 1).map_err(MigrationError::driver("lock the migrations"))
    }

    async fn step(&mut self, step: TransactionStep, action: &'static str) -> Result<()> {
        self.connection.transaction(step).await.map_err(MigrationError::driver(action))
    }

    // ---- outside of transactions

    async fn turn_outside(&mut self, goal: Goal, is_first: bool) -> Result<Turn> {
        self.lock().await?;
        let entries = self.entries_of_own_table().await?;
        let Some((migration, statements)) = self.planned(goal, &entries, is_first)? else {
            return Ok(Turn::Over);
        };
        let direction = goal.direction();
        if self.takes_back_schema && !script_of(&migration, direction).is_without_transaction() {
            return self.turn_in_transaction(goal, is_first).await;
        }
        let begun = Instant::now();
        let entry = Entry::of(&migration, Some(Direction::Up), self.now(), 0);
        let noted = match direction {
            Direction::Up => self.history.insert(&mut *self.connection, &entry).await,
            Direction::Down => self.note(&migration, direction, 0).await,
        };
        noted.map_err(MigrationError::driver("note that a migration begins"))?;
        self.run_outside(&migration, &statements, direction).await?;
        let duration = begun.elapsed();
        let noted = match direction {
            Direction::Up => self.note_applied(&migration, duration).await,
            Direction::Down => self.history.delete(&mut *self.connection, migration.version).await,
        };
        noted.map_err(MigrationError::driver("note a migration"))?;
        Ok(Turn::Done(AppliedMigration::new(migration, direction, duration)))
    }

    async fn run_outside(
        &mut self,
        migration: &Migration,
        statements: &[ScriptStatement],
        direction: Direction,
    ) -> Result<()> {
        let script = script_of(migration, direction);
        for (at, statement) in statements.iter().enumerate() {
            if let Err(source) = self.own().run(&statement.text).await {
                self.is_spoilt = true;
                let is_dirty = at > 0 || !self.take_back_note(migration, statement, direction, &source).await;
                return Err(Stop { migration, script, statements, at, is_dirty }.error(source));
            }
            let done = i64::try_from(at + 1).unwrap_or(i64::MAX);
            let noted = self.note(migration, direction, done).await;
            noted.map_err(MigrationError::driver("note how far a migration came"))?;
        }
        Ok(())
    }

    /// After the first statement was refused: where it is done whole or not at all, nothing has happened.
    async fn take_back_note(
        &mut self,
        migration: &Migration,
        statement: &ScriptStatement,
        direction: Direction,
        error: &DriverError,
    ) -> bool {
        let is_whole = !self.takes_back_schema && matches!(&*statement.first_word, "create" | "alter");
        if !is_whole || error.kind() == DriverErrorKind::ConnectionLost {
            return false;
        }
        let noted = match direction {
            Direction::Up => self.history.delete(&mut *self.connection, migration.version).await,
            Direction::Down => self.history.applied_again(&mut *self.connection, migration.version).await,
        };
        noted.is_ok()
    }

    async fn note(&mut self, migration: &Migration, going: Direction, done: i64) -> Result<(), DriverError> {
        self.history.progress(&mut *self.connection, migration.version, going, done).await
    }

    async fn note_applied(&mut self, migration: &Migration, duration: Duration) -> Result<(), DriverError> {
        let entry = Entry::of(migration, None, self.now(), micros(duration));
        self.history.update(&mut *self.connection, &entry).await
    }

    /// Takes the lock of the connection, where there is one.
    async fn lock(&mut self) -> Result<()> {
        let Some(lock) = self.facts.lock.of_session.filter(|_| !self.is_locked) else { return Ok(()) };
        let begun = Instant::now();
        loop {
            // Whatever becomes of it: a lock that was had and not noted would stay with the connection.
            self.is_locked = true;
            let locked = self.history.number(&mut *self.connection, lock).await;
            if locked.map_err(MigrationError::driver("lock the migrations"))? == 1 {
                return Ok(());
            }
            self.is_locked = false;
            self.wait(begun).await?;
        }
    }

    /// A pause before the lock is asked for again.
    async fn wait(&mut self, begun: Instant) -> Result<()> {
        const PAUSE: Duration = Duration::from_millis(50);
        let waited = begun.elapsed();
        if waited < self.migrator.lock_timeout {
            tokio::time::sleep(PAUSE).await;
            return Ok(());
        }
        let holder = match self.facts.lock.holder {
            Some(holder) => self.history.text(&mut *self.connection, holder).await.ok().flatten(),
            None => None,
        };
        let holder = holder.unwrap_or_else(|| "another connection that writes".to_owned());
        Err(MigrationError::Locked { holder, waited })
    }

    // ---- by hand

    /// Notes a migration as the program says.
    pub(super) async fn resolve(&mut self, version: i64, resolution: Resolution) -> Result<()> {
        if self.facts.lock.of_session.is_some() {
            self.lock().await?;
        }
        self.begin_to_resolve().await?;
        let resolved = self.resolve_alone(version, resolution).await;
        match resolved {
            Ok(()) => self.step(TransactionStep::Commit, "commit").await,
            Err(error) => {
                let _ = self.connection.transaction(TransactionStep::Rollback).await;
                Err(error)
            }
        }
    }

    async fn begin_to_resolve(&mut self) -> Result<()> {
        // Made by itself: on some databases it would end the transaction.
        self.entries_of_own_table().await?;
        self.begin().await
    }

    async fn resolve_alone(&mut self, version: i64, resolution: Resolution) -> Result<()> {
        let entries = self.entries().await?;
        let is_noted = entries.iter().any(|entry| entry.version == version);
        let noted = match resolution {
            Resolution::Pending if is_noted => self.history.delete(&mut *self.connection, version).await,
            Resolution::Pending => {
                return plan::check_known(&self.migrations, Some(version));
            }
            Resolution::Applied => {
                plan::check_known(&self.migrations, Some(version))?;
                let migration = self.migrations.iter().find(|one| one.version == version);
                let Some(migration) = migration else { return Ok(()) };
                let entry = Entry::of(migration, None, self.now(), 0);
                match is_noted {
                    true => self.history.update(&mut *self.connection, &entry).await,
                    false => self.history.insert(&mut *self.connection, &entry).await,
                }
            }
        };
        noted.map_err(MigrationError::driver("note a migration"))
    }

    fn now(&self) -> String {
        timestamp(self.migrator.orm.em().now())
    }
}

/// A lock that was not let go, and what was set, goes with its connection.
impl Drop for Runner<'_> {
    fn drop(&mut self) {
        if (self.is_locked || self.is_spoilt || self.around.is_some())
            && let Some(connection) = migration_connection(&mut *self.connection)
        {
            connection.spoil();
        }
    }
}

/// Where a migration stopped.
struct Stop<'a> {
    migration: &'a Migration,
    script: &'a Script,
    statements: &'a [ScriptStatement],
    at: usize,
    is_dirty: bool,
}

impl Stop<'_> {
    fn error(&self, source: DriverError) -> MigrationError {
        let statement = &self.statements[self.at];
        MigrationError::Failed(Box::new(FailedStatement {
            version: self.migration.version,
            path: self.script.path.clone(),
            line: statement.line,
            number: self.at + 1,
            of: self.statements.len(),
            text: beginning(&statement.text),
            is_dirty: self.is_dirty,
            source,
        }))
    }
}

/// How a statement begins, in one line.
fn beginning(text: &str) -> String {
    const MOST: usize = 80;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn script_of(migration: &Migration, direction: Direction) -> &Script {
    match direction {
        Direction::Up => &migration.up,
        Direction::Down => &migration.down,
    }
}

fn nothing(migration: &Migration, direction: Direction) -> MigrationError {
    match direction {
        Direction::Up => MigrationError::Empty { path: migration.up.path.clone() },
        Direction::Down => MigrationError::Irreversible {
            version: migration.version,
            name: migration.name.clone(),
            path: migration.down.path.clone(),
        },
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// In UTC, as text. Empty for times that no clock shows.
fn timestamp(time: SystemTime) -> String {
    let micros = time.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_micros()).ok());
    micros.and_then(|micros| orm_sql::temporal::timestamp_text(micros).ok()).unwrap_or_default()
}
