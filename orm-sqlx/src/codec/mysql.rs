//! MySQL's and MariaDB's arguments and rows, in their binary format.
//!
//! What a value looks like on the wire follows from its kind, and what a column holds from the type that the server
//! says; <https://mariadb.com/kb/en/com_stmt_execute/> and <https://mariadb.com/kb/en/resultset-row/> have the formats.
//! Text is told from bytes by the character set of the column alone: a binary collation of text looks like bytes
//! otherwise.

use std::borrow::Cow;

use orm_core::driver::RowReader;
use orm_core::value::{ColumnType, Value, ValueError, parse_uuid};
use orm_sql::{Bound, list, temporal};
use sqlx_core::arguments::Arguments as _;
use sqlx_core::decode::Decode;
use sqlx_core::encode::{Encode, IsNull};
use sqlx_core::error::BoxDynError;
use sqlx_core::row::Row;
use sqlx_core::type_info::TypeInfo;
use sqlx_core::types::chrono::{NaiveDate, NaiveDateTime};
use sqlx_core::types::{Decimal, Type};
use sqlx_core::value::ValueRef;
use sqlx_mysql::types::MySqlTime;
use sqlx_mysql::{MySql, MySqlArguments, MySqlRow, MySqlTypeInfo, MySqlValueRef};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// What is bound for `values`.
pub(crate) fn arguments(values: Vec<Bound>) -> Result<MySqlArguments, BoxDynError> {
    let mut arguments = MySqlArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        arguments.add(Parameter(value))?;
    }
    Ok(arguments)
}

/// A value on its way to the server.
struct Parameter(Bound);

impl Type<MySql> for Parameter {
    fn type_info() -> MySqlTypeInfo {
        <str as Type<MySql>>::type_info()
    }
}

impl Encode<'_, MySql> for Parameter {
    fn encode_by_ref(&self, buffer: &mut Vec<u8>) -> Result<IsNull, BoxDynError> {
        match &self.0 {
            Bound::Value(Value::Null) | Bound::Null(_) => return Ok(IsNull::Yes),
            Bound::Value(value) => encode(value, buffer)?,
            Bound::Array(..) => return Err("this database has no arrays".into()),
        }
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<MySqlTypeInfo> {
        match &self.0 {
            Bound::Value(value) => type_of_value(value),
            Bound::Null(column_type) | Bound::Array(column_type, _) => Some(type_of(*column_type)),
        }
    }
}

/// The type that values of a column travel in.
fn type_of(column_type: ColumnType) -> MySqlTypeInfo {
    match column_type {
        ColumnType::Bool => <bool as Type<MySql>>::type_info(),
        ColumnType::Int(_) | ColumnType::UnsignedInt(_) => <i64 as Type<MySql>>::type_info(),
        ColumnType::Float | ColumnType::Double => <f64 as Type<MySql>>::type_info(),
        ColumnType::Bytes | ColumnType::Uuid => <[u8] as Type<MySql>>::type_info(),
        ColumnType::Date => <NaiveDate as Type<MySql>>::type_info(),
        ColumnType::Time => MySqlTime::type_info(),
        ColumnType::DateTime | ColumnType::Timestamp => <NaiveDateTime as Type<MySql>>::type_info(),
        ColumnType::Decimal => <Decimal as Type<MySql>>::type_info(),
        // ColumnType is non_exhaustive: what is not known here travels as text, as JSON does.
        _ => <str as Type<MySql>>::type_info(),
    }
}

fn type_of_value(value: &Value) -> Option<MySqlTypeInfo> {
    Some(type_of(match value {
        Value::Null => return None,
        Value::Bool(_) => ColumnType::Bool,
        Value::Int(_) => ColumnType::Int(64),
        Value::Float(_) => ColumnType::Double,
        Value::Text(_) | Value::Enum(..) | Value::Array(..) => ColumnType::Text,
        Value::Bytes(_) => ColumnType::Bytes,
        Value::Uuid(_) => ColumnType::Uuid,
        Value::Date(_) => ColumnType::Date,
        Value::Time(_) => ColumnType::Time,
        Value::DateTime(_) => ColumnType::DateTime,
        Value::Timestamp(_) => ColumnType::Timestamp,
        Value::Decimal(_) => ColumnType::Decimal,
        Value::Json(_) => ColumnType::Json,
    }))
}

