//! Conversions of std types, and behind features of third-party ones.

use serde::{Serialize, Serializer};

use super::{ColumnType, FieldValue, Value, ValueError};
use crate::driver::RowReader;

pub(super) fn wrong(expected: &'static str, found: &Value) -> ValueError {
    if found.is_null() {
        ValueError::UnexpectedNull { expected }
    } else {
        ValueError::WrongType { expected, found: found.kind().to_owned() }
    }
}

macro_rules! nullable {
    ($($type:ty),+) => { $(
        impl crate::value::Nullable for $type {
            type Optional = Option<$type>;
        }
    )+ };
}

macro_rules! elements {
    ($($type:ty),+) => { $(impl crate::value::ArrayElement for $type {})+ };
}

elements!(bool, i8, i16, i32, i64, isize, u16, u32, u64, usize, f32, f64, String, Vec<u8>);

macro_rules! integer {
    ($($type:ty => $column:expr;)*) => { $(
        nullable!($type);

        impl FieldValue for $type {
            const COLUMN_TYPE: ColumnType = $column;

            fn to_value(&self) -> Result<Value, ValueError> {
                #[expect(clippy::allow_attributes, reason = "only some of the types are narrower than i64")]
                #[allow(irrefutable_let_patterns, clippy::useless_conversion, reason = "see above")]
                i64::try_from(*self)
                    .map(Value::Int)
                    .map_err(|_| ValueError::OutOfRange { expected: "a column of 64 signed bits" })
            }

            fn read(row: &dyn RowReader, index: usize) -> Result<Self, ValueError> {
                if row.is_null(index)? {
                    return Err(ValueError::UnexpectedNull { expected: stringify!($type) });
                }
                Self::from_value(Value::Int(row.int(index)?))
            }

            fn from_value(value: Value) -> Result<Self, ValueError> {
                let Value::Int(number) = value else { return Err(wrong(stringify!($type), &value)) };
                Self::try_from(number).map_err(|_| ValueError::OutOfRange { expected: stringify!($type) })
            }

            fn same(&self, other: &Self) -> bool {
                self == other
            }

            fn is_unassigned(&self) -> bool {
                *self == 0
            }

            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Serialize::serialize(self, serializer)
            }
        }
    )* };
}

integer! {
    i8 => ColumnType::Int(8);
    i16 => ColumnType::Int(16);
    i32 => ColumnType::Int(32);
    i64 => ColumnType::Int(64);
    u8 => ColumnType::UnsignedInt(8);
    u16 => ColumnType::UnsignedInt(16);
    u32 => ColumnType::UnsignedInt(32);
    u64 => ColumnType::UnsignedInt(64);
    isize => ColumnType::Int(64);
    usize => ColumnType::UnsignedInt(64);
}

/// Writes one `FieldValue`: how it is read, what it looks like as a `Value` and back.
macro_rules! scalar {
    (
        $type:ty, $column:expr, $variant:ident, read $read:ident => $from_read:expr,
        to $to:expr, from $from:expr, same $same:expr, unassigned $unassigned:expr
    ) => {
        nullable!($type);

        impl FieldValue for $type {
            const COLUMN_TYPE: ColumnType = $column;

            fn to_value(&self) -> Result<Value, ValueError> {
                let to: fn(&$type) -> Result<Value, ValueError> = $to;
                to(self)
            }

            fn read(row: &dyn RowReader, index: usize) -> Result<Self, ValueError> {
                if row.is_null(index)? {
                    return Err(ValueError::UnexpectedNull { expected: stringify!($type) });
                }
                let read: fn(_) -> Result<$type, ValueError> = $from_read;
                read(row.$read(index)?)
            }

            fn from_value(value: Value) -> Result<Self, ValueError> {
                let Value::$variant(inner) = value else { return Err(wrong(stringify!($type), &value)) };
                let from: fn(_) -> Result<$type, ValueError> = $from;
                from(inner)
            }

            fn same(&self, other: &Self) -> bool {
                let same: fn(&$type, &$type) -> bool = $same;
                same(self, other)
            }

            fn is_unassigned(&self) -> bool {
                let unassigned: fn(&$type) -> bool = $unassigned;
                unassigned(self)
            }

            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Serialize::serialize(self, serializer)
            }
        }
    };
}

scalar!(bool, ColumnType::Bool, Bool, read bool => Ok,
    to |value| Ok(Value::Bool(*value)), from Ok, same |a, b| a == b, unassigned |_| false);

