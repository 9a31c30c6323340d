//! Rows of values as one JSON document, an array of arrays, so that a text serves any number of them.
//!
//! Nothing may be lost on the way: every value travels as a JSON string, which `JSON_TABLE` turns into the type of its
//! column as it would turn a literal: numbers of every kind digit by digit, bytes as hexadecimal digits.
//!
//! A column of `JSON_TABLE` has a collation of its own, which can't be compared with that of every table. A text that is
//! compared is therefore taken out a second time by `JSON_UNQUOTE`, whose collation gives way, as that of a literal does.

use std::fmt::Write as _;

use orm_core::value::{ColumnType, Value};
use sea_query::{Alias, Expr, ExprTrait, Func, TableRef};

use super::constant;
use crate::dialect::json::{push_bytes, push_number, push_text};
use crate::dialect::{RowSource, RowsWriter};
use crate::statement::Bound;
use crate::{list, temporal};

/// The name of the rows.
const ROWS: &str = "k";

/// Adds a value, unless it can't travel so.
pub(super) fn push(json: &mut String, value: &Value) -> bool {
    let quoted = |json: &mut String, text: std::fmt::Arguments<'_>| {
        // Writing to a String never fails.
        let _ = write!(json, "\"{text}\"");
        true
    };
    let dated = |json: &mut String, text: Result<String, _>| match text {
        Ok(text) => quoted(json, format_args!("{text}")),
        Err(orm_core::value::ValueError::OutOfRange { .. }) | Err(_) => false,
    };
    match value {
        Value::Null => json.push_str("null"),
        Value::Bool(value) => push_number(json, i64::from(*value)),
        Value::Int(number) => push_number(json, *number),
        Value::Float(number) => return number.is_finite() && quoted(json, format_args!("{number:e}")),
        Value::Text(text) | Value::Json(text) => push_text(json, text),
        Value::Decimal(text) => push_text(json, text),
        Value::Enum(_, label) => push_text(json, label),
        Value::Array(_, values) => match list::to_json(values) {
            Ok(text) => push_text(json, &text),
            Err(_) => return false,
        },
        Value::Bytes(bytes) => push_bytes(json, bytes),
        Value::Uuid(uuid) => push_bytes(json, &uuid.to_be_bytes()),
        Value::Date(days) => return dated(json, temporal::date_text(*days)),
        Value::Time(micros) => return dated(json, temporal::time_text(*micros)),
        Value::DateTime(micros) | Value::Timestamp(micros) => {
            return dated(json, temporal::datetime_text(*micros));
        }
    }
    true
}

/// Writes the document.
pub(super) struct Document {
    json: String,
}

impl Document {
    pub(super) fn new() -> Self {
        Self { json: String::from("[") }
    }
}

impl RowsWriter for Document {
    fn row(&mut self, values: &mut dyn Iterator<Item = &Value>) -> bool {
        let before = self.json.len();
        self.json.push_str(if before > 1 { ",[" } else { "[" });
        for (at, value) in values.enumerate() {
            if at > 0 {
                self.json.push(',');
            }
            if !push(&mut self.json, value) {
                self.json.truncate(before);
                return false;
            }
        }
        self.json.push(']');
        true
    }

    fn size(&self) -> usize {
        self.json.len()
    }

    fn finish(mut self: Box<Self>) -> Vec<Bound> {
        self.json.push(']');
        vec![Value::Text(self.json).into()]
    }
}

/// What a JSON column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonColumn {
    /// A type of its own.
    Own,
    /// A text.
    Text,
}

