//! PostgreSQL: what it can hold, and its forms of sets, texts and tables.
//!
//! Values travel in types of their own, sets and rows as arrays, so that a text serves any number of them.
//!
//! | value | column |
//! | --- | --- |
//! | bool | `boolean` |
//! | integer | `smallint`, `integer`, `bigint`; an unsigned one in the next larger type |
//! | float | `real`, `double precision` |
//! | text | `text`, with a check of its length; a NUL is refused, since no text of PostgreSQL holds one |
//! | bytes | `bytea` |
//! | UUID | `uuid` |
//! | date, time, date and time | `date`, `time`, `timestamp` |
//! | timestamp | `timestamptz` |
//! | enum | a type of its own, or `text` with a check of its labels |
//! | list | an array; of an enum, of `text` |
//! | decimal | `numeric`, with as many digits as given |
//! | JSON | `jsonb` |
//!
//! `contains`, `starts_with` and `ends_with` compare literally. `like` has the wildcards `%` and `_`, without an escape
//! character, and minds the case.

mod alter;
mod catalog;
mod rows;
mod store;

use orm_core::condition::{ListMatch, TextMatch};
use orm_core::driver::{
    Capabilities, IdentifierLength, IsolationLevel, NullOrder, RawEffect, RowLock, RowLocks,
};
use orm_core::metadata::description::GeneratedStorage;
use orm_core::schema::{Column, Enumeration, Table, View, labels_check, length_check};
use orm_core::value::{ColumnType, EnumType, KeyValues, Value, ValueError};
use sea_query::{
    Alias, BinOper, Check, ColumnDef, Expr, ExprTrait, Func, PostgresQueryBuilder, SelectStatement, Values,
};

use super::words::{self, Comments, Lexicon, ScriptProblem, ScriptStatement};
use super::{
    Dialect, Element, Keys, Query, RowSource, RowsWriter, SchemaStatement, SetError, SetForm, TextForm,
    TextPiece, default_literal, for_update, label_check,
};
use crate::schema::alter::Alterations;
use crate::statement::{Bound, tuple};

pub use catalog::{column_type, type_length};

/// The one PostgreSQL dialect.
#[derive(Debug)]
pub(crate) struct Postgres;

/// What its texts are made of: <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>.
const LEXICON: Lexicon = Lexicon {
    quotes: &[('\'', '\''), ('"', '"')],
    escaping_quotes: &[],
    comments: Comments::Dashes,
    has_escape_strings: true,
    has_dollar_quotes: true,
    comments_nest: true,
    own_placeholders: &['$'],
    is_question_mark_own: false,
    reads: &["select", "values", "explain", "show", "table"],
    writes: &["insert", "update", "delete", "merge"],
    ends_transactions: &[
        "begin",
        "start",
        "commit",
        "end",
        "abort",
        "rollback",
        "savepoint",
        "release",
        "prepare",
    ],
};

