//! Writes to every row that meets a condition.

use std::collections::HashSet;

use orm_core::condition::Term;
use orm_core::driver::{DeleteWhere, DriverError, UpdateWhere};
use orm_core::metadata::EntityMetadata;
use sea_query::{DeleteStatement, TableRef, UpdateStatement};

use super::answer::WriteStatement;
use super::shape::{Operation, Shape, is_always};
use super::target::{Target, asks_others, computed_name, leads_on};
use super::text::{TextWriter, identifier, names, table_name};
use super::{Statements, leaf, unsupported};
use crate::dialect::{AliasedTable, JoinedWrites, Query};

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
        if let Some(joined) = writer.dialect.joined_writes()
            && (asks_others(entity, &update.condition) || depends_on_order(entity, update))
        {
            return update_by_keys(writer, joined, update, entity);
        }
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
        if is_always(&delete.condition) {
            let mut statement = DeleteStatement::new();
            statement.from_table(table_name(entity.schema.as_deref(), &entity.table));
            return Ok(Query::Delete(statement));
        }
        let table = writer.table();
        if let Some(joined) = writer.dialect.joined_writes()
            && asks_others(entity, &delete.condition)
        {
            let keys = writer.table();
            let source = TableRef::SubQuery(
                Box::new(writer.read_aside(entity, &delete.condition, &[])?),
                keys.alias().into(),
            );
            let key = || names(entity, entity.key_columns());
            return Ok(joined.delete(table.aliased(entity), source, table.pairs(key(), keys, key())));
        }
        let guard = writer.guard(entity, table, &delete.condition)?;
        let AliasedTable { table, alias } = table.aliased(entity);
        Ok(writer.dialect.delete(table, alias, guard))
    })?;
    Ok(vec![WriteStatement::counted(statement)])
}

/// Sets the columns of rows whose keys, and the values that are computed of them, are read before.
fn update_by_keys(
    writer: &mut TextWriter<'_>,
    joined: &dyn JoinedWrites,
    update: &UpdateWhere,
    entity: &EntityMetadata,
) -> Result<Query, DriverError> {
    let (table, aside) = (writer.table(), writer.table());
    let terms: Vec<&Term> = update.set.iter().map(|(_, term)| term).collect();
    let rows = writer.read_aside(entity, &update.condition, &terms)?;
    let source = TableRef::SubQuery(Box::new(rows), aside.alias().into());
    let key = || names(entity, entity.key_columns());
    let mut set = Vec::new();
    for (at, (column, _)) in update.set.iter().enumerate() {
        set.push((identifier(&entity.columns[*column].name), aside.column(&computed_name(at))));
    }
    set.extend(Target::Aliased(table).raised(entity, &update.raised));
    Ok(joined.update(table.aliased(entity), source, table.pairs(key(), aside, key()), set))
}

/// Whether a value is computed of a column that is set too, so that it matters which is set first.
fn depends_on_order(entity: &EntityMetadata, update: &UpdateWhere) -> bool {
    let is_alone = update.set.len() + update.raised.len() == 1;
    !is_alone && update.set.iter().any(|(column, term)| reads_other(entity, update, *column, term))
}

/// Whether a term for a column reads another one that is set.
fn reads_other(entity: &EntityMetadata, update: &UpdateWhere, own: usize, term: &Term) -> bool {
    match term {
        Term::Property { path, property } => {
            let columns = entity.properties.get(*property).map_or(0..0, |property| property.columns.clone());
            let is_set = |column: usize| {
                let mut set = update.set.iter().map(|(set, _)| set).chain(&update.raised);
                column != own && set.any(|set| *set == column)
            };
            path.is_empty() && columns.into_iter().any(is_set)
        }
        // What they look at is not looked for.
        Term::Fragment(_) | Term::When { .. } => true,
        term => term.parts().any(|part| reads_other(entity, update, own, part)),
    }
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
