//! MariaDB and MySQL: what they can hold, and their forms of sets, texts and tables.
//!
//! Public, so that every driver of the family says alike which server it talks to: [`MySqlFlavor`].
//!
//! | value | column |
//! | --- | --- |
//! | bool | `boolean`, which is `tinyint(1)` |
//! | integer | `tinyint`, `smallint`, `int`, `bigint`; an unsigned one in the next larger type |
//! | float | `float`, `double`; NaN and infinity are refused, since no column holds them |
//! | text | `longtext`; `varchar` with a check of its length where it has one or is part of an index |
//! | bytes | `longblob`; `varbinary` likewise |
//! | UUID | `binary(16)`, big endian |
//! | date, time, date and time | `date`, `time(6)`, `datetime(6)` |
//! | timestamp | `datetime(6)` in UTC, since a `timestamp` ends in 2038 |
//! | decimal | `decimal(65,30)`; what has more digits is refused, since the server would round it |
//! | JSON | `json` |
//!
//! `contains`, `starts_with` and `ends_with` compare bytes, as the methods of `str` do. `like` has the wildcards `%` and
//! `_`, without an escape character, and minds the case as far as the column's collation does.

mod column;
mod store;

use orm_core::condition::{Function, TextMatch};
use orm_core::driver::{Capabilities, IsolationLevel, RawEffect, RowLock, RowLocks};
use orm_core::schema::{Column, Table};
use orm_core::value::{ColumnType, KeyValues, Value, ValueError};
use sea_query::{
    Alias, BinOper, ColumnDef, Expr, ExprTrait, Func, MysqlQueryBuilder, SelectStatement, Values,
};

use super::words::{self, Lexicon};
use super::{
    Dialect, Element, Keys, Query, RowSource, RowsWriter, SchemaStatement, SetError, SetForm, TextForm,
    TextPiece, for_update, plain_call,
};
use crate::statement::Bound;

/// Which server of the family it is, as far as statements differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MySqlFlavor {
    /// MariaDB 10.6 and later.
    MariaDb,
    /// MariaDB, without asking it to give back what it has written: what MySQL has to do.
    MariaDbWithoutReturning,
    /// MySQL 8.0.19 and later.
    MySql,
}

/// The dialect of a server.
pub(crate) fn dialect(flavor: MySqlFlavor) -> &'static dyn Dialect {
    match flavor {
        MySqlFlavor::MariaDb => &MySql { flavor: MySqlFlavor::MariaDb },
        MySqlFlavor::MariaDbWithoutReturning => &MySql { flavor: MySqlFlavor::MariaDbWithoutReturning },
        MySqlFlavor::MySql => &MySql { flavor: MySqlFlavor::MySql },
    }
}

/// The dialect of one flavor.
#[derive(Debug)]
pub(crate) struct MySql {
    flavor: MySqlFlavor,
}

/// What its texts are made of: <https://dev.mysql.com/doc/refman/8.4/en/language-structure.html>. A comment that begins
/// `/*!` or `/*M!` is run.
const LEXICON: Lexicon = Lexicon {
    quotes: &[('\'', '\''), ('"', '"'), ('`', '`')],
    has_escape_strings: false,
    has_dollar_quotes: false,
    comments_nest: false,
    own_placeholders: &[],
    is_question_mark_own: true,
    reads: &["select", "values", "explain", "show", "table", "describe", "desc"],
    writes: &["insert", "update", "delete", "replace"],
    ends_transactions: &["begin", "start", "commit", "rollback", "savepoint", "release", "xa"],
};

impl MySql {
    fn is_mariadb(&self) -> bool {
        match self.flavor {
            MySqlFlavor::MariaDb | MySqlFlavor::MariaDbWithoutReturning => true,
            MySqlFlavor::MySql => false,
        }
    }
}

impl Dialect for MySql {
    fn capabilities(&self) -> Capabilities {
        let levels = [
            IsolationLevel::ReadUncommitted,
            IsolationLevel::ReadCommitted,
            IsolationLevel::RepeatableRead,
            IsolationLevel::Snapshot,
            IsolationLevel::Serializable,
        ];
        let capabilities = levels.into_iter().fold(Capabilities::new(), Capabilities::with_isolation_level);
        capabilities.with_schemas().with_savepoints().with_row_locks(RowLocks::Rows)
    }

    fn query_text(&self, query: &Query) -> (String, Values) {
        match query {
            Query::Select(select) => select.build(MysqlQueryBuilder),
            Query::Insert(insert) => insert.build(MysqlQueryBuilder),
            Query::Update(update) => update.build(MysqlQueryBuilder),
            Query::Delete(delete) => delete.build(MysqlQueryBuilder),
            Query::With(with) => with.build(MysqlQueryBuilder),
        }
    }

    fn schema_text(&self, statement: &SchemaStatement) -> String {
        match statement {
            SchemaStatement::CreateTable(create) => create.to_string(MysqlQueryBuilder),
            SchemaStatement::CreateIndex(create) => create.to_string(MysqlQueryBuilder),
            SchemaStatement::CreateForeignKey(create) => create.to_string(MysqlQueryBuilder),
            SchemaStatement::DropTable(drop) => drop.to_string(MysqlQueryBuilder),
        }
    }