impl Dialect for Postgres {
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
            .with_null_order(NullOrder::Largest)
            // NAMEDATALEN without its NUL.
            .with_identifier_length(IdentifierLength::Bytes(63))
    }

    fn name(&self) -> &'static str {
        "postgres"
    }

    fn query_text(&self, query: &Query) -> (String, Values) {
        match query {
            Query::Select(select) => select.build(PostgresQueryBuilder),
            Query::Insert(insert) => insert.build(PostgresQueryBuilder),
            Query::Update(update) => update.build(PostgresQueryBuilder),
            Query::Delete(delete) => delete.build(PostgresQueryBuilder),
            Query::With(with) => with.build(PostgresQueryBuilder),
            Query::Pieces(pieces) => pieces.build(|| PostgresQueryBuilder),
        }
    }

    fn schema_text(&self, statement: &SchemaStatement) -> String {
        match statement {
            SchemaStatement::CreateTable(create) => create.to_string(PostgresQueryBuilder),
            SchemaStatement::CreateIndex(create) => create.to_string(PostgresQueryBuilder),
            SchemaStatement::CreateForeignKey(create) => create.to_string(PostgresQueryBuilder),
            SchemaStatement::DropTable(drop) => drop.to_string(PostgresQueryBuilder),
        }
    }

    fn explain(&self) -> &'static str {
        "EXPLAIN"
    }

    fn check(&self, value: &Value) -> Result<(), ValueError> {
        store::check(value)
    }

    fn typed(&self, bind: Expr, column_type: ColumnType) -> Expr {
        bind.cast_as(Alias::new(rows::type_name(column_type)))
    }

    fn same(&self, left: Expr, right: Expr) -> Expr {
        left.binary(BinOper::Custom("IS NOT DISTINCT FROM"), right)
    }

    fn lock(&self, select: &mut SelectStatement, root: Alias, lock: RowLock) {
        for_update(select, root, lock);
    }

    fn text_form(&self, matching: TextMatch, text: &str, values: &mut Vec<Bound>) -> TextForm {
        let value = || Bound::from(Value::Text(text.to_owned()));
        values.push(value());
        match matching {
            TextMatch::Like => TextForm::Like,
            TextMatch::LikeIgnoringCase => TextForm::LikeIgnoringCase,
            TextMatch::Contains => TextForm::Contains,
            TextMatch::StartsWith => TextForm::StartsWith,
            TextMatch::EndsWith => {
                values.push(value());
                TextForm::EndsWith
            }
        }
    }

    fn text_match(&self, form: TextForm, column: Expr, binds: Vec<Expr>) -> Expr {
        let mut binds = binds.into_iter();
        let mut bind = || binds.next().unwrap_or(Expr::Keyword(sea_query::Keyword::Null));
        match form {
            TextForm::Like => Expr::cust_with_exprs("$1 LIKE $2 ESCAPE ''", [column, bind()]),
            TextForm::LikeIgnoringCase => Expr::cust_with_exprs("$1 ILIKE $2 ESCAPE ''", [column, bind()]),
            TextForm::Contains => Expr::from(Func::cust("strpos").args([column, bind()])).gt(constant(0)),
            TextForm::StartsWith => Func::cust("starts_with").args([column, bind()]).into(),
            TextForm::EndsWith => {
                let length = Func::cust("length").arg(bind());
                Expr::from(Func::cust("right").args([column, length.into()])).eq(bind())
            }
        }
    }

    /// An index of the kind GIN on the column serves both.
    fn list_match(&self, matching: ListMatch, _: ColumnType, column: Expr, list: Expr) -> Expr {
        let operator = match matching {
            ListMatch::ContainsAll => "@>",
            ListMatch::Overlaps => "&&",
        };
        column.binary(BinOper::Custom(operator), list)
    }

    fn calculates(&self, _: ColumnType) -> bool {
        true
    }

    /// The average of exact numbers is exact here, and read as a float.
    fn average(&self, of: Expr) -> Expr {
        Expr::from(Func::avg(of)).cast_as("double precision")
    }

    fn sequence(&self, parts: usize) -> String {
        let parts: Vec<String> = (1..=parts).map(|part| format!("${part}")).collect();
        format!("({})", parts.join(" "))
    }

    fn numbers_placeholders(&self) -> bool {
        true
    }

    fn placeholder(&self, number: usize) -> String {
        format!("${number}")
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
        rows::set_form(keys, width, values)
    }

    fn set_rows(&self, elements: &[Element], binds: Vec<Expr>) -> SelectStatement {
        let types: Vec<ColumnType> = elements.iter().map(Element::column_type).collect();
        let source = rows::source(&types, binds);
        let mut rows = SelectStatement::new();
        rows.exprs(source.columns).from(source.table);
        rows
    }

    fn in_document(&self, columns: Vec<Expr>, elements: &[Element], mut binds: Vec<Expr>) -> Expr {
        match (columns.as_slice(), binds.len()) {
            // What is handed over is an array of texts that are arrays themselves.
            ([_], 1) if matches!(elements, [Element::Array(ColumnType::Array(_))]) => {
                tuple(columns).in_subquery(self.set_rows(elements, binds))
            }
            ([column], 1) => {
                let array = match elements {
                    [Element::Array(labels @ ColumnType::Enum(EnumType { name: Some(_), .. }))] => {
                        binds.remove(0).cast_as(Alias::new(format!("{}[]", rows::type_name(*labels))))
                    }
                    _ => binds.remove(0),
                };
                column.clone().eq(Func::cust("ANY").arg(array))
            }
            _ => tuple(columns).in_subquery(self.set_rows(elements, binds)),
        }
    }

    fn rows(&self, types: &[ColumnType]) -> Box<dyn RowsWriter> {
        Box::new(rows::Arrays::new(types))
    }

    fn row_source(&self, types: &[ColumnType], binds: Vec<Expr>) -> RowSource {
        rows::source(types, binds)
    }

    fn keys(&self) -> Keys {
        Keys::Reserved(next_key)
    }

    fn column(&self, table: &Table, column: &Column) -> Result<ColumnDef, ValueError> {
        let mut definition = ColumnDef::new(column.name.clone());
        let is_generated = table.generated_key.as_ref() == Some(&column.name);
        let own_type = column.enumeration.as_ref().and_then(|enumeration| enumeration.name.as_deref());
        match (column.column_type, own_type) {
            (column_type, _) if is_generated => definition
                .custom(format!("{} GENERATED BY DEFAULT AS IDENTITY", rows::type_name(column_type))),
            (_, Some(name)) => definition.custom(quoted(name)),
            (column_type, None) => definition.custom(Alias::new(rows::type_name(column_type))),
        };
        if !column.nullable {
            definition.not_null();
        }
        if let Some(default) = &column.default {
            store::check_default(default)?;
            definition.default(default_literal(default)?);
        }
        if let Some(generated) = &column.generated {
            check_storage(generated.storage)?;
            definition.generated(Expr::cust(generated.expression.clone()), true);
        }
        if is_generated {
            definition.primary_key();
        }
        if let Some(length) = column.length {
            // `varchar(n)` would not say which column was too short.
            let measure =
                if column.column_type == ColumnType::Bytes { "octet_length" } else { "char_length" };
            let within = Expr::from(Func::cust(measure).arg(Expr::col(column.name.clone())));
            let name = Alias::new(length_check(&table.name, &column.name));
            definition.check((name, within.lte(constant(length.into()))));
        }
        if let Some(enumeration) = column.enumeration.as_ref().filter(|one| one.name.is_none()) {
            let are_elements = column.column_type != ColumnType::Text;
            let elements = are_elements.then(|| element_check(table, column, enumeration));
            if let Some(check) = label_check(table, column).or(elements) {
                definition.check(check);
            }
        }
        Ok(definition)
    }

    fn comments(&self, table: &Table) -> Vec<String> {
        let place = place(table.schema.as_deref(), &table.name);
        let of_table = table.comment.as_ref().map(|comment| comment_on("TABLE", &place, comment));
        let of_columns = table.columns.iter().filter_map(|column| {
            let comment = column.comment.as_ref()?;
            Some(comment_on("COLUMN", &format!("{place}.{}", quoted(&column.name)), comment))
        });
        of_table.into_iter().chain(of_columns).collect()
    }

    fn view_comment(&self, view: &View) -> Option<String> {
        let place = place(view.schema.as_deref(), &view.name);
        view.comment.as_ref().map(|comment| comment_on("VIEW", &place, comment))
    }

    fn enum_type(&self, name: &str, enumeration: &Enumeration) -> Option<[String; 2]> {
        let name = quoted(name);
        let labels: Vec<String> = enumeration.labels.iter().map(|label| text_literal(label)).collect();
        let create = format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", "));
        Some([create, format!("DROP TYPE IF EXISTS {name}")])
    }

    fn has_late_foreign_keys(&self) -> bool {
        true
    }

    fn drops_with_references(&self) -> bool {
        true
    }

    fn alterations(&self) -> Option<&'static dyn Alterations> {
        Some(&Postgres)
    }
}

