//! What differs between databases: the form of sets, texts and types, and what sea-query calls the database.
//!
//! A dialect decides forms; it never walks an operation. Every decision is made from the operation's shape and
//! its values' kinds, so that the same shape always gives the same text.

mod json;
pub mod mysql;
mod pieces;
pub mod postgres;
pub mod sqlite;
mod words;

use std::fmt;

use orm_core::condition::{Function, ListMatch, NullPlace, TextMatch};
use orm_core::driver::{Capabilities, LockStrength, LockWait, RawEffect, RowLock};
use orm_core::schema::database::DatabaseColumn;
use orm_core::schema::{Column, ColumnDefault, Enumeration, Table, TableIndex, View, labels_check};
use orm_core::value::{ColumnType, KeyValues, Value, ValueError};
use sea_query::{
    Alias, BinOper, Check, ColumnDef, DeleteStatement, DynIden, Expr, ExprTrait, ForeignKeyCreateStatement,
    Func, IndexCreateStatement, InsertStatement, Keyword, LockBehavior, LockType, OnConflict, Returning,
    SelectStatement, TableCreateStatement, TableDropStatement, TableName, TableRef, UpdateStatement, Values,
    WithQuery,
};

pub(crate) use self::pieces::Pieces;
pub use self::words::{ScriptProblem, ScriptStatement};
use crate::schema::alter::Alterations;
use crate::statement::{Bound, tuple};

/// A database's own way.
///
/// # Contract
///
/// - A method that binds values MUST say how many by the form it returns, and MUST use the expressions it is
///   given for them once each, in order.
pub(crate) trait Dialect: fmt::Debug + Send + Sync {
    /// What this database can do.
    fn capabilities(&self) -> Capabilities;

    /// What files that are for it alone are named after.
    fn name(&self) -> &'static str;

    /// The text of a statement, and the values of its placeholders in text order.
    fn query_text(&self, query: &Query) -> (String, Values);

    /// The text of a statement that changes the schema.
    fn schema_text(&self, statement: &SchemaStatement) -> String;

    /// What stands before a statement to ask for its plan.
    fn explain(&self) -> &'static str;

    /// Refuses a value that a column of this database would change or drop.
    fn check(&self, value: &Value) -> Result<(), ValueError>;

    /// A column as it is compared and ordered, where that differs from the column itself.
    fn comparable(&self, column_type: ColumnType, column: Expr) -> Expr {
        let _ = column_type;
        column
    }

    /// Whether `items` has a row.
    fn exists(&self, items: SelectStatement) -> Expr {
        Expr::exists(items)
    }

    /// What stands for no limit where an offset can't stand without one.
    fn no_limit(&self) -> Option<i64> {
        None
    }

    /// Locks the rows of the table with this alias. Not called where [`Capabilities::row_locks`] are no rows.
    fn lock(&self, select: &mut SelectStatement, root: Alias, lock: RowLock) {
        let _ = (select, root, lock);
    }

    /// How a literal text match is written; adds what it binds.
    fn text_form(&self, matching: TextMatch, text: &str, values: &mut Vec<Bound>) -> TextForm;

    /// A text match of the form that [`text_form`](Self::text_form) chose.
    fn text_match(&self, form: TextForm, column: Expr, binds: Vec<Expr>) -> Expr;

    /// Whether a list of elements of this type has those of another one; unknown of NULL. The column MAY stand in it
    /// several times, since it binds nothing; `list` is for a [`Value::Array`].
    fn list_match(&self, matching: ListMatch, element: ColumnType, column: Expr, list: Expr) -> Expr;

    /// Whether this database calculates with numbers of this kind without rounding them to another.
    fn calculates(&self, column_type: ColumnType) -> bool;

    /// The quotient of two numbers; of `Operands::Integers` its whole part.
    fn quotient(&self, left: Expr, right: Expr, operands: Operands) -> Expr {
        let _ = operands;
        left.div(right)
    }

    /// The average of numbers, as a float.
    fn average(&self, of: Expr) -> Expr {
        Func::avg(of).into()
    }

    /// A function of values. It takes as many as it is given.
    fn call(&self, function: Function, arguments: Vec<Expr>) -> Expr {
        plain_call(function, arguments)
    }

    /// The pattern by which sea-query writes so many expressions one after the other, in parentheses.
    fn sequence(&self, parts: usize) -> String;

    /// Whether two placeholders are never the same, so that what holds one is equal to nothing else.
    fn numbers_placeholders(&self) -> bool {
        false
    }

