//! What can be set, and what is told.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use orm_core::condition::Expression;
use orm_core::driver::{Driver, DriverErrorKind};
use orm_core::value::Value;
use orm_sqlx::{Sqlite, StatementKind, StatementOutcome};

use crate::database::{count, execute, open_with, rows, write};
use crate::operations::{int, on, text};

/// A path of its own, removed in the end.
pub(crate) struct File {
    folder: PathBuf,
    pub(crate) path: PathBuf,
}

impl File {
    pub(crate) fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("orm-sqlx-{}-{number}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self { path: folder.join("test #1?.db"), folder }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn kind(error: &orm_core::Error) -> DriverErrorKind {
    error.driver_kind().unwrap()
}

#[tokio::test]
async fn a_file_is_made_and_found_again() {
    let file = File::new("made");
    let (driver, _) = open_with(Sqlite::options().path(&file.path)).await;
    write(&driver, &on("Author").insert(&["name"], vec![vec![text("a")]], &[])).await.unwrap();
    driver.close().await;
    let escaped = file.path.to_str().unwrap().replace('#', "%23").replace('?', "%3f").replace(' ', "%20");
    for url in [format!("sqlite:{escaped}"), format!("sqlite://{escaped}?mode=rw"), escaped.clone()] {
        let driver = Sqlite::connect(&url).await.unwrap();
        assert_eq!(count(&driver, &on("Author").select(Expression::always())).await, 1);
    }
    let read_only = Sqlite::connect(&format!("sqlite://{escaped}?mode=ro")).await.unwrap();
    assert_eq!(count(&read_only, &on("Author").select(Expression::always())).await, 1);
    let refused =
        write(&read_only, &on("Author").insert(&["name"], vec![vec![text("b")]], &[])).await.unwrap_err();
    assert_eq!(refused.kind(), DriverErrorKind::ReadOnly, "{refused}");
    assert!(refused.to_string().contains("attempt to write a readonly database"), "{refused}");
}

#[tokio::test]
async fn files_are_switched_to_write_ahead_logging() {
    let file = File::new("wal");
    let change = async |driver: &Sqlite| {
        let statements = ["CREATE TABLE extra (a)".to_owned()];
        driver.acquire().await.unwrap().execute_schema(&statements).await.unwrap();
    };
    let driver = Sqlite::options().path(&file.path).connect().await.unwrap();
    change(&driver).await;
    assert!(file.path.with_file_name("test #1?.db-wal").exists());
    let plain = File::new("plain");
    let driver = Sqlite::options().path(&plain.path).write_ahead_log(false).connect().await.unwrap();
    change(&driver).await;
    assert!(!plain.path.with_file_name("test #1?.db-wal").exists());
}

#[tokio::test]
async fn what_can_not_be_opened_is_told_at_once() {
    let file = File::new("wrong");
    let missing = file.folder.join("no/such/folder.db");
    let error = Sqlite::options().path(&missing).connect().await.unwrap_err();
    assert_eq!(kind(&error), DriverErrorKind::ConnectionLost);
    let missing = file.folder.join("missing.db");
    for url in
        [format!("sqlite:{}?mode=rw", missing.display()), format!("sqlite:{}?mode=ro", missing.display())]
    {
        assert_eq!(kind(&Sqlite::connect(&url).await.unwrap_err()), DriverErrorKind::ConnectionLost, "{url}");
    }
    assert!(Sqlite::options().path(&missing).read_only(true).connect().await.is_err());
    assert!(!missing.exists());
    std::fs::write(&file.path, "this is no database, but it is long enough to be taken for one".repeat(20))
        .unwrap();
    let error = Sqlite::options().path(&file.path).connect().await.unwrap_err();
    assert_eq!(kind(&error), DriverErrorKind::Other);
    for url in
        ["postgres://localhost/x", "sqlite:", "sqlite://", "sqlite:x.db?mode=fast", "sqlite:x.db?speed=1"]
    {
        assert_eq!(kind(&Sqlite::connect(url).await.unwrap_err()), DriverErrorKind::Other, "{url}");
    }
    assert!(Sqlite::options().memory().read_only(true).connect().await.is_err());
}

#[tokio::test]
async fn databases_in_memory_are_apart_and_clones_together() {
    let (one, _) = open_with(Sqlite::options()).await;
    let (other, _) = open_with(Sqlite::options().url("sqlite::memory:").max_connections(9)).await;
    let clone = one.clone();
    write(&clone, &on("Author").insert(&["name"], vec![vec![text("a")]], &[])).await.unwrap();
    let all = on("Author").select(Expression::always());
    assert_eq!((count(&one, &all).await, count(&other, &all).await), (1, 0));
}

#[tokio::test]
async fn observers_see_every_statement_and_values_only_if_asked() {
    for shows_values in [false, true] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let observer = {
            let seen = Arc::clone(&seen);
            move |event: &orm_sqlx::StatementEvent<'_>| {
                let outcome = match event.outcome {
                    StatementOutcome::Failed(error) => error.to_string(),
                    other => format!("{other:?}"),
                };
                seen.lock().unwrap().push((
                    event.kind,
                    event.rows,
                    event.values.map(<[Value]>::to_vec),
                    outcome,
                ));
            }
        };
        let (driver, _) = open_with(Sqlite::options().log_values(shows_values).observer(observer)).await;
        seen.lock().unwrap().clear();
        let author = on("Author");
        let insert = author.insert(&["id", "name"], vec![vec![int(1), text("a")]], &[]);
        write(&driver, &insert).await.unwrap();
        write(&driver, &insert).await.unwrap_err();
        rows(&driver, &author.select(author.eq("name", text("a")))).await.unwrap();
        let values = |values: &[Value]| shows_values.then(|| values.to_vec());
        let (done, key) = ("Done".to_owned(), values(&[int(1), text("a")]));
        let failed = "writing rows: UNIQUE constraint failed: author.id".to_owned();
        let expected = vec![
            (StatementKind::Write, 1, key.clone(), done.clone()),
            (StatementKind::Write, 0, key, failed),
            (StatementKind::Read, 1, values(&[text("a")]), done),
        ];
        assert_eq!(*seen.lock().unwrap(), expected);
    }
}

