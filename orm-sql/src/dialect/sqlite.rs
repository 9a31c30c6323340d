//! SQLite: how it stores values, and its forms of sets, texts and tables.
//!
//! Public, so that every SQLite driver binds and reads values alike: [`store`] says what is bound for a value, and
//! a driver must register [`DECIMAL_COLLATION`] on each connection. Tables are made `STRICT`: no program, this one
//! included, can store a value of another type than the column's.
//!
//! | value | stored as |
//! | --- | --- |
//! | bool | INTEGER 0 or 1 |
//! | integer | INTEGER |
//! | float | REAL; NaN is refused, since SQLite would store NULL; SQLite drops the sign of `-0.0` |
//! | text, JSON | TEXT |
//! | bytes | BLOB |
//! | UUID | TEXT, hyphenated, lower case |
//! | date | TEXT `YYYY-MM-DD` |
//! | time | TEXT `HH:MM:SS.ffffff` |
//! | date and time | TEXT `YYYY-MM-DD HH:MM:SS.ffffff` |
//! | timestamp | TEXT `YYYY-MM-DD HH:MM:SS.ffffffZ` |
//! | enum | TEXT, with a check of its labels |
//! | list | TEXT, a list of JSON; a NaN or an infinity in it is refused |
//! | decimal | TEXT as given, compared and ordered by number; unique constraints compare the text |
//!
//! `contains`, `starts_with` and `ends_with` compare bytes, as the methods of `str` do (`ends_with` presumes that the
//! database is UTF-8, which is SQLite's default). `like` is SQLite's own: `%` and `_` are wildcards without an escape
//! character, and ASCII letters match in either case.

mod alter;
mod catalog;
mod rows;
mod set;
mod store;

use orm_core::condition::{Function, ListMatch, TextMatch};
use orm_core::driver::{Capabilities, IsolationLevel, RawEffect, RowLocks};
use orm_core::metadata::description::GeneratedStorage;
use orm_core::schema::{Column, ColumnDefault, Table, length_check};
use orm_core::value::{ColumnType, KeyValues, Value, ValueError};
use sea_query::{
    Alias, BinOper, CaseStatement, ColumnDef, DynIden, Expr, ExprTrait, Func, Keyword, SelectStatement,
    SqliteQueryBuilder, TableName, UnionType, Values,
};

use super::words::{self, Comments, Lexicon, ScriptProblem, ScriptStatement};
use super::{
    CountedKeys, Dialect, Element, Keys, LAST_KEY, Query, RowSource, RowsWriter, SchemaStatement, SetError,
    SetForm, TextForm, TextPiece, default_literal, label_check, plain_call,
};
use crate::schema::alter::Alterations;
use crate::statement::Bound;

pub use alter::{is_foreign_key_check, is_outside_transactions};
pub use catalog::{OBJECTS, Object, described, read};
pub use store::{Stored, store};

/// The collation by which decimals are compared: [`decimal::compare`](crate::decimal::compare).
pub const DECIMAL_COLLATION: &str = "orm_decimal";

/// SQLite's limit since 3.32, unless it was built with another.
const MAX_BINDS: usize = 32_766;

/// What its texts are made of: <https://sqlite.org/lang.html>.
const LEXICON: Lexicon = Lexicon {
    quotes: &[('\'', '\''), ('"', '"'), ('`', '`'), ('[', ']')],
    escaping_quotes: &[],
    comments: Comments::Dashes,
    has_escape_strings: false,
    has_dollar_quotes: false,
    comments_nest: false,
    own_placeholders: &[':', '@', '$'],
    is_question_mark_own: true,
    reads: &["select", "values", "explain"],
    writes: &["insert", "update", "delete", "replace"],
    ends_transactions: &["begin", "commit", "end", "rollback", "savepoint", "release"],
};

/// The one SQLite dialect.
#[derive(Debug)]
pub(crate) struct Sqlite;

