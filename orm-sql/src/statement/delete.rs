//! Rows that go, by their keys: one statement whatever their number.
//!
//! Where rows must still hold something or meet a guard, their keys come back, so that those that stayed are known.

use orm_core::driver::{Delete, DriverError, LockStrength, LockWait, RowLock};
use orm_core::metadata::description::ReferentialAction;
use orm_core::metadata::{EntityMetadata, RelationKind};
use orm_core::value::{KeyValues, Value};
use sea_query::{
    DeleteStatement, Expr, ExprTrait, Keyword, Returning, SelectStatement, TableRef, UpdateStatement,
};

use super::answer::{Answer, WriteStatement, WrittenRows};
use super::batch::{Batch, batches, types};
use super::bound::Bound;
use super::shape::{Operation, Shape, is_always};
use super::target::Target;
use super::text::{Scope, Table, TextWriter, all, identifier, names, table_name, tuple};
use super::{Statement, Statements, leaf, unsupported};
use crate::dialect::{AliasedTable, JoinedWrites, Query};

/// Whether a row that is there may stay.
pub(super) fn is_conditional(delete: &Delete) -> bool {
    !delete.expected.is_empty() || !is_always(&delete.guard)
}

pub(super) fn statements(
    statements: &Statements,
    delete: &Delete,
) -> Result<Vec<WriteStatement>, DriverError> {
    let entity = delete.metadata.entity(delete.entity);
    check(statements, delete, entity)?;
    if delete.rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut all: Vec<WriteStatement> = release(statements, delete, entity)?.into_iter().collect();
    if !is_conditional(delete) {
        all.push(WriteStatement::counted(by_key(statements, delete, entity)?));
        return Ok(all);
    }
    let types = types(entity, columns(delete, entity));
    let row = |at: usize| values(delete, at);
    for batch in batches(statements.dialect, &types, 0..delete.rows.len(), row) {
        if let (Some(together), true) = (&batch.together, statements.dialect.joined_writes().is_some()) {
            all.push(matching(statements, delete, entity, &batch.rows, together)?);
        }
        all.push(conditional(statements, delete, entity, batch)?);
    }
    Ok(all)
}

/// Where foreign keys are checked row by row, rows that refer to one another go only when they do not any more.
fn release(
    statements: &Statements,
    delete: &Delete,
    entity: &EntityMetadata,
) -> Result<Option<WriteStatement>, DriverError> {
    let references = entity.relations.iter().filter(|relation| relation.target == delete.entity);
    let columns: Vec<usize> = references
        .filter(|relation| relation.on_delete.is_none_or(|action| action == ReferentialAction::Restrict))
        .filter_map(|relation| match relation.kind {
            RelationKind::ManyToOne { property } => Some(entity.properties[property].columns.clone()),
            _ => None,
        })
        .flatten()
        .filter(|column| entity.columns[*column].nullable && !delete.expected.contains(column))
        .collect();
    if statements.dialect.joined_writes().is_none() || columns.is_empty() || delete.rows.len() < 2 {
        return Ok(None);
    }
    let keys: Vec<KeyValues> = delete.rows.iter().map(|row| row.key.clone()).collect();
    let width = entity.key_columns().count();
    let mut shape = Shape::new(&delete.metadata, statements.dialect, Operation::Release, delete.entity);
    shape.numbers(&columns);
    shape.set(&keys, width)?;
    let statement = statements.statement(&delete.metadata, shape, |writer, _| {
        let mut values = Vec::new();
        let form = leaf::set(writer.dialect, &keys, width, &mut values)?;
        let key = names(entity, entity.key_columns()).map(|name| Expr::col(identifier(name))).collect();
        let mut statement = UpdateStatement::new();
        statement.table(table_name(entity.schema.as_deref(), &entity.table));
        for name in names(entity, columns.iter().copied()) {
            statement.value(identifier(name), Expr::Keyword(Keyword::Null));
        }
        statement.and_where(writer.in_set(key, &form, values));
        Ok(Query::Update(statement))
    })?;
    Ok(Some(WriteStatement::new(statement, Vec::new(), WrittenRows::new(Vec::new(), Answer::Nothing))))
}

