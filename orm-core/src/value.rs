//! The data that crosses to a driver, and how Rust types become it.
//!
//! One fixed vocabulary without third-party types: the features of this crate add conversions, never
//! variants, so enabling one in some dependency can't break a driver.

mod array;
mod convert;
#[doc(hidden)]
pub mod custom;
#[cfg(feature = "serde_json")]
pub(crate) mod document;
mod enumeration;
mod field;

use std::fmt;
use std::hash::{Hash, Hasher};

pub use array::ArrayElement;
pub(crate) use array::array_of;
pub use custom::CustomType;
#[cfg(feature = "serde_json")]
pub use document::{Document, Json};
pub use enumeration::EnumType;
pub(crate) use field::AsSerialize;
pub use field::{AnyEntity, FieldValue, IntoOperand, Nullable, Operand, OperandOn};

use smallvec::SmallVec;

/// A value as a driver binds it.
///
/// Equality and hash are those of the stored value: floats compare by their bits.
#[derive(Clone)]
pub enum Value {
    /// SQL's NULL, absence.
    Null,
    /// A truth value.
    Bool(bool),
    /// Any integer that fits 64 signed bits; wider ones are refused before they get here.
    Int(i64),
    /// A double precision number; `f32` is widened without loss.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A UUID, big endian.
    Uuid(u128),
    /// Days since 1970-01-01 in the proleptic Gregorian calendar.
    Date(i32),
    /// Microseconds since midnight, 0 to 86,399,999,999.
    Time(i64),
    /// Date and time without a zone: microseconds since 1970-01-01T00:00:00.
    DateTime(i64),
    /// A point in time: microseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
    /// A decimal number as text, such as `-12.50`.
    Decimal(String),
    /// JSON text.
    Json(String),
    /// A label of an enum.
    Enum(&'static EnumType, &'static str),
    /// Values of one type in order, none of them NULL.
    Array(&'static ColumnType, Vec<Value>),
}

/// The values of a key, in the order of its columns.
pub type KeyValues = SmallVec<[Value; 1]>;

impl Value {
    /// Whether this is [`Value::Null`].
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether this is NULL or the zero of its type: 0, empty text, bytes or array, midnight, the first of January 1970.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Int(number) | Self::Time(number) | Self::DateTime(number) | Self::Timestamp(number) => {
                *number == 0
            }
            Self::Float(number) => *number == 0.0,
            Self::Text(text) => text.is_empty(),
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Uuid(uuid) => *uuid == 0,
            Self::Date(days) => *days == 0,
            Self::Decimal(decimal) => decimal.bytes().all(|digit| matches!(digit, b'0' | b'.')),
            Self::Array(_, values) => values.is_empty(),
            Self::Bool(_) | Self::Json(_) | Self::Enum(..) => false,
        }
    }

    /// The variant's name, for messages that must not show the value.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "integer",
            Self::Float(_) => "float",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Uuid(_) => "uuid",
            Self::Date(_) => "date",
            Self::Time(_) => "time",
            Self::DateTime(_) => "date and time",
            Self::Timestamp(_) => "timestamp",
            Self::Decimal(_) => "decimal",
            Self::Json(_) => "json",
            Self::Enum(..) => "enum label",
            Self::Array(..) => "array",
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b))
            | (Self::Time(a), Self::Time(b))
            | (Self::DateTime(a), Self::DateTime(b))
            | (Self::Timestamp(a), Self::Timestamp(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Text(a), Self::Text(b))
            | (Self::Decimal(a), Self::Decimal(b))
            | (Self::Json(a), Self::Json(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Uuid(a), Self::Uuid(b)) => a == b,
            (Self::Date(a), Self::Date(b)) => a == b,
            (Self::Enum(a_type, a), Self::Enum(b_type, b)) => a == b && a_type == b_type,
            (Self::Array(a_type, a), Self::Array(b_type, b)) => a == b && a_type == b_type,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Null => {}
            Self::Bool(value) => value.hash(state),
            Self::Int(value) | Self::Time(value) | Self::DateTime(value) | Self::Timestamp(value) => {
                value.hash(state);
            }
            Self::Float(value) => value.to_bits().hash(state),
            Self::Text(value) | Self::Decimal(value) | Self::Json(value) => value.hash(state),
            Self::Bytes(value) => value.hash(state),
            Self::Uuid(value) => value.hash(state),
            Self::Date(value) => value.hash(state),
            Self::Enum(_, label) => label.hash(state),
            Self::Array(_, values) => values.hash(state),
        }
    }
}

/// Shows the value itself; types that hide values print [`Value::kind`] instead.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) | Self::Time(value) | Self::DateTime(value) | Self::Timestamp(value) => {
                write!(f, "{value}")
            }
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::Decimal(value) | Self::Json(value) => f.write_str(value),
            Self::Bytes(value) => write!(f, "{} bytes", value.len()),
            Self::Uuid(value) => f.write_str(&uuid_text(*value)),
            Self::Date(value) => write!(f, "day {value}"),
            Self::Enum(_, label) => write!(f, "{label:?}"),
            Self::Array(_, values) => values.fmt(f),
        }
    }
}

