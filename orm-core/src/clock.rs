//! What time it is: for the values that the ORM makes, such as `on_create = now`.
//!
//! Programs have the system's clock; tests put one of their own into the builder.

use std::time::{Duration, SystemTime};

use crate::value::{ColumnType, Value};

/// Tells the time. Any `Fn() -> SystemTime` is one, so the default is [`SystemTime::now`].
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use orm_core::Clock;
///
/// let frozen = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// let clock = move || frozen;
/// assert_eq!(clock.now(), frozen);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> SystemTime;
}

impl<F: Fn() -> SystemTime + Send + Sync + 'static> Clock for F {
    fn now(&self) -> SystemTime {
        self()
    }
}

/// A point in time as a column of this type has it, in UTC; `None` for a column that holds no point in time.
pub(crate) fn value_at(time: SystemTime, column_type: ColumnType) -> Option<Value> {
    let micros = micros(time);
    match column_type {
        ColumnType::Timestamp => Some(Value::Timestamp(micros)),
        ColumnType::DateTime => Some(Value::DateTime(micros)),
        ColumnType::Date => i32::try_from(micros.div_euclid(MICROS_A_DAY)).ok().map(Value::Date),
        ColumnType::Time => Some(Value::Time(micros.rem_euclid(MICROS_A_DAY))),
        ColumnType::Bool
        | ColumnType::Int(_)
        | ColumnType::UnsignedInt(_)
        | ColumnType::Float
        | ColumnType::Double
        | ColumnType::Text
        | ColumnType::Bytes
        | ColumnType::Uuid
        | ColumnType::Decimal
        | ColumnType::Json
        | ColumnType::Enum(_)
        | ColumnType::Array(_) => None,
    }
}

const MICROS_A_DAY: i64 = 86_400_000_000;

/// Microseconds since 1970, to both sides.
pub(crate) fn micros(time: SystemTime) -> i64 {
    let count = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => count(since),
        Err(before) => -count(before.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_fits_every_column_that_holds_one() {
        let day = SystemTime::UNIX_EPOCH + Duration::from_secs(2 * 86_400 + 5);
        assert_eq!(
            value_at(day, ColumnType::Timestamp),
            Some(Value::Timestamp(2 * MICROS_A_DAY + 5_000_000))
        );
        assert_eq!(value_at(day, ColumnType::DateTime), Some(Value::DateTime(2 * MICROS_A_DAY + 5_000_000)));
        assert_eq!(value_at(day, ColumnType::Date), Some(Value::Date(2)));
        assert_eq!(value_at(day, ColumnType::Time), Some(Value::Time(5_000_000)));
        assert_eq!(value_at(day, ColumnType::Text), None);
    }

    #[test]
    fn a_time_before_1970_is_on_the_day_before() {
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(value_at(before, ColumnType::Date), Some(Value::Date(-1)));
        assert_eq!(value_at(before, ColumnType::Time), Some(Value::Time(MICROS_A_DAY - 1_000_000)));
    }
}
