//! PostgreSQL's arguments and rows, in its binary format.
//!
//! What a value looks like on the wire follows from its kind, and what a column holds from the type that the server
//! says; <https://www.postgresql.org/docs/current/catalog-pg-type.html> has the numbers of the types, and the sources
//! of their `send` functions the formats.

use std::borrow::Cow;

use orm_core::driver::RowReader;
use orm_core::value::{ColumnType, Value, ValueError};
use orm_sql::Bound;
use sqlx_core::arguments::Arguments as _;
use sqlx_core::encode::{Encode, IsNull};
use sqlx_core::error::BoxDynError;
use sqlx_core::row::Row;
use sqlx_core::type_info::TypeInfo;
use sqlx_core::types::Type;
use sqlx_core::value::ValueRef;
use sqlx_postgres::types::Oid;
use sqlx_postgres::{PgArgumentBuffer, PgArguments, PgRow, PgTypeInfo, PgTypeKind, PgValueRef, Postgres};

use super::numeric;

/// Numbers of types.
mod oid {
    /// The server tells the type from where the value stands.
    pub(super) const UNSAID: u32 = 0;
    pub(super) const BOOL: u32 = 16;
    pub(super) const BYTEA: u32 = 17;
    pub(super) const NAME: u32 = 19;
    pub(super) const INT8: u32 = 20;
    pub(super) const INT2: u32 = 21;
    pub(super) const INT4: u32 = 23;
    pub(super) const TEXT: u32 = 25;
    pub(super) const OID: u32 = 26;
    pub(super) const JSON: u32 = 114;
    pub(super) const FLOAT4: u32 = 700;
    pub(super) const FLOAT8: u32 = 701;
    pub(super) const UNKNOWN: u32 = 705;
    pub(super) const BPCHAR: u32 = 1_042;
    pub(super) const VARCHAR: u32 = 1_043;
    pub(super) const DATE: u32 = 1_082;
    pub(super) const TIME: u32 = 1_083;
    pub(super) const TIMESTAMP: u32 = 1_114;
    pub(super) const TIMESTAMPTZ: u32 = 1_184;
    pub(super) const NUMERIC: u32 = 1_700;
    pub(super) const UUID: u32 = 2_950;
    pub(super) const JSONB: u32 = 3_802;
}

/// PostgreSQL counts from 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

/// What is bound for `values`.
pub(crate) fn arguments(values: Vec<Bound>) -> Result<PgArguments, BoxDynError> {
    let mut arguments = PgArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        arguments.add(Parameter(value))?;
    }
    Ok(arguments)
}

/// A value on its way to the server.
struct Parameter(Bound);

impl Type<Postgres> for Parameter {
    fn type_info() -> PgTypeInfo {
        // The server tells from where it stands.
        PgTypeInfo::with_oid(Oid(oid::UNSAID))
    }
}

impl Encode<'_, Postgres> for Parameter {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match &self.0 {
            Bound::Value(Value::Null) | Bound::Null(_) => return Ok(IsNull::Yes),
            Bound::Value(value) => encode(value, buffer)?,
            Bound::Array(column_type, values) => {
                let element = type_of(*column_type);
                encode_array(element, values, buffer, encode)?;
            }
        }
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        let number = match &self.0 {
            Bound::Value(value) => type_of_value(value)?,
            Bound::Null(ColumnType::Array(element)) => array_of(element_type_of(**element)),
            Bound::Null(column_type) => type_of(*column_type),
            Bound::Array(column_type, _) => array_of(type_of(*column_type)),
        };
        Some(PgTypeInfo::with_oid(Oid(number)))
    }
}

/// The type that values of a column travel in.
fn type_of(column_type: ColumnType) -> u32 {
    match column_type {
        ColumnType::Bool => oid::BOOL,
        ColumnType::Int(_) | ColumnType::UnsignedInt(_) => oid::INT8,
        ColumnType::Float | ColumnType::Double => oid::FLOAT8,
        ColumnType::Bytes => oid::BYTEA,
        ColumnType::Uuid => oid::UUID,
        ColumnType::Date => oid::DATE,
        ColumnType::Time => oid::TIME,
        ColumnType::DateTime => oid::TIMESTAMP,
        ColumnType::Timestamp => oid::TIMESTAMPTZ,
        ColumnType::Decimal => oid::NUMERIC,
        ColumnType::Json => oid::JSONB,
        ColumnType::Enum(_) => oid::UNSAID,
        // ColumnType is non_exhaustive: what is not known here travels as text.
        _ => oid::TEXT,
    }
}

