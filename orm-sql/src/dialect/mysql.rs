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
//! | enum | text with a check of its labels |
//! | list | `longtext`, a list of JSON; a NaN or an infinity in it is refused |
//! | JSON | `json` |
//!
//! `contains`, `starts_with` and `ends_with` compare bytes, as the methods of `str` do. `like` has the wildcards `%` and
//! `_`, without an escape character, and minds the case as far as the column's collation does.

mod alter;
mod catalog;
mod column;
mod index;
mod joined;
mod list;
mod rows;
mod set;
mod store;

use orm_core::condition::{Function, ListMatch, NullPlace, TextMatch};
use orm_core::driver::{
    Capabilities, IdentifierLength, IsolationLevel, LockStrength, LockWait, RawEffect, Reads, RowLock,
    RowLocks,
};
use orm_core::schema::database::DatabaseColumn;
use orm_core::schema::{Column, Table, TableIndex};
use orm_core::value::{ColumnType, KeyValues, Value, ValueError};
use sea_query::{
    Alias, BinOper, Check, ColumnDef, DynIden, Expr, ExprTrait, Func, InsertStatement, LockBehavior,
    LockType, MysqlQueryBuilder, SelectStatement, TableName, TableRef, Values,
};

use super::words::{self, Comments, Lexicon, ScriptProblem, ScriptStatement};
use super::{
    Dialect, Element, JoinedWrites, Keys, NewValue, NullsForm, Operands, Pieces, Query, RowSource,
    RowsWriter, SchemaStatement, SetError, SetForm, TextForm, TextPiece, plain_call,
};
use crate::schema::alter::Alterations;
use crate::statement::Bound;

