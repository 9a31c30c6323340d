//! Changed rows: one statement whatever their number, each row with its own values.
//!
//! What a row is expected to hold and the guard are part of the statement's own predicate, so that nothing can happen
//! between a check and the write.

use orm_core::driver::{DriverError, Update};
use orm_core::metadata::EntityMetadata;
use orm_core::value::{KeyValues, Value};
use sea_query::{Expr, ExprTrait, Keyword, Returning, SelectStatement, UpdateStatement};

use super::answer::{Answer, WriteStatement, WrittenRows};
use super::batch::{Batch, batches, types};
use super::bound::Bound;
use super::shape::{Operation, Shape};
use super::target::Target;
use super::text::{TextWriter, all, identifier, names};
use super::{Statements, leaf, unsupported};
use crate::dialect::Query;

pub(super) fn statements(
    statements: &Statements,
    update: &Update,
) -> Result<Vec<WriteStatement>, DriverError> {
    let entity = update.metadata.entity(update.entity);
    check(statements, update, entity)?;
    let types = types(entity, columns(update, entity));
    let row = |at: usize| values(update, at);
    batches(statements.dialect, &types, 0..update.rows.len(), row)
        .into_iter()
        .map(|batch| statement(statements, update, entity, batch))
        .collect()
}

fn statement(
    statements: &Statements,
    update: &Update,
    entity: &EntityMetadata,
    batch: Batch,
) -> Result<WriteStatement, DriverError> {
    let Batch { rows, together } = batch;
    let gives_back = statements.dialect.joined_writes().is_none();
    let question = match &together {
        Some(together) if !gives_back => Some(found(statements, update, entity, &rows, together)?),
        Some(_) | None => None,
    };
    let handed_over = together.as_ref().map(Vec::len);
    let operation = if together.is_some() { Operation::UpdateTogether } else { Operation::Update };
    let mut shape = Shape::new(&update.metadata, statements.dialect, operation, update.entity);
    shape.numbers(&update.columns);
    shape.numbers(&update.expected);
    let (answer, returned) = match together {
        Some(together) => {
            together.into_iter().for_each(|value| shape.bind(value));
            if gives_back {
                let keys = rows.iter().map(|at| new_key(update, entity, *at)).collect();
                (Answer::FoundByKey(keys), types(entity, entity.key_columns()))
            } else {
                (Answer::AllFound, Vec::new())
            }
        }
        None => {
            rows.iter().flat_map(|at| bounds(update, entity, *at)).for_each(|bound| shape.bind(bound));
            (Answer::Found, Vec::new())
        }
    };
    shape.expression(entity, &update.guard)?;
    let statement = statements.statement(&update.metadata, shape, |writer, values| {
        match (handed_over, rows.first()) {
            (Some(count), _) => set_of_rows(writer, update, entity, &values[..count]),
            (None, Some(at)) => one(writer, update, entity, *at).map(Query::Update),
            (None, None) => Err(unsupported("an update has no row")),
        }
    })?;
    let written = WriteStatement::new(statement, returned, WrittenRows::new(rows, answer));
    Ok(WriteStatement { question: question.map(Box::new), ..written })
}

/// Asks which rows hold what was to be written: `SELECT key FROM table JOIN rows ON key = row.key AND c <=> row.c`.
fn found(
    statements: &Statements,
    update: &Update,
    entity: &EntityMetadata,
    rows: &[usize],
    together: &[Bound],
) -> Result<WriteStatement, DriverError> {
    let mut shape = Shape::new(&update.metadata, statements.dialect, Operation::ReadFound, update.entity);
    shape.numbers(&update.columns);
    shape.numbers(&update.expected);
    together.iter().for_each(|value| shape.bind(value.clone()));
    let statement = statements.statement(&update.metadata, shape, |writer, _| {
        let held = writer.table();
        let binds = together.iter().map(|value| writer.bind(value.clone())).collect();
        let source = writer.dialect.row_source(&types(entity, columns(update, entity)), binds);
        let mut given = source.compared.into_iter();
        let mut predicates = Vec::new();
        for (column, value) in update.columns.iter().zip(given.by_ref()) {
            predicates.push(writer.dialect.same(writer.comparable(entity, held, *column), value));
        }
        for (column, value) in entity.key_columns().zip(given) {
            if !update.columns.contains(&column) {
                predicates.push(writer.comparable(entity, held, column).eq(value));
            }
        }
        let mut select = SelectStatement::new();
        select.exprs(names(entity, entity.key_columns()).map(|name| held.column(name)));
        select.from(source.table);
        select.inner_join(held.named(entity.schema.as_deref(), &entity.table), all(predicates));
        Ok(Query::Select(select))
    })?;
    let keys = rows.iter().map(|at| new_key(update, entity, *at)).collect();
    let returned = types(entity, entity.key_columns());
    Ok(WriteStatement::new(statement, returned, WrittenRows::new(rows.to_vec(), Answer::Holding(keys))))
}

