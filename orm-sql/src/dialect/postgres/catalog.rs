//! What the words of PostgreSQL's catalog mean.

use orm_core::value::ColumnType;

/// What a type is to the ORM, where it knows it.
#[must_use]
pub fn column_type(type_name: &str) -> Option<ColumnType> {
    if let Some(element) = type_name.strip_suffix("[]") {
        return column_type(element).and_then(array_of);
    }
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

/// Lists of lists and of JSON are none of the ORM's.
fn array_of(element: ColumnType) -> Option<ColumnType> {
    Some(ColumnType::Array(match element {
        ColumnType::Bool => &ColumnType::Bool,
        ColumnType::Int(16) => &ColumnType::Int(16),
        ColumnType::Int(32) => &ColumnType::Int(32),
        ColumnType::Int(64) => &ColumnType::Int(64),
        ColumnType::Float => &ColumnType::Float,
        ColumnType::Double => &ColumnType::Double,
        ColumnType::Text => &ColumnType::Text,
        ColumnType::Bytes => &ColumnType::Bytes,
        ColumnType::Uuid => &ColumnType::Uuid,
        ColumnType::Date => &ColumnType::Date,
        ColumnType::Time => &ColumnType::Time,
        ColumnType::DateTime => &ColumnType::DateTime,
        ColumnType::Timestamp => &ColumnType::Timestamp,
        ColumnType::Decimal => &ColumnType::Decimal,
        _ => return None,
    }))
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