/// `DELETE … WHERE key IN (…)`.
fn by_key(
    statements: &Statements,
    delete: &Delete,
    entity: &EntityMetadata,
) -> Result<Statement, DriverError> {
    let keys: Vec<KeyValues> = delete.rows.iter().map(|row| row.key.clone()).collect();
    let width = entity.key_columns().count();
    let mut shape = Shape::new(&delete.metadata, statements.dialect, Operation::Delete, delete.entity);
    shape.set(&keys, width)?;
    statements.statement(&delete.metadata, shape, |writer, _| {
        let mut values = Vec::new();
        let form = leaf::set(writer.dialect, &keys, width, &mut values)?;
        let key = names(entity, entity.key_columns()).map(|name| Expr::col(identifier(name))).collect();
        let mut statement = DeleteStatement::new();
        statement.from_table(table_name(entity.schema.as_deref(), &entity.table));
        statement.and_where(writer.in_set(key, &form, values));
        Ok(Query::Delete(statement))
    })
}

fn conditional(
    statements: &Statements,
    delete: &Delete,
    entity: &EntityMetadata,
    batch: Batch,
) -> Result<WriteStatement, DriverError> {
    let Batch { rows, together } = batch;
    let gives_back = statements.dialect.joined_writes().is_none();
    let handed_over = together.as_ref().map(Vec::len);
    let operation = if together.is_some() { Operation::DeleteTogether } else { Operation::DeleteConditional };
    let mut shape = Shape::new(&delete.metadata, statements.dialect, operation, delete.entity);
    shape.numbers(&delete.expected);
    let (answer, returned) = match together {
        Some(together) => {
            together.into_iter().for_each(|value| shape.bind(value));
            if gives_back {
                let keys = rows.iter().map(|at| delete.rows[*at].key.clone()).collect();
                (Answer::FoundByKey(keys), types(entity, entity.key_columns()))
            } else {
                (Answer::Count, Vec::new())
            }
        }
        None => {
            rows.iter().flat_map(|at| bounds(delete, entity, *at)).for_each(|bound| shape.bind(bound));
            (Answer::Found, Vec::new())
        }
    };
    shape.expression(entity, &delete.guard)?;
    let statement = statements.statement(&delete.metadata, shape, |writer, given| {
        let table = writer.table();
        let target = Target::Aliased(table);
        if let (Some(count), Some(joined)) = (handed_over, writer.dialect.joined_writes()) {
            return removed_by_rows(writer, joined, delete, entity, &given[..count], table);
        }
        let mut returning = Vec::new();
        let mut predicates = match (handed_over, rows.first()) {
            (Some(count), _) => {
                let key = names(entity, entity.key_columns()).map(|name| target.column(name)).collect();
                let found = as_expected(writer, delete, entity, &given[..count]);
                returning.extend(names(entity, entity.key_columns()).map(identifier));
                vec![tuple(key).in_subquery(found)]
            }
            (None, Some(at)) => {
                let columns = names(entity, columns(delete, entity));
                let keys = entity.key_columns().count();
                let is =
                    columns.zip(bounds(delete, entity, *at)).enumerate().map(|(place, (name, bound))| {
                        let bind = writer.bind(bound);
                        let column = target.column(name);
                        if place < keys { column.eq(bind) } else { writer.dialect.same(column, bind) }
                    });
                is.collect()
            }
            (None, None) => return Err(unsupported("a delete has no row")),
        };
        predicates.extend(target.guard(writer, entity, &delete.guard)?);
        if returning.is_empty() {
            let AliasedTable { table, alias } = table.aliased(entity);
            return Ok(writer.dialect.delete(table, alias, all(predicates)));
        }
        let mut statement = DeleteStatement::new();
        statement.from_table(target.table(entity)).and_where(all(predicates));
        statement.returning(Returning::new().columns(returning));
        Ok(Query::Delete(statement))
    })?;
    Ok(WriteStatement::new(statement, returned, WrittenRows::new(rows, answer)))
}

/// Removes the rows that hold what others expect of them, by a join.
fn removed_by_rows(
    writer: &mut TextWriter<'_>,
    joined: &dyn JoinedWrites,
    delete: &Delete,
    entity: &EntityMetadata,
    together: &[Bound],
    table: Table,
) -> Result<Query, DriverError> {
    let (source, predicate) = met_by_rows(writer, delete, entity, together, table)?;
    Ok(joined.delete(table.aliased(entity), source, predicate))
}

/// The rows, and what a row of the table must hold to be one of them.
fn met_by_rows(
    writer: &mut TextWriter<'_>,
    delete: &Delete,
    entity: &EntityMetadata,
    together: &[Bound],
    table: Table,
) -> Result<(TableRef, Expr), DriverError> {
    let binds = together.iter().map(|value| writer.bind(value.clone())).collect();
    let source = writer.dialect.row_source(&types(entity, columns(delete, entity)), binds);
    let mut given = source.compared.into_iter();
    let mut predicates = Vec::new();
    for (name, value) in names(entity, entity.key_columns()).zip(given.by_ref()) {
        predicates.push(table.column(name).eq(value));
    }
    for (name, value) in names(entity, delete.expected.iter().copied()).zip(given) {
        predicates.push(writer.dialect.same(table.column(name), value));
    }
    predicates.extend(Target::Aliased(table).guard(writer, entity, &delete.guard)?);
    Ok((source.table, all(predicates)))
}