pub use catalog::read_table;

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
pub(crate) fn dialect(flavor: MySqlFlavor) -> &'static MySql {
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
    escaping_quotes: &['\'', '"'],
    comments: Comments::MySql,
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
        capabilities
            .with_schemas()
            .with_savepoints()
            .with_row_locks(RowLocks::Rows)
            .with_reads(Reads::AsFirstRead)
            .with_identifier_length(IdentifierLength::Characters(64))
    }

    fn name(&self) -> &'static str {
        if self.is_mariadb() { "mariadb" } else { "mysql" }
    }

    fn query_text(&self, query: &Query) -> (String, Values) {
        match query {
            Query::Select(select) => {
                let (text, values) = select.build(MysqlQueryBuilder);
                (with_shared_lock(text), values)
            }
            Query::Insert(insert) => insert.build(MysqlQueryBuilder),
            Query::Update(update) => update.build(MysqlQueryBuilder),
            Query::Delete(delete) => delete.build(MysqlQueryBuilder),
            Query::With(with) => with.build(MysqlQueryBuilder),
            Query::Pieces(pieces) => pieces.build(|| MysqlQueryBuilder),
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

    /// MariaDB locks the rows of all tables that are read.
    fn lock(&self, select: &mut SelectStatement, root: Alias, lock: RowLock) {
        let strength = match lock.strength {
            LockStrength::Update => LockType::Update,
            LockStrength::Share if self.is_mariadb() => LockType::Share,
            LockStrength::Share => SHARED,
        };
        let behavior = match lock.wait {
            LockWait::Block => None,
            LockWait::NoWait => Some(LockBehavior::Nowait),
            LockWait::SkipLocked => Some(LockBehavior::SkipLocked),
        };
        match (self.is_mariadb(), behavior) {
            (true, None) => select.lock(strength),
            (true, Some(behavior)) => select.lock_with_behavior(strength, behavior),
            (false, None) => select.lock_with_tables(strength, [root]),
            (false, Some(behavior)) => select.lock_with_tables_behavior(strength, [root], behavior),
        };
    }

    fn text_form(&self, matching: TextMatch, text: &str, values: &mut Vec<Bound>) -> TextForm {
        let bytes = || Value::Bytes(text.as_bytes().to_vec());
        // MariaDB can't do without an escape character, so that it stands for itself.
        let pattern = || Value::Text(text.replace('\\', "\\\\"));
        let (form, value) = match matching {
            TextMatch::Like => (TextForm::Like, pattern()),
            TextMatch::LikeIgnoringCase => (TextForm::LikeIgnoringCase, pattern()),
            TextMatch::StartsWith => (TextForm::StartsWith, bytes()),
            // Everything ends with nothing.
            TextMatch::EndsWith if text.is_empty() => (TextForm::Contains, bytes()),
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
            TextForm::Like => column.binary(BinOper::Like, bind()),
            TextForm::LikeIgnoringCase => {
                let lower = |text| Expr::from(Func::lower(text));
                lower(column).binary(BinOper::Like, lower(bind()))
            }
            TextForm::Contains => instr(bytes(column), bind()).gt(constant(0)),
            TextForm::StartsWith => instr(bytes(column), bind()).eq(constant(1)),
            TextForm::EndsWith => Expr::from(Func::cust("RIGHT").args([bytes(column), bind()])).eq(bind()),
        }
    }

    /// MySQL compares documents of JSON exactly but for decimals, which are texts in them. MariaDB compares integers in them
    /// as floats, so that it reads the elements out, as both do for decimals.
    fn list_match(&self, matching: ListMatch, element: ColumnType, column: Expr, list: Expr) -> Expr {
        if self.is_mariadb() || element == ColumnType::Decimal {
            return list::by_elements(matching, element, column, list);
        }
        let function = match matching {
            ListMatch::ContainsAll => "JSON_CONTAINS",
            ListMatch::Overlaps => "JSON_OVERLAPS",
        };
        Func::cust(function).args([column, list]).into()
    }

    fn calculates(&self, _: ColumnType) -> bool {
        true
    }

    /// `/` of integers is a decimal here.
    fn quotient(&self, left: Expr, right: Expr, operands: Operands) -> Expr {
        match operands {
            Operands::Integers => left.binary(BinOper::Custom("DIV"), right),
            Operands::Others => left.div(right),
        }
    }

    /// The average of exact numbers would be cut behind four more digits.
    fn average(&self, of: Expr) -> Expr {
        Func::avg(of.cast_as("DOUBLE")).into()
    }

    fn call(&self, function: Function, arguments: Vec<Expr>) -> Expr {
        match function {
            Function::Length => Func::cust("char_length").args(arguments).into(),
            Function::ListLength => Func::cust("json_length").args(arguments).into(),
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
        set::form(keys, width, values)
    }

    fn set_rows(&self, elements: &[Element], binds: Vec<Expr>) -> SelectStatement {
        let types: Vec<ColumnType> = elements.iter().map(Element::column_type).collect();
        let source = self.row_source(&types, binds);
        let mut rows = SelectStatement::new();
        rows.exprs(source.compared).from(source.table);
        rows
    }

    fn typed(&self, bind: Expr, column_type: ColumnType) -> Expr {
        match rows::cast_name(column_type) {
            Some(name) => bind.cast_as(name),
            None => bind,
        }
    }

    /// A text is never equal to a document of MySQL; to one of MariaDB, which is a text, it is.
    fn compared_with(&self, bind: Expr, column_type: ColumnType) -> Expr {
        if column_type == ColumnType::Json && !self.is_mariadb() { bind.cast_as("JSON") } else { bind }
    }

    fn same(&self, left: Expr, right: Expr) -> Expr {
        left.binary(BinOper::Custom("<=>"), right)
    }

    fn rows(&self, _: &[ColumnType]) -> Box<dyn RowsWriter> {
        Box::new(rows::Document::new())
    }

    fn row_source(&self, types: &[ColumnType], binds: Vec<Expr>) -> RowSource {
        let json = if self.is_mariadb() { rows::JsonColumn::Text } else { rows::JsonColumn::Own };
        rows::source(types, binds, json)
    }

    /// Keys are given to the rows of one statement in their order, whatever the step between them and whoever else
    /// inserts: <https://dev.mysql.com/doc/refman/8.4/en/innodb-auto-increment-handling.html>. Of a statement that lists
    /// its rows, so that their number is known before, they are also consecutive.
    fn keys(&self) -> Keys {
        Keys::Ascending
    }

    /// A document and what stands around it must fit into `max_allowed_packet`, of which MariaDB has 16 MiB unless told
    /// otherwise. In JSON a text can be six times as long.
    fn largest_statement(&self) -> usize {
        2 << 20
    }

    fn most_placeholders(&self) -> usize {
        65_535
    }

    fn gives_back_inserted(&self) -> bool {
        self.flavor == MySqlFlavor::MariaDb
    }

    fn insert_returning(&self, insert: InsertStatement, returning: Vec<DynIden>) -> Query {
        if returning.is_empty() {
            return Query::Insert(insert);
        }
        let pieces = Pieces::default().insert(insert).text(" RETURNING ");
        Query::Pieces(pieces.list(returning, Pieces::name))
    }

    /// `INSERT IGNORE` would ignore every error.
    fn insert_missing(&self, insert: InsertStatement, table: TableName, key: Vec<DynIden>) -> Query {
        let first = key.first().cloned();
        let held = first.map(|column| (column, NewValue::Held));
        Query::Pieces(self.upsert(insert, table, key, held.into_iter().collect()))
    }

    fn joined_writes(&self) -> Option<&dyn JoinedWrites> {
        Some(self)
    }

    /// MariaDB knows no alias in a delete from one table.
    fn delete(&self, target: TableRef, alias: Alias, predicate: Expr) -> Query {
        let pieces = Pieces::default().text("DELETE ").name(alias.into()).text(" FROM ").table(target);
        Query::Pieces(pieces.text(" WHERE ").expr(predicate))
    }

    fn nulls_form(&self, descending: bool, nulls: NullPlace) -> NullsForm {
        match (descending, nulls) {
            (false, NullPlace::First) | (true, NullPlace::Last) => NullsForm::Implied,
            (false, NullPlace::Last) | (true, NullPlace::First) => NullsForm::Column,
        }
    }

    fn column(&self, table: &Table, column: &Column) -> Result<ColumnDef, ValueError> {
        column::definition(table, column)
    }

    fn column_check(&self, table: &Table, column: &Column) -> Option<Check> {
        column::check(table, column)
    }

    fn is_implied_check(&self, column: &DatabaseColumn, expression: &str) -> bool {
        catalog::is_json_check(column, expression)
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

    fn alterations(&self) -> Option<&'static dyn Alterations> {
        Some(dialect(self.flavor))
    }

    fn quote(&self) -> char {
        '`'
    }

    /// Names are kept in characters of three bytes: <https://dev.mysql.com/doc/refman/8.4/en/identifiers.html>.
    fn refuse_name(&self, name: &str) -> Option<String> {
        if name.chars().any(|char| u32::from(char) > 0xffff) {
            return Some("has a character that this database does not take in one; leave it out".to_owned());
        }
        let ends_badly = name.ends_with(' ');
        ends_badly.then(|| "ends with a space, which this database does not take; leave it out".to_owned())
    }

    fn conditional_index(&self, table: &Table, index: &TableIndex) -> Result<Option<String>, ValueError> {
        let condition = index.condition.as_ref();
        condition.map(|condition| self.index_where(table, index, condition)).transpose()
    }

    fn drops_together(&self) -> bool {
        true
    }

    /// MySQL drops tables that refer to one another if all of them go by one statement, MariaDB does not.
    fn drop_reference(&self, table: TableName, name: &str) -> Option<String> {
        self.is_mariadb().then(|| {
            let pieces = Pieces::default().text("ALTER TABLE IF EXISTS ").table(table.into());
            let pieces = pieces.text(" DROP FOREIGN KEY IF EXISTS ").name(Alias::new(name).into());
            pieces.build(|| MysqlQueryBuilder).0
        })
    }
}

/// What stands for `FOR SHARE` until the text is written: sea-query says `LOCK IN SHARE MODE`, which takes neither a table
/// nor a way to wait in MySQL.
const SHARED: LockType = LockType::KeyShare;

/// Writes `FOR SHARE` for [`SHARED`], which stands at the end, before the alias of a table and how to wait.
fn with_shared_lock(text: String) -> String {
    const WRITTEN: &str = " FOR KEY SHARE OF `";
    let Some((before, behind)) = text.rsplit_once(WRITTEN) else { return text };
    let wait = behind.trim_start_matches(|char: char| char.is_ascii_alphanumeric());
    match wait {
        "`" | "` NOWAIT" | "` SKIP LOCKED" => format!("{before} FOR SHARE OF `{behind}"),
        _ => text,
    }
}

fn instr(text: Expr, part: Expr) -> Expr {
    Func::cust("INSTR").args([text, part]).into()
}

/// A number of this crate's own, written into the text.
fn constant(number: i64) -> Expr {
    Expr::Constant(sea_query::Value::BigInt(Some(number)))
}
