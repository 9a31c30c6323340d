//! SQLite's arguments and rows.
//!
//! How values are stored is `orm-sql`'s affair; this file hands them to sqlx and takes them back, by index and by
//! the storage class of the value itself, whatever type its column was declared with.

use std::borrow::Cow;

use orm_core::driver::RowReader;
use orm_core::value::{ColumnType, Value, ValueError, parse_uuid};
use orm_sql::Bound;
use orm_sql::sqlite::{Stored, store};
use orm_sql::{decimal, list, temporal};
use sqlx_core::arguments::Arguments;
use sqlx_core::decode::Decode;
use sqlx_core::error::BoxDynError;
use sqlx_core::row::Row;
use sqlx_core::type_info::TypeInfo;
use sqlx_core::value::ValueRef;
use sqlx_sqlite::{Sqlite, SqliteArguments, SqliteRow, SqliteValueRef};

/// What is bound for `values`.
pub(crate) fn arguments(values: Vec<Bound>) -> Result<SqliteArguments, BoxDynError> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        match store(value.into_value())? {
            Stored::Null => Arguments::add(&mut arguments, None::<i64>)?,
            Stored::Int(number) => Arguments::add(&mut arguments, number)?,
            Stored::Real(number) => Arguments::add(&mut arguments, number)?,
            Stored::Text(text) => Arguments::add(&mut arguments, text)?,
            Stored::Blob(bytes) => Arguments::add(&mut arguments, bytes)?,
        }
    }
    Ok(arguments)
}

/// A row as the core reads it.
#[expect(missing_debug_implementations, reason = "it is lent to the core, one row at a time")]
pub struct Columns<'r>(pub(crate) &'r SqliteRow);

/// SQLite's storage classes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Null,
    Integer,
    Real,
    Text,
    Blob,
}

impl<'r> Columns<'r> {
    fn get(&self, index: usize) -> Result<(SqliteValueRef<'r>, Class), ValueError> {
        let raw = self.0.try_get_raw(index).map_err(|_| ValueError::WrongType {
            expected: "a column",
            found: format!("a row without a column {index}"),
        })?;
        let class = match raw.type_info().name() {
            "INTEGER" => Class::Integer,
            "REAL" => Class::Real,
            "TEXT" => Class::Text,
            "BLOB" => Class::Blob,
            _ => Class::Null,
        };
        // A NULL has the declared type of its column.
        Ok(if raw.is_null() { (raw, Class::Null) } else { (raw, class) })
    }

    /// The value of a column that must be of class `wanted`.
    fn of_class(
        &self,
        index: usize,
        wanted: Class,
        expected: &'static str,
    ) -> Result<SqliteValueRef<'r>, ValueError> {
        let (raw, class) = self.get(index)?;
        if class == wanted { Ok(raw) } else { Err(class.is_not(expected)) }
    }

    fn text_of(&self, index: usize, expected: &'static str) -> Result<&'r str, ValueError> {
        decode(self.of_class(index, Class::Text, expected)?, expected)
    }
}

impl Class {
    fn is_not(self, expected: &'static str) -> ValueError {
        let found = match self {
            Self::Null => return ValueError::UnexpectedNull { expected },
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Text => "TEXT",
            Self::Blob => "BLOB",
        };
        ValueError::WrongType { expected, found: found.to_owned() }
    }
}

/// Decodes a value of the right class; what is left to go wrong is text that is no UTF-8.
fn decode<'r, T: Decode<'r, Sqlite>>(
    raw: SqliteValueRef<'r>,
    expected: &'static str,
) -> Result<T, ValueError> {
    T::decode(raw).map_err(|error| ValueError::Invalid { expected, reason: error.to_string() })
}

