//! Runners of migrations that are killed, and several that are processes of their own.
//!
//! The program starts itself as the runner. Each kill is at another moment; afterwards every migration is there with all of
//! its rows or not at all, and the next run goes on from there.

use std::env;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use libtest_mimic::{Arguments, Failed, Trial};
use orm_core::sql::Sql;
use orm_core::{Error, Orm, Result};
use orm_sqlx::migration::{MigrationError, MigrationState, Migrator, Resolution};
use orm_sqlx::{MySql, Postgres, Sqlite};
use orm_tests::databases::{self, Database};
use orm_tests::folder::Folder;

/// Says to the program that it is a runner: on which database, and with which migrations.
const RUNNER: [&str; 2] = ["ORM_TEST_RUNNER_URL", "ORM_TEST_RUNNER_FOLDER"];

/// How often a runner is killed, and how many rows each migration inserts.
struct Extent {
    kills: u32,
    rows: i64,
}

/// Where every statement is durable by itself there are fewer.
fn extent(database: Database) -> Extent {
    match database {
        Database::Sqlite | Database::Postgres => Extent { kills: 40, rows: 200 },
        Database::MariaDb | Database::MariaDbWithoutReturning | Database::MySql => {
            Extent { kills: 10, rows: 10 }
        }
    }
}

