//! Changed rows: one statement a row, all of one text.
//!
//! The version of the optimistic lock is part of the statement's own predicate, so that nothing can happen between
//! a check and the write.

use orm_core::driver::{DriverError, Update, UpdateRow};
use orm_core::metadata::EntityMetadata;
use orm_core::value::Value;
use sea_query::{Expr, ExprTrait, UpdateStatement};

use super::shape::{Operation, Shape};
use super::text::{TextWriter, all, identifier, names, table_name};
use super::{Statement, Statements, leaf, unsupported};
use crate::dialect::Query;

pub(super) fn statements(statements: &Statements, update: &Update) -> Result<Vec<Statement>, DriverError> {
    let entity = update.metadata.entity(update.entity);
    if update.columns.is_empty() {
        return Err(unsupported(format!("an update of {} changes no column", entity.name)));
    }
    if update.columns.iter().chain(&update.version).any(|column| *column >= entity.columns.len()) {
        return Err(unsupported(format!("an update names a column that {} does not have", entity.name)));
    }
    update.rows.iter().map(|row| one(statements, update, entity, row)).collect()
}

fn one(
    statements: &Statements,
    update: &Update,
    entity: &EntityMetadata,
    row: &UpdateRow,
) -> Result<Statement, DriverError> {
    check(statements, update, entity, row)?;
    let mut shape = Shape::new(&update.metadata, statements.dialect, Operation::Update, update.entity);
    shape.numbers(&update.columns);
    shape.number(update.version.map_or(0, |version| version + 1));
    let version = update.version.and(row.version.as_ref());
    row.values.iter().chain(&row.key).chain(version).for_each(|value| shape.bind(value.clone()));
    statements
        .statement(&update.metadata, shape, |writer| Ok(Query::Update(render(writer, update, entity, row))))
}

fn render(
    writer: &mut TextWriter<'_>,
    update: &Update,
    entity: &EntityMetadata,
    row: &UpdateRow,
) -> UpdateStatement {
    let mut statement = UpdateStatement::new();
    statement.table(table_name(entity.schema.as_deref(), &entity.table));
    for (name, value) in names(entity, update.columns.iter().copied()).zip(&row.values) {
        statement.value(identifier(name), writer.bind(value.clone()));
    }
    let mut equal = |name: &str, value: &Value| Expr::col(identifier(name)).eq(writer.bind(value.clone()));
    let mut predicates: Vec<Expr> =
        names(entity, entity.key_columns()).zip(&row.key).map(|(name, value)| equal(name, value)).collect();
    if let (Some(column), Some(version)) = (update.version, &row.version) {
        predicates.push(equal(&entity.columns[column].name, version));
    }
    statement.and_where(all(predicates));
    statement
}

fn check(
    statements: &Statements,
    update: &Update,
    entity: &EntityMetadata,
    row: &UpdateRow,
) -> Result<(), DriverError> {
    let wrong = |problem: &str| Err(unsupported(format!("a row of an update of {} {problem}", entity.name)));
    if row.values.len() != update.columns.len() {
        return wrong("does not have one value a column");
    }
    if row.key.len() != entity.key_columns().count() || row.key.iter().any(Value::is_null) {
        return wrong("has no complete key");
    }
    if update.version.is_some() != row.version.is_some() || row.version.as_ref().is_some_and(Value::is_null) {
        return wrong("does not have the version that its lock compares");
    }
    let columns = update.columns.iter().copied().chain(entity.key_columns()).chain(update.version);
    for (column, value) in columns.zip(row.values.iter().chain(&row.key).chain(&row.version)) {
        let place = || leaf::column_place(entity, column);
        statements.dialect.check(value).map_err(|error| leaf::does_not_fit(&place(), error))?;
    }
    Ok(())
}