/// The next value of the sequence behind a column, looked up once a statement.
fn next_key(schema: Option<&str>, table: &str, column: &str) -> Expr {
    let place = place(schema, table);
    let text = |text: String| Expr::Constant(sea_query::Value::String(Some(text)));
    let mut sequence = SelectStatement::new();
    sequence.expr(Func::cust("pg_get_serial_sequence").args([text(place), text(column.to_owned())]));
    let sequence = Expr::SubQuery(None, Box::new(sequence.into()));
    Func::cust("nextval").arg(sequence).into()
}

/// Versions before 18 have no others, and 18 can't have an index on them.
fn check_storage(storage: GeneratedStorage) -> Result<(), ValueError> {
    match storage {
        GeneratedStorage::Stored => Ok(()),
        GeneratedStorage::Virtual => Err(ValueError::Invalid {
            expected: "generated column",
            reason: "PostgreSQL keeps the values of generated columns; leave out `virtual`".to_owned(),
        }),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A table's name, in its schema.
fn place(schema: Option<&str>, table: &str) -> String {
    match schema {
        Some(schema) => format!("{}.{}", quoted(schema), quoted(table)),
        None => quoted(table),
    }
}

fn comment_on(what: &str, place: &str, comment: &str) -> String {
    // With escapes told, a backslash means the same however the server is set.
    let escapes = if comment.contains('\\') { "E" } else { "" };
    let comment = comment.replace('\\', "\\\\").replace('\'', "''");
    format!("COMMENT ON {what} {place} IS {escapes}'{comment}'")
}

/// The check that an array holds nothing but labels of an enum.
fn element_check(table: &Table, column: &Column, enumeration: &Enumeration) -> Check {
    let labels: Vec<String> = enumeration.labels.iter().map(|label| text_literal(label)).collect();
    let labels = Expr::cust(format!("ARRAY[{}]::text[]", labels.join(", ")));
    let are_labels = Expr::col(column.name.clone()).binary(BinOper::Custom("<@"), labels);
    (Alias::new(labels_check(&table.name, &column.name)), are_labels).into()
}

/// A text as it stands in a statement; no backslash in it is one of an escape.
fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn constant(number: i64) -> Expr {
    Expr::Constant(sea_query::Value::BigInt(Some(number)))
}