impl RowReader for Columns<'_> {
    fn is_null(&self, index: usize) -> Result<bool, ValueError> {
        Ok(self.get(index)?.1 == Class::Null)
    }

    fn bool(&self, index: usize) -> Result<bool, ValueError> {
        match decode::<i64>(self.of_class(index, Class::Integer, "bool")?, "bool")? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(ValueError::OutOfRange { expected: "bool, which is 0 or 1" }),
        }
    }

    fn int(&self, index: usize) -> Result<i64, ValueError> {
        decode(self.of_class(index, Class::Integer, "integer")?, "integer")
    }

    fn float(&self, index: usize) -> Result<f64, ValueError> {
        let (raw, class) = self.get(index)?;
        match class {
            Class::Real => decode(raw, "float"),
            // A column without REAL affinity keeps `2.0` as the integer 2.
            Class::Integer => exact_float(decode(raw, "float")?),
            Class::Null | Class::Text | Class::Blob => Err(class.is_not("float")),
        }
    }

    fn text(&self, index: usize) -> Result<&str, ValueError> {
        self.text_of(index, "text")
    }

    fn bytes(&self, index: usize) -> Result<&[u8], ValueError> {
        decode(self.of_class(index, Class::Blob, "bytes")?, "bytes")
    }

    fn uuid(&self, index: usize) -> Result<u128, ValueError> {
        let (raw, class) = self.get(index)?;
        match class {
            Class::Text => parse_uuid(decode(raw, "UUID")?),
            Class::Blob => {
                <[u8; 16]>::try_from(decode::<&[u8]>(raw, "UUID")?).map(u128::from_be_bytes).map_err(|_| {
                    ValueError::Invalid { expected: "UUID", reason: "it needs 16 bytes".to_owned() }
                })
            }
            Class::Null | Class::Integer | Class::Real => Err(class.is_not("UUID")),
        }
    }

    fn date(&self, index: usize) -> Result<i32, ValueError> {
        temporal::parse_date(self.text_of(index, "date")?)
    }

    fn time(&self, index: usize) -> Result<i64, ValueError> {
        temporal::parse_time(self.text_of(index, "time")?)
    }

    fn datetime(&self, index: usize) -> Result<i64, ValueError> {
        temporal::parse_datetime(self.text_of(index, "date and time")?)
    }

    fn timestamp(&self, index: usize) -> Result<i64, ValueError> {
        temporal::parse_timestamp(self.text_of(index, "timestamp")?)
    }

    fn decimal(&self, index: usize) -> Result<Cow<'_, str>, ValueError> {
        let (raw, class) = self.get(index)?;
        let invalid = || ValueError::Invalid { expected: "decimal", reason: "it is no number".to_owned() };
        match class {
            Class::Text => {
                let text: &str = decode(raw, "decimal")?;
                if decimal::is_decimal(text) { Ok(Cow::Borrowed(text)) } else { Err(invalid()) }
            }
            // Tables of other programs, whose NUMERIC columns turn decimals into numbers.
            Class::Integer => Ok(Cow::Owned(decode::<i64>(raw, "decimal")?.to_string())),
            Class::Real => {
                let number: f64 = decode(raw, "decimal")?;
                if number.is_finite() { Ok(Cow::Owned(number.to_string())) } else { Err(invalid()) }
            }
            Class::Null | Class::Blob => Err(class.is_not("decimal")),
        }
    }

    fn json(&self, index: usize) -> Result<&str, ValueError> {
        self.text_of(index, "JSON")
    }

    fn array(&self, index: usize, element: &'static ColumnType) -> Result<Vec<Value>, ValueError> {
        list::from_json(self.text_of(index, "list")?, *element)
    }
}

/// An integer as a float, if none of its digits are lost.
fn exact_float(number: i64) -> Result<f64, ValueError> {
    const EXACT: i64 = 1 << 53;
    if (-EXACT..=EXACT).contains(&number) {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let float = number as f64;
        Ok(float)
    } else {
        Err(ValueError::OutOfRange { expected: "a float, without losing digits" })
    }
}
