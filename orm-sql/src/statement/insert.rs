//! New rows.
//!
//! Rows whose values must come back are inserted one by one: SQLite promises no order for what RETURNING gives.
//! All others share statements of as many rows as the limit of binds allows; only the text of one row is cached.

use orm_core::driver::{DriverError, Insert};
use orm_core::metadata::EntityMetadata;
use orm_core::value::Value;
use sea_query::{InsertStatement, Returning};

use super::shape::{Operation, Shape};
use super::text::{TextWriter, identifier, names, table_name};
use super::{Statement, Statements, leaf, unsupported};
use crate::dialect::Query;

pub(super) fn statements(statements: &Statements, insert: &Insert) -> Result<Vec<Statement>, DriverError> {
    let entity = insert.metadata.entity(insert.entity);
    check(statements, insert, entity)?;
    if insert.columns.is_empty() || !insert.returning.is_empty() {
        return insert.rows.iter().map(|row| one(statements, insert, row)).collect();
    }
    let rows_a_statement = (statements.dialect.max_binds() / insert.columns.len()).max(1);
    insert.rows.chunks(rows_a_statement).map(|rows| several(statements, insert, rows)).collect()
}

/// The statement for one row.
fn one(statements: &Statements, insert: &Insert, row: &[Value]) -> Result<Statement, DriverError> {
    let mut shape = Shape::new(&insert.metadata, statements.dialect, Operation::Insert, insert.entity);
    shape.numbers(&insert.columns);
    shape.numbers(&insert.returning);
    row.iter().for_each(|value| shape.bind(value.clone()));
    statements.statement(&insert.metadata, shape, |writer| render(writer, insert, row).map(Query::Insert))
}

/// The statement for several rows: that of the first, with a tuple more for each of the others.
fn several(statements: &Statements, insert: &Insert, rows: &[Vec<Value>]) -> Result<Statement, DriverError> {
    let (first, others) = rows.split_first().ok_or_else(|| unsupported("an insert has no row"))?;
    let mut statement = one(statements, insert, first)?;
    if others.is_empty() {
        return Ok(statement);
    }
    let Some(at) = statement.sql.rfind(" (") else {
        return Err(unsupported("an insert has no list of values"));
    };
    let tuple = &statement.sql[at..];
    let mut sql = String::with_capacity(statement.sql.len() + (tuple.len() + 1) * others.len());
    sql.push_str(&statement.sql);
    for row in others {
        sql.push(',');
        sql.push_str(tuple);
        statement.values.extend(row.iter().cloned());
    }
    Ok(Statement { sql: sql.into(), values: statement.values, reusable: false })
}

fn render(
    writer: &mut TextWriter<'_>,
    insert: &Insert,
    row: &[Value],
) -> Result<InsertStatement, DriverError> {
    let entity = insert.metadata.entity(insert.entity);
    let mut statement = InsertStatement::new();
    statement.into_table(table_name(entity.schema.as_deref(), &entity.table));
    if insert.columns.is_empty() {
        statement.or_default_values();
    } else {
        statement.columns(names(entity, insert.columns.iter().copied()).map(identifier));
        let binds: Vec<_> = row.iter().map(|value| writer.bind(value.clone())).collect();
        statement
            .values(binds)
            .map_err(|error| unsupported("a row is of another width").with_source(error))?;
    }
    if !insert.returning.is_empty() {
        let returned = names(entity, insert.returning.iter().copied()).map(identifier);
        statement.returning(Returning::new().columns(returned));
    }
    Ok(statement)
}

fn check(statements: &Statements, insert: &Insert, entity: &EntityMetadata) -> Result<(), DriverError> {
    if insert.columns.iter().chain(&insert.returning).any(|column| *column >= entity.columns.len()) {
        return Err(unsupported(format!("an insert names a column that {} does not have", entity.name)));
    }
    for row in &insert.rows {
        if row.len() != insert.columns.len() {
            return Err(unsupported(format!("a row of {} does not have one value a column", entity.name)));
        }
        for (column, value) in insert.columns.iter().zip(row) {
            let place = || leaf::column_place(entity, *column);
            statements.dialect.check(value).map_err(|error| leaf::does_not_fit(&place(), error))?;
        }
    }
    Ok(())
}
