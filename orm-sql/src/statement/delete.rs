//! Rows that go, by their keys: one statement whatever their number.

use orm_core::driver::{Delete, DriverError};
use sea_query::{DeleteStatement, Expr};

use super::shape::{Operation, Shape};
use super::text::{identifier, names, table_name};
use super::{Statement, Statements, leaf};
use crate::dialect::Query;

pub(super) fn statements(statements: &Statements, delete: &Delete) -> Result<Vec<Statement>, DriverError> {
    if delete.keys.is_empty() {
        return Ok(Vec::new());
    }
    let entity = delete.metadata.entity(delete.entity);
    let width = entity.key_columns().count();
    let mut shape = Shape::new(&delete.metadata, statements.dialect, Operation::Delete, delete.entity);
    shape.set(&delete.keys, width)?;
    let statement = statements.statement(&delete.metadata, shape, |writer| {
        let mut values = Vec::new();
        let form = leaf::set(writer.dialect, &delete.keys, width, &mut values)?;
        let key = names(entity, entity.key_columns()).map(|name| Expr::col(identifier(name))).collect();
        let mut statement = DeleteStatement::new();
        statement.from_table(table_name(entity.schema.as_deref(), &entity.table));
        statement.and_where(writer.in_set(key, &form, values));
        Ok(Query::Delete(statement))
    })?;
    Ok(vec![statement])
}
