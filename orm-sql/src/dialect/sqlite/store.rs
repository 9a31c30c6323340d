//! What is bound for a value.

use orm_core::value::{Value, ValueError, uuid_text};

use crate::{decimal, list, temporal};

/// A value in one of SQLite's storage classes.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    /// NULL.
    Null,
    /// INTEGER.
    Int(i64),
    /// REAL, never NaN.
    Real(f64),
    /// TEXT.
    Text(String),
    /// BLOB.
    Blob(Vec<u8>),
}

/// What is bound for `value`.
///
/// # Errors
///
/// [`ValueError::OutOfRange`] for NaN, for dates outside the years 0000 to 9999 and for times outside a day;
/// [`ValueError::Invalid`] for a decimal that is no number.
pub fn store(value: Value) -> Result<Stored, ValueError> {
    check(&value)?;
    Ok(match value {
        Value::Null => Stored::Null,
        Value::Bool(value) => Stored::Int(value.into()),
        Value::Int(value) => Stored::Int(value),
        Value::Float(value) => Stored::Real(value),
        Value::Text(text) | Value::Json(text) | Value::Decimal(text) => Stored::Text(text),
        Value::Bytes(bytes) => Stored::Blob(bytes),
        Value::Uuid(uuid) => Stored::Text(uuid_text(uuid)),
        Value::Date(days) => Stored::Text(temporal::date_text(days)?),
        Value::Time(micros) => Stored::Text(temporal::time_text(micros)?),
        Value::DateTime(micros) => Stored::Text(temporal::datetime_text(micros)?),
        Value::Timestamp(micros) => Stored::Text(temporal::timestamp_text(micros)?),
        Value::Enum(_, label) => Stored::Text(label.to_owned()),
        Value::Array(_, values) => Stored::Text(list::to_json(&values)?),
    })
}

/// Refuses what can't be stored as it is.
pub(super) fn check(value: &Value) -> Result<(), ValueError> {
    match value {
        Value::Float(number) if number.is_nan() => {
            Err(ValueError::OutOfRange { expected: "a REAL, which has no NaN" })
        }
        Value::Decimal(text) if !decimal::is_decimal(text) => {
            Err(ValueError::Invalid { expected: "decimal", reason: "it is no number".to_owned() })
        }
        Value::Date(days) => temporal::date_text(*days).map(drop),
        Value::Time(micros) => temporal::time_text(*micros).map(drop),
        Value::DateTime(micros) | Value::Timestamp(micros) => temporal::datetime_text(*micros).map(drop),
        Value::Array(_, values) => values.iter().try_for_each(|value| list::element_text(value).map(drop)),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Bytes(_)
        | Value::Uuid(_)
        | Value::Decimal(_)
        | Value::Json(_)
        | Value::Enum(..) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_storage_class() {
        let text = |text: &str| Ok(Stored::Text(text.to_owned()));
        for (value, expected) in [
            (Value::Null, Ok(Stored::Null)),
            (Value::Bool(true), Ok(Stored::Int(1))),
            (Value::Int(i64::MIN), Ok(Stored::Int(i64::MIN))),
            (Value::Float(f64::INFINITY), Ok(Stored::Real(f64::INFINITY))),
            (Value::Text("é\0".to_owned()), text("é\0")),
            (Value::Bytes(vec![0, 255]), Ok(Stored::Blob(vec![0, 255]))),
            (Value::Uuid(1), text("00000000-0000-0000-0000-000000000001")),
            (Value::Date(-1), text("1969-12-31")),
            (Value::Time(1), text("00:00:00.000001")),
            (Value::DateTime(0), text("1970-01-01 00:00:00.000000")),
            (Value::Timestamp(0), text("1970-01-01 00:00:00.000000Z")),
            (Value::Decimal("-12.50".to_owned()), text("-12.50")),
            (Value::Json("{}".to_owned()), text("{}")),
        ] {
            assert_eq!(store(value), expected);
        }
    }

    #[test]
    fn what_sqlite_would_change_is_refused() {
        for value in [
            Value::Float(f64::NAN),
            Value::Date(i32::MAX),
            Value::Time(86_400_000_000),
            Value::DateTime(i64::MAX),
            Value::Timestamp(i64::MIN),
            Value::Decimal("12,5".to_owned()),
        ] {
            assert!(store(value.clone()).is_err(), "{value:?}");
        }
    }
}
