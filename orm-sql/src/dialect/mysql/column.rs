//! Columns of new tables.
//!
//! A text that is part of an index has to be a `varchar`, and InnoDB indexes at most 3,072 bytes. Where no length is
//! given, it takes [`KEYED`] characters. A `varchar` cuts spaces at the end that are too many without an error, so that it
//! is one character longer than what it takes, and a check sees to the rest. Columns with a foreign key have none: MySQL
//! does not allow it, and what they refer to has been checked.

use orm_core::metadata::description::GeneratedStorage;
use orm_core::schema::{Column, ColumnDefault, Table, length_check};
use orm_core::value::{ColumnType, ValueError};
use sea_query::{Alias, Check, ColumnDef, Expr, ExprTrait, Func};

use crate::dialect::{default_literal, label_check};

/// How many characters or bytes a column of an index takes, if its length is not given.
pub(super) const KEYED: u32 = 255;

/// How many characters the longest label of an enum has.
const LABEL: u32 = 63;

/// How many bytes an index may have.
const INDEXED_BYTES: u32 = 3_072;

/// Texts that are longer are kept outside of their row, which may have 65,535 bytes.
const INLINE: u32 = 768;

/// The definition of a column.
pub(super) fn definition(table: &Table, column: &Column) -> Result<ColumnDef, ValueError> {
    let mut definition = ColumnDef::new(column.name.clone());
    definition.custom(type_of(table, column)?);
    if let Some(generated) = &column.generated {
        let is_stored = generated.storage == GeneratedStorage::Stored;
        definition.generated(Expr::cust(generated.expression.clone()), is_stored);
    }
    // MariaDB takes no NOT NULL of a generated column.
    if !column.nullable && column.generated.is_none() {
        definition.not_null();
    }
    if let Some(default) = &column.default {
        let literal = default_literal(default)?;
        definition.default(match default {
            // Texts and JSON take a default as an expression only.
            ColumnDefault::Text(_) => Expr::cust_with_exprs("(?)", [literal]),
            _ => literal,
        });
    }
    if table.generated_key.as_ref() == Some(&column.name) {
        definition.auto_increment().primary_key();
    }
    if let Some(comment) = &column.comment {
        definition.comment(comment);
    }
    Ok(definition)
}

/// The check that bounds a column's length or says its labels.
pub(super) fn check(table: &Table, column: &Column) -> Option<Check> {
    let longest = longest(table, column)?;
    let is_reference = table.foreign_keys.iter().any(|key| key.columns.contains(&column.name));
    if is_reference {
        return None;
    }
    if let Some(labels) = label_check(table, column) {
        return Some(labels);
    }
    let measure = if column.column_type == ColumnType::Bytes { "octet_length" } else { "char_length" };
    let within = Expr::from(Func::cust(measure).arg(Expr::col(Alias::new(&column.name))));
    let longest = Expr::Constant(sea_query::Value::BigInt(Some(longest.into())));
    Some((Alias::new(length_check(&table.name, &column.name)), within.lte(longest)).into())
}

/// How many characters or bytes a column takes, where that is bounded.
fn longest(table: &Table, column: &Column) -> Option<u32> {
    let is_bounded = matches!(column.column_type, ColumnType::Text | ColumnType::Bytes);
    let label = column.enumeration.as_ref().map(|_| LABEL);
    label.or(column.length).or_else(|| keyed(table, column)).filter(|_| is_bounded)
}

/// How many characters a column of an index has room for: its share of the largest index that it is part of.
fn keyed(table: &Table, column: &Column) -> Option<u32> {
    let indexes = table.indexes.iter().map(|index| &index.columns);
    let keys = table.foreign_keys.iter().map(|key| &key.columns);
    let all =
        indexes.chain(keys).chain([&table.primary_key]).filter(|columns| columns.contains(&column.name));
    let is_long = |name: &&String| {
        let column = table.columns.iter().find(|column| column.name == **name);
        column.is_some_and(|column| matches!(column.column_type, ColumnType::Text | ColumnType::Bytes))
    };
    let most = all.map(|columns| columns.iter().filter(is_long).count()).max()?;
    // One more than it takes, four bytes each, and what the other columns need.
    let share = INDEXED_BYTES / 4 / u32::try_from(most.max(1)).unwrap_or(u32::MAX);
    Some(share.saturating_sub(8).clamp(1, KEYED))
}

/// The name of the column's type.
pub(super) fn type_of(table: &Table, column: &Column) -> Result<String, ValueError> {
    let is_keyed = keyed(table, column).is_some();
    let room = longest(table, column).map(|longest| longest.saturating_add(1));
    let (short, long, most) = match column.column_type {
        ColumnType::Text => ("varchar", "longtext", INDEXED_BYTES / 4),
        ColumnType::Bytes => ("varbinary", "longblob", INDEXED_BYTES),
        other => return Ok(fixed(other).to_owned()),
    };
    match room {
        Some(room) if is_keyed && room > most => {
            Err(ValueError::OutOfRange { expected: "an index, which takes 767 characters or 3071 bytes" })
        }
        Some(room) if is_keyed || room <= INLINE => Ok(format!("{short}({room})")),
        Some(_) | None => Ok(long.to_owned()),
    }
}

/// The type of a column whose values have one size, or a type of their own.
fn fixed(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Bool => "boolean",
        ColumnType::Int(8) => "tinyint",
        ColumnType::Int(16) | ColumnType::UnsignedInt(8) => "smallint",
        ColumnType::Int(32) | ColumnType::UnsignedInt(16) => "int",
        ColumnType::Int(_) | ColumnType::UnsignedInt(_) => "bigint",
        ColumnType::Float => "float",
        ColumnType::Double => "double",
        ColumnType::Uuid => "binary(16)",
        ColumnType::Date => "date",
        ColumnType::Time => "time(6)",
        ColumnType::DateTime | ColumnType::Timestamp => "datetime(6)",
        ColumnType::Decimal => "decimal(65,30)",
        ColumnType::Json => "json",
        // ColumnType is non_exhaustive: what is not known here is kept as text.
        _ => "longtext",
    }
}