impl Dialect for Sqlite {
    fn capabilities(&self) -> Capabilities {
        let levels = [
            IsolationLevel::ReadUncommitted,
            IsolationLevel::ReadCommitted,
            IsolationLevel::RepeatableRead,
            IsolationLevel::Snapshot,
            IsolationLevel::Serializable,
        ];
        // Whatever is asked for, transactions run as if one after the other.
        let capabilities = levels.into_iter().fold(Capabilities::new(), Capabilities::with_isolation_level);
        capabilities.with_savepoints().with_row_locks(RowLocks::WholeDatabase).with_one_writer()
    }

    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn query_text(&self, query: &Query) -> (String, Values) {
        match query {
            Query::Select(select) => select.build(SqliteQueryBuilder),
            Query::Insert(insert) => insert.build(SqliteQueryBuilder),
            Query::Update(update) => update.build(SqliteQueryBuilder),
            Query::Delete(delete) => delete.build(SqliteQueryBuilder),
            Query::With(with) => with.build(SqliteQueryBuilder),
            Query::Pieces(pieces) => pieces.build(|| SqliteQueryBuilder),
        }
    }

    fn schema_text(&self, statement: &SchemaStatement) -> String {
        match statement {
            SchemaStatement::CreateTable(create) => create.to_string(SqliteQueryBuilder),
            SchemaStatement::CreateIndex(create) => create.to_string(SqliteQueryBuilder),
            SchemaStatement::CreateForeignKey(create) => create.to_string(SqliteQueryBuilder),
            SchemaStatement::DropTable(drop) => drop.to_string(SqliteQueryBuilder),
        }
    }

    fn check(&self, value: &Value) -> Result<(), ValueError> {
        store::check(value)
    }

    fn comparable(&self, column_type: ColumnType, column: Expr) -> Expr {
        if column_type == ColumnType::Decimal {
            let collation = Expr::Keyword(Keyword::Custom(Alias::new(DECIMAL_COLLATION).into()));
            column.binary(BinOper::Custom("COLLATE"), collation)
        } else {
            column
        }
    }

    /// SQLite 3.51 turns a bare EXISTS into a join, and then counts one row several times for OFFSET: with two items
    /// a row, `OFFSET 2` skips one row. `IS TRUE` keeps it from doing so.
    fn exists(&self, items: SelectStatement) -> Expr {
        Expr::exists(items).is(truth())
    }

    fn text_form(&self, matching: TextMatch, text: &str, values: &mut Vec<Bound>) -> TextForm {
        let form = match matching {
            // `LIKE` ignores the case of ASCII letters here.
            TextMatch::Like | TextMatch::LikeIgnoringCase => TextForm::Like,
            TextMatch::StartsWith => TextForm::StartsWith,
            // Everything ends with nothing, but `substr(x, 0)` is the whole text.
            TextMatch::EndsWith if !text.is_empty() => {
                let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
                values.push(Value::Int(-length).into());
                values.push(Value::Bytes(text.as_bytes().to_vec()).into());
                return TextForm::EndsWith;
            }
            TextMatch::Contains | TextMatch::EndsWith => TextForm::Contains,
        };
        values.push(Value::Text(text.to_owned()).into());
        form
    }

    fn no_limit(&self) -> Option<i64> {
        Some(-1)
    }

    /// `LIKE` folds ASCII letters here and has wildcards, so that literal matches use functions on bytes instead,
    /// which mean the same as the methods of `str`.
    fn text_match(&self, form: TextForm, column: Expr, binds: Vec<Expr>) -> Expr {
        let mut binds = binds.into_iter();
        let mut bind = || binds.next().unwrap_or(Expr::Keyword(Keyword::Null));
        match form {
            TextForm::Like | TextForm::LikeIgnoringCase => column.binary(BinOper::Like, bind()),
            TextForm::Contains => instr(column, bind()).gt(constant(0)),
            TextForm::StartsWith => instr(column, bind()).eq(constant(1)),
            TextForm::EndsWith => {
                // `substr` makes NULL of no bytes; with one in front that no text has, there are always some.
                let bytes = Expr::cust("x'ff'").binary(BinOper::Custom("||"), column).cast_as("BLOB");
                let end: Expr = Func::cust("substr").arg(bytes).arg(bind()).into();
                end.eq(bind())
            }
        }
    }