/// Reads and locks the rows that will go, where the delete does not say which they were.
fn matching(
    statements: &Statements,
    delete: &Delete,
    entity: &EntityMetadata,
    rows: &[usize],
    together: &[Bound],
) -> Result<WriteStatement, DriverError> {
    let mut shape = Shape::new(&delete.metadata, statements.dialect, Operation::LockMatching, delete.entity);
    shape.numbers(&delete.expected);
    together.iter().for_each(|value| shape.bind(value.clone()));
    shape.expression(entity, &delete.guard)?;
    let statement = statements.statement(&delete.metadata, shape, |writer, _| {
        let table = writer.table();
        let (source, predicate) = met_by_rows(writer, delete, entity, together, table)?;
        let mut select = SelectStatement::new();
        select.exprs(names(entity, entity.key_columns()).map(|name| table.column(name))).from(source);
        select.inner_join(table.named(entity.schema.as_deref(), &entity.table), predicate);
        let lock = RowLock { strength: LockStrength::Update, wait: LockWait::Block };
        writer.dialect.lock(&mut select, table.alias(), lock);
        Ok(Query::Select(select))
    })?;
    let keys = rows.iter().map(|at| delete.rows[*at].key.clone()).collect();
    let returned = types(entity, entity.key_columns());
    let rows = WrittenRows::new(rows.to_vec(), Answer::FoundByKey(keys));
    Ok(WriteStatement::new(statement, returned, rows))
}

/// The keys of those rows that hold what is expected.
fn as_expected(
    writer: &mut TextWriter<'_>,
    delete: &Delete,
    entity: &EntityMetadata,
    together: &[Bound],
) -> SelectStatement {
    let binds = together.iter().map(|value| writer.bind(value.clone())).collect();
    let source = writer.dialect.row_source(&types(entity, columns(delete, entity)), binds);
    let mut given = source.compared.into_iter();
    if delete.expected.is_empty() {
        let mut keys = SelectStatement::new();
        return keys.exprs(given).from(source.table).take();
    }
    let held = writer.table();
    let mut predicates = Vec::new();
    for (name, value) in names(entity, entity.key_columns()).zip(given.by_ref()) {
        predicates.push(held.column(name).eq(value));
    }
    for (name, value) in names(entity, delete.expected.iter().copied()).zip(given) {
        predicates.push(writer.dialect.same(held.column(name), value));
    }
    let mut scope = Scope::from(held, entity);
    scope.select.exprs(names(entity, entity.key_columns()).map(|name| held.column(name)));
    scope.select.from(source.table).and_where(all(predicates));
    scope.select
}

/// The values of one row, as [`columns`] says.
fn values(delete: &Delete, at: usize) -> impl Iterator<Item = &Value> {
    let row = &delete.rows[at];
    row.key.iter().chain(&row.expected)
}

/// As [`values`], to be bound one by one.
fn bounds<'a>(delete: &'a Delete, entity: &'a EntityMetadata, at: usize) -> impl Iterator<Item = Bound> + 'a {
    let types = columns(delete, entity).map(|column| entity.columns[column].column_type);
    values(delete, at).cloned().zip(types).map(|(value, column_type)| Bound::of(value, column_type))
}

fn columns<'a>(delete: &'a Delete, entity: &'a EntityMetadata) -> impl Iterator<Item = usize> + 'a {
    entity.key_columns().chain(delete.expected.iter().copied())
}

fn check(statements: &Statements, delete: &Delete, entity: &EntityMetadata) -> Result<(), DriverError> {
    if delete.expected.iter().any(|column| *column >= entity.columns.len()) {
        return Err(unsupported(format!("a delete names a column that {} does not have", entity.name)));
    }
    let wrong = |problem: &str| Err(unsupported(format!("a row of a delete of {} {problem}", entity.name)));
    for (at, row) in delete.rows.iter().enumerate() {
        if row.key.len() != entity.key_columns().count() || row.key.iter().any(Value::is_null) {
            return wrong("has no complete key");
        }
        if row.expected.len() != delete.expected.len() {
            return wrong("does not have one value for each column that it expects something of");
        }
        for (column, value) in columns(delete, entity).zip(values(delete, at)) {
            let place = || leaf::column_place(entity, column);
            statements.dialect.check(value).map_err(|error| leaf::does_not_fit(&place(), error))?;
        }
    }
    Ok(())
}
