//! What is to change in a database, so that it has what the entities need.
//!
//! Which changes there are and how they are done is a driver's affair; here is what it hands over, and what programs see
//! of it. A change that could lose data is marked, and done only where a program asks for it.

use std::collections::BTreeSet;
use std::fmt;

use super::Schema;
use super::database::{DatabaseName, DatabaseSchema};

/// The two sides that a driver compares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SchemaComparison {
    /// What the database holds.
    pub live: DatabaseSchema,
    /// What it would hold.
    pub wanted: DatabaseSchema,
    /// Which names stand for others that the database may still have.
    pub renames: SchemaRenames,
    /// What becomes of tables, views and types that the database holds and nobody wants.
    pub unknown: Unknown,
    /// Tables and views that are left alone, whatever is wanted.
    pub ignored: BTreeSet<DatabaseName>,
}

/// Names that tables and columns had before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaRenames {
    /// The table as it is wanted, and its name before.
    pub tables: Vec<(DatabaseName, String)>,
    /// The table as it is wanted, the column in it, and the column's name before.
    pub columns: Vec<(DatabaseName, String, String)>,
}

/// What becomes of tables, views and types that a database holds and no entity knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// They stay, and are not mentioned: they may be another program's.
    #[default]
    Left,
    /// They are dropped, where destructive changes are allowed.
    Dropped,
}

/// Whether a change can lose data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Risk {
    /// It can't.
    Safe,
    /// It can, or the database refuses it for rows that are there; the text says why.
    Destructive(String),
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaChange {
    /// What it is about.
    pub table: DatabaseName,
    /// What is done, in a line for people.
    pub description: String,
    /// Whether it can lose data.
    pub risk: Risk,
}

impl SchemaChange {
    /// Whether it can lose data, or the database may refuse it for rows that are there.
    #[must_use]
    pub fn is_destructive(&self) -> bool {
        self.risk != Risk::Safe
    }
}

impl fmt::Display for SchemaChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.risk {
            Risk::Safe => f.write_str(&self.description),
            Risk::Destructive(why) => write!(f, "{} (destructive: {why})", self.description),
        }
    }
}

/// Statements that change a database, and those that take it back. Rows that were lost stay lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaScript {
    /// The statements, in order.
    pub up: Vec<String>,
    /// What takes them back, in order.
    pub down: Vec<String>,
}

/// The difference between a database and what the entities need. Shown, it has a line for each change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaDiff {
    changes: Vec<SchemaChange>,
    safe: SchemaScript,
    all: SchemaScript,
}

impl SchemaDiff {
    /// Takes what a driver found: the changes, what does the safe ones, and what does all of them.
    #[must_use]
    pub fn new(changes: Vec<SchemaChange>, safe: SchemaScript, all: SchemaScript) -> Self {
        Self { changes, safe, all }
    }

    /// Whether the database has what the entities need, and nothing else of theirs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Every change, safe or not.
    #[must_use]
    pub fn changes(&self) -> &[SchemaChange] {
        &self.changes
    }

    /// The changes that [`update`](crate::SchemaGenerator::update) leaves out unless it is asked for them.
    pub fn destructive(&self) -> impl Iterator<Item = &SchemaChange> {
        self.changes.iter().filter(|change| change.is_destructive())
    }

    /// Whether some change can lose data.
    #[must_use]
    pub fn has_destructive(&self) -> bool {
        self.destructive().next().is_some()
    }

    /// The statements of the safe changes.
    #[must_use]
    pub fn statements(&self) -> &[String] {
        &self.safe.up
    }

    /// The statements of all changes, the destructive ones included.
    #[must_use]
    pub fn all_statements(&self) -> &[String] {
        &self.all.up
    }

    /// The safe changes, there and back.
    #[must_use]
    pub fn safe(&self) -> &SchemaScript {
        &self.safe
    }

    /// All changes, there and back.
    #[must_use]
    pub fn all(&self) -> &SchemaScript {
        &self.all
    }
}

impl fmt::Display for SchemaDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing to change\n");
        }
        self.changes.iter().try_for_each(|change| writeln!(f, "{change}"))
    }
}

/// What a comparison is about, besides the two databases.
#[derive(Clone, Debug, Default)]
pub(crate) struct DiffOptions {
    pub(crate) unknown: Unknown,
    pub(crate) ignored: BTreeSet<DatabaseName>,
}

impl SchemaRenames {
    /// Those that `schema` knows of.
    pub(crate) fn of(schema: &Schema) -> Self {
        let mut renames = Self::default();
        for table in &schema.tables {
            let name = DatabaseName { schema: table.schema.clone(), name: table.name.clone() };
            renames.tables.extend(table.renamed_from.iter().map(|before| (name.clone(), before.clone())));
            for column in &table.columns {
                let before = column.renamed_from.iter();
                renames.columns.extend(before.map(|one| (name.clone(), column.name.clone(), one.clone())));
            }
        }
        renames
    }
}

/// The schemas that `schema` names.
pub(crate) fn named_schemas(schema: &Schema) -> Vec<String> {
    let tables = schema.tables.iter().map(|table| &table.schema);
    let views = schema.views.iter().map(|view| &view.schema);
    let names: BTreeSet<&String> = tables.chain(views).flatten().collect();
    names.into_iter().cloned().collect()
}

/// What `schema` says that somebody else makes.
pub(crate) fn external_names(schema: &Schema) -> impl Iterator<Item = DatabaseName> {
    schema
        .external
        .iter()
        .map(|table| DatabaseName { schema: table.schema.clone(), name: table.name.clone() })
}