    /// `CASE WHEN list IS NOT NULL THEN … END`, since nothing tells the rows of no list from those of an empty one.
    fn list_match(&self, matching: ListMatch, element: ColumnType, column: Expr, list: Expr) -> Expr {
        let elements = |of: Expr| {
            let mut elements = SelectStatement::new();
            elements.from_function(Func::cust("json_each").arg(of), Alias::new("k"));
            elements
        };
        let element = || self.comparable(element, value_of("k", "value"));
        let is_met = match matching {
            ListMatch::ContainsAll => {
                let mut missing = elements(list);
                missing.expr(element());
                missing
                    .union(UnionType::Except, elements(column.clone()).expr(value_of("k", "value")).take());
                Expr::exists(missing).not()
            }
            ListMatch::Overlaps => {
                let others = elements(list).expr(value_of("k", "value")).take();
                let mut shared = elements(column.clone());
                shared.expr(constant(1)).and_where(element().in_subquery(others));
                Expr::exists(shared)
            }
        };
        CaseStatement::new().case(column.is_not_null(), is_met).into()
    }

    fn call(&self, function: Function, arguments: Vec<Expr>) -> Expr {
        match function {
            Function::ListLength => Func::cust("json_array_length").args(arguments).into(),
            other => plain_call(other, arguments),
        }
    }

    fn calculates(&self, column_type: ColumnType) -> bool {
        column_type != ColumnType::Decimal
    }

    fn sequence(&self, parts: usize) -> String {
        format!("({})", vec!["?"; parts].join(" "))
    }

    fn placeholder(&self, _: usize) -> String {
        "?".to_owned()
    }

    fn statement_effect(&self, pieces: &[TextPiece<'_>]) -> Result<RawEffect, String> {
        words::statement_effect(&LEXICON, pieces)
    }

    fn script(&self, text: &str) -> Result<Vec<ScriptStatement>, ScriptProblem> {
        words::script(&LEXICON, text)
    }

    fn check_fragment(&self, pieces: &[TextPiece<'_>]) -> Result<(), String> {
        words::check_fragment(&LEXICON, pieces)
    }

    fn set_form(
        &self,
        keys: &[&KeyValues],
        width: usize,
        values: &mut Vec<Bound>,
    ) -> Result<SetForm, SetError> {
        set::form(keys, width, MAX_BINDS, values)
    }

    fn set_rows(&self, elements: &[Element], binds: Vec<Expr>) -> SelectStatement {
        set::rows(elements, binds)
    }

    fn same(&self, left: Expr, right: Expr) -> Expr {
        left.is(right)
    }

    fn rows(&self, types: &[ColumnType]) -> Box<dyn RowsWriter> {
        Box::new(rows::Document::new(types))
    }

    fn row_source(&self, types: &[ColumnType], binds: Vec<Expr>) -> RowSource {
        rows::source(types, binds)
    }

    fn keys(&self) -> Keys {
        Keys::Counted(&Sqlite)
    }

    fn column(&self, table: &Table, column: &Column) -> Result<ColumnDef, ValueError> {
        let mut definition = ColumnDef::new(column.name.clone());
        definition.custom(type_name(column.column_type));
        if !column.nullable {
            definition.not_null();
        }
        if let Some(default) = &column.default {
            definition.default(literal(default)?);
        }
        if let Some(generated) = &column.generated {
            let is_stored = generated.storage == GeneratedStorage::Stored;
            definition.generated(Expr::cust(generated.expression.clone()), is_stored);
        }
        if table.generated_key.as_ref() == Some(&column.name) {
            // Without AUTOINCREMENT, SQLite gives the key of a deleted last row to the next new one, and a handle
            // of the deleted entity would be taken for the new one.
            definition.primary_key().auto_increment();
        }
        if let Some(length) = column.length {
            // A length in the type would only be decoration here.
            let name = length_check(&table.name, &column.name);
            let within = Expr::from(Func::cust("length").arg(Expr::col(column.name.clone())));
            definition.check((Alias::new(name), within.lte(constant(length.into()))));
        }
        if let Some(check) = label_check(table, column) {
            definition.check(check);
        }
        Ok(definition)
    }

    fn table_suffix(&self) -> Option<&'static str> {
        Some("STRICT")
    }

    fn explain(&self) -> &'static str {
        "EXPLAIN QUERY PLAN"
    }