    /// The placeholder of the value with this number, from 1, in text of the program.
    fn placeholder(&self, number: usize) -> String;

    /// What one statement of the program can do; or what is wrong with its text, and what to do.
    fn statement_effect(&self, pieces: &[TextPiece<'_>]) -> Result<RawEffect, String>;

    /// The statements of a script.
    fn script(&self, text: &str) -> Result<Vec<ScriptStatement>, ScriptProblem>;

    /// Refuses text of the program that would reach beyond its place in a statement.
    fn check_fragment(&self, pieces: &[TextPiece<'_>]) -> Result<(), String>;

    /// How a set of two keys or more is written; adds what it binds. No key has a NULL, all are `width` wide.
    fn set_form(
        &self,
        keys: &[&KeyValues],
        width: usize,
        values: &mut Vec<Bound>,
    ) -> Result<SetForm, SetError>;

    /// The rows of a set in the form that [`set_form`](Self::set_form) chose, to be selected from.
    fn set_rows(&self, elements: &[Element], binds: Vec<Expr>) -> SelectStatement;

    /// Whether the columns hold one of the keys of a set in that form.
    fn in_document(&self, columns: Vec<Expr>, elements: &[Element], binds: Vec<Expr>) -> Expr {
        tuple(columns).in_subquery(self.set_rows(elements, binds))
    }

    /// A placeholder, with the type of what is bound to it.
    fn typed(&self, bind: Expr, column_type: ColumnType) -> Expr {
        let _ = column_type;
        bind
    }

    /// A placeholder of this type that a column is compared with, where the database would take it for something else.
    fn compared_with(&self, bind: Expr, column_type: ColumnType) -> Expr {
        let _ = column_type;
        bind
    }

    /// Whether two values are equal, or both NULL.
    fn same(&self, left: Expr, right: Expr) -> Expr;

    /// Starts to take rows that are handed over as one, so that a text serves any number of them.
    fn rows(&self, types: &[ColumnType]) -> Box<dyn RowsWriter>;

    /// The rows that a [`RowsWriter`] took, to be read from.
    fn row_source(&self, types: &[ColumnType], binds: Vec<Expr>) -> RowSource;

    /// How it is known which row has which of the keys that this database generates.
    fn keys(&self) -> Keys;

    /// How many bytes of values one statement hands over at most, unless one row has more.
    fn largest_statement(&self) -> usize {
        16 << 20
    }

    /// How many placeholders a statement has at most, where rows of any number are written without a document.
    fn most_placeholders(&self) -> usize {
        usize::MAX
    }

    /// Whether an insert gives back what it has written.
    fn gives_back_inserted(&self) -> bool {
        true
    }

    /// An insert that gives back `returning`. Only where inserts do.
    fn insert_returning(&self, mut insert: InsertStatement, returning: Vec<DynIden>) -> Query {
        if !returning.is_empty() {
            insert.returning(Returning::new().columns(returning));
        }
        Query::Insert(insert)
    }

    /// An insert that leaves rows as they are which are there by their key, the columns given.
    fn insert_missing(&self, mut insert: InsertStatement, table: TableName, key: Vec<DynIden>) -> Query {
        let _ = (table, key);
        insert.on_conflict(OnConflict::new().do_nothing().to_owned());
        Query::Insert(insert)
    }

    /// How rows are changed and removed by others, where that is by a join.
    fn joined_writes(&self) -> Option<&dyn JoinedWrites> {
        None
    }

    /// The delete of those rows of a table with this alias that meet `predicate`.
    fn delete(&self, target: TableRef, alias: Alias, predicate: Expr) -> Query {
        let _ = alias;
        let mut statement = DeleteStatement::new();
        statement.from_table(target).and_where(predicate);
        Query::Delete(statement)
    }

    /// How an order says where NULL stands.
    fn nulls_form(&self, descending: bool, nulls: NullPlace) -> NullsForm {
        let _ = (descending, nulls);
        NullsForm::Clause
    }

    /// A column of a new table.
    fn column(&self, table: &Table, column: &Column) -> Result<ColumnDef, ValueError>;

    /// The check of a column's length or labels, where it stands behind the columns and not with its column.
    fn column_check(&self, table: &Table, column: &Column) -> Option<Check> {
        let _ = (table, column);
        None
    }

    /// Whether a check stands for the type of the column, where the database has no other word for it.
    fn is_implied_check(&self, column: &DatabaseColumn, expression: &str) -> bool {
        let _ = (column, expression);
        false
    }

    /// The statements that say the comments of a table and its columns, where they are not said in its definition; none
    /// where a database has no comments.
    fn comments(&self, table: &Table) -> Vec<String> {
        let _ = table;
        Vec::new()
    }

    /// The statement that says the comment of a view, where a database has comments on views.
    fn view_comment(&self, view: &View) -> Option<String> {
        let _ = view;
        None
    }

    /// The statements that make and that drop the type of an enum, where this database has types for enums.
    fn enum_type(&self, name: &str, enumeration: &Enumeration) -> Option<[String; 2]> {
        let _ = (name, enumeration);
        None
    }

    /// What stands behind a new table's columns.
    fn table_suffix(&self) -> Option<&'static str> {
        None
    }

    /// The statement that makes a schema, unless it is there.
    fn create_schema(&self, name: &str) -> String {
        format!("CREATE SCHEMA IF NOT EXISTS \"{}\"", name.replace('"', "\"\""))
    }

    /// Whether foreign keys are added when all tables exist: a table can't refer to one that does not.
    fn has_late_foreign_keys(&self) -> bool {
        false
    }

    /// What stands around names.
    fn quote(&self) -> char {
        '"'
    }

    /// What is wrong with a name, and what to do.
    fn refuse_name(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// The statement that lets tables go in any order within one transaction, where this database has one.
    fn before_drop(&self) -> Option<&'static str> {
        None
    }

    /// The statement that takes a foreign key away, if it is there, where tables can't go before it.
    fn drop_reference(&self, table: TableName, name: &str) -> Option<String> {
        let _ = (table, name);
        None
    }

    /// The statement that makes an index with a condition, where there are none with one.
    fn conditional_index(&self, table: &Table, index: &TableIndex) -> Result<Option<String>, ValueError> {
        let _ = (table, index);
        Ok(None)
    }

    /// Whether all tables go by one statement, so that they can refer to one another.
    fn drops_together(&self) -> bool {
        false
    }

    /// Whether a table is dropped with the foreign keys that refer to it.
    fn drops_with_references(&self) -> bool {
        false
    }

    /// How its tables are changed, where that is known.
    fn alterations(&self) -> Option<&'static dyn Alterations> {
        None
    }
}

/// How generated keys are known before their rows are written.
pub(crate) enum Keys {
    /// The statement counts them up from the last one.
    Counted(&'static dyn CountedKeys),
    /// A generator gives them: the next one of the column of a table, by schema, table and column.
    Reserved(fn(Option<&str>, &str, &str) -> Expr),
    /// The database gives them to the rows of one statement in their order, each a larger one.
    Ascending,
}

/// Writes by a join of a table and rows. They give nothing back, can't read the table that they write to in a condition,
/// and set columns one after the other, so that a later value would be computed of an earlier one.
pub(crate) trait JoinedWrites {
    /// Sets columns of a table to values, for each of its rows that one of `source` meets by `predicate`.
    fn update(
        &self,
        target: AliasedTable,
        source: TableRef,
        predicate: Expr,
        set: Vec<(DynIden, Expr)>,
    ) -> Query;

    /// Removes each row of a table that one of `source` meets by `predicate`.
    fn delete(&self, target: AliasedTable, source: TableRef, predicate: Expr) -> Query;

    /// `insert`, where a row that is there gets values in some columns, if it is there by those of the conflict. If it is
    /// there by others, the statement fails.
    fn upsert(
        &self,
        insert: InsertStatement,
        table: TableName,
        conflict: Vec<DynIden>,
        set: Vec<(DynIden, NewValue)>,
    ) -> Pieces;
}

/// What a row that is there gets in a column.
#[derive(Debug)]
pub(crate) enum NewValue {
    /// What the new row has there.
    Given,
    /// This.
    Set(Expr),
    /// One more than it has.
    Raised,
    /// What it has.
    Held,
}

/// A table with its alias.
#[derive(Debug)]
pub(crate) struct AliasedTable {
    pub(crate) table: TableRef,
    pub(crate) alias: Alias,
}

/// How an order says where NULL stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NullsForm {
    /// In words.
    Clause,
    /// It need not, since NULL stands there anyway.
    Implied,
    /// By whether it is NULL, which is ordered by first.
    Column,
}

/// What is calculated with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operands {
    /// Integers.
    Integers,
    /// Other numbers, or it is not known which.
    Others,
}

/// Keys that a statement counts up.
pub(crate) trait CountedKeys {
    /// One row with one column: what the generated keys of new rows are counted from, by the rule that the database
    /// documents for them. `name` is bound to the table's name, where the database keeps a record of its last key.
    fn last_key(&self, table: TableName, key: DynIden, name: Option<Expr>) -> SelectStatement;

