//! The statement log for people: a line for each statement, in colour on a terminal.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::time::Duration;

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use orm_core::driver::DriverErrorKind;
use parking_lot::Mutex;

use super::log::{StatementEvent, StatementKind, StatementOutcome};

/// Writes a line for each statement, for people: how long it took, its rows, the context it was sent for, the place in the
/// program that called for it, and its text; in colour where that is a terminal which shows them, unless `NO_COLOR` is set.
///
/// ```text
///   0.21 ms     3 rows  #7 src/books.rs:41  SELECT "t0"."id", "t0"."title" FROM "book" AS "t0"
///   0.09 ms     1 row   #7 src/books.rs:44  UPDATE …
/// ```
///
/// Values are shown behind the text where the driver's options ask for them (`show_values`). It is for development: each
/// line is written before the program goes on. Programs in production have the target `orm::statement` of `tracing`.
///
/// # Examples
///
/// ```no_run
/// # async fn run() -> orm_core::Result<()> {
/// use std::time::Duration;
///
/// use orm_sqlx::{QueryLog, Sqlite};
///
/// let log = QueryLog::stderr().slow(Duration::from_millis(20));
/// let driver = Sqlite::options().observer(log.observer()).connect().await?;
/// # Ok(())
/// # }
/// ```
pub struct QueryLog {
    out: Box<dyn Write + Send>,
    slow: Duration,
}

impl QueryLog {
    /// A log on standard error.
    #[must_use]
    pub fn stderr() -> Self {
        Self::of(AutoStream::auto(io::stderr()))
    }

    /// A log on standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::of(AutoStream::auto(io::stdout()))
    }

    /// A log elsewhere, such as a file, without colours.
    #[must_use]
    pub fn to(out: impl Write + Send + 'static) -> Self {
        Self::of(Plain(out))
    }

    /// How long a statement takes at least that is shown as a slow one, unless [`slow`](Self::slow) says otherwise.
    pub const SLOW: Duration = Duration::from_millis(100);

    fn of(out: impl Write + Send + 'static) -> Self {
        Self { out: Box::new(out), slow: Self::SLOW }
    }

    /// Shows as slow what takes at least so long.
    #[must_use]
    pub fn slow(mut self, at_least: Duration) -> Self {
        self.slow = at_least;
        self
    }

    /// What the `observer` of a driver's options takes.
    pub fn observer(self) -> impl Fn(&StatementEvent<'_>) + Send + Sync + 'static {
        let Self { out, slow } = self;
        let out = Mutex::new(out);
        move |event| {
            let mut line = line(event, slow);
            line.push('\n');
            let mut out = out.lock();
            // Where the log can't be written there is nowhere to say so.
            let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
        }
    }
}

impl fmt::Debug for QueryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryLog").field("slow", &self.slow).finish_non_exhaustive()
    }
}

/// Takes the colours out.
struct Plain<W>(W);

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stripped = anstream::adapter::strip_bytes(bytes).into_vec();
        self.0.write_all(&stripped).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

const DIM: Style = Style::new().dimmed();
const FAILED: Style = AnsiColor::Red.on_default().bold();
const SLOW: Style = AnsiColor::Yellow.on_default().bold();

