//! New rows: one statement whatever their number.
//!
//! Which of the returned values belong to which row is never told by their order. Where the database makes the keys,
//! the statement itself gives each row the next key by its ordinal; else rows are known by the keys that they are
//! given.

use orm_core::driver::{DriverError, Insert};
use orm_core::metadata::EntityMetadata;
use orm_core::value::{KeyValues, Value};
use sea_query::{Expr, InsertStatement, Returning, SelectStatement};

use super::answer::{Answer, WriteStatement, WrittenRows};
use super::batch::{Batch, batches, types};
use super::shape::{Operation, Shape};
use super::text::{TextWriter, identifier, names, table_name};
use super::{KeyRecord, Statements, leaf, unsupported};
use crate::dialect::{LAST_KEY, Query};

/// How the rows of an insert are known.
enum Known {
    /// Nothing of them comes back.
    Not,
    /// By the key in this column, which the statement counts.
    Counted(usize),
    /// By the key that they are given.
    Given,
    /// Only when they are alone.
    Alone,
}

pub(super) fn statements(
    statements: &Statements,
    insert: &Insert,
    record: KeyRecord,
) -> Result<Vec<WriteStatement>, DriverError> {
    let entity = insert.metadata.entity(insert.entity);
    check(statements, insert, entity)?;
    let known = known(insert, entity);
    let row = |at: usize| insert.rows[at].iter();
    let all = 0..insert.rows.len();
    let has_nothing_to_give = insert.columns.is_empty() && !matches!(known, Known::Counted(_));
    let batches = if has_nothing_to_give || matches!(known, Known::Alone) {
        all.map(|at| Batch { rows: vec![at], together: None }).collect()
    } else {
        batches(statements.dialect, &types(entity, insert.columns.iter().copied()), all, row)
    };
    let statement = |batch: Batch| match batch.together {
        Some(together) => set_of_rows(statements, insert, entity, &known, record, batch.rows, together),
        None => one(statements, insert, entity, batch.rows),
    };
    batches.into_iter().map(statement).collect()
}

fn known(insert: &Insert, entity: &EntityMetadata) -> Known {
    if insert.returning.is_empty() {
        return Known::Not;
    }
    let key: Vec<usize> = entity.key_columns().collect();
    match key.as_slice() {
        [column] if insert.returning.contains(column) && !insert.columns.contains(column) => {
            let is_counted = entity.columns[*column].column_type.is_integer();
            if is_counted { Known::Counted(*column) } else { Known::Alone }
        }
        // A key that is NULL is made by the database too.
        key if key.iter().all(|column| insert.columns.contains(column))
            && !(0..insert.rows.len()).any(|at| given_key(insert, entity, at).iter().any(Value::is_null)) =>
        {
            Known::Given
        }
        _ => Known::Alone,
    }
}

/// `INSERT … VALUES (?)`.
fn one(
    statements: &Statements,
    insert: &Insert,
    entity: &EntityMetadata,
    rows: Vec<usize>,
) -> Result<WriteStatement, DriverError> {
    let row = || rows.iter().flat_map(|at| &insert.rows[*at]);
    let mut shape = Shape::new(&insert.metadata, statements.dialect, Operation::Insert, insert.entity);
    shape.numbers(&insert.columns);
    shape.numbers(&insert.returning);
    row().for_each(|value| shape.bind(value.clone()));
    let statement = statements.statement(&insert.metadata, shape, |writer, _| {
        let mut statement = InsertStatement::new();
        statement.into_table(table_name(entity.schema.as_deref(), &entity.table));
        if insert.columns.is_empty() {
            statement.or_default_values();
        } else {
            statement.columns(names(entity, insert.columns.iter().copied()).map(identifier));
            let binds: Vec<_> = row().map(|value| writer.bind(value.clone())).collect();
            statement.values(binds).map_err(refused)?;
        }
        return_columns(&mut statement, entity, insert.returning.iter().copied());
        Ok(Query::Insert(statement))
    })?;
    let answer = if insert.returning.is_empty() { Answer::Count } else { Answer::One };
    let returned = types(entity, insert.returning.iter().copied());
    Ok(WriteStatement { statement, returned, rows: WrittenRows::new(rows, answer) })
}

