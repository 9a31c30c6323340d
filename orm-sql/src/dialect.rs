//! What differs between databases: the form of sets, texts and types, and what sea-query calls the database.
//!
//! A dialect decides forms; it never walks an operation. Every decision is made from the operation's shape and
//! its values' kinds, so that the same shape always gives the same text.

pub mod sqlite;

use std::fmt;

use orm_core::condition::{Function, TextMatch};
use orm_core::driver::{Capabilities, RawEffect};
use orm_core::schema::Table;
use orm_core::value::{ColumnType, KeyValues, Value, ValueError};
use sea_query::{
    ColumnDef, DeleteStatement, DynIden, Expr, IndexCreateStatement, InsertStatement, SelectStatement,
    TableCreateStatement, TableDropStatement, TableName, TableRef, UpdateStatement, Values,
};

/// A database's own way.
///
/// # Contract
///
/// - A method that binds values MUST say how many by the form it returns, and MUST use the expressions it is
///   given for them once each, in order.
pub(crate) trait Dialect: fmt::Debug + Send + Sync {
    /// What this database can do.
    fn capabilities(&self) -> Capabilities;

    /// The text of a statement, and the values of its placeholders in text order.
    fn query_text(&self, query: &Query) -> (String, Values);

    /// The text of a statement that changes the schema.
    fn schema_text(&self, statement: &SchemaStatement) -> String;

    /// What stands before a statement to ask for its plan.
    fn explain(&self) -> &'static str;

    /// Refuses a value that a column of this database would change or drop.
    fn check(&self, value: &Value) -> Result<(), ValueError>;

    /// A column as it is compared and ordered, where that differs from the column itself.
    fn comparable(&self, column_type: ColumnType, column: Expr) -> Expr;

    /// Whether `items` has a row.
    fn exists(&self, items: SelectStatement) -> Expr;

    /// How a literal text match is written; adds what it binds.
    fn text_form(&self, matching: TextMatch, text: &str, values: &mut Vec<Value>) -> TextForm;

    /// A text match of the form that [`text_form`](Self::text_form) chose.
    fn text_match(&self, form: TextForm, column: Expr, binds: Vec<Expr>) -> Expr;

    /// Whether this database calculates with numbers of this kind without rounding them to another.
    fn calculates(&self, column_type: ColumnType) -> bool;

    /// A function of values. It takes as many as it is given.
    fn call(&self, function: Function, arguments: Vec<Expr>) -> Expr;

    /// The pattern by which sea-query writes so many expressions one after the other, in parentheses.
    fn sequence(&self, parts: usize) -> String;

    /// The placeholder of the value with this number, from 1, in text of the program.
    fn placeholder(&self, number: usize) -> String;

    /// What one statement of the program can do; or what is wrong with its text, and what to do.
    fn statement_effect(&self, pieces: &[TextPiece<'_>]) -> Result<RawEffect, String>;

    /// Refuses text of the program that would reach beyond its place in a statement.
    fn check_fragment(&self, pieces: &[TextPiece<'_>]) -> Result<(), String>;

    /// How a set of two keys or more is written; adds what it binds. No key has a NULL, all are `width` wide.
    fn set_form(
        &self,
        keys: &[&KeyValues],
        width: usize,
        values: &mut Vec<Value>,
    ) -> Result<SetForm, SetError>;

    /// The rows of a set in the form that [`set_form`](Self::set_form) chose, to be selected from.
    fn set_rows(&self, elements: &[Element], bind: Expr) -> SelectStatement;

    /// Starts to take rows that are handed over as one, so that a text serves any number of them.
    fn rows(&self, types: &[ColumnType]) -> Box<dyn RowsWriter>;

    /// The rows that a [`RowsWriter`] took, to be read from.
    fn row_source(&self, types: &[ColumnType], binds: Vec<Expr>) -> RowSource;

    /// One row with one column: what the generated keys of new rows are counted from, by the rule that the database
    /// documents for them. `name` is bound to the table's name, where the database keeps a record of its last key.
    fn last_key(&self, table: TableName, key: DynIden, name: Option<Expr>) -> SelectStatement;

    /// The key of new row number `ordinal`, from 0, counted from the last key.
    fn next_key(&self, last: Expr, ordinal: Expr) -> Expr;

    /// A column of a new table.
    fn column(&self, table: &Table, column: &orm_core::metadata::Column) -> Result<ColumnDef, ValueError>;

    /// What stands behind a new table's columns.
    fn table_suffix(&self) -> Option<&'static str>;

    /// The statement that lets tables go in any order within one transaction, where this database has one.
    fn before_drop(&self) -> Option<&'static str>;
}

/// A piece of what a program wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextPiece<'a> {
    /// Its text.
    Text(&'a str),
    /// The place of a value, a field or what else is rendered by this crate.
    Place,
}

/// Takes rows of values that are handed over to the database as one.
pub(crate) trait RowsWriter {
    /// Takes one row, unless a value of it can't be handed over together with others without a loss.
    fn row(&mut self, values: &mut dyn Iterator<Item = &Value>) -> bool;

    /// How large the values to be bound are by now, in bytes.
    fn size(&self) -> usize;

    /// What is bound.
    fn finish(self: Box<Self>) -> Vec<Value>;
}

/// Rows of values in a FROM clause.
#[derive(Debug)]
pub(crate) struct RowSource {
    pub(crate) table: TableRef,
    /// One expression a column.
    pub(crate) columns: Vec<Expr>,
    /// The number of the row, from 0.
    pub(crate) ordinal: Expr,
}

/// A statement on rows, as sea-query has it.
#[derive(Debug)]
pub(crate) enum Query {
    Select(SelectStatement),
    Insert(InsertStatement),
    Update(UpdateStatement),
    Delete(DeleteStatement),
}

/// A statement on the schema, as sea-query has it.
#[derive(Debug)]
pub(crate) enum SchemaStatement {
    CreateTable(Box<TableCreateStatement>),
    CreateIndex(Box<IndexCreateStatement>),
    DropTable(TableDropStatement),
}

/// The name of the column of [`Dialect::last_key`].
pub(crate) const LAST_KEY: &str = "last";

/// How a text match is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextForm {
    /// The database's own `LIKE`.
    Like,
    /// Somewhere in the text, compared literally.
    Contains,
    /// At its start, compared literally.
    StartsWith,
    /// At its end, compared literally.
    EndsWith,
}

/// How a set of keys is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SetForm {
    /// No key: never met.
    Empty,
    /// One key: compared column by column.
    One,
    /// So many placeholders for one column.
    List(usize),
    /// One document with all keys, and how each column is taken out of it.
    Document(Vec<Element>),
}

/// How a column of a set is taken out of its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    /// As it is.
    Plain,
    /// From hexadecimal digits.
    Bytes,
}

/// Why a set can't be written.
#[derive(Debug)]
pub(crate) enum SetError {
    /// A value that no column could hold.
    Value(ValueError),
    /// More values than this form takes.
    TooMany {
        /// How many it takes.
        most: usize,
    },
    /// Values that no form takes together.
    Mixed,
}

impl From<ValueError> for SetError {
    fn from(error: ValueError) -> Self {
        Self::Value(error)
    }
}
