//! What a database holds: tables and views, before any dialect.
//!
//! [`Schema::of`] says what metadata implies; [`database`] is what a live database says of itself, and the driver what it
//! would say of the tables of a `Schema`, so that the two can be compared. Expressions (of checks, defaults, generated
//! columns, conditions of indexes) and the selects of views are in the database's own words.

pub mod database;
mod diff;
mod entities;
pub(crate) mod identifiers;
mod implied;
mod understood;
mod update;

pub use self::diff::{
    Risk, SchemaChange, SchemaComparison, SchemaDiff, SchemaRenames, SchemaScript, Unknown,
};
pub use self::entities::GenerateEntities;
pub use self::understood::{LeftOut, UnderstoodSchema};
pub use self::update::{DiffSchema, UpdateSchema};

use std::collections::HashSet;

use crate::metadata::bounded_name;
use crate::metadata::description::{GeneratedStorage, ReferentialAction};
use crate::value::ColumnType;

/// Every table and view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// The tables, in an order in which each comes after those that its required foreign keys point to, where such an
    /// order exists.
    pub tables: Vec<Table>,
    /// Views, which are made after the tables and go before them.
    pub views: Vec<View>,
    /// Tables and views that the program reads and somebody else makes: they are never created, changed or dropped.
    pub external: Vec<Table>,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Its schema, where it is not the connection's own.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
    /// The name it had before, for a database that still has it under that one.
    pub renamed_from: Option<String>,
    /// What the database says about it to those who look at it.
    pub comment: Option<String>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Names of the primary key's columns.
    pub primary_key: Vec<String>,
    /// The primary key's column whose values the database makes, by counting.
    pub generated_key: Option<String>,
    /// Foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Indexes and unique constraints.
    pub indexes: Vec<TableIndex>,
    /// Conditions that every row meets. Bounds of [`Column::length`] are not among them.
    pub checks: Vec<Check>,
}

/// A column of a table or view.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The name it had before, for a database that still has it under that one.
    pub renamed_from: Option<String>,
    /// What it stores.
    pub column_type: ColumnType,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// The longest text or bytes that it takes.
    pub length: Option<u32>,
    /// What it holds in a row that was inserted without it.
    pub default: Option<ColumnDefault>,
    /// How the database computes it of the row's other columns.
    pub generated: Option<GeneratedColumn>,
    /// What the database says about it to those who look at it.
    pub comment: Option<String>,
    /// The only texts that it holds, or the elements of its arrays are; its type says text.
    pub enumeration: Option<Enumeration>,
}

/// The texts of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enumeration {
    /// The type that a database with types for enums has for it; `None`: text with a check, there too.
    pub name: Option<String>,
    /// The texts, in their order.
    pub labels: Vec<String>,
}

impl Column {
    /// A required column without anything else.
    #[must_use]
    pub fn new(name: impl Into<String>, column_type: ColumnType) -> Self {
        Self {
            name: name.into(),
            renamed_from: None,
            column_type,
            nullable: false,
            length: None,
            default: None,
            generated: None,
            comment: None,
            enumeration: None,
        }
    }
}

/// What a column holds in a row that was inserted without it.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnDefault {
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A text.
    Text(String),
    /// An expression.
    Expression(String),
}

/// How the database computes a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedColumn {
    /// The expression.
    pub expression: String,
    /// When.
    pub storage: GeneratedStorage,
}

/// A condition that every row of a table meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The constraint's name.
    pub name: String,
    /// The condition.
    pub expression: String,
}

/// A view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Its schema, where it is not the connection's own.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
    /// The select that it stands for.
    pub select: String,
    /// What the database says about it to those who look at it.
    pub comment: Option<String>,
    /// The columns that are read of it.
    pub columns: Vec<Column>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The constraint's name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The schema of the table it points to.
    pub referenced_schema: Option<String>,
    /// The table it points to.
    pub referenced_table: String,
    /// The columns it points to.
    pub referenced_columns: Vec<String>,
    /// When the row it points to goes.
    pub on_delete: Option<ReferentialAction>,
    /// When the key it points to changes.
    pub on_update: Option<ReferentialAction>,
}

/// An index or unique constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableIndex {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// Whether no two rows may agree in them.
    pub unique: bool,
    /// Only rows that meet it, in the database's own words.
    pub condition: Option<String>,
}

/// The name of the check that bounds the length of a column, where its type does not.
#[must_use]
pub fn length_check(table: &str, column: &str) -> String {
    bounded_name(format!("{table}_{column}_length"))
}

/// The name of the check that a column holds a label of an enum, where it has no type for that.
#[must_use]
pub fn labels_check(table: &str, column: &str) -> String {
    bounded_name(format!("{table}_{column}_labels"))
}

impl Schema {
    /// The enums that are types of their own where the database has such, each once, with their names.
    #[must_use]
    pub fn enum_types(&self) -> Vec<(&str, &Enumeration)> {
        let mut names = HashSet::new();
        let columns = self.tables.iter().flat_map(|table| &table.columns);
        let enums = columns.filter_map(|column| column.enumeration.as_ref());
        let named = enums.filter_map(|one| one.name.as_deref().map(|name| (name, one)));
        named.filter(|(name, _)| names.insert(*name)).collect()
    }
}