/// The type of the elements of an array in a column.
fn element_type_of(column_type: ColumnType) -> u32 {
    match column_type {
        ColumnType::Int(8 | 16) | ColumnType::UnsignedInt(8) => oid::INT2,
        ColumnType::Int(32) | ColumnType::UnsignedInt(16) => oid::INT4,
        ColumnType::Float => oid::FLOAT4,
        ColumnType::Enum(_) => oid::TEXT,
        other => type_of(other),
    }
}

fn type_of_value(value: &Value) -> Option<u32> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => oid::BOOL,
        Value::Int(_) => oid::INT8,
        Value::Float(_) => oid::FLOAT8,
        Value::Text(_) => oid::TEXT,
        Value::Bytes(_) => oid::BYTEA,
        Value::Uuid(_) => oid::UUID,
        Value::Date(_) => oid::DATE,
        Value::Time(_) => oid::TIME,
        Value::DateTime(_) => oid::TIMESTAMP,
        Value::Timestamp(_) => oid::TIMESTAMPTZ,
        Value::Decimal(_) => oid::NUMERIC,
        Value::Json(_) => oid::JSONB,
        Value::Enum(..) => oid::UNSAID,
        Value::Array(element, _) => array_of(element_type_of(**element)),
    })
}

/// The type of arrays of a type.
fn array_of(element: u32) -> u32 {
    match element {
        oid::BOOL => 1_000,
        oid::BYTEA => 1_001,
        oid::INT2 => 1_005,
        oid::INT4 => 1_007,
        oid::INT8 => 1_016,
        oid::FLOAT4 => 1_021,
        oid::FLOAT8 => 1_022,
        oid::DATE => 1_182,
        oid::TIME => 1_183,
        oid::TIMESTAMP => 1_115,
        oid::TIMESTAMPTZ => 1_185,
        oid::NUMERIC => 1_231,
        oid::UUID => 2_951,
        oid::JSONB => 3_807,
        _ => 1_009,
    }
}

fn encode(value: &Value, buffer: &mut Vec<u8>) -> Result<(), BoxDynError> {
    match value {
        Value::Null => {}
        Value::Bool(value) => buffer.push((*value).into()),
        Value::Int(number) => buffer.extend(number.to_be_bytes()),
        Value::Float(number) => buffer.extend(number.to_be_bytes()),
        Value::Text(text) => buffer.extend(text.as_bytes()),
        Value::Enum(_, label) => buffer.extend(label.as_bytes()),
        Value::Array(element, values) => {
            let element = element_type_of(**element);
            encode_array(element, values, buffer, |value, buffer| encode_element(element, value, buffer))?;
        }
        Value::Bytes(bytes) => buffer.extend(bytes),
        Value::Uuid(uuid) => buffer.extend(uuid.to_be_bytes()),
        Value::Date(days) => {
            let days = days.checked_sub(EPOCH_DAYS).ok_or(ValueError::OutOfRange { expected: "date" })?;
            buffer.extend(days.to_be_bytes());
        }
        Value::Time(micros) => buffer.extend(micros.to_be_bytes()),
        Value::DateTime(micros) | Value::Timestamp(micros) => {
            let micros =
                micros.checked_sub(EPOCH_MICROS).ok_or(ValueError::OutOfRange { expected: "timestamp" })?;
            buffer.extend(micros.to_be_bytes());
        }
        Value::Decimal(text) => numeric::encode(text, buffer)?,
        Value::Json(text) => {
            // The version of the format.
            buffer.push(1);
            buffer.extend(text.as_bytes());
        }
    }
    Ok(())
}

/// A value in the width of its column, which arrays don't change.
fn encode_element(element: u32, value: &Value, buffer: &mut Vec<u8>) -> Result<(), BoxDynError> {
    match (element, value) {
        (oid::INT2, Value::Int(number)) => buffer.extend(i16::try_from(*number)?.to_be_bytes()),
        (oid::INT4, Value::Int(number)) => buffer.extend(i32::try_from(*number)?.to_be_bytes()),
        (oid::FLOAT4, Value::Float(number)) => {
            #[expect(clippy::cast_possible_truncation, reason = "it was widened from so many bits")]
            let narrowed = *number as f32;
            buffer.extend(narrowed.to_be_bytes());
        }
        (_, value) => encode(value, buffer)?,
    }
    Ok(())
}