fn encode(value: &Value, buffer: &mut Vec<u8>) -> Result<(), BoxDynError> {
    match value {
        Value::Null => {}
        Value::Bool(value) => buffer.push((*value).into()),
        Value::Int(number) => buffer.extend(number.to_le_bytes()),
        Value::Float(number) => buffer.extend(number.to_le_bytes()),
        Value::Text(text) | Value::Decimal(text) | Value::Json(text) => {
            encode_bytes(text.as_bytes(), buffer)?
        }
        Value::Enum(_, label) => encode_bytes(label.as_bytes(), buffer)?,
        Value::Array(_, values) => encode_bytes(list::to_json(values)?.as_bytes(), buffer)?,
        Value::Bytes(bytes) => encode_bytes(bytes, buffer)?,
        Value::Uuid(uuid) => encode_bytes(&uuid.to_be_bytes(), buffer)?,
        Value::Date(days) => {
            buffer.push(4);
            encode_date(*days, buffer)?;
        }
        Value::Time(micros) => encode_time(*micros, buffer)?,
        Value::DateTime(micros) | Value::Timestamp(micros) => encode_datetime(*micros, buffer)?,
    }
    Ok(())
}

/// Their number comes first, in one to nine bytes.
fn encode_bytes(bytes: &[u8], buffer: &mut Vec<u8>) -> Result<(), BoxDynError> {
    <&[u8] as Encode<'_, MySql>>::encode_by_ref(&bytes, buffer).map(drop)
}

fn encode_date(days: i32, buffer: &mut Vec<u8>) -> Result<(), ValueError> {
    let (year, month, day) = temporal::civil(days)?;
    buffer.extend(year.to_le_bytes());
    buffer.extend([month, day]);
    Ok(())
}

fn encode_datetime(micros: i64, buffer: &mut Vec<u8>) -> Result<(), ValueError> {
    let days = i32::try_from(micros.div_euclid(MICROS_PER_DAY))
        .map_err(|_| ValueError::OutOfRange { expected: "a date from year 0000 to 9999" })?;
    buffer.push(11);
    encode_date(days, buffer)?;
    encode_clock(micros.rem_euclid(MICROS_PER_DAY), buffer)
}

fn encode_time(micros: i64, buffer: &mut Vec<u8>) -> Result<(), ValueError> {
    if !(0..MICROS_PER_DAY).contains(&micros) {
        return Err(ValueError::OutOfRange { expected: "a time of day" });
    }
    // Not negative, and no days.
    buffer.extend([12, 0, 0, 0, 0, 0]);
    encode_clock(micros, buffer)
}

/// Hours, minutes, seconds and microseconds of a time within a day.
fn encode_clock(micros: i64, buffer: &mut Vec<u8>) -> Result<(), ValueError> {
    let out_of_range = |_| ValueError::OutOfRange { expected: "a time of day" };
    let seconds = micros / MICROS_PER_SECOND;
    for part in [seconds / 3_600, seconds / 60 % 60, seconds % 60] {
        buffer.push(u8::try_from(part).map_err(out_of_range)?);
    }
    let fraction = u32::try_from(micros % MICROS_PER_SECOND).map_err(out_of_range)?;
    buffer.extend(fraction.to_le_bytes());
    Ok(())
}

/// A row as the core reads it.
#[expect(missing_debug_implementations, reason = "it is lent to the core, one row at a time")]
pub struct Columns<'r>(pub(crate) &'r MySqlRow);

/// A column's value that is not NULL.
struct Raw<'r> {
    type_info: MySqlTypeInfo,
    bytes: &'r [u8],
}

/// What a type is, as far as reading goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Integer,
    Bit,
    Float,
    Double,
    Decimal,
    Text,
    Bytes,
    Json,
    Date,
    Time,
    DateTime,
    Timestamp,
    Other,
}

