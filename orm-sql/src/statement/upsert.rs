//! New rows, some of which may be there: one statement whatever their number.
//!
//! Rows that come back are known by what they hold in the columns of the conflict. NULL conflicts with nothing, so
//! that a row with one there would not be known again and goes alone.

mod joined;

use std::collections::HashSet;

use orm_core::driver::{DriverError, OnConflict, Upsert};
use orm_core::metadata::EntityMetadata;
use orm_core::value::{KeyValues, Value};
use sea_query::{InsertStatement, Returning, SelectStatement};

use super::answer::{Answer, WriteStatement, WrittenRows};
use super::batch::{Batch, batches, types};
use super::bound::Bound;
use super::by_condition::check_columns;
use super::shape::{Operation, Shape};
use super::target::Target;
use super::text::{TextWriter, always, identifier, names};
use super::{Statements, leaf, unsupported};
use crate::dialect::Query;

pub(super) fn statements(
    statements: &Statements,
    upsert: &Upsert,
) -> Result<Vec<WriteStatement>, DriverError> {
    let entity = upsert.metadata.entity(upsert.entity);
    check(statements, upsert, entity)?;
    let is_known = |at: &usize| !conflict_key(upsert, *at).iter().any(Value::is_null);
    let (known, alone): (Vec<usize>, Vec<usize>) = (0..upsert.rows.len()).partition(is_known);
    let types = types(entity, upsert.columns.iter().copied());
    if statements.dialect.joined_writes().is_some() {
        return joined::statements(statements, upsert, entity, known, alone);
    }
    let mut batches = batches(statements.dialect, &types, known.into_iter(), |at| upsert.rows[at].iter());
    batches.extend(alone.into_iter().map(|at| Batch { rows: vec![at], together: None }));
    batches.into_iter().map(|batch| statement(statements, upsert, entity, batch)).collect()
}

fn statement(
    statements: &Statements,
    upsert: &Upsert,
    entity: &EntityMetadata,
    batch: Batch,
) -> Result<WriteStatement, DriverError> {
    let Batch { rows, together } = batch;
    let is_one = together.is_none();
    let operation = if is_one { Operation::Upsert } else { Operation::UpsertTogether };
    let mut shape = Shape::new(&upsert.metadata, statements.dialect, operation, upsert.entity);
    shape.numbers(&upsert.columns);
    shape.numbers(&upsert.conflict);
    let Updated { columns: updated, set, raised } = updated(upsert);
    shape.numbers(updated);
    shape.numbers(&set.iter().map(|(column, _)| *column).collect::<Vec<_>>());
    shape.numbers(raised);
    shape.numbers(&upsert.returning);
    let given: Vec<Bound> = match together {
        Some(together) => together,
        None => {
            let types = types(entity, upsert.columns.iter().copied());
            let row = rows.iter().flat_map(|at| upsert.rows[*at].iter().cloned());
            row.zip(types).map(|(value, column_type)| Bound::of(value, column_type)).collect()
        }
    };
    let count = given.len();
    given.into_iter().for_each(|value| shape.bind(value));
    let bound =
        |(column, value): &(usize, Value)| Bound::of(value.clone(), entity.columns[*column].column_type);
    set.iter().for_each(|set| shape.bind(bound(set)));
    if !updated.is_empty() {
        shape.expression(entity, &upsert.guard)?;
    }
    let (answer, returned) = match (upsert.returning.is_empty(), is_one) {
        (true, _) => (Answer::Count, Vec::new()),
        (false, true) => (Answer::One, upsert.returning.clone()),
        (false, false) => {
            let keys = rows.iter().map(|at| conflict_key(upsert, *at)).collect();
            (Answer::ByKey(keys), upsert.conflict.iter().chain(&upsert.returning).copied().collect())
        }
    };
    let statement = statements.statement(&upsert.metadata, shape, |writer, values| {
        let target = match (updated.is_empty(), raised.is_empty()) {
            (true, _) => Target::Named,
            (false, true) => Target::of(writer, &upsert.guard),
            // The bare name would be ambiguous: the new row has the column too.
            (false, false) => Target::aliased(writer),
        };
        let mut statement = InsertStatement::new();
        statement.into_table(target.table(entity));
        statement.columns(names(entity, upsert.columns.iter().copied()).map(identifier));
        give(writer, &mut statement, upsert, entity, &values[..count], is_one)?;
        let mut on_conflict =
            sea_query::OnConflict::columns(names(entity, upsert.conflict.iter().copied()).map(identifier));
        if updated.is_empty() {
            on_conflict.do_nothing();
        } else {
            on_conflict.update_columns(names(entity, updated.iter().copied()).map(identifier));
            for set in set {
                let value = writer.bind(bound(set));
                on_conflict.value(identifier(&entity.columns[set.0].name), value);
            }
            on_conflict.values(target.raised(entity, raised));
            on_conflict.action_and_where_option(target.guard(writer, entity, &upsert.guard)?);
        }
        statement.on_conflict(on_conflict);
        if !returned.is_empty() {
            let returned = names(entity, returned.iter().copied()).map(identifier);
            statement.returning(Returning::new().columns(returned));
        }
        Ok(Query::Insert(statement))
    })?;
    let returned = types(entity, returned.into_iter());
    Ok(WriteStatement::new(statement, returned, WrittenRows::new(rows, answer)))
}