fn main() -> ExitCode {
    if let [Ok(url), Ok(folder)] = RUNNER.map(env::var) {
        return match block_on(migrate(&url, &folder)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let arguments = Arguments::from_args();
    let (there, _) = match databases::found() {
        Ok(found) => found,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let mut trials = Vec::new();
    // Migrations do not depend on RETURNING.
    for database in there.into_iter().filter(|one| *one != Database::MariaDbWithoutReturning) {
        let name = |test: &str| format!("{}::{test}", database.name());
        trials
            .push(Trial::test(name("a_killed_runner_leaves_whole_versions"), move || run(killed(database))));
        trials.push(Trial::test(name("runners_of_several_processes_do_each_migration_once"), move || {
            run(side_by_side(database))
        }));
    }
    if env::var_os("ORM_TEST_POSTGRES_URL").is_some() {
        let name = "postgres::runners_of_several_processes_make_an_index_concurrently";
        trials.push(Trial::test(name, || run(concurrent_indexes())));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn run(test: impl Future<Output = Result<()>>) -> Result<(), Failed> {
    block_on(test).map_err(|error| format!("{error}: {error:?}").into())
}

fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::other)?;
    runtime.block_on(future)
}

async fn open(url: &str) -> Result<Orm> {
    match url.split_once(':').map_or("", |(scheme, _)| scheme) {
        "postgres" | "postgresql" => Orm::builder(Postgres::connect(url).await?).build().await,
        "mysql" | "mariadb" => Orm::builder(MySql::connect(url).await?).build().await,
        _ => Orm::builder(Sqlite::connect(url).await?).build().await,
    }
}

async fn migrate(url: &str, folder: &str) -> Result<()> {
    let orm = open(url).await?;
    Migrator::new(&orm, folder).up().await?;
    Ok(())
}

/// The variable that says where a server is; SQLite has none.
fn variable(database: Database) -> Option<&'static str> {
    match database {
        Database::Sqlite => None,
        Database::Postgres => Some("ORM_TEST_POSTGRES_URL"),
        Database::MariaDb | Database::MariaDbWithoutReturning => Some("ORM_TEST_MARIADB_URL"),
        Database::MySql => Some("ORM_TEST_MYSQL_URL"),
    }
}

/// An empty database of this test's own.
async fn empty(database: Database, folder: &Folder, name: &str) -> Result<String> {
    let Some(variable) = variable(database) else {
        return Ok(format!("sqlite://{}", folder.path().join("killed.db").display()));
    };
    let server = env::var(variable).map_err(Error::other)?;
    let orm = open(&server).await?;
    let name = format!("orm_test_{}_{name}", std::process::id());
    for sql in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
        orm.em().fork().sql(Sql::trusted(sql), ()).execute().await?;
    }
    let (start, _) = server.rsplit_once('/').ok_or_else(|| Error::other("it names no database"))?;
    Ok(format!("{start}/{name}"))
}

async fn drop_database(database: Database, url: &str) -> Result<()> {
    let Some(variable) = variable(database) else { return Ok(()) };
    let orm = open(&env::var(variable).map_err(Error::other)?).await?;
    let name = url.rsplit('/').next().unwrap_or_default();
    orm.em().fork().sql(Sql::trusted(format!("DROP DATABASE {name}")), ()).execute().await.map(drop)
}

/// Four migrations that take their time, each with a table of so many rows, one statement each.
fn slow_migrations(rows: i64) -> Result<Folder> {
    let folder = Folder::new()?;
    for version in 1..=4 {
        let mut script = format!("CREATE TABLE t{version} (n INTEGER NOT NULL PRIMARY KEY);\n");
        for n in 0..rows {
            script += &format!("INSERT INTO t{version} VALUES ({n});\n");
        }
        folder.write(&format!("migrations/{version}_t.up.sql"), script)?;
        folder.write(&format!("migrations/{version}_t.down.sql"), format!("DROP TABLE t{version}"))?;
    }
    Ok(folder)
}

fn start(url: &str, folder: &Folder) -> Result<Child> {
    let program = env::current_exe().map_err(Error::other)?;
    let mut command = Command::new(program);
    command.env(RUNNER[0], url).env(RUNNER[1], folder.path().join("migrations"));
    command.stdin(Stdio::null()).spawn().map_err(Error::other)
}

async fn killed(database: Database) -> Result<()> {
    let Extent { kills, rows } = extent(database);
    let folder = slow_migrations(rows)?;
    let url = empty(database, &folder, "killed").await?;
    let orm = open(&url).await?;
    let migrator = Migrator::new(&orm, folder.path().join("migrations"));
    let begun = Instant::now();
    assert!(start(&url, &folder)?.wait().map_err(Error::other)?.success());
    let whole = begun.elapsed();
    migrator.down_to(0).await?;
    let mut stopped = 0;
    for kill in 0..kills {
        let mut runner = start(&url, &folder)?;
        tokio::time::sleep(whole * kill / kills).await;
        runner.kill().map_err(Error::other)?;
        runner.wait().map_err(Error::other)?;
        let there = whole_versions(&orm, &migrator, rows).await?;
        stopped += u32::from((1..4).contains(&there.applied) || there.is_dirty);
        if kill % 5 == 4 {
            migrator.up().await?;
            assert_eq!(whole_versions(&orm, &migrator, rows).await?.applied, 4);
            migrator.down_to(0).await?;
        }
    }
    assert!(stopped > 0, "none of {kills} kills came in the middle of {whole:?}");
    orm.close().await;
    drop_database(database, &url).await
}

/// What a runner left.
struct Left {
    applied: usize,
    is_dirty: bool,
}

/// How many migrations are applied. Each is there with all of its rows, or not at all, or is reported as stopped; then it is
/// put right by hand.
async fn whole_versions(orm: &Orm, migrator: &Migrator, whole: i64) -> Result<Left> {
    let em = orm.em().fork();
    let mut left = Left { applied: 0, is_dirty: false };
    for status in migrator.list().await? {
        let table = format!("t{}", status.version);
        let count = em.sql(Sql::trusted(format!("select count(*) from {table}")), ()).fetch_as::<i64>().await;
        match status.state {
            MigrationState::Applied { .. } => {
                assert_eq!(count?, [whole], "{status}");
                left.applied += 1;
            }
            MigrationState::Pending => assert!(count.is_err(), "{status}"),
            MigrationState::Dirty { done, .. } => {
                // What is done is counted, and the statement after it may be.
                let rows = count.map_or(-1, |count| count[0]);
                assert!(rows == done - 1 || rows == done, "{status}: {rows} rows");
                assert!(matches!(migrator.check().await, Err(MigrationError::Dirty { .. })));
                em.sql(Sql::trusted(format!("DROP TABLE IF EXISTS {table}")), ()).execute().await?;
                migrator.resolve(status.version, Resolution::Pending).await?;
                left.is_dirty = true;
            }
            state => panic!("{}: {state}", status.version),
        }
    }
    Ok(left)
}

async fn side_by_side(database: Database) -> Result<()> {
    let rows = extent(database).rows;
    let folder = slow_migrations(rows)?;
    let url = empty(database, &folder, "side_by_side").await?;
    let runners: Vec<Child> = (0..4).map(|_| start(&url, &folder)).collect::<Result<_>>()?;
    for mut runner in runners {
        let ended = runner.wait().map_err(Error::other)?;
        assert!(ended.success(), "{ended}");
    }
    let orm = open(&url).await?;
    let migrator = Migrator::new(&orm, folder.path().join("migrations"));
    assert_eq!(whole_versions(&orm, &migrator, rows).await?.applied, 4);
    orm.close().await;
    drop_database(database, &url).await
}

/// An index that is made concurrently waits for whoever has a snapshot, so that nobody may wait for the lock with one.
async fn concurrent_indexes() -> Result<()> {
    let folder = Folder::new()?;
    folder.write("migrations/1_t.up.sql", "CREATE TABLE t AS SELECT n FROM generate_series(1, 20000) n")?;
    for version in 2..=4 {
        let script = format!("-- orm: no-transaction\nCREATE INDEX CONCURRENTLY t{version} ON t (n)");
        folder.write(&format!("migrations/{version}_t.up.sql"), script)?;
    }
    let url = empty(Database::Postgres, &folder, "indexes").await?;
    let runners: Vec<Child> = (0..4).map(|_| start(&url, &folder)).collect::<Result<_>>()?;
    for mut runner in runners {
        let ended = runner.wait().map_err(Error::other)?;
        assert!(ended.success(), "{ended}");
    }
    let orm = open(&url).await?;
    Migrator::new(&orm, folder.path().join("migrations")).check().await?;
    let valid = "select count(*) from pg_index where indisvalid and indrelid = 't'::regclass";
    assert_eq!(orm.em().fork().sql(valid, ()).fetch_as::<i64>().await?, [3]);
    orm.close().await;
    drop_database(Database::Postgres, &url).await
}