impl<'r> Columns<'r> {
    fn value(&self, index: usize) -> Result<MySqlValueRef<'r>, ValueError> {
        self.0.try_get_raw(index).map_err(|_| ValueError::WrongType {
            expected: "a column",
            found: format!("a row without a column {index}"),
        })
    }

    fn raw(&self, index: usize, expected: &'static str) -> Result<Raw<'r>, ValueError> {
        let value = self.value(index)?;
        let type_info = value.type_info().into_owned();
        let bytes = bytes_of(value).ok_or(ValueError::UnexpectedNull { expected })?;
        Ok(Raw { type_info, bytes })
    }
}

/// The bytes of a value, none for NULL. sqlx's own `is_null` takes a zero date for one.
fn bytes_of(value: MySqlValueRef<'_>) -> Option<&[u8]> {
    <&[u8] as Decode<'_, MySql>>::decode(value).ok()
}

impl<'r> Raw<'r> {
    fn kind(&self) -> Kind {
        if <str as Type<MySql>>::compatible(&self.type_info) {
            return Kind::Text;
        }
        if <[u8] as Type<MySql>>::compatible(&self.type_info) {
            return Kind::Bytes;
        }
        match self.type_info.name() {
            "BIT" => Kind::Bit,
            "FLOAT" => Kind::Float,
            "DOUBLE" => Kind::Double,
            "DECIMAL" => Kind::Decimal,
            "JSON" => Kind::Json,
            "SET" | "ENUM" => Kind::Text,
            "DATE" => Kind::Date,
            "TIME" => Kind::Time,
            "DATETIME" => Kind::DateTime,
            "TIMESTAMP" => Kind::Timestamp,
            _ if <i64 as Type<MySql>>::compatible(&self.type_info) || self.is_unsigned() => Kind::Integer,
            _ => Kind::Other,
        }
    }

    fn is_unsigned(&self) -> bool {
        <u64 as Type<MySql>>::compatible(&self.type_info)
    }

    fn is_not(&self, expected: &'static str) -> ValueError {
        let found = match self.kind() {
            // Its name would be that of bytes where its collation is a binary one.
            Kind::Text => "text".to_owned(),
            Kind::Bytes => "bytes".to_owned(),
            _ => self.type_info.name().to_lowercase(),
        };
        ValueError::WrongType { expected, found }
    }

    fn le<const N: usize>(&self, expected: &'static str) -> Result<[u8; N], ValueError> {
        self.bytes.try_into().map_err(|_| self.wrong_length(expected))
    }

    fn wrong_length(&self, expected: &'static str) -> ValueError {
        ValueError::Invalid { expected, reason: format!("there are {} bytes", self.bytes.len()) }
    }

    fn integer(&self, expected: &'static str) -> Result<i64, ValueError> {
        match self.kind() {
            Kind::Integer => self.whole(expected),
            Kind::Bit => {
                let number = self.bytes.iter().try_fold(0_u64, |number, byte| {
                    number.checked_mul(256).map(|number| number + u64::from(*byte))
                });
                number
                    .and_then(|number| i64::try_from(number).ok())
                    .ok_or(ValueError::OutOfRange { expected })
            }
            // Sums of integers are of this type.
            Kind::Decimal => {
                let text = self.utf8(expected)?;
                let whole = text.split_once('.').map_or(Some(text), |(whole, fraction)| {
                    fraction.bytes().all(|digit| digit == b'0').then_some(whole)
                });
                whole.and_then(|whole| whole.parse().ok()).ok_or(ValueError::OutOfRange { expected })
            }
            _ => Err(self.is_not(expected)),
        }
    }

