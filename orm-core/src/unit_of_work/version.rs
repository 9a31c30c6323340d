//! The optimistic lock's version: what a new row starts with, and what the next update writes.
//!
//! A count, or a time in microseconds. Pure: the time of the flush is handed in.

use crate::value::{ColumnType, Value, ValueError};

/// The version of a new row, where the program gave none.
pub(crate) fn first(given: &Value, now: i64) -> Option<Value> {
    match given {
        Value::Int(0) => Some(Value::Int(1)),
        Value::Timestamp(0) => Some(Value::Timestamp(now)),
        Value::DateTime(0) => Some(Value::DateTime(now)),
        _ => None,
    }
}

/// The version after `old`. A time moves on also where the clock does not.
///
/// # Errors
///
/// [`ValueError::OutOfRange`] when the column can count no further.
pub(super) fn next(old: &Value, column: ColumnType, now: i64) -> Result<Value, ValueError> {
    let later = |old: i64| old.checked_add(1).map(|next| next.max(now));
    let next = match old {
        Value::Int(old) => old.checked_add(1).filter(|next| *next <= most(column)).map(Value::Int),
        Value::Timestamp(old) => later(*old).map(Value::Timestamp),
        Value::DateTime(old) => later(*old).map(Value::DateTime),
        other => {
            let found = other.kind().to_owned();
            return Err(ValueError::WrongType { expected: "a version", found });
        }
    };
    next.ok_or(ValueError::OutOfRange { expected: "its version, which can't count any further" })
}

/// The largest integer of a column.
const fn most(column: ColumnType) -> i64 {
    match column {
        ColumnType::Int(bits @ 1..=63) => (1 << (bits - 1)) - 1,
        ColumnType::UnsignedInt(bits @ 1..=62) => (1 << bits) - 1,
        _ => i64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_starts_where_none_was_given() {
        assert_eq!(first(&Value::Int(0), 9), Some(Value::Int(1)));
        assert_eq!(first(&Value::Int(7), 9), None);
        assert_eq!(first(&Value::Timestamp(0), 9), Some(Value::Timestamp(9)));
        assert_eq!(first(&Value::DateTime(0), 9), Some(Value::DateTime(9)));
        assert_eq!(first(&Value::DateTime(3), 9), None);
    }

    #[test]
    fn a_count_ends_at_its_columns_end() {
        let next = |old, column| next(&Value::Int(old), column, 0);
        assert_eq!(next(1, ColumnType::Int(64)), Ok(Value::Int(2)));
        assert_eq!(next(126, ColumnType::Int(8)), Ok(Value::Int(127)));
        assert!(next(127, ColumnType::Int(8)).is_err());
        assert_eq!(next(254, ColumnType::UnsignedInt(8)), Ok(Value::Int(255)));
        assert!(next(255, ColumnType::UnsignedInt(8)).is_err());
        assert!(next(i64::MAX, ColumnType::UnsignedInt(64)).is_err());
    }

    #[test]
    fn a_time_moves_on_with_a_clock_that_does_not() {
        let next = |old| next(&Value::Timestamp(old), ColumnType::Timestamp, 50);
        assert_eq!(next(10), Ok(Value::Timestamp(50)));
        assert_eq!(next(50), Ok(Value::Timestamp(51)));
        assert_eq!(next(70), Ok(Value::Timestamp(71)));
        assert!(next(i64::MAX).is_err());
    }
}