/// `VALUES (?)` for one row, `SELECT … FROM rows` for several.
fn give(
    writer: &mut TextWriter<'_>,
    statement: &mut InsertStatement,
    upsert: &Upsert,
    entity: &EntityMetadata,
    values: &[Bound],
    is_one: bool,
) -> Result<(), DriverError> {
    let refused =
        |error: sea_query::error::Error| unsupported("a row is of another width").with_source(error);
    let binds: Vec<_> = values.iter().map(|value| writer.bind(value.clone())).collect();
    if is_one {
        statement.values(binds).map_err(refused)?;
    } else {
        let source = writer.dialect.row_source(&types(entity, upsert.columns.iter().copied()), binds);
        let mut select = SelectStatement::new();
        // Without a WHERE, the ON of ON CONFLICT would be read as that of a join.
        select.exprs(source.columns).from(source.table).and_where(always());
        statement.select_from(select).map_err(refused)?;
    }
    Ok(())
}

/// What a row which is there gets.
#[derive(Clone, Copy)]
struct Updated<'a> {
    /// Columns of the new row.
    columns: &'a [usize],
    set: &'a [(usize, Value)],
    raised: &'a [usize],
}

fn updated(upsert: &Upsert) -> Updated<'_> {
    match &upsert.action {
        OnConflict::Ignore => Updated { columns: &[], set: &[], raised: &[] },
        OnConflict::Update { columns, set, raised } => Updated { columns, set, raised },
    }
}

/// What a row holds in the columns of the conflict.
fn conflict_key(upsert: &Upsert, at: usize) -> KeyValues {
    let part = |column: &usize| {
        let place = upsert.columns.iter().position(|given| given == column);
        place.and_then(|place| upsert.rows[at].get(place)).cloned().unwrap_or(Value::Null)
    };
    upsert.conflict.iter().map(part).collect()
}

fn check(statements: &Statements, upsert: &Upsert, entity: &EntityMetadata) -> Result<(), DriverError> {
    let wrong = |problem: &str| Err(unsupported(format!("an upsert of {} {problem}", entity.name)));
    if upsert.columns.iter().chain(&upsert.returning).any(|column| *column >= entity.columns.len()) {
        return wrong("names a column that it does not have");
    }
    if upsert.conflict.is_empty() || upsert.conflict.iter().any(|column| !upsert.columns.contains(column)) {
        return wrong("does not give the columns by which a row is known to be there");
    }
    let Updated { columns, set, raised } = updated(upsert);
    if columns.iter().any(|column| !upsert.columns.contains(column)) {
        return wrong("updates a column that it does not give");
    }
    if columns.is_empty() && matches!(upsert.action, OnConflict::Update { .. }) {
        return wrong("updates no column that it gives");
    }
    let own = set.iter().map(|(column, _)| *column).chain(raised.iter().copied());
    check_columns(entity, columns.iter().copied().chain(own))?;
    for (column, value) in set {
        let place = || leaf::column_place(entity, *column);
        statements.dialect.check(value).map_err(|error| leaf::does_not_fit(&place(), error))?;
    }
    let mut keys = HashSet::new();
    for (at, row) in upsert.rows.iter().enumerate() {
        if row.len() != upsert.columns.len() {
            return wrong("has a row without one value a column");
        }
        for (column, value) in upsert.columns.iter().zip(row) {
            let place = || leaf::column_place(entity, *column);
            statements.dialect.check(value).map_err(|error| leaf::does_not_fit(&place(), error))?;
        }
        let key = conflict_key(upsert, at);
        if !key.iter().any(Value::is_null) && !keys.insert(key) {
            return wrong("has two rows that would be one");
        }
    }
    Ok(())
}
