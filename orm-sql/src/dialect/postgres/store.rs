//! What PostgreSQL can't hold.

use orm_core::schema::ColumnDefault;
use orm_core::value::{Value, ValueError};

use crate::decimal;

/// The first day that a `date` holds, 4714-11-24 BC of the Gregorian calendar, and the day after the last:
/// <https://www.postgresql.org/docs/current/datatype-datetime.html>.
const FIRST_DAY: i32 = -2_440_588;
const END_OF_DAYS: i32 = 2_145_042_906;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The first microsecond that a `timestamp` holds.
const FIRST_MICRO: i64 = FIRST_DAY as i64 * MICROS_PER_DAY;

/// Refuses what would be changed, or refused by the database in words of its own.
pub(super) fn check(value: &Value) -> Result<(), ValueError> {
    let out_of = |expected| Err(ValueError::OutOfRange { expected });
    match value {
        Value::Text(text) if text.contains('\0') => Err(nul("text")),
        Value::Json(text) if has_nul(text) => Err(nul("JSON")),
        Value::Array(_, values) => values.iter().try_for_each(check),
        Value::Decimal(text) if !decimal::is_decimal(text) => {
            Err(ValueError::Invalid { expected: "decimal", reason: "it is no number".to_owned() })
        }
        Value::Date(days) if !(FIRST_DAY..END_OF_DAYS).contains(days) => {
            out_of("a date from 4714 BC to 5874897 AD")
        }
        Value::Time(micros) if !(0..MICROS_PER_DAY).contains(micros) => out_of("a time of day"),
        Value::DateTime(micros) | Value::Timestamp(micros) if *micros < FIRST_MICRO => {
            out_of("a time from 4714 BC to 294276 AD")
        }
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Bytes(_)
        | Value::Uuid(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::DateTime(_)
        | Value::Timestamp(_)
        | Value::Decimal(_)
        | Value::Json(_)
        | Value::Enum(..) => Ok(()),
    }
}

pub(super) fn check_default(default: &ColumnDefault) -> Result<(), ValueError> {
    match default {
        ColumnDefault::Text(text) if text.contains('\0') => Err(nul("text")),
        _ => Ok(()),
    }
}

/// Whether a string of the document has a NUL, which JSON writes `\u0000`.
fn has_nul(json: &str) -> bool {
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at..];
        if escape.starts_with("\\u0000") {
            return true;
        }
        // The character behind a backslash begins no escape of its own.
        rest = escape.get(2..).unwrap_or_default();
    }
    json.contains('\0')
}

fn nul(expected: &'static str) -> ValueError {
    ValueError::Invalid { expected, reason: "PostgreSQL stores no NUL in it; use bytes for it".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgres_would_refuse_is_refused() {
        for value in [
            Value::Text("a\0".to_owned()),
            Value::Json(r#"{"a":"\u0000"}"#.to_owned()),
            Value::Json(r#""\\\u0000""#.to_owned()),
            Value::Decimal("12,5".to_owned()),
            Value::Date(i32::MIN),
            Value::Date(i32::MAX),
            Value::Time(MICROS_PER_DAY),
            Value::DateTime(i64::MIN),
        ] {
            assert!(check(&value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn what_it_holds_passes() {
        for value in [
            Value::Json(r#""\\u0000 é\"""#.to_owned()),
            Value::Float(f64::NAN),
            Value::Bytes(vec![0]),
            Value::Date(FIRST_DAY),
            Value::Timestamp(i64::MAX),
        ] {
            assert_eq!(check(&value), Ok(()), "{value:?}");
        }
    }
}
