//! Keys and rows as arrays, one a column, so that a text serves any number of them.

use std::borrow::Cow;

use orm_core::value::{ColumnType, EnumType, KeyValues, Value};
use sea_query::{Alias, Expr, ExprTrait, SelectStatement, TableRef};

use super::constant;
use crate::dialect::{Element, RowSource, RowsWriter, SetError, SetForm};
use crate::statement::{Bound, array_text, kind_of, value_size};
use crate::temporal;

/// The name of the rows of a set.
const ROWS: &str = "k";

/// The name of a type, as a column and as a parameter.
pub(super) fn type_name(column_type: ColumnType) -> Cow<'static, str> {
    Cow::Borrowed(match column_type {
        ColumnType::Enum(EnumType { name: Some(name), .. }) => return quoted(name).into(),
        ColumnType::Array(element) => return format!("{}[]", element_name(*element)).into(),
        ColumnType::Bool => "boolean",
        ColumnType::Int(8 | 16) | ColumnType::UnsignedInt(8) => "smallint",
        ColumnType::Int(32) | ColumnType::UnsignedInt(16) => "integer",
        ColumnType::Int(_) | ColumnType::UnsignedInt(_) => "bigint",
        ColumnType::Float => "real",
        ColumnType::Double => "double precision",
        ColumnType::Bytes => "bytea",
        ColumnType::Uuid => "uuid",
        ColumnType::Date => "date",
        ColumnType::Time => "time",
        ColumnType::DateTime => "timestamp",
        ColumnType::Timestamp => "timestamptz",
        ColumnType::Decimal => "numeric",
        ColumnType::Json => "jsonb",
        // ColumnType is non_exhaustive: what is not known here is kept as text.
        _ => "text",
    })
}

/// The type of the elements of an array. Those of enums are text, so that an enum can get labels without a new type.
fn element_name(column_type: ColumnType) -> Cow<'static, str> {
    match column_type {
        ColumnType::Enum(_) => Cow::Borrowed("text"),
        other => type_name(other),
    }
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The type that values of a column travel in: all integers in one, all floats in one. Labels are text, and so is an array
/// among others, since an array of arrays has no rows.
fn wide(column_type: ColumnType) -> ColumnType {
    match column_type {
        ColumnType::Int(_) | ColumnType::UnsignedInt(_) => ColumnType::Int(64),
        ColumnType::Float => ColumnType::Double,
        ColumnType::Enum(_) | ColumnType::Array(_) => ColumnType::Text,
        other => other,
    }
}

/// One array a column.
pub(super) fn set_form(
    keys: &[&KeyValues],
    width: usize,
    values: &mut Vec<Bound>,
) -> Result<SetForm, SetError> {
    let mut columns: Vec<(ColumnType, Vec<Value>)> = Vec::with_capacity(width);
    for key in keys {
        for (at, value) in key.iter().enumerate() {
            super::store::check(value)?;
            let kind = kind_of(value).ok_or(SetError::Mixed)?;
            let value = traveling(value).ok_or(SetError::Mixed)?;
            if columns.len() == at {
                columns.push((kind, Vec::with_capacity(keys.len())));
            }
            match columns.get_mut(at) {
                Some((known, column)) if *known == kind => column.push(value),
                Some(_) | None => return Err(SetError::Mixed),
            }
        }
    }
    let elements = columns.iter().map(|(column_type, _)| Element::Array(*column_type)).collect();
    values.extend(columns.into_iter().map(|(column_type, column)| Bound::Array(wide(column_type), column)));
    Ok(SetForm::Document(elements))
}

/// Takes rows apart into columns.
pub(super) struct Arrays {
    columns: Vec<(ColumnType, Vec<Value>)>,
    size: usize,
}

impl Arrays {
    pub(super) fn new(types: &[ColumnType]) -> Self {
        Self { columns: types.iter().map(|one| (wide(*one), Vec::new())).collect(), size: 0 }
    }
}

impl RowsWriter for Arrays {
    fn row(&mut self, values: &mut dyn Iterator<Item = &Value>) -> bool {
        // About what a value of a fixed width takes.
        const FIXED: usize = 8;
        let Some(row) = values.map(traveling).collect::<Option<Vec<Value>>>() else { return false };
        for ((_, column), value) in self.columns.iter_mut().zip(row) {
            self.size += value_size(&value) + FIXED;
            column.push(value);
        }
        true
    }

    fn size(&self) -> usize {
        self.size
    }

    fn finish(self: Box<Self>) -> Vec<Bound> {
        self.columns.into_iter().map(|(column_type, values)| Bound::Array(column_type, values)).collect()
    }
}

/// A value as it travels among others of its column; `None` for an array that can't be written as text.
fn traveling(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Enum(_, label) => Value::Text((*label).to_owned()),
        Value::Array(_, values) if values.iter().all(has_text) => Value::Text(array_text(values)),
        Value::Array(..) => return None,
        other => other.clone(),
    })
}

/// Whether the text of an element is read as the same day: there is no year 0, and later ones have more digits.
fn has_text(element: &Value) -> bool {
    const YEAR_ONE: i32 = -719_162;
    const MICROS_PER_DAY: i64 = 86_400_000_000;
    match element {
        Value::Date(days) => *days >= YEAR_ONE && temporal::date_text(*days).is_ok(),
        Value::DateTime(micros) | Value::Timestamp(micros) => {
            micros.div_euclid(MICROS_PER_DAY) >= YEAR_ONE.into() && temporal::datetime_text(*micros).is_ok()
        }
        _ => true,
    }
}

/// `unnest($1::bigint[], $2::text[]) WITH ORDINALITY`, which sea-query has no words for.
pub(super) fn source(types: &[ColumnType], binds: Vec<Expr>) -> RowSource {
    let arrays: Vec<String> = types
        .iter()
        .enumerate()
        .map(|(at, column_type)| {
            let array = format!("${}::{}[]", at + 1, type_name(wide(*column_type)));
            match column_type {
                ColumnType::Enum(EnumType { name: Some(_), .. }) => {
                    format!("{array}::{}[]", type_name(*column_type))
                }
                _ => array,
            }
        })
        .collect();
    let names: Vec<String> = (0..types.len()).map(column_name).collect();
    let text =
        format!("* FROM unnest({}) WITH ORDINALITY AS u ({}, ord)", arrays.join(", "), names.join(", "));
    let mut rows = SelectStatement::new();
    rows.expr(Expr::cust_with_exprs(text, binds));
    let column = |name: String| Expr::col((Alias::new(ROWS), Alias::new(name)));
    let columns: Vec<Expr> =
        names.into_iter().zip(types).map(|(name, one)| taken(column(name), *one)).collect();
    RowSource {
        table: TableRef::SubQuery(Box::new(rows), Alias::new(ROWS).into()),
        compared: columns.clone(),
        columns,
        ordinal: column("ord".to_owned()).sub(constant(1)),
    }
}

/// A column of the rows, in its own type.
fn taken(column: Expr, column_type: ColumnType) -> Expr {
    match column_type {
        ColumnType::Array(_) => column.cast_as(Alias::new(type_name(column_type))),
        _ => column,
    }
}

fn column_name(at: usize) -> String {
    format!("c{at}")
}
