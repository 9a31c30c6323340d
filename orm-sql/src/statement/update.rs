//! Changed rows: one statement a row, all of one text.
//!
//! The version of the optimistic lock is part of the statement's own predicate, so that nothing can happen between
//! a check and the write.

use orm_core::driver::{DriverError, Update, UpdateRow};
use orm_core::metadata::EntityMetadata;
use orm_core::value::Value;
use sea_query::{Expr, ExprTrait, UpdateStatement};

use super::shape::{Operation, Shape, is_always};
use super::text::{TextWriter, all, identifier, names, table_name};
use super::{Statement, Statements, leaf, unsupported};
use crate::dialect::Query;

pub(super) fn statements(statements: &Statements, update: &Update) -> Result<Vec<Statement>, DriverError> {
    let entity = update.metadata.entity(update.entity);
    if update.columns.is_empty() {
        return Err(unsupported(format!("an update of {} changes no column", entity.name)));
    }
    if update.columns.iter().chain(&update.expected).any(|column| *column >= entity.columns.len()) {
        return Err(unsupported(format!("an update names a column that {} does not have", entity.name)));
    }
    if !is_always(&update.guard) {
        return Err(unsupported("an update with a guard is not supported yet"));
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
    shape.numbers(&update.expected);
    row.values.iter().chain(&row.key).chain(&row.expected).for_each(|value| shape.bind(value.clone()));
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
    let mut predicates = Vec::new();
    for (name, value) in names(entity, entity.key_columns()).zip(&row.key) {
        predicates.push(Expr::col(identifier(name)).eq(writer.bind(value.clone())));
    }
    for (name, value) in names(entity, update.expected.iter().copied()).zip(&row.expected) {
        predicates.push(Expr::col(identifier(name)).is(writer.bind(value.clone())));
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
    if row.expected.len() != update.expected.len() {
        return wrong("does not have one value for each column that it expects something of");
    }
    let expected = update.expected.iter().copied();
    let columns = update.columns.iter().copied().chain(entity.key_columns()).chain(expected);
    for (column, value) in columns.zip(row.values.iter().chain(&row.key).chain(&row.expected)) {
        let place = || leaf::column_place(entity, column);
        statements.dialect.check(value).map_err(|error| leaf::does_not_fit(&place(), error))?;
    }
    Ok(())
}