    fn before_drop(&self) -> Option<&'static str> {
        Some("PRAGMA defer_foreign_keys = ON")
    }

    fn alterations(&self) -> Option<&'static dyn Alterations> {
        Some(&Sqlite)
    }
}

impl CountedKeys for Sqlite {
    /// A new row's key is one more than the largest that the table ever had, which SQLite keeps in `sqlite_sequence`
    /// for tables made with AUTOINCREMENT; <https://sqlite.org/autoinc.html>.
    fn last_key(&self, table: TableName, key: DynIden, name: Option<Expr>) -> SelectStatement {
        let mut largest = SelectStatement::new();
        largest.expr(Func::max(Expr::col(key))).from(table);
        let recorded = name.map(|name| {
            let mut recorded = SelectStatement::new();
            // Names of tables are the same in either case.
            let is_named = Expr::col("name")
                .binary(BinOper::Custom("COLLATE"), Expr::Keyword(Keyword::Custom("NOCASE".into())))
                .eq(name);
            recorded.expr(Expr::col("seq")).from("sqlite_sequence").and_where(is_named);
            recorded
        });
        let all = [Some(largest), recorded].into_iter().flatten();
        let or_none =
            |select| Expr::from(Func::coalesce([Expr::SubQuery(None, Box::new(select)), constant(0)]));
        let last = all.fold(Func::cust("max").arg(constant(0)), |last, select: SelectStatement| {
            last.arg(or_none(select.into()))
        });
        let mut select = SelectStatement::new();
        select.expr_as(last, Alias::new(LAST_KEY));
        select
    }

    /// Beyond the last number there is none, and SQLite says what it says of a table that is full.
    fn next_key(&self, last: Expr, ordinal: Expr) -> Expr {
        let is_left = last.clone().lt(constant(i64::MAX).sub(ordinal.clone()));
        CaseStatement::new().case(is_left, last.add(constant(1)).add(ordinal)).into()
    }
}

/// A number of this crate's own, written into the text.
fn constant(number: i64) -> Expr {
    Expr::Constant(sea_query::Value::BigInt(Some(number)))
}

/// A column of a table-valued function.
fn value_of(alias: &str, column: &str) -> Expr {
    Expr::col((Alias::new(alias), Alias::new(column)))
}

fn truth() -> Expr {
    Expr::Keyword(Keyword::Custom("TRUE".into()))
}

fn instr(text: Expr, part: Expr) -> Expr {
    Func::cust("instr").arg(text).arg(part).into()
}

fn type_name(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Bool | ColumnType::Int(_) | ColumnType::UnsignedInt(_) => "INTEGER",
        ColumnType::Float | ColumnType::Double => "REAL",
        ColumnType::Bytes => "BLOB",
        // ColumnType is non_exhaustive: what is not known here is kept as text.
        _ => "TEXT",
    }
}

/// SQLite has no truth values of its own, and its texts end at a NUL.
fn literal(default: &ColumnDefault) -> Result<Expr, ValueError> {
    match default {
        ColumnDefault::Bool(value) => default_literal(&ColumnDefault::Int((*value).into())),
        ColumnDefault::Text(text) if text.contains('\0') => {
            let reason = "a NUL would end the statement".to_owned();
            Err(ValueError::Invalid { expected: "default", reason })
        }
        other => default_literal(other),
    }
}