scalar!(f64, ColumnType::Double, Float, read float => Ok,
    to |value| Ok(Value::Float(*value)), from Ok,
    same |a, b| a.to_bits() == b.to_bits(), unassigned |_| false);

scalar!(f32, ColumnType::Float, Float, read float => narrow,
    to |value| Ok(Value::Float(f64::from(*value))), from narrow,
    same |a, b| a.to_bits() == b.to_bits(), unassigned |_| false);

scalar!(String, ColumnType::Text, Text, read text => |text: &str| Ok(text.to_owned()),
    to |value| Ok(Value::Text(value.clone())), from Ok,
    same |a, b| a == b, unassigned |value| value.is_empty());

scalar!(Vec<u8>, ColumnType::Bytes, Bytes, read bytes => |bytes: &[u8]| Ok(bytes.to_vec()),
    to |value| Ok(Value::Bytes(value.clone())), from Ok,
    same |a, b| a == b, unassigned |value| value.is_empty());

/// A stored double as a single: rounding is what the column does too, but a finite number must stay finite.
fn narrow(number: f64) -> Result<f32, ValueError> {
    #[expect(clippy::cast_possible_truncation, reason = "the overflow is checked below")]
    let narrowed = number as f32;
    if number.is_finite() && narrowed.is_infinite() {
        return Err(ValueError::OutOfRange { expected: "f32" });
    }
    Ok(narrowed)
}

#[cfg(any(feature = "chrono", feature = "rust_decimal", feature = "serde_json"))]
fn invalid(expected: &'static str, reason: &str) -> ValueError {
    ValueError::Invalid { expected, reason: reason.to_owned() }
}

#[cfg(feature = "uuid")]
mod uuid_type {
    use uuid::Uuid;

    use super::{ColumnType, FieldValue, RowReader, Serialize, Serializer, Value, ValueError, wrong};

    elements!(Uuid);

    scalar!(Uuid, ColumnType::Uuid, Uuid, read uuid => |uuid| Ok(Uuid::from_u128(uuid)),
        to |value| Ok(Value::Uuid(value.as_u128())), from |uuid| Ok(Uuid::from_u128(uuid)),
        same |a, b| a == b, unassigned |value| value.is_nil());
}

#[cfg(feature = "rust_decimal")]
mod decimal_type {
    use std::str::FromStr;

    use rust_decimal::Decimal;

    use super::{ColumnType, FieldValue, RowReader, Serializer, Value, ValueError, invalid, wrong};

    fn parse(text: &str) -> Result<Decimal, ValueError> {
        Decimal::from_str_exact(text)
            .or_else(|_| Decimal::from_scientific(text))
            .or_else(|_| Decimal::from_str(text))
            .map_err(|error| invalid("Decimal", &error.to_string()))
    }

    nullable!(Decimal);
    elements!(Decimal);

    impl FieldValue for Decimal {
        const COLUMN_TYPE: ColumnType = ColumnType::Decimal;

        fn to_value(&self) -> Result<Value, ValueError> {
            Ok(Value::Decimal(self.to_string()))
        }

        fn read(row: &dyn RowReader, index: usize) -> Result<Self, ValueError> {
            if row.is_null(index)? {
                return Err(ValueError::UnexpectedNull { expected: "Decimal" });
            }
            parse(&row.decimal(index)?)
        }

        fn from_value(value: Value) -> Result<Self, ValueError> {
            let Value::Decimal(text) = value else { return Err(wrong("Decimal", &value)) };
            parse(&text)
        }

        /// By value and scale: `1.0` and `1.00` are stored differently.
        fn same(&self, other: &Self) -> bool {
            self == other && self.scale() == other.scale()
        }

        fn is_unassigned(&self) -> bool {
            false
        }

        /// As text, so that no reader rounds it.
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }
}

#[cfg(feature = "serde_json")]
mod json_type {
    use serde_json::Value as Json;

    use super::{
        ColumnType, FieldValue, RowReader, Serialize, Serializer, Value, ValueError, invalid, wrong,
    };

    fn parse(text: &str) -> Result<Json, ValueError> {
        serde_json::from_str(text).map_err(|error| invalid("JSON", &error.to_string()))
    }

    scalar!(Json, ColumnType::Json, Json, read json => |text: &str| parse(text),
        to |value| Ok(Value::Json(value.to_string())), from |text: String| parse(&text),
        same |a, b| a == b, unassigned |_| false);
}