/// What `tracing` is told, line by line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_statement_log_has_text_duration_and_rows_but_no_values() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let (driver, _) = open_with(Sqlite::options()).await;
    let author = on("Author");
    {
        let _here = tracing::subscriber::set_default(subscriber);
        // A test on another thread may be making the statement log known, without a subscriber, at this moment.
        while lines.0.lock().unwrap().is_empty() {
            tracing::callsite::rebuild_interest_cache();
            execute(&driver, &[]).await;
        }
        lines.0.lock().unwrap().clear();
        let insert = author.insert(&["name", "email"], vec![vec![text("secret"), text("secret@x.org")]], &[]);
        write(&driver, &insert).await.unwrap();
        write(&driver, &insert).await.unwrap_err();
        rows(&driver, &author.select(author.eq("name", text("secret")))).await.unwrap();
    }
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let statements: Vec<&str> = log.lines().filter(|line| line.contains("orm::statement")).collect();
    assert_eq!(statements.len(), 3, "{log}");
    for (line, rows) in statements.iter().zip([1, 0, 1]) {
        assert!(line.contains("DEBUG") && line.contains("text=\"") && line.contains("duration="), "{line}");
        assert!(line.contains(&format!("rows={rows}")), "{line}");
    }
    assert!(statements[1].contains("error=writing rows: UNIQUE constraint failed: author.email"), "{log}");
    assert!(!log.contains("secret"), "{log}");
}

#[tokio::test]
async fn debug_output_names_the_database() {
    let (driver, statements) = open_with(Sqlite::options()).await;
    assert!(format!("{driver:?}").contains("\"memory\""), "{driver:?}");
    assert_eq!(format!("{statements:?}"), "StatementCounter { count: 0 }");
}