/// The line of a statement, with colours.
fn line(event: &StatementEvent<'_>, slow: Duration) -> String {
    let colour = match event.kind {
        StatementKind::Read => AnsiColor::Cyan.on_default(),
        StatementKind::Write => AnsiColor::Green.on_default(),
        StatementKind::Schema => AnsiColor::Magenta.on_default(),
        StatementKind::Transaction => DIM,
    };
    let pace = if event.duration >= slow { SLOW } else { DIM };
    let millis = event.duration.as_secs_f64() * 1e3;
    let rows = match event.rows {
        1 => "1 row ".to_owned(),
        rows => format!("{rows} rows"),
    };
    let mut line = format!("{pace}{millis:>9.2} ms{pace:#} {rows:>10}");
    if let Some(context) = event.context {
        let _ = write!(line, "  {DIM}#{context}{DIM:#}");
    }
    if let Some(place) = event.place {
        let _ = write!(line, " {DIM}{}:{}{DIM:#}", place.file(), place.line());
    }
    let _ = write!(line, "  {colour}{}{colour:#}", one_line(event.sql));
    if let Some(values) = event.values.filter(|values| !values.is_empty()) {
        let _ = write!(line, " {DIM}{}{DIM:#}", one_line(&format!("{values:?}")));
    }
    match event.outcome {
        StatementOutcome::Done => {}
        // As where a stream is dropped before its end.
        StatementOutcome::Failed(error) if error.kind() == DriverErrorKind::RowRefused => {
            let _ = write!(line, "  {DIM}stopped{DIM:#}");
        }
        StatementOutcome::Failed(error) => {
            let _ = write!(line, "  {FAILED}failed: {}{FAILED:#}", one_line(&error.to_string()));
        }
        StatementOutcome::CutOff => {
            let _ = write!(line, "  {FAILED}cut off{FAILED:#}");
        }
    }
    line
}

/// The text with each run of white space as one space, and nothing that a terminal would obey.
fn one_line(text: &str) -> String {
    let words = text.split_whitespace().map(|word| word.replace(char::is_control, "\u{fffd}"));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::panic::Location;
    use std::sync::Arc;

    use orm_core::driver::DriverError;
    use orm_core::value::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Text(Arc<Mutex<Vec<u8>>>);

    impl Write for Text {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn event(sql: &str) -> StatementEvent<'_> {
        StatementEvent {
            sql,
            kind: StatementKind::Read,
            values: None,
            duration: Duration::from_micros(1_234),
            rows: 3,
            context: Some(7),
            place: None,
            outcome: StatementOutcome::Done,
        }
    }

    fn written(event: &StatementEvent<'_>) -> String {
        let text = Text::default();
        QueryLog::to(text.clone()).observer()(event);
        let bytes = text.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_statement_is_a_line() {
        assert_eq!(written(&event("SELECT 1\n  FROM a")), "     1.23 ms     3 rows  #7  SELECT 1 FROM a\n");
        let place = Location::caller();
        let values = [Value::Int(1), Value::Text("a\nb".to_owned())];
        let one =
            StatementEvent { rows: 1, place: Some(place), values: Some(&values), ..event("SELECT ?, ?") };
        let expected = format!(
            "     1.23 ms     1 row   #7 {}:{}  SELECT ?, ? [1, \"a\\nb\"]\n",
            place.file(),
            place.line()
        );
        assert_eq!(written(&one), expected);
    }

    #[test]
    fn what_went_wrong_is_told() {
        let error = DriverError::new(DriverErrorKind::Other, "no such\ntable");
        let failed = StatementEvent { outcome: StatementOutcome::Failed(&error), ..event("SELECT 1") };
        assert!(written(&failed).ends_with("SELECT 1  failed: no such table\n"), "{}", written(&failed));
        let stopped = DriverError::new(DriverErrorKind::RowRefused, "a row was refused");
        let stopped = StatementEvent { outcome: StatementOutcome::Failed(&stopped), ..event("SELECT 1") };
        assert!(written(&stopped).ends_with("SELECT 1  stopped\n"), "{}", written(&stopped));
        let cut = StatementEvent { outcome: StatementOutcome::CutOff, context: None, ..event("SELECT 1") };
        assert_eq!(written(&cut), "     1.23 ms     3 rows  SELECT 1  cut off\n");
    }

    /// A text of the database's can't reach the terminal.
    #[test]
    fn nothing_moves_the_terminal() {
        let line = line(&event("SELECT '\u{1b}[2J\u{7}'"), QueryLog::SLOW);
        let bare = anstream::adapter::strip_str(&line).to_string();
        assert!(bare.contains("SELECT '\u{fffd}[2J\u{fffd}'"), "{bare:?}");
    }

    #[test]
    fn slow_ones_stand_out() {
        let slow = line(&event("SELECT 1"), Duration::from_millis(1));
        assert!(slow.starts_with(&SLOW.to_string()), "{slow:?}");
        assert!(!line(&event("SELECT 1"), QueryLog::SLOW).contains(&SLOW.to_string()));
    }
}
