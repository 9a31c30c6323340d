//! Values that are at hand, such as those that came back from a write, or are in memory, read as a row.

use std::borrow::Cow;

use super::row::RowReader;
use crate::value::{ColumnType, Value, ValueError};

/// One row of values.
pub(crate) struct ValueRow<'a>(pub(crate) &'a [Value]);

impl ValueRow<'_> {
    fn value(&self, index: usize) -> Result<&Value, ValueError> {
        self.0.get(index).ok_or(ValueError::WrongType { expected: "a column", found: "none".to_owned() })
    }
}

fn wrong(expected: &'static str, found: &Value) -> ValueError {
    ValueError::WrongType { expected, found: found.kind().to_owned() }
}

macro_rules! read {
    ($($method:ident -> $type:ty, $expected:literal: $pattern:pat => $value:expr;)+) => { $(
        fn $method(&self, index: usize) -> Result<$type, ValueError> {
            match self.value(index)? {
                $pattern => Ok($value),
                other => Err(wrong($expected, other)),
            }
        }
    )+ };
}

impl RowReader for ValueRow<'_> {
    fn is_null(&self, index: usize) -> Result<bool, ValueError> {
        self.value(index).map(Value::is_null)
    }

    read! {
        bool -> bool, "bool": Value::Bool(value) => *value;
        int -> i64, "integer": Value::Int(value) => *value;
        float -> f64, "float": Value::Float(value) => *value;
        bytes -> &[u8], "bytes": Value::Bytes(value) => value;
        uuid -> u128, "uuid": Value::Uuid(value) => *value;
        date -> i32, "date": Value::Date(value) => *value;
        time -> i64, "time": Value::Time(value) => *value;
        datetime -> i64, "date and time": Value::DateTime(value) => *value;
        timestamp -> i64, "timestamp": Value::Timestamp(value) => *value;
        decimal -> Cow<'_, str>, "decimal": Value::Decimal(value) => Cow::Borrowed(value.as_str());
        json -> &str, "json": Value::Json(value) => value;
    }

    fn text(&self, index: usize) -> Result<&str, ValueError> {
        match self.value(index)? {
            Value::Text(text) => Ok(text),
            Value::Enum(_, label) => Ok(label),
            other => Err(wrong("text", other)),
        }
    }

    fn array(&self, index: usize, _: &'static ColumnType) -> Result<Vec<Value>, ValueError> {
        match self.value(index)? {
            Value::Array(_, values) => Ok(values.clone()),
            other => Err(wrong("list", other)),
        }
    }
}