/// `JSON_TABLE(?, '$[*]' COLUMNS (…)) AS k`.
pub(super) fn source(types: &[ColumnType], binds: Vec<Expr>, json: JsonColumn) -> RowSource {
    let is_text = |column_type: ColumnType| match column_type {
        ColumnType::Text | ColumnType::Enum(_) | ColumnType::Array(_) => true,
        ColumnType::Json => json == JsonColumn::Text,
        _ => false,
    };
    let mut definitions = String::from("ord FOR ORDINALITY");
    for (at, column_type) in types.iter().enumerate() {
        let _ =
            write!(definitions, ", `{}` {} PATH '$[{at}]' ERROR ON ERROR", name(at), type_name(*column_type));
        if is_text(*column_type) {
            let _ = write!(definitions, ", `{}` JSON PATH '$[{at}]'", compared_name(at));
        }
    }
    let document = Expr::cust_with_exprs(format!("?, '$[*]' COLUMNS ({definitions})"), binds);
    let rows = Func::cust("JSON_TABLE").arg(document);
    let columns = types.iter().enumerate().map(|(at, column_type)| match column_type {
        ColumnType::Bytes | ColumnType::Uuid => Func::cust("UNHEX").arg(column(name(at))).into(),
        _ => column(name(at)),
    });
    let compared = types.iter().enumerate().map(|(at, column_type)| match column_type {
        own if is_text(*own) => {
            let unquoted = Func::cust("JSON_UNQUOTE").arg(column(compared_name(at)));
            // MariaDB makes a text of JSON's null.
            let is_null = column(name(at)).is_null();
            let null = Expr::Keyword(sea_query::Keyword::Null);
            Func::cust("IF").args([is_null, null, unquoted.into()]).into()
        }
        ColumnType::Json => column(name(at)).cast_as("JSON"),
        ColumnType::Bytes | ColumnType::Uuid => Func::cust("UNHEX").arg(column(name(at))).into(),
        _ => column(name(at)),
    });
    RowSource {
        table: TableRef::FunctionCall(rows, Alias::new(ROWS).into()),
        columns: columns.collect(),
        compared: compared.collect(),
        ordinal: column("ord".to_owned()).sub(constant(1)),
    }
}

fn name(at: usize) -> String {
    format!("c{at}")
}

fn compared_name(at: usize) -> String {
    format!("j{at}")
}

fn column(name: String) -> Expr {
    Expr::col((Alias::new(ROWS), Alias::new(name)))
}

/// The type that a value is given when it is taken out of the document.
fn type_name(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Bool => "TINYINT",
        ColumnType::Int(_) | ColumnType::UnsignedInt(_) => "BIGINT",
        ColumnType::Float | ColumnType::Double => "DOUBLE",
        ColumnType::Date => "DATE",
        ColumnType::Time => "TIME(6)",
        ColumnType::DateTime | ColumnType::Timestamp => "DATETIME(6)",
        ColumnType::Decimal => "DECIMAL(65,30)",
        _ => "LONGTEXT CHARACTER SET utf8mb4",
    }
}

/// The type that a placeholder is cast to where none follows from what stands around it. A text stays without: its collation
/// gives way.
pub(super) fn cast_name(column_type: ColumnType) -> Option<&'static str> {
    match column_type {
        ColumnType::Int(_) | ColumnType::UnsignedInt(_) => Some("SIGNED"),
        ColumnType::Float | ColumnType::Double => Some("DOUBLE"),
        ColumnType::Date => Some("DATE"),
        ColumnType::Time => Some("TIME(6)"),
        ColumnType::DateTime | ColumnType::Timestamp => Some("DATETIME(6)"),
        ColumnType::Decimal => Some("DECIMAL(65,30)"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_travel_digit_by_digit() {
        let mut document = Document::new();
        let row = [
            Value::Int(i64::MIN),
            Value::Float(-0.0),
            Value::Float(1.0 / 3.0),
            Value::Text("a\"\0".to_owned()),
            Value::Bytes(vec![0, 255]),
            Value::Uuid(1),
            Value::Date(0),
            Value::Time(1),
            Value::Timestamp(-1),
            Value::Decimal("1.50".to_owned()),
            Value::Json("{\"a\":1}".to_owned()),
            Value::Null,
        ];
        assert!(document.row(&mut row.iter()));
        assert!(!document.row(&mut [Value::Float(f64::NAN)].iter()));
        assert!(document.row(&mut [Value::Bool(true)].iter()));
        let json = concat!(
            r#"[[-9223372036854775808,"-0e0","3.333333333333333e-1","a\"\u0000","00ff","#,
            r#""00000000000000000000000000000001","1970-01-01","00:00:00.000001","1969-12-31 23:59:59.999999","#,
            r#""1.50","{\"a\":1}",null],[1]]"#
        );
        assert_eq!(Box::new(document).finish(), [Value::Text(json.to_owned())]);
    }
}