/// `UPDATE … SET c = ? WHERE key = ?`.
fn one(
    writer: &mut TextWriter<'_>,
    update: &Update,
    entity: &EntityMetadata,
    at: usize,
) -> Result<UpdateStatement, DriverError> {
    let mut bounds = bounds(update, entity, at);
    let mut bind = |writer: &mut TextWriter<'_>| {
        bounds.next().map_or(Expr::Keyword(Keyword::Null), |bound| writer.bind(bound))
    };
    let target = Target::of(writer, &update.guard);
    let mut statement = update_of(&target, entity);
    for name in names(entity, update.columns.iter().copied()) {
        statement.value(identifier(name), bind(writer));
    }
    let mut predicates = Vec::new();
    for name in names(entity, entity.key_columns()) {
        predicates.push(target.column(name).eq(bind(writer)));
    }
    for name in names(entity, update.expected.iter().copied()) {
        let expected = bind(writer);
        predicates.push(writer.dialect.same(target.column(name), expected));
    }
    predicates.extend(target.guard(writer, entity, &update.guard)?);
    statement.and_where(all(predicates));
    Ok(statement)
}

/// `UPDATE … SET c = row.c FROM rows WHERE key = row.key RETURNING key`.
fn set_of_rows(
    writer: &mut TextWriter<'_>,
    update: &Update,
    entity: &EntityMetadata,
    together: &[Bound],
) -> Result<Query, DriverError> {
    // The rows have columns too, and only an alias tells all of them apart.
    let table = writer.table();
    let target = Target::Aliased(table);
    let binds = together.iter().map(|value| writer.bind(value.clone())).collect();
    let source = writer.dialect.row_source(&types(entity, columns(update, entity)), binds);
    let set: Vec<_> =
        names(entity, update.columns.iter().copied()).map(identifier).zip(source.columns).collect();
    let mut given = source.compared.into_iter().skip(update.columns.len());
    let mut predicates = Vec::new();
    for (name, value) in names(entity, entity.key_columns()).zip(given.by_ref()) {
        predicates.push(target.column(name).eq(value));
    }
    for (name, value) in names(entity, update.expected.iter().copied()).zip(given) {
        predicates.push(writer.dialect.same(target.column(name), value));
    }
    predicates.extend(target.guard(writer, entity, &update.guard)?);
    let predicate = all(predicates);
    if let Some(joined) = writer.dialect.joined_writes() {
        return Ok(joined.update(table.aliased(entity), source.table, predicate, set));
    }
    let mut statement = update_of(&target, entity);
    statement.values(set).from(source.table).and_where(predicate);
    let key = names(entity, entity.key_columns()).map(identifier);
    statement.returning(Returning::new().columns(key));
    Ok(Query::Update(statement))
}

fn update_of(target: &Target, entity: &EntityMetadata) -> UpdateStatement {
    let mut statement = UpdateStatement::new();
    statement.table(target.table(entity));
    statement
}

/// The values of one row, as [`columns`] says.
fn values(update: &Update, at: usize) -> impl Iterator<Item = &Value> {
    let row = &update.rows[at];
    row.values.iter().chain(&row.key).chain(&row.expected)
}

/// As [`values`], to be bound one by one.
fn bounds<'a>(update: &'a Update, entity: &'a EntityMetadata, at: usize) -> impl Iterator<Item = Bound> + 'a {
    let types = columns(update, entity).map(|column| entity.columns[column].column_type);
    values(update, at).cloned().zip(types).map(|(value, column_type)| Bound::of(value, column_type))
}

fn columns<'a>(update: &'a Update, entity: &'a EntityMetadata) -> impl Iterator<Item = usize> + 'a {
    update.columns.iter().copied().chain(entity.key_columns()).chain(update.expected.iter().copied())
}

/// The key that a row has when it is changed.
fn new_key(update: &Update, entity: &EntityMetadata, at: usize) -> KeyValues {
    let row = &update.rows[at];
    let part = |(column, old): (usize, &Value)| {
        let changed = update.columns.iter().position(|changed| *changed == column);
        changed.and_then(|at| row.values.get(at)).unwrap_or(old).clone()
    };
    entity.key_columns().zip(&row.key).map(part).collect()
}

fn check(statements: &Statements, update: &Update, entity: &EntityMetadata) -> Result<(), DriverError> {
    if update.columns.is_empty() {
        return Err(unsupported(format!("an update of {} changes no column", entity.name)));
    }
    if update.columns.iter().chain(&update.expected).any(|column| *column >= entity.columns.len()) {
        return Err(unsupported(format!("an update names a column that {} does not have", entity.name)));
    }
    let wrong = |problem: &str| Err(unsupported(format!("a row of an update of {} {problem}", entity.name)));
    for (at, row) in update.rows.iter().enumerate() {
        if row.values.len() != update.columns.len() {
            return wrong("does not have one value a column");
        }
        if row.key.len() != entity.key_columns().count() || row.key.iter().any(Value::is_null) {
            return wrong("has no complete key");
        }
        if row.expected.len() != update.expected.len() {
            return wrong("does not have one value for each column that it expects something of");
        }
        for (column, value) in columns(update, entity).zip(values(update, at)) {
            let place = || leaf::column_place(entity, column);
            statements.dialect.check(value).map_err(|error| leaf::does_not_fit(&place(), error))?;
        }
    }
    Ok(())
}