/// One dimension, counted from 1; none of no elements, as the server writes it.
fn encode_array(
    element: u32,
    values: &[Value],
    buffer: &mut Vec<u8>,
    encode: impl Fn(&Value, &mut Vec<u8>) -> Result<(), BoxDynError>,
) -> Result<(), BoxDynError> {
    const NULL: i32 = -1;
    let has_null = values.iter().any(Value::is_null);
    buffer.extend(i32::from(!values.is_empty()).to_be_bytes());
    buffer.extend(i32::from(has_null).to_be_bytes());
    buffer.extend(element.to_be_bytes());
    if values.is_empty() {
        return Ok(());
    }
    buffer.extend(i32::try_from(values.len())?.to_be_bytes());
    buffer.extend(1_i32.to_be_bytes());
    for value in values {
        if value.is_null() {
            buffer.extend(NULL.to_be_bytes());
            continue;
        }
        let length_at = buffer.len();
        buffer.extend([0; 4]);
        encode(value, buffer)?;
        let length = i32::try_from(buffer.len() - length_at - 4)?;
        buffer[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

/// A row as the core reads it.
#[expect(missing_debug_implementations, reason = "it is lent to the core, one row at a time")]
pub struct Columns<'r>(pub(crate) &'r PgRow);

/// A column's value that is not NULL.
struct Raw<'r> {
    oid: u32,
    type_info: PgTypeInfo,
    bytes: &'r [u8],
}

impl<'r> Columns<'r> {
    fn value(&self, index: usize) -> Result<PgValueRef<'r>, ValueError> {
        self.0.try_get_raw(index).map_err(|_| ValueError::WrongType {
            expected: "a column",
            found: format!("a row without a column {index}"),
        })
    }

    fn raw(&self, index: usize, expected: &'static str) -> Result<Raw<'r>, ValueError> {
        let value = self.value(index)?;
        let type_info = value.type_info().into_owned();
        let bytes = value.as_bytes().map_err(|_| ValueError::UnexpectedNull { expected })?;
        // A domain is read as what it is made of.
        let type_info = match type_info.kind() {
            PgTypeKind::Domain(base) => base.clone(),
            _ => type_info,
        };
        let oid = type_info.oid().map_or(oid::UNKNOWN, |oid| oid.0);
        Ok(Raw { oid, type_info, bytes })
    }
}

impl<'r> Raw<'r> {
    fn is_not(&self, expected: &'static str) -> ValueError {
        ValueError::WrongType { expected, found: self.type_info.name().to_lowercase() }
    }

    fn be<const N: usize>(&self, expected: &'static str) -> Result<[u8; N], ValueError> {
        self.bytes.try_into().map_err(|_| ValueError::Invalid {
            expected,
            reason: format!("{N} bytes are needed, there are {}", self.bytes.len()),
        })
    }

    fn integer(&self, expected: &'static str) -> Result<i64, ValueError> {
        match self.oid {
            oid::INT2 => Ok(i16::from_be_bytes(self.be(expected)?).into()),
            oid::INT4 => Ok(i32::from_be_bytes(self.be(expected)?).into()),
            oid::INT8 => Ok(i64::from_be_bytes(self.be(expected)?)),
            oid::OID => Ok(u32::from_be_bytes(self.be(expected)?).into()),
            // Sums of integers are of this type.
            oid::NUMERIC => {
                let text = numeric::decode(self.bytes)?;
                let out_of_range = ValueError::OutOfRange { expected };
                let whole = text.split_once('.').map_or(Some(text.as_str()), |(whole, fraction)| {
                    fraction.bytes().all(|digit| digit == b'0').then_some(whole)
                });
                whole.and_then(|whole| whole.parse().ok()).ok_or(out_of_range)
            }
            _ => Err(self.is_not(expected)),
        }
    }

    fn bool(&self) -> Result<bool, ValueError> {
        match self.oid {
            oid::BOOL => Ok(self.be::<1>("bool")? != [0]),
            _ => Err(self.is_not("bool")),
        }
    }

    fn float(&self) -> Result<f64, ValueError> {
        match self.oid {
            oid::FLOAT8 => Ok(f64::from_be_bytes(self.be("float")?)),
            oid::FLOAT4 => Ok(f32::from_be_bytes(self.be("float")?).into()),
            _ => Err(self.is_not("float")),
        }
    }

    fn text(&self) -> Result<&'r str, ValueError> {
        let is_text = matches!(self.oid, oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::UNKNOWN)
            || matches!(self.type_info.kind(), PgTypeKind::Enum(_))
            || self.type_info.name().eq_ignore_ascii_case("citext");
        if !is_text {
            return Err(self.is_not("text"));
        }
        let text = utf8(self.bytes, "text")?;
        // What it is filled up with does not count, and no text that is sent is compared with it.
        Ok(if self.oid == oid::BPCHAR { text.trim_end_matches(' ') } else { text })
    }

    fn bytes(&self) -> Result<&'r [u8], ValueError> {
        if self.oid == oid::BYTEA { Ok(self.bytes) } else { Err(self.is_not("bytes")) }
    }

    fn uuid(&self) -> Result<u128, ValueError> {
        if self.oid == oid::UUID {
            Ok(u128::from_be_bytes(self.be("UUID")?))
        } else {
            Err(self.is_not("UUID"))
        }
    }

    fn date(&self) -> Result<i32, ValueError> {
        if self.oid != oid::DATE {
            return Err(self.is_not("date"));
        }
        let days = i32::from_be_bytes(self.be("date")?);
        // The extremes are `-infinity` and `infinity`.
        let is_finite = days != i32::MIN && days != i32::MAX;
        days.checked_add(EPOCH_DAYS).filter(|_| is_finite).ok_or(ValueError::OutOfRange { expected: "date" })
    }

    fn time(&self) -> Result<i64, ValueError> {
        if self.oid == oid::TIME {
            Ok(i64::from_be_bytes(self.be("time")?))
        } else {
            Err(self.is_not("time"))
        }
    }

    fn datetime(&self) -> Result<i64, ValueError> {
        if self.oid == oid::TIMESTAMP {
            self.micros("date and time")
        } else {
            Err(self.is_not("date and time"))
        }
    }

    fn timestamp(&self) -> Result<i64, ValueError> {
        if self.oid == oid::TIMESTAMPTZ { self.micros("timestamp") } else { Err(self.is_not("timestamp")) }
    }

    fn decimal(&self) -> Result<String, ValueError> {
        match self.oid {
            oid::NUMERIC => numeric::decode(self.bytes),
            oid::INT2 | oid::INT4 | oid::INT8 => Ok(self.integer("decimal")?.to_string()),
            _ => Err(self.is_not("decimal")),
        }
    }

    fn json(&self) -> Result<&'r str, ValueError> {
        match (self.oid, self.bytes) {
            (oid::JSON, text) | (oid::JSONB, [1, text @ ..]) => utf8(text, "JSON"),
            _ => Err(self.is_not("JSON")),
        }
    }

    /// The elements of an array of one dimension.
    fn array(&self, element: ColumnType) -> Result<Vec<Value>, ValueError> {
        let PgTypeKind::Array(type_info) = self.type_info.kind() else { return Err(self.is_not("list")) };
        let type_info = match type_info.kind() {
            PgTypeKind::Domain(base) => base.clone(),
            _ => type_info.clone(),
        };
        let invalid = |reason: &str| ValueError::Invalid { expected: "list", reason: reason.to_owned() };
        let damaged = || invalid("its bytes make no array");
        let mut bytes = Bytes(self.bytes);
        let dimensions = bytes.number().ok_or_else(damaged)?;
        let (_has_null, oid) =
            (bytes.number().ok_or_else(damaged)?, bytes.number().ok_or_else(damaged)?.cast_unsigned());
        match dimensions {
            0 => return Ok(Vec::new()),
            1 => {}
            _ => return Err(invalid("it has more than one dimension")),
        }
        let (count, _lower_bound) =
            (bytes.number().ok_or_else(damaged)?, bytes.number().ok_or_else(damaged)?);
        let elements = (0..count).map(|_| {
            let length = bytes.number().ok_or_else(damaged)?;
            let length = usize::try_from(length).map_err(|_| invalid("an element is NULL"))?;
            let bytes = bytes.take(length).ok_or_else(damaged)?;
            Raw { oid, type_info: type_info.clone(), bytes }.value(element)
        });
        elements.collect()
    }

    /// A value of a column of this type.
    fn value(&self, column_type: ColumnType) -> Result<Value, ValueError> {
        Ok(match column_type {
            ColumnType::Bool => Value::Bool(self.bool()?),
            ColumnType::Int(_) | ColumnType::UnsignedInt(_) => Value::Int(self.integer("integer")?),
            ColumnType::Float | ColumnType::Double => Value::Float(self.float()?),
            ColumnType::Text => Value::Text(self.text()?.to_owned()),
            ColumnType::Enum(enum_type) => enum_type.value(self.text()?)?,
            ColumnType::Bytes => Value::Bytes(self.bytes()?.to_vec()),
            ColumnType::Uuid => Value::Uuid(self.uuid()?),
            ColumnType::Date => Value::Date(self.date()?),
            ColumnType::Time => Value::Time(self.time()?),
            ColumnType::DateTime => Value::DateTime(self.datetime()?),
            ColumnType::Timestamp => Value::Timestamp(self.timestamp()?),
            ColumnType::Decimal => Value::Decimal(self.decimal()?),
            ColumnType::Json => Value::Json(self.json()?.to_owned()),
            // ColumnType is non_exhaustive, and a list in a list is none of its types.
            _ => return Err(self.is_not("an element of a list")),
        })
    }

    /// Microseconds since 1970-01-01.
    fn micros(&self, expected: &'static str) -> Result<i64, ValueError> {
        let micros = i64::from_be_bytes(self.be(expected)?);
        // The extremes are `-infinity` and `infinity`.
        if micros == i64::MIN || micros == i64::MAX {
            return Err(ValueError::OutOfRange { expected });
        }
        micros.checked_add(EPOCH_MICROS).ok_or(ValueError::OutOfRange { expected })
    }
}