/// `INSERT … SELECT … FROM rows`.
fn set_of_rows(
    statements: &Statements,
    insert: &Insert,
    entity: &EntityMetadata,
    known: &Known,
    record: KeyRecord,
    rows: Vec<usize>,
    together: Vec<Value>,
) -> Result<WriteStatement, DriverError> {
    let returning = || insert.returning.iter().copied();
    let place = |column: &usize| returning().position(|one| one == *column).unwrap_or(0);
    let (answer, returned) = match known {
        Known::Counted(key) => (Answer::Counted(place(key)), types(entity, returning())),
        Known::Given => {
            let keys = rows.iter().map(|at| given_key(insert, entity, *at)).collect();
            (Answer::ByKey(keys), types(entity, entity.key_columns().chain(returning())))
        }
        Known::Not | Known::Alone => (Answer::Count, Vec::new()),
    };
    let recorded_as = match (known, record) {
        (Known::Counted(_), KeyRecord::Kept) => Some(Value::Text(entity.table.clone())),
        (Known::Counted(_), KeyRecord::Missing) | (Known::Not | Known::Given | Known::Alone, _) => None,
    };
    let mut shape =
        Shape::new(&insert.metadata, statements.dialect, Operation::InsertTogether, insert.entity);
    shape.numbers(&insert.columns);
    shape.numbers(&insert.returning);
    shape.flag(recorded_as.is_some());
    together.into_iter().chain(recorded_as).for_each(|value| shape.bind(value));
    let statement = statements.statement(&insert.metadata, shape, |writer, values| {
        insert_select(writer, insert, entity, known, record, values).map(Query::Insert)
    })?;
    Ok(WriteStatement { statement, returned, rows: WrittenRows::new(rows, answer) })
}

fn insert_select(
    writer: &mut TextWriter<'_>,
    insert: &Insert,
    entity: &EntityMetadata,
    known: &Known,
    record: KeyRecord,
    values: &[Value],
) -> Result<InsertStatement, DriverError> {
    let mut binds: Vec<Expr> = values.iter().map(|value| writer.bind(value.clone())).collect();
    let name = match (known, record) {
        (Known::Counted(_), KeyRecord::Kept) => binds.pop(),
        (Known::Counted(_), KeyRecord::Missing) | (Known::Not | Known::Given | Known::Alone, _) => None,
    };
    let source = writer.dialect.row_source(&types(entity, insert.columns.iter().copied()), binds);
    let mut select = SelectStatement::new();
    select.from(source.table);
    let mut columns: Vec<_> = names(entity, insert.columns.iter().copied()).map(identifier).collect();
    let table = || table_name(entity.schema.as_deref(), &entity.table);
    if let Known::Counted(key) = known {
        let key = identifier(&entity.columns[*key].name);
        let last = writer.table();
        select.from_subquery(writer.dialect.last_key(table(), key.clone(), name), last.alias());
        select.expr(writer.dialect.next_key(last.column(LAST_KEY), source.ordinal));
        columns.insert(0, key);
    }
    select.exprs(source.columns);
    let mut statement = InsertStatement::new();
    statement.into_table(table()).columns(columns);
    statement.select_from(select).map_err(refused)?;
    let given: Vec<usize> = match known {
        Known::Given => entity.key_columns().collect(),
        Known::Not | Known::Counted(_) | Known::Alone => Vec::new(),
    };
    return_columns(&mut statement, entity, given.into_iter().chain(insert.returning.iter().copied()));
    Ok(statement)
}

fn given_key(insert: &Insert, entity: &EntityMetadata, at: usize) -> KeyValues {
    let part = |column| {
        let place = insert.columns.iter().position(|given| *given == column);
        place.and_then(|place| insert.rows[at].get(place)).cloned().unwrap_or(Value::Null)
    };
    entity.key_columns().map(part).collect()
}

fn return_columns(
    statement: &mut InsertStatement,
    entity: &EntityMetadata,
    columns: impl Iterator<Item = usize>,
) {
    let columns: Vec<usize> = columns.collect();
    if !columns.is_empty() {
        statement.returning(Returning::new().columns(names(entity, columns).map(identifier)));
    }
}

fn refused(error: sea_query::error::Error) -> DriverError {
    unsupported("a row is of another width").with_source(error)
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