    /// The key of new row number `ordinal`, from 0, counted from the last key.
    fn next_key(&self, last: Expr, ordinal: Expr) -> Expr;
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
    fn finish(self: Box<Self>) -> Vec<Bound>;
}

/// Rows of values in a FROM clause.
#[derive(Debug)]
pub(crate) struct RowSource {
    pub(crate) table: TableRef,
    /// One expression a column.
    pub(crate) columns: Vec<Expr>,
    /// The same, to be compared with columns of the same type.
    pub(crate) compared: Vec<Expr>,
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
    With(WithQuery),
    /// One that sea-query has no words for.
    Pieces(Pieces),
}

/// A statement on the schema, as sea-query has it.
#[derive(Debug)]
pub(crate) enum SchemaStatement {
    CreateTable(Box<TableCreateStatement>),
    CreateIndex(Box<IndexCreateStatement>),
    CreateForeignKey(Box<ForeignKeyCreateStatement>),
    DropTable(TableDropStatement),
}

/// The name of the column of [`CountedKeys::last_key`].
pub(crate) const LAST_KEY: &str = "last";

/// How a text match is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextForm {
    /// The database's own `LIKE`.
    Like,
    /// The same in either case.
    LikeIgnoringCase,
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
    /// It is an array of its own, of this type.
    Array(ColumnType),
    /// As a value of this type.
    Typed(ColumnType),
}