    /// Of as many bytes as there are.
    fn whole(&self, expected: &'static str) -> Result<i64, ValueError> {
        let is_unsigned = self.is_unsigned();
        Ok(match self.bytes.len() {
            1 if is_unsigned => u8::from_le_bytes(self.le(expected)?).into(),
            1 => i8::from_le_bytes(self.le(expected)?).into(),
            2 if is_unsigned => u16::from_le_bytes(self.le(expected)?).into(),
            2 => i16::from_le_bytes(self.le(expected)?).into(),
            4 if is_unsigned => u32::from_le_bytes(self.le(expected)?).into(),
            4 => i32::from_le_bytes(self.le(expected)?).into(),
            8 if is_unsigned => i64::try_from(u64::from_le_bytes(self.le(expected)?))
                .map_err(|_| ValueError::OutOfRange { expected })?,
            8 => i64::from_le_bytes(self.le(expected)?),
            _ => return Err(self.wrong_length(expected)),
        })
    }

    fn utf8(&self, expected: &'static str) -> Result<&'r str, ValueError> {
        std::str::from_utf8(self.bytes)
            .map_err(|error| ValueError::Invalid { expected, reason: error.to_string() })
    }

    /// What follows the length of a date or time, which is its first byte.
    fn parts(&self, expected: &'static str) -> Result<&'r [u8], ValueError> {
        match self.bytes.split_first() {
            Some((length, parts)) if usize::from(*length) == parts.len() => Ok(parts),
            _ => Err(self.wrong_length(expected)),
        }
    }

    /// Microseconds since 1970-01-01.
    fn micros(&self, expected: &'static str) -> Result<i64, ValueError> {
        let parts = self.parts(expected)?;
        let days = days(parts.get(..4).unwrap_or_default(), expected)?;
        let micros = match parts.get(4..) {
            None | Some([]) => 0,
            Some(clock) => micros_of_clock(clock).ok_or_else(|| self.wrong_length(expected))?,
        };
        Ok(i64::from(days) * MICROS_PER_DAY + micros)
    }
}

/// Year, month and day, as days since 1970-01-01.
fn days(parts: &[u8], expected: &'static str) -> Result<i32, ValueError> {
    let invalid = |reason: &str| ValueError::Invalid { expected, reason: reason.to_owned() };
    match parts {
        [] | [0, 0, 0, 0] => Err(invalid("it is the zero date, which is no day; make it NULL or a real day")),
        [year, century, month, day] => temporal::days(u16::from_le_bytes([*year, *century]), *month, *day)
            .ok_or_else(|| invalid("the calendar has no such day")),
        _ => Err(invalid("it has another number of parts")),
    }
}

/// Hours, minutes and seconds, and microseconds where there are any.
fn micros_of_clock(parts: &[u8]) -> Option<i64> {
    let (clock, fraction) = parts.split_at_checked(3)?;
    let seconds = clock.iter().fold(0, |time, part| time * 60 + i64::from(*part));
    let micros = match fraction {
        [] => 0,
        fraction => u32::from_le_bytes(fraction.try_into().ok()?).into(),
    };
    Some(seconds * MICROS_PER_SECOND + micros)
}

/// A number without the zeros behind it, if there are more of them than a program would have asked for: the columns that
/// we make have as many digits behind the point as there can be.
fn without_padding(number: &str) -> &str {
    const ASKED_FOR: usize = 28;
    match number.split_once('.') {
        Some((_, fraction)) if fraction.len() > ASKED_FOR => {
            number.trim_end_matches('0').trim_end_matches('.')
        }
        Some(_) | None => number,
    }
}

impl RowReader for Columns<'_> {
    fn is_null(&self, index: usize) -> Result<bool, ValueError> {
        Ok(bytes_of(self.value(index)?).is_none())
    }

    /// As any integer that is 0 or 1, since the server knows no truth values.
    fn bool(&self, index: usize) -> Result<bool, ValueError> {
        let raw = self.raw(index, "bool")?;
        match raw.kind() {
            Kind::Integer | Kind::Bit => match raw.integer("bool")? {
                0 => Ok(false),
                1 => Ok(true),
                _ => Err(ValueError::OutOfRange { expected: "bool, which is 0 or 1" }),
            },
            _ => Err(raw.is_not("bool")),
        }
    }

    fn int(&self, index: usize) -> Result<i64, ValueError> {
        self.raw(index, "integer")?.integer("integer")
    }

    fn float(&self, index: usize) -> Result<f64, ValueError> {
        let raw = self.raw(index, "float")?;
        match raw.kind() {
            Kind::Double => Ok(f64::from_le_bytes(raw.le("float")?)),
            Kind::Float => Ok(f32::from_le_bytes(raw.le("float")?).into()),
            _ => Err(raw.is_not("float")),
        }
    }

    fn text(&self, index: usize) -> Result<&str, ValueError> {
        let raw = self.raw(index, "text")?;
        if raw.kind() == Kind::Text { raw.utf8("text") } else { Err(raw.is_not("text")) }
    }

    fn bytes(&self, index: usize) -> Result<&[u8], ValueError> {
        let raw = self.raw(index, "bytes")?;
        if raw.kind() == Kind::Bytes { Ok(raw.bytes) } else { Err(raw.is_not("bytes")) }
    }

    /// Of 16 bytes, or as text, which MariaDB's own type comes as.
    fn uuid(&self, index: usize) -> Result<u128, ValueError> {
        let raw = self.raw(index, "UUID")?;
        match raw.kind() {
            Kind::Bytes => Ok(u128::from_be_bytes(raw.le("UUID")?)),
            Kind::Text => parse_uuid(raw.utf8("UUID")?),
            _ => Err(raw.is_not("UUID")),
        }
    }

    fn date(&self, index: usize) -> Result<i32, ValueError> {
        let raw = self.raw(index, "date")?;
        if raw.kind() == Kind::Date { days(raw.parts("date")?, "date") } else { Err(raw.is_not("date")) }
    }

    /// The server's times are intervals of up to 838 hours in both directions.
    fn time(&self, index: usize) -> Result<i64, ValueError> {
        let raw = self.raw(index, "time")?;
        if raw.kind() != Kind::Time {
            return Err(raw.is_not("time"));
        }
        match raw.parts("time")? {
            [] => Ok(0),
            [0, 0, 0, 0, 0, clock @ ..] => micros_of_clock(clock).ok_or_else(|| raw.wrong_length("time")),
            _ => Err(ValueError::Invalid {
                expected: "time",
                reason: "it is an interval, and no time of day: it has a sign or more than 24 hours"
                    .to_owned(),
            }),
        }
    }

    fn datetime(&self, index: usize) -> Result<i64, ValueError> {
        let raw = self.raw(index, "date and time")?;
        if raw.kind() == Kind::DateTime {
            raw.micros("date and time")
        } else {
            Err(raw.is_not("date and time"))
        }
    }

    /// Of either type: the time zone of the session is UTC.
    fn timestamp(&self, index: usize) -> Result<i64, ValueError> {
        let raw = self.raw(index, "timestamp")?;
        match raw.kind() {
            Kind::Timestamp | Kind::DateTime => raw.micros("timestamp"),
            _ => Err(raw.is_not("timestamp")),
        }
    }

    fn decimal(&self, index: usize) -> Result<Cow<'_, str>, ValueError> {
        let raw = self.raw(index, "decimal")?;
        match raw.kind() {
            Kind::Decimal => raw.utf8("decimal").map(|text| Cow::Borrowed(without_padding(text))),
            Kind::Integer => Ok(Cow::Owned(raw.whole("decimal")?.to_string())),
            _ => Err(raw.is_not("decimal")),
        }
    }

    /// Of MySQL's own type, or as text, which MariaDB stores it as.
    fn json(&self, index: usize) -> Result<&str, ValueError> {
        let raw = self.raw(index, "JSON")?;
        match raw.kind() {
            Kind::Json | Kind::Text => raw.utf8("JSON"),
            _ => Err(raw.is_not("JSON")),
        }
    }

    fn array(&self, index: usize, element: &'static ColumnType) -> Result<Vec<Value>, ValueError> {
        let raw = self.raw(index, "list")?;
        match raw.kind() {
            Kind::Json | Kind::Text => list::from_json(raw.utf8("list")?, *element),
            _ => Err(raw.is_not("list")),
        }
    }
}
