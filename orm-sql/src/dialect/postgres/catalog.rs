//! What the words of PostgreSQL's catalog mean.

use orm_core::value::ColumnType;

/// What a type is to the ORM, where it knows it.
#[must_use]
pub fn column_type(type_name: &str) -> Option<ColumnType> {
    Some(match without_arguments(type_name).as_str() {
        "boolean" => ColumnType::Bool,
        "smallint" => ColumnType::Int(16),
        "integer" => ColumnType::Int(32),
        "bigint" => ColumnType::Int(64),
        "real" => ColumnType::Float,
        "double precision" => ColumnType::Double,
        "text" | "character varying" | "character" => ColumnType::Text,
        "bytea" => ColumnType::Bytes,
        "uuid" => ColumnType::Uuid,
        "date" => ColumnType::Date,
        "time without time zone" => ColumnType::Time,
        "timestamp without time zone" => ColumnType::DateTime,
        "timestamp with time zone" => ColumnType::Timestamp,
        "numeric" => ColumnType::Decimal,
        "jsonb" | "json" => ColumnType::Json,
        _ => return None,
    })
}

/// How many characters a type takes, where it says so.
#[must_use]
pub fn type_length(type_name: &str) -> Option<u32> {
    let arguments =
        type_name.strip_prefix("character varying(").or_else(|| type_name.strip_prefix("character("));
    arguments?.strip_suffix(')')?.parse().ok()
}

/// `timestamp(3) without time zone` without its `(3)`.
fn without_arguments(type_name: &str) -> String {
    match (type_name.find('('), type_name.find(')')) {
        (Some(open), Some(close)) if open < close => {
            format!("{}{}", &type_name[..open], &type_name[close + 1..])
        }
        _ => type_name.to_owned(),
    }
}