#[cfg(feature = "chrono")]
mod chrono_types {
    use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};

    use super::{ColumnType, FieldValue, RowReader, Serializer, Value, ValueError, invalid, wrong};

    fn date(days: i32) -> Result<NaiveDate, ValueError> {
        NaiveDate::from_ymd_opt(1970, 1, 1)
            .and_then(|epoch| epoch.checked_add_signed(TimeDelta::days(days.into())))
            .ok_or(ValueError::OutOfRange { expected: "NaiveDate" })
    }

    fn days(date: NaiveDate) -> Result<i32, ValueError> {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).ok_or_else(|| invalid("NaiveDate", "no epoch"))?;
        i32::try_from(date.signed_duration_since(epoch).num_days())
            .map_err(|_| ValueError::OutOfRange { expected: "NaiveDate" })
    }

    fn time(micros: i64) -> Result<NaiveTime, ValueError> {
        let out_of_range = || ValueError::OutOfRange { expected: "NaiveTime" };
        let seconds = u32::try_from(micros.div_euclid(1_000_000)).map_err(|_| out_of_range())?;
        let nanos = u32::try_from(micros.rem_euclid(1_000_000) * 1_000).map_err(|_| out_of_range())?;
        NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos).ok_or_else(out_of_range)
    }

    /// A leap second, which chrono shows as second 60, is stored as the last microsecond of second 59.
    fn micros_of_day(time: NaiveTime) -> i64 {
        i64::from(time.num_seconds_from_midnight()) * 1_000_000
            + i64::from(time.nanosecond() / 1_000).min(999_999)
    }

    fn timestamp(micros: i64) -> Result<DateTime<Utc>, ValueError> {
        DateTime::from_timestamp_micros(micros).ok_or(ValueError::OutOfRange { expected: "DateTime<Utc>" })
    }

    macro_rules! temporal {
        ($type:ty, $name:literal, $column:expr, $variant:ident, $read:ident, $from:expr, $to:expr, $text:expr) => {
            nullable!($type);
            elements!($type);

            impl FieldValue for $type {
                const COLUMN_TYPE: ColumnType = $column;

                fn to_value(&self) -> Result<Value, ValueError> {
                    let to: fn(&$type) -> Result<Value, ValueError> = $to;
                    to(self)
                }

                fn read(row: &dyn RowReader, index: usize) -> Result<Self, ValueError> {
                    if row.is_null(index)? {
                        return Err(ValueError::UnexpectedNull { expected: $name });
                    }
                    $from(row.$read(index)?)
                }

                fn from_value(value: Value) -> Result<Self, ValueError> {
                    let Value::$variant(inner) = value else { return Err(wrong($name, &value)) };
                    $from(inner)
                }

                /// To the microsecond, which is what databases keep.
                fn same(&self, other: &Self) -> bool {
                    self == other || (self.to_value() == other.to_value() && self.to_value().is_ok())
                }

                fn is_unassigned(&self) -> bool {
                    false
                }

                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    let text: fn(&$type) -> String = $text;
                    serializer.serialize_str(&text(self))
                }
            }
        };
    }

    temporal!(
        NaiveDate,
        "NaiveDate",
        ColumnType::Date,
        Date,
        date,
        date,
        |value| days(*value).map(Value::Date),
        |value| value.to_string()
    );
    temporal!(
        NaiveTime,
        "NaiveTime",
        ColumnType::Time,
        Time,
        time,
        time,
        |value| Ok(Value::Time(micros_of_day(*value))),
        |value| value.to_string()
    );
    temporal!(
        NaiveDateTime,
        "NaiveDateTime",
        ColumnType::DateTime,
        DateTime,
        datetime,
        |micros| timestamp(micros).map(|point| point.naive_utc()),
        |value| Ok(Value::DateTime(value.and_utc().timestamp_micros())),
        |value| value.format("%Y-%m-%dT%H:%M:%S%.f").to_string()
    );
    temporal!(
        DateTime<Utc>,
        "DateTime<Utc>",
        ColumnType::Timestamp,
        Timestamp,
        timestamp,
        timestamp,
        |value| Ok(Value::Timestamp(value.timestamp_micros())),
        |value| value.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
    );
    // The point in time is stored, which no database keeps an offset of: it is read back in UTC, and as equal as ever.
    temporal!(
        DateTime<FixedOffset>,
        "DateTime<FixedOffset>",
        ColumnType::Timestamp,
        Timestamp,
        timestamp,
        |micros| timestamp(micros).map(|point| point.fixed_offset()),
        |value| Ok(Value::Timestamp(value.timestamp_micros())),
        |value| value.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
    );
}
