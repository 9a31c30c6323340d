//! Writes to every row that meets a condition.

use std::collections::HashSet;

use orm_core::condition::Term;
use orm_core::driver::{DeleteWhere, DriverError, UpdateWhere};
use orm_core::metadata::EntityMetadata;
use sea_query::{DeleteStatement, UpdateStatement};

use super::answer::WriteStatement;
use super::shape::{Operation, Shape};
use super::target::{Target, leads_on};
use super::text::identifier;
use super::{Statements, leaf, unsupported};
use crate::dialect::Query;

/// `UPDATE … SET c = ?, d = d + 1 WHERE …`.
pub(super) fn update(
    statements: &Statements,
    update: &UpdateWhere,
) -> Result<Vec<WriteStatement>, DriverError> {
    let entity = update.metadata.entity(update.entity);
    check(statements, update, entity)?;
    let mut shape = Shape::new(&update.metadata, statements.dialect, Operation::UpdateWhere, update.entity);
    let columns: Vec<usize> = update.set.iter().map(|(column, _)| *column).collect();
    shape.numbers(&columns);
    shape.numbers(&update.raised);
    update.set.iter().try_for_each(|(_, term)| shape.term(entity, term))?;
    shape.expression(entity, &update.condition)?;
    let statement = statements.statement(&update.metadata, shape, |writer, _| {
        let is_computed = update.set.iter().any(|(_, term)| !matches!(term, Term::Value(_)));
        let target =
            if is_computed { Target::aliased(writer) } else { Target::of(writer, &update.condition) };
        let mut statement = UpdateStatement::new();
        statement.table(target.table(entity));
        for (column, term) in &update.set {
            let value = target.term(writer, entity, term)?;
            statement.value(identifier(&entity.columns[*column].name), value);
        }
        for (column, raised) in target.raised(entity, &update.raised) {
            statement.value(column, raised);
        }
        statement.and_where_option(target.guard(writer, entity, &update.condition)?);
        Ok(Query::Update(statement))
    })?;
    Ok(vec![WriteStatement::counted(statement)])
}

/// `DELETE … WHERE …`.
pub(super) fn delete(
    statements: &Statements,
    delete: &DeleteWhere,
) -> Result<Vec<WriteStatement>, DriverError> {
    let entity = delete.metadata.entity(delete.entity);
    let mut shape = Shape::new(&delete.metadata, statements.dialect, Operation::DeleteWhere, delete.entity);
    shape.expression(entity, &delete.condition)?;
    let statement = statements.statement(&delete.metadata, shape, |writer, _| {
        let target = Target::of(writer, &delete.condition);
        let mut statement = DeleteStatement::new();
        statement.from_table(target.table(entity));
        statement.and_where_option(target.guard(writer, entity, &delete.condition)?);
        Ok(Query::Delete(statement))
    })?;
    Ok(vec![WriteStatement::counted(statement)])
}

fn check(statements: &Statements, update: &UpdateWhere, entity: &EntityMetadata) -> Result<(), DriverError> {
    if update.set.is_empty() && update.raised.is_empty() {
        return Err(unsupported(format!("an update of {} changes no column", entity.name)));
    }
    check_columns(entity, update.set.iter().map(|(column, _)| *column).chain(update.raised.iter().copied()))?;
    for (column, term) in &update.set {
        let place = leaf::column_place(entity, *column);
        match term {
            Term::Value(value) => {
                statements.dialect.check(value).map_err(|error| leaf::does_not_fit(&place, error))?;
            }
            term if leads_on(term) => {
                return Err(unsupported(format!("{place} can't be set to what is computed of related rows")));
            }
            term if term.is_aggregate() => {
                return Err(unsupported(format!("{place} can't be set to an aggregate")));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether each column is one of the entity, and changed once.
pub(super) fn check_columns(
    entity: &EntityMetadata,
    columns: impl Iterator<Item = usize>,
) -> Result<(), DriverError> {
    let mut seen = HashSet::new();
    for column in columns {
        if column >= entity.columns.len() {
            return Err(unsupported(format!("an update names a column that {} does not have", entity.name)));
        }
        if !seen.insert(column) {
            let place = leaf::column_place(entity, column);
            return Err(unsupported(format!("an update sets {place} twice")));
        }
    }
    Ok(())
}
