//! The table of what is applied.
//!
//! Its columns are numbers and short texts alone, and its statements what every database understands.

use std::fmt;

use orm_core::Value;
use orm_core::driver::{Connection, DriverError, Raw, RawPart, RawRows, RowReader, RowSink, RowSinkError};
use orm_core::schema::database::DatabaseTable;

use super::error::{MigrationError, Result};
use super::file::Migration;

/// Which way a migration goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// It is applied.
    Up,
    /// It is taken back.
    Down,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "applied",
            Self::Down => "taken back",
        })
    }
}

/// One row: a migration that is applied, or is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) version: i64,
    pub(super) name: String,
    pub(super) checksum: String,
    /// Which way it is going; `None`: it is applied.
    pub(super) going: Option<Direction>,
    /// When it was applied, in UTC.
    pub(super) applied_at: String,
    pub(super) duration_us: i64,
    /// How many statements were done while it was going.
    pub(super) done: i64,
}

impl Entry {
    /// What is written of it, the version last.
    fn values(&self) -> [Value; 7] {
        [
            Value::Text(self.name.clone()),
            Value::Text(self.checksum.clone()),
            Value::Text(state(self.going).to_owned()),
            Value::Text(self.applied_at.clone()),
            Value::Int(self.duration_us),
            Value::Int(self.done),
            Value::Int(self.version),
        ]
    }
}

const APPLIED: &str = "applied";
const APPLYING: &str = "applying";
const REVERTING: &str = "reverting";

fn state(going: Option<Direction>) -> &'static str {
    match going {
        None => APPLIED,
        Some(Direction::Up) => APPLYING,
        Some(Direction::Down) => REVERTING,
    }
}

/// Whether it is a table of what is applied, whatever its name.
pub(crate) fn is_history(table: &DatabaseTable) -> bool {
    const COLUMNS: [&str; 7] = ["version", "name", "checksum", "state", "applied_at", "duration_us", "done"];
    table.columns.iter().map(|column| column.name.as_str()).eq(COLUMNS)
}

/// The table, by its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct History<'a> {
    table: &'a str,
}

impl<'a> History<'a> {
    /// Of a table with this name.
    pub(super) fn new(table: &'a str) -> Result<Self> {
        let is_word = table.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
        if !is_word || !table.starts_with(|first: char| first.is_ascii_alphabetic()) || table.len() > 60 {
            return Err(MigrationError::TableName { name: table.to_owned() });
        }
        Ok(Self { table })
    }