    fn explain(&self) -> &'static str {
        "EXPLAIN"
    }

    fn check(&self, value: &Value) -> Result<(), ValueError> {
        store::check(value)
    }

    fn no_limit(&self) -> Option<i64> {
        Some(i64::MAX)
    }

    fn lock(&self, select: &mut SelectStatement, root: Alias, lock: RowLock) {
        for_update(select, root, lock);
    }

    fn text_form(&self, matching: TextMatch, text: &str, values: &mut Vec<Bound>) -> TextForm {
        let bytes = || Value::Bytes(text.as_bytes().to_vec());
        let (form, value) = match matching {
            TextMatch::Like => (TextForm::Like, Value::Text(text.to_owned())),
            TextMatch::LikeIgnoringCase => (TextForm::LikeIgnoringCase, Value::Text(text.to_owned())),
            TextMatch::StartsWith => (TextForm::StartsWith, bytes()),
            TextMatch::EndsWith => {
                let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
                values.push(Value::Int(length).into());
                (TextForm::EndsWith, bytes())
            }
            TextMatch::Contains => (TextForm::Contains, bytes()),
        };
        values.push(value.into());
        form
    }

    /// Literal matches compare bytes, which mind neither the collation of the column nor that of the connection.
    fn text_match(&self, form: TextForm, column: Expr, binds: Vec<Expr>) -> Expr {
        let mut binds = binds.into_iter();
        let mut bind = || binds.next().unwrap_or(Expr::Keyword(sea_query::Keyword::Null));
        let bytes = |column| Expr::cust_with_exprs("CAST(CONVERT(? USING utf8mb4) AS BINARY)", [column]);
        match form {
            TextForm::Like => Expr::cust_with_exprs("? LIKE ? ESCAPE ''", [column, bind()]),
            TextForm::LikeIgnoringCase => {
                Expr::cust_with_exprs("LOWER(?) LIKE LOWER(?) ESCAPE ''", [column, bind()])
            }
            TextForm::Contains => instr(bytes(column), bind()).gt(constant(0)),
            TextForm::StartsWith => instr(bytes(column), bind()).eq(constant(1)),
            TextForm::EndsWith => Expr::from(Func::cust("RIGHT").args([bytes(column), bind()])).eq(bind()),
        }
    }

    fn calculates(&self, _: ColumnType) -> bool {
        true
    }

    /// The average of exact numbers would be cut behind four more digits.
    fn average(&self, of: Expr) -> Expr {
        Func::avg(of.cast_as("DOUBLE")).into()
    }

    fn call(&self, function: Function, arguments: Vec<Expr>) -> Expr {
        match function {
            Function::Length => Func::cust("char_length").args(arguments).into(),
            Function::Concat => Func::cust("concat").args(arguments).into(),
            other => plain_call(other, arguments),
        }
    }

    fn sequence(&self, parts: usize) -> String {
        format!("({})", vec!["?"; parts].join(" "))
    }

    fn numbers_placeholders(&self) -> bool {
        true
    }

    fn placeholder(&self, _: usize) -> String {
        "?".to_owned()
    }

    fn statement_effect(&self, pieces: &[TextPiece<'_>]) -> Result<RawEffect, String> {
        words::statement_effect(&LEXICON, pieces)
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
        if width != 1 {
            return Err(SetError::Mixed);
        }
        let padded = keys.len().next_power_of_two();
        let repeated = keys.iter().chain(keys.last().into_iter().cycle());
        values.extend(repeated.take(padded).flat_map(|key| key.iter().cloned().map(Bound::from)));
        Ok(SetForm::List(padded))
    }

    fn set_rows(&self, _: &[Element], _: Vec<Expr>) -> SelectStatement {
        SelectStatement::new()
    }

    fn same(&self, left: Expr, right: Expr) -> Expr {
        left.binary(BinOper::Custom("<=>"), right)
    }

    fn rows(&self, _: &[ColumnType]) -> Box<dyn RowsWriter> {
        Box::new(OneByOne)
    }

    fn row_source(&self, _: &[ColumnType], _: Vec<Expr>) -> RowSource {
        RowSource { table: Alias::new("k").into(), columns: Vec::new(), ordinal: constant(0) }
    }

    fn keys(&self) -> Keys {
        Keys::Reserved(|_, _, _| constant(0))
    }

    fn column(&self, table: &Table, column: &Column) -> Result<ColumnDef, ValueError> {
        column::definition(table, column)
    }

    fn length_check(&self, table: &Table, column: &Column) -> Option<(Alias, Expr)> {
        column::length(table, column)
    }

    fn table_suffix(&self) -> Option<&'static str> {
        Some(match self.is_mariadb() {
            true => "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin",
            false => "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin",
        })
    }

    fn create_schema(&self, name: &str) -> String {
        format!("CREATE DATABASE IF NOT EXISTS `{}`", name.replace('`', "``"))
    }

    fn has_late_foreign_keys(&self) -> bool {
        true
    }
}

/// Hands over no rows together.
struct OneByOne;

impl RowsWriter for OneByOne {
    fn row(&mut self, _: &mut dyn Iterator<Item = &Value>) -> bool {
        false
    }

    fn size(&self) -> usize {
        0
    }

    fn finish(self: Box<Self>) -> Vec<Bound> {
        Vec::new()
    }
}

fn instr(text: Expr, part: Expr) -> Expr {
    Func::cust("INSTR").args([text, part]).into()
}

/// A number of this crate's own, written into the text.
fn constant(number: i64) -> Expr {
    Expr::Constant(sea_query::Value::BigInt(Some(number)))
}
