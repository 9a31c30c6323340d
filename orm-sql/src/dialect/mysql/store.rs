//! What MariaDB and MySQL can't hold.

use orm_core::value::{Value, ValueError};

use crate::{decimal, list, temporal};

/// The digits of a `decimal(65,30)` before and behind the point.
const WHOLE_DIGITS: i64 = 35;
const FRACTION_DIGITS: i64 = 30;

/// Refuses what would be changed, or refused by the server in words of its own.
pub(super) fn check(value: &Value) -> Result<(), ValueError> {
    match value {
        Value::Float(number) if !number.is_finite() => {
            Err(ValueError::OutOfRange { expected: "a double, which has neither NaN nor infinity" })
        }
        Value::Decimal(text) => check_decimal(text),
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
        | Value::Json(_)
        | Value::Enum(..) => Ok(()),
    }
}

/// What has more digits behind the point would be rounded without an error.
fn check_decimal(text: &str) -> Result<(), ValueError> {
    let Some((whole, fraction)) = decimal::digits(text) else {
        return Err(ValueError::Invalid { expected: "decimal", reason: "it is no number".to_owned() });
    };
    match whole <= WHOLE_DIGITS && fraction <= FRACTION_DIGITS {
        true => Ok(()),
        false => Err(ValueError::OutOfRange { expected: "a decimal(65,30)" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_would_change_is_refused() {
        for value in [
            Value::Float(f64::NAN),
            Value::Float(f64::INFINITY),
            Value::Decimal("12,5".to_owned()),
            Value::Decimal("1e-31".to_owned()),
            Value::Decimal("1e35".to_owned()),
            Value::Decimal("0.1234567890123456789012345678901".to_owned()),
            Value::Date(i32::MAX),
            Value::Time(86_400_000_000),
            Value::DateTime(i64::MAX),
            Value::Timestamp(i64::MIN),
        ] {
            assert!(check(&value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn what_it_holds_passes() {
        for value in [
            Value::Float(5e-324),
            Value::Decimal("-0.100000000000000000000000000000000000".to_owned()),
            Value::Decimal("99999999999999999999999999999999999.999999999999999999999999999999".to_owned()),
            Value::Decimal("1e34".to_owned()),
            Value::Decimal("0e99".to_owned()),
            Value::Text("a\0".to_owned()),
        ] {
            assert_eq!(check(&value), Ok(()), "{value:?}");
        }
    }
}
