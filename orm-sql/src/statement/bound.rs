//! What is bound to the placeholders of a statement.

use std::fmt::{self, Write as _};

use orm_core::value::{ColumnType, Value, uuid_text};

use crate::temporal;

/// What is bound to one placeholder.
///
/// A text is prepared once and serves many values, so that what a placeholder takes must follow from the text: a NULL
/// for a column says which type the column has.
#[derive(Clone, PartialEq)]
pub enum Bound {
    /// A value of its own kind.
    Value(Value),
    /// NULL, for a column of this type.
    Null(ColumnType),
    /// Values of one column, NULL among them, as one array. Only where the database has arrays.
    Array(ColumnType, Vec<Value>),
}

impl Bound {
    /// `value`, for a column of type `column_type`.
    #[must_use]
    pub fn of(value: Value, column_type: ColumnType) -> Self {
        match value {
            Value::Null => Self::Null(column_type),
            value => Self::Value(value),
        }
    }

    /// How many bytes it has on the wire, roughly.
    #[must_use]
    pub fn size(&self) -> usize {
        const FIXED: usize = 16;
        match self {
            Self::Value(value) => FIXED + value_size(value),
            Self::Null(_) => FIXED,
            Self::Array(_, values) => {
                values.iter().fold(FIXED, |size, value| size + FIXED + value_size(value))
            }
        }
    }

    /// As programs are shown it: an array as the text that the database would read as one.
    #[must_use]
    pub fn into_value(self) -> Value {
        match self {
            Self::Value(value) => value,
            Self::Null(_) => Value::Null,
            Self::Array(_, values) => Value::Text(array_text(&values)),
        }
    }
}

impl From<Value> for Bound {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl PartialEq<Value> for Bound {
    fn eq(&self, value: &Value) -> bool {
        match self {
            Self::Value(own) => own == value,
            Self::Null(_) => value.is_null(),
            Self::Array(..) => false,
        }
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => value.fmt(f),
            Self::Null(_) => Value::Null.fmt(f),
            Self::Array(_, values) => values.fmt(f),
        }
    }
}

/// How many bytes a value takes that may take many.
pub(crate) fn value_size(value: &Value) -> usize {
    match value {
        Value::Text(text) | Value::Decimal(text) | Value::Json(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Array(_, values) => values.iter().map(|value| size_of::<Value>() + value_size(value)).sum(),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Uuid(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::DateTime(_)
        | Value::Timestamp(_)
        | Value::Enum(..) => 0,
    }
}

/// The text form of an array: <https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO>.
pub(crate) fn array_text(values: &[Value]) -> String {
    let mut text = String::from("{");
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        push_element(&mut text, value);
    }
    text.push('}');
    text
}

fn push_element(text: &mut String, value: &Value) {
    // Writing to a String never fails.
    let _ = match value {
        Value::Null => write!(text, "NULL"),
        Value::Bool(value) => write!(text, "{value}"),
        Value::Int(number) => write!(text, "{number}"),
        Value::Float(number) => write!(text, "{number:?}"),
        Value::Decimal(number) => write!(text, "{number}"),
        Value::Uuid(uuid) => write!(text, "{}", uuid_text(*uuid)),
        Value::Text(own) | Value::Json(own) => {
            let quoted = own.replace('\\', "\\\\").replace('"', "\\\"");
            write!(text, "\"{quoted}\"")
        }
        Value::Enum(_, label) => {
            let quoted = label.replace('\\', "\\\\").replace('"', "\\\"");
            write!(text, "\"{quoted}\"")
        }
        Value::Array(_, values) => write!(text, "{}", array_text(values)),
        Value::Bytes(bytes) => {
            let digits = bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
            write!(text, "\"\\\\x{digits}\"")
        }
        Value::Date(days) => write!(text, "{}", temporal::date_text(*days).unwrap_or_default()),
        Value::Time(micros) => write!(text, "{}", temporal::time_text(*micros).unwrap_or_default()),
        Value::DateTime(micros) => {
            write!(text, "\"{}\"", temporal::datetime_text(*micros).unwrap_or_default())
        }
        Value::Timestamp(micros) => {
            write!(text, "\"{}\"", temporal::timestamp_text(*micros).unwrap_or_default())
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_shown_as_the_database_reads_it() {
        let values =
            [Value::Null, Value::Int(-1), Value::Text("a\"\\b".to_owned()), Value::Bytes(vec![0, 255])];
        let shown = Bound::Array(ColumnType::Text, values.to_vec()).into_value();
        assert_eq!(shown, Value::Text(r#"{NULL,-1,"a\"\\b","\\x00ff"}"#.to_owned()));
    }
}