impl Element {
    /// What an array of its own holds.
    fn column_type(&self) -> ColumnType {
        match self {
            Self::Array(column_type) | Self::Typed(column_type) => *column_type,
            Self::Plain => ColumnType::Text,
            Self::Bytes => ColumnType::Bytes,
        }
    }
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

/// A function by the name that most databases have for it.
fn plain_call(function: Function, arguments: Vec<Expr>) -> Expr {
    let name = match function {
        Function::Lower => "lower",
        Function::Upper => "upper",
        Function::Length => "length",
        Function::ListLength => "cardinality",
        Function::Trim => "trim",
        Function::Abs => "abs",
        Function::Coalesce => "coalesce",
        Function::Concat => {
            let joined =
                arguments.into_iter().reduce(|left, right| left.binary(BinOper::Custom("||"), right));
            return joined.unwrap_or(Expr::Keyword(Keyword::Null));
        }
        // Function is non_exhaustive; this crate and the core are released together.
        _ => "unknown",
    };
    Func::cust(name).args(arguments).into()
}

/// `FOR UPDATE OF root` and its kin.
pub(crate) fn for_update(select: &mut SelectStatement, root: Alias, lock: RowLock) {
    let strength = match lock.strength {
        LockStrength::Share => LockType::Share,
        LockStrength::Update => LockType::Update,
    };
    match lock.wait {
        LockWait::Block => select.lock_with_tables(strength, [root]),
        LockWait::NoWait => select.lock_with_tables_behavior(strength, [root], LockBehavior::Nowait),
        LockWait::SkipLocked => select.lock_with_tables_behavior(strength, [root], LockBehavior::SkipLocked),
    };
}

/// The check that a column of text holds a label of its enum, if it is of one.
pub(crate) fn label_check(table: &Table, column: &Column) -> Option<Check> {
    let enumeration = column.enumeration.as_ref().filter(|_| column.column_type == ColumnType::Text)?;
    let labels = enumeration.labels.iter();
    let labels = labels.map(|label| Expr::Constant(sea_query::Value::String(Some(label.clone()))));
    let is_label = Expr::col(Alias::new(&column.name)).is_in(labels);
    Some((Alias::new(labels_check(&table.name, &column.name)), is_label).into())
}

/// A default as it stands in `CREATE TABLE`.
pub(crate) fn default_literal(default: &ColumnDefault) -> Result<Expr, ValueError> {
    let literal = match default {
        ColumnDefault::Bool(value) => sea_query::Value::Bool(Some(*value)),
        ColumnDefault::Int(value) => sea_query::Value::BigInt(Some(*value)),
        ColumnDefault::Float(value) if value.is_finite() => sea_query::Value::Double(Some(*value)),
        ColumnDefault::Float(_) => return Err(ValueError::OutOfRange { expected: "a default" }),
        ColumnDefault::Text(text) => sea_query::Value::String(Some(text.clone())),
        // sea-query writes it in parentheses, since not every database takes a bare one.
        ColumnDefault::Expression(expression) => return Ok(Expr::cust(expression.clone())),
    };
    Ok(Expr::Constant(literal))
}
