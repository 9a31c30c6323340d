//! Values to a database's arguments, and its rows to the core's readers.
//!
//! Reading is strict: a column that holds another kind of value than the field asks for is an error that says what
//! it holds, never a conversion that loses something.

#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(feature = "postgres")]
mod numeric;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use orm_core::driver::RowReader;
use orm_core::value::{ColumnType, Value, ValueError};

/// Reads column `index` as the value of a column of type `column_type`.
pub(crate) fn value(
    row: &impl RowReader,
    index: usize,
    column_type: ColumnType,
) -> Result<Value, ValueError> {
    if row.is_null(index)? {
        return Ok(Value::Null);
    }
    Ok(match column_type {
        ColumnType::Bool => Value::Bool(row.bool(index)?),
        ColumnType::Int(_) | ColumnType::UnsignedInt(_) => Value::Int(row.int(index)?),
        ColumnType::Float | ColumnType::Double => Value::Float(row.float(index)?),
        ColumnType::Text => Value::Text(row.text(index)?.to_owned()),
        ColumnType::Bytes => Value::Bytes(row.bytes(index)?.to_vec()),
        ColumnType::Uuid => Value::Uuid(row.uuid(index)?),
        ColumnType::Date => Value::Date(row.date(index)?),
        ColumnType::Time => Value::Time(row.time(index)?),
        ColumnType::DateTime => Value::DateTime(row.datetime(index)?),
        ColumnType::Timestamp => Value::Timestamp(row.timestamp(index)?),
        ColumnType::Decimal => Value::Decimal(row.decimal(index)?.into_owned()),
        ColumnType::Json => Value::Json(row.json(index)?.to_owned()),
        ColumnType::Enum(enum_type) => enum_type.value(row.text(index)?)?,
        ColumnType::Array(element) => Value::Array(element, row.array(index, element)?),
        // ColumnType is non_exhaustive; this crate and the core are released together.
        _ => {
            return Err(ValueError::WrongType {
                expected: "a known type",
                found: format!("{column_type:?}"),
            });
        }
    })
}

/// The number in the first column, as `COUNT(*)` gives it.
pub(crate) fn count(row: &impl RowReader) -> Option<u64> {
    row.int(0).ok().and_then(|count| u64::try_from(count).ok())
}