/// What a column stores, without a database's names for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ColumnType {
    /// A truth value.
    Bool,
    /// A signed integer of 8, 16, 32 or 64 bits.
    Int(u8),
    /// An unsigned integer of 8, 16, 32 or 64 bits; of 64 bits only the lower half fits.
    UnsignedInt(u8),
    /// Single precision.
    Float,
    /// Double precision.
    Double,
    /// Text; a property's `length` bounds it.
    Text,
    /// Bytes.
    Bytes,
    /// A UUID.
    Uuid,
    /// A calendar day.
    Date,
    /// A time of day.
    Time,
    /// Date and time without a zone.
    DateTime,
    /// A point in time.
    Timestamp,
    /// A decimal number of any precision.
    Decimal,
    /// JSON.
    Json,
    /// One of the labels of an enum.
    Enum(&'static EnumType),
    /// Values of this type, in order: an array where the database has such, JSON elsewhere.
    Array(&'static ColumnType),
}

impl ColumnType {
    /// Whether a database can generate keys of this type.
    #[must_use]
    pub const fn is_integer(self) -> bool {
        matches!(self, Self::Int(_) | Self::UnsignedInt(_))
    }

    /// Whether it can hold a version: a count of updates, or when the last one was.
    #[must_use]
    pub const fn is_version(self) -> bool {
        self.is_integer() || matches!(self, Self::DateTime | Self::Timestamp)
    }
}

/// A Rust value that its column can't hold, or a stored one that the Rust type can't.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// NULL for a type that is not an `Option`.
    #[error("NULL does not fit `{expected}`; make the field an `Option` if the column may be NULL")]
    UnexpectedNull {
        /// The Rust type.
        expected: &'static str,
    },
    /// A number outside the type's range.
    #[error("the number is out of range for `{expected}`")]
    OutOfRange {
        /// The Rust type, or the column's.
        expected: &'static str,
    },
    /// Another kind of value than the type reads.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What the Rust type reads.
        expected: &'static str,
        /// What the database holds.
        found: String,
    },
    /// Text that does not parse, or bytes that are no UTF-8.
    #[error("not a valid {expected}: {reason}")]
    Invalid {
        /// The Rust type.
        expected: &'static str,
        /// Why; never the value itself.
        reason: String,
    },
    /// A text that is none of an enum's labels.
    #[error("not one of the labels of `{expected}`, which are {}", labels.join(", "))]
    UnknownLabel {
        /// The Rust type.
        expected: &'static str,
        /// What is known.
        labels: &'static [&'static str],
    },
    /// A relation whose target has no key yet.
    #[error("the key is not known yet; flush first")]
    KeyUnknown,
}

impl ValueError {
    /// What a type of the program refuses, and why. The reason does not show the value, which may be secret.
    #[must_use]
    pub fn invalid(expected: &'static str, reason: impl fmt::Display) -> Self {
        Self::Invalid { expected, reason: reason.to_string() }
    }
}

/// Writes a UUID in its hyphenated lower-case form.
#[must_use]
pub fn uuid_text(uuid: u128) -> String {
    let hex = format!("{uuid:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Reads a UUID: 32 hexadecimal digits, with or without hyphens.
///
/// # Errors
///
/// [`ValueError::Invalid`] for anything else.
pub fn parse_uuid(text: &str) -> Result<u128, ValueError> {
    let invalid = |reason: &str| ValueError::Invalid { expected: "UUID", reason: reason.to_owned() };
    let hyphenated = text.len() == 36 && [8, 13, 18, 23].iter().all(|at| text.as_bytes()[*at] == b'-');
    let digits: String = if hyphenated { text.replace('-', "") } else { text.to_owned() };
    if digits.len() != 32 {
        return Err(invalid("it needs 32 hexadecimal digits"));
    }
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(invalid("only hexadecimal digits and hyphens may stand in it"));
    }
    u128::from_str_radix(&digits, 16).map_err(|error| invalid(&error.to_string()))
}

/// A new UUID of version 7: unique, and in the order of its making, which indexes like.
#[cfg(feature = "uuid")]
#[must_use]
pub fn uuid_v7() -> uuid::Uuid {
    uuid::Uuid::now_v7()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_survives_its_text() {
        let uuid = 0x0190_1234_5678_7abc_8def_0123_4567_89ab;
        assert_eq!(uuid_text(uuid), "01901234-5678-7abc-8def-0123456789ab");
        assert_eq!(parse_uuid(&uuid_text(uuid)), Ok(uuid));
        assert_eq!(parse_uuid("0190123456787abc8def0123456789ab"), Ok(uuid));
    }

    #[test]
    fn a_bad_uuid_is_refused() {
        for text in ["", "x", "01901234-5678-7abc-8def-0123456789a", "+1901234567 7abc8def0123456789ab", "é"]
        {
            assert!(parse_uuid(text).is_err(), "{text}");
        }
    }

    #[test]
    fn floats_are_equal_by_bits() {
        assert_eq!(Value::Float(f64::NAN), Value::Float(f64::NAN));
        assert_ne!(Value::Float(0.0), Value::Float(-0.0));
    }
}