fn utf8<'r>(bytes: &'r [u8], expected: &'static str) -> Result<&'r str, ValueError> {
    std::str::from_utf8(bytes).map_err(|error| ValueError::Invalid { expected, reason: error.to_string() })
}

impl RowReader for Columns<'_> {
    fn is_null(&self, index: usize) -> Result<bool, ValueError> {
        Ok(self.value(index)?.is_null())
    }

    fn bool(&self, index: usize) -> Result<bool, ValueError> {
        self.raw(index, "bool")?.bool()
    }

    fn int(&self, index: usize) -> Result<i64, ValueError> {
        self.raw(index, "integer")?.integer("integer")
    }

    fn float(&self, index: usize) -> Result<f64, ValueError> {
        self.raw(index, "float")?.float()
    }

    fn text(&self, index: usize) -> Result<&str, ValueError> {
        self.raw(index, "text")?.text()
    }

    fn bytes(&self, index: usize) -> Result<&[u8], ValueError> {
        self.raw(index, "bytes")?.bytes()
    }

    fn uuid(&self, index: usize) -> Result<u128, ValueError> {
        self.raw(index, "UUID")?.uuid()
    }

    fn date(&self, index: usize) -> Result<i32, ValueError> {
        self.raw(index, "date")?.date()
    }

    fn time(&self, index: usize) -> Result<i64, ValueError> {
        self.raw(index, "time")?.time()
    }

    fn datetime(&self, index: usize) -> Result<i64, ValueError> {
        self.raw(index, "date and time")?.datetime()
    }

    fn timestamp(&self, index: usize) -> Result<i64, ValueError> {
        self.raw(index, "timestamp")?.timestamp()
    }

    fn decimal(&self, index: usize) -> Result<Cow<'_, str>, ValueError> {
        self.raw(index, "decimal")?.decimal().map(Cow::Owned)
    }

    fn json(&self, index: usize) -> Result<&str, ValueError> {
        self.raw(index, "JSON")?.json()
    }

    fn array(&self, index: usize, element: &'static ColumnType) -> Result<Vec<Value>, ValueError> {
        self.raw(index, "list")?.array(*element)
    }
}

/// Takes numbers and pieces off the front.
struct Bytes<'r>(&'r [u8]);

impl<'r> Bytes<'r> {
    fn number(&mut self) -> Option<i32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i32::from_be_bytes(*number))
    }

    fn take(&mut self, length: usize) -> Option<&'r [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}