    /// The statement that makes it.
    pub(super) fn create(self) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS {} (version BIGINT NOT NULL PRIMARY KEY, name VARCHAR(200) NOT NULL, checksum \
             VARCHAR(64) NOT NULL, state VARCHAR(16) NOT NULL, applied_at VARCHAR(32) NOT NULL, duration_us BIGINT NOT \
             NULL, done BIGINT NOT NULL)",
            self.table
        )
    }

    /// All rows, by version.
    pub(super) async fn read(self, connection: &mut dyn Connection) -> Result<Vec<Entry>, DriverError> {
        let sql = format!(
            "select version, name, checksum, state, applied_at, duration_us, done from {} order by version",
            self.table
        );
        let mut entries = Collect::new(|row: &dyn RowReader| {
            Ok(Entry {
                version: row.int(0)?,
                name: row.text(1)?.to_owned(),
                checksum: row.text(2)?.to_owned(),
                going: match row.text(3)? {
                    APPLYING => Some(Direction::Up),
                    REVERTING => Some(Direction::Down),
                    _ => None,
                },
                applied_at: row.text(4)?.to_owned(),
                duration_us: row.int(5)?,
                done: row.int(6)?,
            })
        });
        connection.raw(&raw(&sql, []), &mut entries).await?;
        Ok(entries.rows)
    }

    /// Adds a row.
    pub(super) async fn insert(
        self,
        connection: &mut dyn Connection,
        entry: &Entry,
    ) -> Result<(), DriverError> {
        let sql = format!(
            "insert into {} (name, checksum, state, applied_at, duration_us, done, version) values ({{}}, {{}}, {{}}, {{}}, \
             {{}}, {{}}, {{}})",
            self.table
        );
        self.send(connection, &sql, entry.values()).await
    }

    /// Notes that a migration is going, and how far it came.
    pub(super) async fn progress(
        self,
        connection: &mut dyn Connection,
        version: i64,
        going: Direction,
        done: i64,
    ) -> Result<(), DriverError> {
        let sql = format!("update {} set state = {{}}, done = {{}} where version = {{}}", self.table);
        let state = Value::Text(state(Some(going)).to_owned());
        self.send(connection, &sql, [state, Value::Int(done), Value::Int(version)]).await
    }

    /// Notes that a migration which was to be taken back is applied as before.
    pub(super) async fn applied_again(
        self,
        connection: &mut dyn Connection,
        version: i64,
    ) -> Result<(), DriverError> {
        let sql = format!("update {} set state = {{}}, done = 0 where version = {{}}", self.table);
        self.send(connection, &sql, [Value::Text(APPLIED.to_owned()), Value::Int(version)]).await
    }

    /// Notes a migration anew.
    pub(super) async fn update(
        self,
        connection: &mut dyn Connection,
        entry: &Entry,
    ) -> Result<(), DriverError> {
        let sql = format!(
            "update {} set name = {{}}, checksum = {{}}, state = {{}}, applied_at = {{}}, duration_us = {{}}, done = {{}} \
             where version = {{}}",
            self.table
        );
        self.send(connection, &sql, entry.values()).await
    }

    /// Forgets a migration.
    pub(super) async fn delete(
        self,
        connection: &mut dyn Connection,
        version: i64,
    ) -> Result<(), DriverError> {
        let sql = format!("delete from {} where version = {{}}", self.table);
        self.send(connection, &sql, [Value::Int(version)]).await
    }

    async fn send<const N: usize>(
        self,
        connection: &mut dyn Connection,
        sql: &str,
        values: [Value; N],
    ) -> Result<(), DriverError> {
        connection.raw(&raw(sql, values), &mut Collect::new(|_| Ok(()))).await.map(drop)
    }

    /// The number that a statement gives, whose `{}` stands for the name of the table; 0 without a row.
    pub(super) async fn number(self, connection: &mut dyn Connection, sql: &str) -> Result<i64, DriverError> {
        let mut numbers = Collect::new(|row: &dyn RowReader| Ok(row.int(0)?));
        connection.raw(&raw(sql, [self.name()]), &mut numbers).await?;
        Ok(numbers.rows.first().copied().unwrap_or(0))
    }

    /// The text that such a statement gives.
    pub(super) async fn text(
        self,
        connection: &mut dyn Connection,
        sql: &str,
    ) -> Result<Option<String>, DriverError> {
        let mut texts = Collect::new(|row: &dyn RowReader| Ok(row.text(0)?.to_owned()));
        connection.raw(&raw(sql, [self.name()]), &mut texts).await?;
        Ok(texts.rows.pop())
    }

    fn name(self) -> Value {
        Value::Text(self.table.to_owned())
    }
}

impl Entry {
    /// Of a migration that is, or is going to be, applied.
    pub(super) fn of(
        migration: &Migration,
        going: Option<Direction>,
        applied_at: String,
        duration_us: i64,
    ) -> Self {
        Self {
            version: migration.version,
            name: migration.name.clone(),
            checksum: migration.checksum(),
            going,
            applied_at,
            duration_us,
            done: 0,
        }
    }
}

/// A statement with values in the place of each `{}`.
fn raw<const N: usize>(sql: &str, values: [Value; N]) -> Raw {
    let mut parts = Vec::new();
    let mut texts = sql.split("{}");
    parts.extend(texts.next().map(|text| RawPart::Text(text.to_owned().into())));
    for (text, value) in texts.zip(values) {
        parts.extend([RawPart::Value(value), RawPart::Text(text.to_owned().into())]);
    }
    Raw { parts }
}

/// Takes rows and keeps what is read of each.
struct Collect<T, F> {
    read: F,
    rows: Vec<T>,
}

impl<T, F: FnMut(&dyn RowReader) -> Result<T, RowSinkError>> Collect<T, F> {
    fn new(read: F) -> Self {
        Self { read, rows: Vec::new() }
    }
}

impl<T: Send, F: FnMut(&dyn RowReader) -> Result<T, RowSinkError> + Send> RowSink for Collect<T, F> {
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        let read = (self.read)(row)?;
        self.rows.push(read);
        Ok(())
    }
}

impl<T: Send, F: FnMut(&dyn RowReader) -> Result<T, RowSinkError> + Send> RawRows for Collect<T, F> {
    fn columns(&mut self, _: &[&str]) -> Result<(), RowSinkError> {
        Ok(())
    }
}
