//! A database as it describes itself, in its own words.
//!
//! A driver reads it from a live database, and says what the database would report of tables that are wanted, so that
//! the two can be compared word by word. Nothing here is checked: it is what somebody's catalog holds.

use super::ForeignKey;
use crate::metadata::description::ReferentialAction;
use crate::value::ColumnType;

/// What a database holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatabaseSchema {
    /// What it holds but can't be understood, and why.
    pub unreadable: Vec<(DatabaseName, String)>,
    /// Types of its own with a fixed list of labels.
    pub enums: Vec<DatabaseEnum>,
    /// Its tables.
    pub tables: Vec<DatabaseTable>,
    /// Its views.
    pub views: Vec<DatabaseView>,
}

/// The name of a table, a view or a type, and the schema that it is in, where that is not the connection's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseName {
    /// The schema.
    pub schema: Option<String>,
    /// The name in it.
    pub name: String,
}

impl DatabaseName {
    /// A name in the connection's own schema, or in `schema`.
    #[must_use]
    pub fn new(schema: Option<&str>, name: impl Into<String>) -> Self {
        Self { schema: schema.map(str::to_owned), name: name.into() }
    }
}

impl std::fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// A type with a fixed list of labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseEnum {
    /// Its name.
    pub name: DatabaseName,
    /// Its labels, in their order.
    pub labels: Vec<String>,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatabaseTable {
    /// Its name.
    pub name: DatabaseName,
    /// Its columns.
    pub columns: Vec<DatabaseColumn>,
    /// Its primary key.
    pub primary_key: Option<DatabaseKey>,
    /// Its foreign keys.
    pub foreign_keys: Vec<DatabaseForeignKey>,
    /// Its indexes and unique constraints, the primary key's left out.
    pub indexes: Vec<DatabaseIndex>,
    /// Conditions that every row meets.
    pub checks: Vec<DatabaseCheck>,
    /// The triggers on it.
    pub triggers: Vec<DatabaseTrigger>,
    /// What is said about it.
    pub comment: Option<String>,
    /// What else its definition says, behind its columns.
    pub options: String,
}

impl DatabaseTable {
    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&DatabaseColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatabaseColumn {
    /// Its name.
    pub name: String,
    /// Its type, as it is declared.
    pub type_name: String,
    /// What values of that type are to the ORM, where it knows the type.
    pub column_type: Option<ColumnType>,
    /// The longest text or bytes that the type takes.
    pub length: Option<u32>,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// The expression of its default.
    pub default: Option<String>,
    /// The words by which the database counts it up.
    pub counted: Option<String>,
    /// How the database computes it.
    pub generated: Option<DatabaseGenerated>,
    /// Its collation, where it is not the one that its type has by itself.
    pub collation: Option<String>,
    /// What else its definition says.
    pub options: String,
    /// What is said about it.
    pub comment: Option<String>,
}

/// How a database computes a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseGenerated {
    /// The expression.
    pub expression: String,
    /// Whether its value is kept in the row.
    pub is_stored: bool,
}

/// A primary key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseKey {
    /// The constraint's name, where it has one.
    pub name: Option<String>,
    /// Its columns.
    pub columns: Vec<String>,
}

/// A foreign key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseForeignKey {
    /// The constraint's name, where it has one.
    pub name: Option<String>,
    /// Its columns.
    pub columns: Vec<String>,
    /// The table that it points to.
    pub referenced_table: DatabaseName,
    /// The columns that it points to.
    pub referenced_columns: Vec<String>,
    /// When the row that it points to goes; without one, the database refuses it.
    pub on_delete: Option<ReferentialAction>,
    /// When the key that it points to changes.
    pub on_update: Option<ReferentialAction>,
    /// What else its definition says.
    pub options: String,
}

impl From<&ForeignKey> for DatabaseForeignKey {
    fn from(key: &ForeignKey) -> Self {
        let unless_usual = |action: &ReferentialAction| *action != ReferentialAction::NoAction;
        Self {
            name: Some(key.name.clone()),
            columns: key.columns.clone(),
            referenced_table: DatabaseName {
                schema: key.referenced_schema.clone(),
                name: key.referenced_table.clone(),
            },
            referenced_columns: key.referenced_columns.clone(),
            on_delete: key.on_delete.filter(unless_usual),
            on_update: key.on_update.filter(unless_usual),
            options: String::new(),
        }
    }
}

/// An index, or a unique constraint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseIndex {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its kind, where it is not the usual one: the word before `INDEX`.
    pub kind: Option<String>,
    /// Whether no two rows may agree in what is indexed.
    pub is_unique: bool,
    /// Whether it was made by a constraint, and goes with it.
    pub is_constraint: bool,
    /// What stands behind the table's name: what is indexed, and which rows.
    pub definition: String,
    /// The columns, where all that is indexed are plain columns.
    pub columns: Option<Vec<String>>,
    /// Only rows that meet it.
    pub condition: Option<String>,
}

/// A condition that every row meets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseCheck {
    /// The constraint's name, where it has one.
    pub name: Option<String>,
    /// The condition.
    pub expression: String,
}

/// A trigger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseTrigger {
    /// Its name.
    pub name: String,
    /// The statement that makes it.
    pub statement: String,
}

/// A view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatabaseView {
    /// Its name.
    pub name: DatabaseName,
    /// The names of its columns, where its definition lists them before the select.
    pub columns: Vec<String>,
    /// The select that it stands for.
    pub select: String,
    /// The same as the program wrote it, where the database would say it in other words.
    pub written: Option<String>,
    /// What is said about it.
    pub comment: Option<String>,
}

impl DatabaseView {
    /// The select that it is made by.
    #[must_use]
    pub fn statement(&self) -> &str {
        self.written.as_deref().unwrap_or(&self.select)
    }
}
