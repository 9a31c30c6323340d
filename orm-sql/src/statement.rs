//! Operations become statements: a text, cached by shape, and the values to bind to it.
//!
//! Two passes over an operation. The first, always taken, writes its shape and collects its values; the second,
//! taken when no text is known for the shape, builds the statement with sea-query. Whenever the second runs, the
//! values that it placed are compared with those of the first, so that a text whose placeholders stand in another
//! order is never used.

mod answer;
mod batch;
mod bound;
mod by_condition;
mod cache;
mod condition;
mod delete;
mod grouping;
mod insert;
mod join;
mod leaf;
mod pivot;
mod raw;
mod select;
mod shape;
mod target;
mod term;
mod text;
mod update;
mod upsert;

use std::sync::Arc;

use orm_core::driver::{Capabilities, DriverError, DriverErrorKind, Raw, RawEffect, Reading, Select, Write};
use orm_core::metadata::Metadata;
use orm_core::schema::database::DatabaseSchema;
use orm_core::schema::{Schema, SchemaComparison, SchemaDiff, UnderstoodSchema};

pub use self::answer::{Answered, GeneratedKeys, WriteStatement, WrittenRows, outcome_of};
pub use self::bound::Bound;
pub(crate) use self::bound::{array_text, value_size};
use self::cache::TextCache;
use self::shape::Shape;
pub(crate) use self::shape::kind_of;
use self::text::TextWriter;
pub(crate) use self::text::{table_name, tuple};
use crate::dialect::mysql::{self, MySqlFlavor};
use crate::dialect::postgres::Postgres;
use crate::dialect::sqlite::Sqlite;
use crate::dialect::{Dialect, Query, ScriptProblem, ScriptStatement};
use crate::schema;

/// A text and what is bound to its placeholders, in text order.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The text.
    pub sql: Arc<str>,
    /// What is bound, one a placeholder.
    pub values: Vec<Bound>,
    /// Whether the same text serves other values too, so that preparing it pays off.
    pub reusable: bool,
}

/// Renders the operations of a driver for one database, and keeps the texts.
///
/// The number of texts kept is bounded. Two ORMs may share one.
#[derive(Debug)]
pub struct Statements {
    dialect: &'static dyn Dialect,
    cache: TextCache,
}

impl Statements {
    /// For SQLite 3.41 and later.
    #[must_use]
    pub fn sqlite() -> Self {
        Self { dialect: &Sqlite, cache: TextCache::default() }
    }

    /// For PostgreSQL 15 and later.
    #[must_use]
    pub fn postgres() -> Self {
        Self { dialect: &Postgres, cache: TextCache::default() }
    }

    /// For MariaDB 10.6 and later and MySQL 8.0.19 and later.
    #[must_use]
    pub fn mysql(flavor: MySqlFlavor) -> Self {
        Self { dialect: mysql::dialect(flavor), cache: TextCache::default() }
    }

