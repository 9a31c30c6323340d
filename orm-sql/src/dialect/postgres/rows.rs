//! Keys and rows as arrays, one a column, so that a text serves any number of them.

use orm_core::value::{ColumnType, KeyValues, Value};
use sea_query::{Alias, Expr, ExprTrait, SelectStatement, TableRef};

use super::constant;
use crate::dialect::{Element, RowSource, RowsWriter, SetError, SetForm};
use crate::statement::{Bound, kind_of, value_size};

/// The name of the rows of a set.
const ROWS: &str = "k";

/// The name of a type, as a column and as a parameter.
pub(super) fn type_name(column_type: ColumnType) -> &'static str {
    match column_type {
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
    }
}

/// The type that values of a column travel in: all integers in one, all floats in one.
fn wide(column_type: ColumnType) -> ColumnType {
    match column_type {
        ColumnType::Int(_) | ColumnType::UnsignedInt(_) => ColumnType::Int(64),
        ColumnType::Float => ColumnType::Double,
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
            if columns.len() == at {
                columns.push((kind, Vec::with_capacity(keys.len())));
            }
            match columns.get_mut(at) {
                Some((known, column)) if *known == kind => column.push(value.clone()),
                Some(_) | None => return Err(SetError::Mixed),
            }
        }
    }
    let elements = columns.iter().map(|(column_type, _)| Element::Array(*column_type)).collect();
    values.extend(columns.into_iter().map(|(column_type, column)| Bound::Array(column_type, column)));
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
        for ((_, column), value) in self.columns.iter_mut().zip(values) {
            self.size += value_size(value) + FIXED;
            column.push(value.clone());
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

/// `unnest($1::bigint[], $2::text[]) WITH ORDINALITY`, which sea-query has no words for.
pub(super) fn source(types: &[ColumnType], binds: Vec<Expr>) -> RowSource {
    let arrays: Vec<String> = types
        .iter()
        .enumerate()
        .map(|(at, column_type)| format!("${}::{}[]", at + 1, type_name(wide(*column_type))))
        .collect();
    let names: Vec<String> = (0..types.len()).map(column_name).collect();
    let text =
        format!("* FROM unnest({}) WITH ORDINALITY AS u ({}, ord)", arrays.join(", "), names.join(", "));
    let mut rows = SelectStatement::new();
    rows.expr(Expr::cust_with_exprs(text, binds));
    let column = |name: String| Expr::col((Alias::new(ROWS), Alias::new(name)));
    let columns: Vec<Expr> = names.into_iter().map(column).collect();
    RowSource {
        table: TableRef::SubQuery(Box::new(rows), Alias::new(ROWS).into()),
        compared: columns.clone(),
        columns,
        ordinal: column("ord".to_owned()).sub(constant(1)),
    }
}

fn column_name(at: usize) -> String {
    format!("c{at}")
}
