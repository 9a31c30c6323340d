//! Rows that go, by their keys: one statement whatever their number.

use orm_core::driver::{Delete, DriverError};
use orm_core::value::KeyValues;
use sea_query::{DeleteStatement, Expr};

use super::shape::{Operation, Shape, is_always};
use super::text::{identifier, names, table_name};
use super::{Statement, Statements, leaf, unsupported};
use crate::dialect::Query;

pub(super) fn statements(statements: &Statements, delete: &Delete) -> Result<Vec<Statement>, DriverError> {
    if delete.rows.is_empty() {
        return Ok(Vec::new());
    }
    if !delete.expected.is_empty() || !is_always(&delete.guard) {
        return Err(unsupported("a delete with a guard is not supported yet"));
    }
    let keys: Vec<KeyValues> = delete.rows.iter().map(|row| row.key.clone()).collect();
    let entity = delete.metadata.entity(delete.entity);
    let width = entity.key_columns().count();
    let mut shape = Shape::new(&delete.metadata, statements.dialect, Operation::Delete, delete.entity);
    shape.set(&keys, width)?;
    let statement = statements.statement(&delete.metadata, shape, |writer| {
        let mut values = Vec::new();
        let form = leaf::set(writer.dialect, &keys, width, &mut values)?;
        let key = names(entity, entity.key_columns()).map(|name| Expr::col(identifier(name))).collect();
        let mut statement = DeleteStatement::new();
        statement.from_table(table_name(entity.schema.as_deref(), &entity.table));
        statement.and_where(writer.in_set(key, &form, values));
        Ok(Query::Delete(statement))
    })?;
    Ok(vec![statement])
}