    /// What the database can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.dialect.capabilities()
    }

    /// The database that they are for, as folders of SQL files are named: `sqlite`, `postgres`, `mariadb` or `mysql`.
    #[must_use]
    pub fn database(&self) -> &'static str {
        self.dialect.name()
    }

    /// The statement that reads the rows of `select`.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`] for values that the database can't store, unresolved references, orders
    /// through to-many relations, and conditions nested too deeply.
    pub fn select(&self, select: &Select) -> Result<Statement, DriverError> {
        self.reading(select, Reading::Rows)
    }

    /// The statement that counts the rows of `select`, in one row with one column.
    ///
    /// # Errors
    ///
    /// As [`select`](Self::select).
    pub fn count(&self, select: &Select) -> Result<Statement, DriverError> {
        self.reading(select, Reading::Count)
    }

    /// The statement that tells how the database would read `select`, without reading it.
    ///
    /// # Errors
    ///
    /// As [`select`](Self::select).
    pub fn explain(&self, select: &Select, reading: Reading) -> Result<Statement, DriverError> {
        let Statement { sql, values, .. } = self.reading(select, reading)?;
        let sql = format!("{} {sql}", self.dialect.explain()).into();
        Ok(Statement { sql, values, reusable: false })
    }

    /// The statement of [`select`](Self::select) or [`count`](Self::count).
    ///
    /// # Errors
    ///
    /// As [`select`](Self::select).
    pub fn reading(&self, select: &Select, reading: Reading) -> Result<Statement, DriverError> {
        let select = &*grouping::rows_before_groups(self.dialect, select);
        let operation = select::operation_of(reading);
        let mut shape = Shape::new(&select.metadata, self.dialect, operation, select.root);
        select::write_shape(&mut shape, select, reading)?;
        self.statement(&select.metadata, shape, |writer, _| {
            select::render(writer, select, reading).map(Query::Select)
        })
    }

    /// The statements that `write` takes, in order; several of them belong into one transaction.
    ///
    /// As a rule there is one, whatever the number of rows. Rows with a value that can't travel together with others
    /// take one each, such as floats far from one in SQLite. Without rows, there is none.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`] for values that the database can't store, and for writes that contradict
    /// themselves.
    pub fn write(&self, write: &Write) -> Result<Vec<WriteStatement>, DriverError> {
        self.writing(write, KeyRecord::Kept)
    }

    /// As [`write`](Self::write), for a database that has no record of the last keys of its tables: in SQLite,
    /// `sqlite_sequence` is missing until a table is made with AUTOINCREMENT.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_without_key_record(&self, write: &Write) -> Result<Vec<WriteStatement>, DriverError> {
        self.writing(write, KeyRecord::Missing)
    }

    fn writing(&self, write: &Write, record: KeyRecord) -> Result<Vec<WriteStatement>, DriverError> {
        match write {
            Write::Insert(insert) => insert::statements(self, insert, record),
            Write::Upsert(upsert) => upsert::statements(self, upsert),
            Write::Update(update) => update::statements(self, update),
            Write::Delete(delete) => delete::statements(self, delete),
            Write::UpdateWhere(update) => by_condition::update(self, update),
            Write::DeleteWhere(delete) => by_condition::delete(self, delete),
            Write::Link(links) => pivot::link(self, links),
            Write::Unlink(links) => pivot::unlink(self, links),
        }
    }

    /// What a statement of the program can do, by its text.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`] for text that is not one statement, that begins or ends a transaction, or that
    /// has placeholders of the database's own, and for values that it can't store; the message says what to do.
    pub fn raw_effect(&self, raw: &Raw) -> Result<RawEffect, DriverError> {
        raw::effect(self.dialect, raw)
    }

    /// A statement of the program that may run, with placeholders for its values, and what it can do.
    ///
    /// # Errors
    ///
    /// As [`raw_effect`](Self::raw_effect).
    pub fn raw(&self, raw: &Raw) -> Result<(Statement, RawEffect), DriverError> {
        let effect = raw::effect(self.dialect, raw)?;
        Ok((raw::statement(self.dialect, raw), effect))
    }

    /// The statements of a script, in order, as they are to be sent one by one.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where: a quote or a body that is not closed, what only a client understands, and what
    /// would begin or end a transaction.
    pub fn script(&self, text: &str) -> Result<Vec<ScriptStatement>, ScriptProblem> {
        self.dialect.script(text)
    }

    /// The statements that create `schema`.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`] for what the database can't have.
    pub fn create_schema(&self, schema: &Schema) -> Result<Vec<String>, DriverError> {
        schema::create(self.dialect, schema)
    }

    /// The statements that drop `schema`, as far as it exists; to be run in one transaction.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`] for what the database can't have.
    pub fn drop_schema(&self, schema: &Schema) -> Result<Vec<String>, DriverError> {
        schema::drop(self.dialect, schema)
    }

    /// What changes `comparison.live` to `comparison.wanted`, both in the words of this database; each script to be run in
    /// one transaction, as far as the database allows.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`] for a change that the database can't make, and for a table that can't be
    /// understood.
    pub fn diff_schema(&self, comparison: &SchemaComparison) -> Result<SchemaDiff, DriverError> {
        let alterations = self.dialect.alterations().ok_or_else(|| {
            let message = "it is not known how tables of this database are changed";
            DriverError::new(DriverErrorKind::Unsupported, message)
        })?;
        schema::diff(alterations, comparison)
    }

    /// What `live`, in the words of this database, is in those of a [`Schema`].
    #[must_use]
    pub fn understand_schema(&self, live: &DatabaseSchema) -> UnderstoodSchema {
        schema::understand(self.dialect, live)
    }

    /// Finds the text of `shape`, or makes it with `render`, which is given the values of the shape.
    fn statement(
        &self,
        metadata: &Arc<Metadata>,
        shape: Shape<'_>,
        render: impl FnOnce(&mut TextWriter<'_>, &[Bound]) -> Result<Query, DriverError>,
    ) -> Result<Statement, DriverError> {
        let (key, values) = shape.into_parts();
        if let Some(sql) = self.cache.get(metadata, &key) {
            return Ok(Statement { sql, values, reusable: true });
        }
        let mut writer = TextWriter::new(metadata, self.dialect);
        let query = render(&mut writer, &values)?;
        let sql: Arc<str> = writer.finish(&query, &values)?.into();
        self.cache.insert(metadata, key, Arc::clone(&sql));
        Ok(Statement { sql, values, reusable: true })
    }
}

/// Whether a database keeps a record of the last keys of its tables.
#[derive(Clone, Copy, Debug)]
enum KeyRecord {
    Kept,
    Missing,
}

/// What this database, or this crate, can't do.
fn unsupported(problem: impl Into<String>) -> DriverError {
    DriverError::new(DriverErrorKind::Unsupported, problem)
}
