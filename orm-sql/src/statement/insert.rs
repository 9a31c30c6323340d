//! New rows: one statement whatever their number.
//!
//! Which of the returned values belong to which row is never told by their order. Where the database makes the keys,
//! the statement itself gives each row the next key by its ordinal, or the database gives larger ones to later rows; else
//! rows are known by the keys that they are given.

use orm_core::driver::{DriverError, Insert};
use orm_core::metadata::EntityMetadata;
use orm_core::value::{ColumnType, KeyValues, Value};
use sea_query::{
    CommonTableExpression, Expr, ExprTrait, Func, InsertStatement, Order, Returning, SelectStatement,
    WithClause, WithQuery,
};

use super::answer::{Answer, WriteStatement, WrittenRows};
use super::batch::{Batch, batches, types};
use super::bound::{Bound, value_size};
use super::shape::{Operation, Shape};
use super::text::{TextWriter, identifier, names, table_name};
use super::{KeyRecord, Statements, leaf, unsupported};
use crate::dialect::{CountedKeys, Dialect, Keys, LAST_KEY, Query};

/// How the rows of an insert are known.
enum Known {
    /// Nothing of them comes back.
    Not,
    /// By the key in this column, which the statement counts.
    Counted(usize, &'static dyn CountedKeys),
    /// By the key in this column, which is taken before the row is written.
    Reserved(usize, fn(Option<&str>, &str, &str) -> Expr),
    /// By the key in this column, which is larger for later rows.
    Ascending(usize),
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
    let known = known(statements.dialect, insert, entity);
    let row = |at: usize| insert.rows[at].iter();
    let all = 0..insert.rows.len();
    let has_nothing_to_give = insert.columns.is_empty() && !matches!(known, Known::Counted(..));
    let gives_back = statements.dialect.gives_back_inserted();
    let batches = if has_nothing_to_give || matches!(known, Known::Alone) {
        all.map(|at| Batch { rows: vec![at], together: None }).collect()
    } else if !gives_back && matches!(known, Known::Ascending(_)) {
        listed(statements.dialect, insert.columns.len(), all, row)
    } else {
        batches(statements.dialect, &types(entity, insert.columns.iter().copied()), all, row)
    };
    let mut all = Vec::with_capacity(batches.len());
    for batch in batches {
        match batch.together {
            Some(together) if gives_back || matches!(known, Known::Not) => {
                all.push(set_of_rows(statements, insert, entity, &known, record, batch.rows, together)?);
            }
            Some(together) => {
                let places = batch.rows.clone();
                all.push(set_of_rows(statements, insert, entity, &Known::Not, record, batch.rows, together)?);
                all.push(read_back(statements, insert, entity, places)?);
            }
            None if gives_back || matches!(known, Known::Not) => {
                all.push(one(statements, insert, entity, batch.rows)?);
            }
            None => without_returning(statements, insert, entity, &known, batch.rows, &mut all)?,
        }
    }
    Ok(all)
}

/// Rows whose statement lists the values of each.
fn listed<'v, V: Iterator<Item = &'v Value>>(
    dialect: &dyn Dialect,
    width: usize,
    rows: impl Iterator<Item = usize>,
    row: impl Fn(usize) -> V,
) -> Vec<Batch> {
    let most = dialect.most_placeholders() / width.max(1);
    let mut batches: Vec<Batch> = Vec::new();
    let mut size = 0;
    for at in rows {
        let own = row(at).map(value_size).sum::<usize>();
        match batches.last_mut() {
            Some(batch) if batch.rows.len() < most && size + own < dialect.largest_statement() => {
                size += own;
                batch.rows.push(at);
            }
            Some(_) | None => {
                size = own;
                batches.push(Batch { rows: vec![at], together: None });
            }
        }
    }
    batches
}

/// An insert that gives nothing back, and what asks for what the database has made.
fn without_returning(
    statements: &Statements,
    insert: &Insert,
    entity: &EntityMetadata,
    known: &Known,
    rows: Vec<usize>,
    all: &mut Vec<WriteStatement>,
) -> Result<(), DriverError> {
    let mut written = values_of_rows(statements, insert, entity, &rows)?;
    match (known, made_key(insert, entity)) {
        (Known::Given, _) => {
            all.push(written);
            all.push(read_back(statements, insert, entity, rows)?);
        }
        // What the database counts is told with the answer.
        (_, Some(key)) if insert.returning == [key] => {
            written.rows = WrittenRows::new(rows, Answer::Generated);
            all.push(written);
        }
        (_, Some(key)) => {
            all.push(written);
            all.push(read_made(statements, insert, entity, key, rows)?);
        }
        (_, None) => {
            let place = leaf::column_place(entity, insert.returning.first().copied().unwrap_or(0));
            return Err(unsupported(format!(
                "this database does not tell what it has made for {place}; give it a value in the program"
            )));
        }
    }
    Ok(())
}

/// The column of a key that the database counts up.
fn made_key(insert: &Insert, entity: &EntityMetadata) -> Option<usize> {
    let mut made = entity.key_columns().filter(|column| !insert.columns.contains(column));
    let key = made.next().filter(|column| entity.columns[*column].column_type.is_integer())?;
    made.next().is_none().then_some(key)
}

/// Reads what the database has made, by the keys that it has counted: `WHERE key >= LAST_INSERT_ID() AND …`.
fn read_made(
    statements: &Statements,
    insert: &Insert,
    entity: &EntityMetadata,
    key: usize,
    rows: Vec<usize>,
) -> Result<WriteStatement, DriverError> {
    let columns: Vec<usize> = [key].into_iter().chain(insert.returning.iter().copied()).collect();
    let count = Bound::from(Value::Int(i64::try_from(rows.len()).unwrap_or(i64::MAX)));
    let mut shape = Shape::new(&insert.metadata, statements.dialect, Operation::ReadMade, insert.entity);
    shape.numbers(&columns);
    shape.bind(count.clone());
    let statement = statements.statement(&insert.metadata, shape, |writer, _| {
        let key = Expr::col(identifier(&entity.columns[key].name));
        let first = || Expr::from(Func::cust("LAST_INSERT_ID"));
        let step = Expr::cust("@@auto_increment_increment");
        let end = first().add(writer.bind(count.clone()).mul(step));
        let mut select = SelectStatement::new();
        select.columns(names(entity, columns.iter().copied()).map(identifier));
        select.from(table_name(entity.schema.as_deref(), &entity.table));
        select.and_where(key.clone().gte(first()).and(key.lt(end)));
        Ok(Query::Select(select))
    })?;
    let returned = types(entity, columns.into_iter());
    Ok(WriteStatement::new(statement, returned, WrittenRows::new(rows, Answer::AscendingAside)))
}

/// `INSERT … VALUES (?), (?)`: the text of one row, and the values of the others. It serves this number of rows alone.
fn values_of_rows(
    statements: &Statements,
    insert: &Insert,
    entity: &EntityMetadata,
    rows: &[usize],
) -> Result<WriteStatement, DriverError> {
    let first: Vec<usize> = rows.iter().copied().take(1).collect();
    let mut written = one_row(statements, insert, entity, first, &[])?;
    if rows.len() > 1 {
        let types = types(entity, insert.columns.iter().copied());
        let values =
            rows[1..].iter().flat_map(|at| insert.rows[*at].iter().cloned().zip(types.iter().copied()));
        let values = values.map(|(value, column_type)| Bound::of(value, column_type));
        written.statement.values.extend(values);
        let row = format!(", ({})", vec!["?"; insert.columns.len()].join(", "));
        let sql = format!("{}{}", written.statement.sql, row.repeat(rows.len() - 1));
        written.statement.sql = sql.into();
        written.statement.reusable = false;
    }
    Ok(written)
}

/// Reads what the database has made, by the keys that the rows were given.
fn read_back(
    statements: &Statements,
    insert: &Insert,
    entity: &EntityMetadata,
    rows: Vec<usize>,
) -> Result<WriteStatement, DriverError> {
    let keys: Vec<KeyValues> = rows.iter().map(|at| given_key(insert, entity, *at)).collect();
    let columns: Vec<usize> = entity.key_columns().chain(insert.returning.iter().copied()).collect();
    let width = entity.key_columns().count();
    let mut shape = Shape::new(&insert.metadata, statements.dialect, Operation::ReadBack, insert.entity);
    shape.numbers(&columns);
    shape.set(&keys, width)?;
    let statement = statements.statement(&insert.metadata, shape, |writer, _| {
        let mut values = Vec::new();
        let form = leaf::set(writer.dialect, &keys, width, &mut values)?;
        let key = names(entity, entity.key_columns()).map(|name| Expr::col(identifier(name))).collect();
        let mut select = SelectStatement::new();
        select.columns(names(entity, columns.iter().copied()).map(identifier));
        select.from(table_name(entity.schema.as_deref(), &entity.table));
        select.and_where(writer.in_set(key, &form, values));
        Ok(Query::Select(select))
    })?;
    let returned = types(entity, columns.into_iter());
    Ok(WriteStatement::new(statement, returned, WrittenRows::new(rows, Answer::ByKey(keys))))
}

fn known(dialect: &dyn Dialect, insert: &Insert, entity: &EntityMetadata) -> Known {
    if insert.returning.is_empty() {
        return Known::Not;
    }
    let key: Vec<usize> = entity.key_columns().collect();
    match key.as_slice() {
        [column] if insert.returning.contains(column) && !insert.columns.contains(column) => {
            match dialect.keys() {
                _ if !entity.columns[*column].column_type.is_integer() => Known::Alone,
                Keys::Counted(keys) => Known::Counted(*column, keys),
                Keys::Reserved(next) => Known::Reserved(*column, next),
                Keys::Ascending => Known::Ascending(*column),
            }
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

/// `INSERT … VALUES (?) RETURNING …`.
fn one(
    statements: &Statements,
    insert: &Insert,
    entity: &EntityMetadata,
    rows: Vec<usize>,
) -> Result<WriteStatement, DriverError> {
    one_row(statements, insert, entity, rows, &insert.returning)
}

fn one_row(
    statements: &Statements,
    insert: &Insert,
    entity: &EntityMetadata,
    rows: Vec<usize>,
    returning: &[usize],
) -> Result<WriteStatement, DriverError> {
    let row = || {
        let types = types(entity, insert.columns.iter().copied());
        let values = rows.iter().flat_map(|at| insert.rows[*at].iter().cloned());
        values.zip(types).map(|(value, column_type)| Bound::of(value, column_type))
    };
    let mut shape = Shape::new(&insert.metadata, statements.dialect, Operation::Insert, insert.entity);
    shape.numbers(&insert.columns);
    shape.numbers(returning);
    row().for_each(|bound| shape.bind(bound));
    let statement = statements.statement(&insert.metadata, shape, |writer, _| {
        let mut statement = InsertStatement::new();
        statement.into_table(table_name(entity.schema.as_deref(), &entity.table));
        if insert.columns.is_empty() {
            statement.or_default_values();
        } else {
            statement.columns(names(entity, insert.columns.iter().copied()).map(identifier));
            let binds: Vec<_> = row().map(|bound| writer.bind(bound)).collect();
            statement.values(binds).map_err(refused)?;
        }
        Ok(returning_columns(writer, statement, entity, returning.iter().copied()))
    })?;
    let answer = if returning.is_empty() { Answer::Count } else { Answer::One };
    let returned = types(entity, returning.iter().copied());
    Ok(WriteStatement::new(statement, returned, WrittenRows::new(rows, answer)))
}

/// `INSERT … SELECT … FROM rows`.
fn set_of_rows(
    statements: &Statements,
    insert: &Insert,
    entity: &EntityMetadata,
    known: &Known,
    record: KeyRecord,
    rows: Vec<usize>,
    together: Vec<Bound>,
) -> Result<WriteStatement, DriverError> {
    let returning = || insert.returning.iter().copied();
    let place = |column: &usize| returning().position(|one| one == *column).unwrap_or(0);
    let (answer, returned) = match known {
        Known::Counted(key, _) => (Answer::Counted(place(key)), types(entity, returning())),
        Known::Ascending(key) => (Answer::Ascending(place(key)), types(entity, returning())),
        Known::Reserved(..) => {
            let ordinal = [ColumnType::Int(64)].into_iter();
            (Answer::ByOrdinal, ordinal.chain(types(entity, returning())).collect())
        }
        Known::Given => {
            let keys = rows.iter().map(|at| given_key(insert, entity, *at)).collect();
            (Answer::ByKey(keys), types(entity, entity.key_columns().chain(returning())))
        }
        Known::Not | Known::Alone => (Answer::Count, Vec::new()),
    };
    let recorded_as = match (known, record) {
        (Known::Counted(..), KeyRecord::Kept) => Some(Bound::from(Value::Text(entity.table.clone()))),
        (Known::Counted(..), KeyRecord::Missing)
        | (Known::Not | Known::Reserved(..) | Known::Ascending(_) | Known::Given | Known::Alone, _) => None,
    };
    let mut shape =
        Shape::new(&insert.metadata, statements.dialect, Operation::InsertTogether, insert.entity);
    shape.numbers(&insert.columns);
    shape.numbers(if matches!(known, Known::Not) { &[] } else { &insert.returning });
    shape.flag(recorded_as.is_some());
    together.into_iter().chain(recorded_as).for_each(|value| shape.bind(value));
    let statement = statements.statement(&insert.metadata, shape, |writer, values| match known {
        Known::Reserved(key, next) => reserved(writer, insert, entity, *key, *next, values).map(Query::With),
        Known::Not | Known::Counted(..) | Known::Ascending(_) | Known::Given | Known::Alone => {
            insert_select(writer, insert, entity, known, record, values)
        }
    })?;
    Ok(WriteStatement::new(statement, returned, WrittenRows::new(rows, answer)))
}

fn insert_select(
    writer: &mut TextWriter<'_>,
    insert: &Insert,
    entity: &EntityMetadata,
    known: &Known,
    record: KeyRecord,
    values: &[Bound],
) -> Result<Query, DriverError> {
    let mut binds: Vec<Expr> = values.iter().map(|value| writer.bind(value.clone())).collect();
    let name = match (known, record) {
        (Known::Counted(..), KeyRecord::Kept) => binds.pop(),
        (Known::Counted(..), KeyRecord::Missing)
        | (Known::Not | Known::Reserved(..) | Known::Ascending(_) | Known::Given | Known::Alone, _) => None,
    };
    let source = writer.dialect.row_source(&types(entity, insert.columns.iter().copied()), binds);
    let mut select = SelectStatement::new();
    select.from(source.table);
    let mut columns: Vec<_> = names(entity, insert.columns.iter().copied()).map(identifier).collect();
    let table = || table_name(entity.schema.as_deref(), &entity.table);
    if let Known::Counted(key, keys) = known {
        let key = identifier(&entity.columns[*key].name);
        let last = writer.table();
        select.from_subquery(keys.last_key(table(), key.clone(), name), last.alias());
        select.expr(keys.next_key(last.column(LAST_KEY), source.ordinal.clone()));
        columns.insert(0, key);
    }
    select.exprs(source.columns);
    if let Known::Ascending(_) = known {
        // In this order rows are inserted, and get their keys.
        select.order_by_expr(source.ordinal, Order::Asc);
    }
    let mut statement = InsertStatement::new();
    statement.into_table(table()).columns(columns);
    statement.select_from(select).map_err(refused)?;
    let returned: Vec<usize> = match known {
        Known::Given => entity.key_columns().chain(insert.returning.iter().copied()).collect(),
        Known::Not => Vec::new(),
        Known::Counted(..) | Known::Reserved(..) | Known::Ascending(_) | Known::Alone => {
            insert.returning.clone()
        }
    };
    Ok(returning_columns(writer, statement, entity, returned.into_iter()))
}

/// `WITH rows AS (SELECT next key, …), written AS (INSERT … SELECT … FROM rows RETURNING …) SELECT ordinal, …`: the
/// keys are taken first, and tell which row is which afterwards.
fn reserved(
    writer: &mut TextWriter<'_>,
    insert: &Insert,
    entity: &EntityMetadata,
    key: usize,
    next: fn(Option<&str>, &str, &str) -> Expr,
    values: &[Bound],
) -> Result<WithQuery, DriverError> {
    let (rows, written) = (|| identifier("rows"), || identifier("written"));
    let given = |at: usize| identifier(&format!("c{at}"));
    let returned = |at: usize| identifier(&format!("r{at}"));
    let key_name = &entity.columns[key].name;
    let schema = entity.schema.as_deref();

    let binds = values.iter().map(|value| writer.bind(value.clone())).collect();
    let source = writer.dialect.row_source(&types(entity, insert.columns.iter().copied()), binds);
    let mut taken = SelectStatement::new();
    taken.expr_as(next(schema, &entity.table, key_name), identifier("key"));
    taken.expr_as(source.ordinal, identifier("ordinal")).from(source.table);
    for (at, column) in source.columns.into_iter().enumerate() {
        taken.expr_as(column, given(at));
    }

    let mut from_rows = SelectStatement::new();
    from_rows.column(identifier("key")).columns((0..insert.columns.len()).map(given)).from(rows());
    let columns = [key].into_iter().chain(insert.columns.iter().copied());
    let mut statement = InsertStatement::new();
    statement.into_table(table_name(schema, &entity.table)).columns(names(entity, columns).map(identifier));
    statement.select_from(from_rows).map_err(refused)?;
    statement.returning(Returning::new().columns(names(entity, insert.returning.clone()).map(identifier)));

    let place = insert.returning.iter().position(|column| *column == key).unwrap_or(0);
    let mut answer = SelectStatement::new();
    answer.column((rows(), identifier("ordinal")));
    answer.columns((0..insert.returning.len()).map(|at| (written(), returned(at))));
    let same_key = Expr::col((rows(), identifier("key"))).eq(Expr::col((written(), returned(place))));
    answer.from(written()).inner_join(rows(), same_key);

    let mut taken_rows = CommonTableExpression::new();
    taken_rows.table_name(rows()).query(taken);
    let mut written_rows = CommonTableExpression::new();
    written_rows.table_name(written()).columns((0..insert.returning.len()).map(returned)).query(statement);
    let with = WithClause::new().cte(taken_rows).cte(written_rows).to_owned();
    Ok(with.query(answer))
}

fn given_key(insert: &Insert, entity: &EntityMetadata, at: usize) -> KeyValues {
    let part = |column| {
        let place = insert.columns.iter().position(|given| *given == column);
        place.and_then(|place| insert.rows[at].get(place)).cloned().unwrap_or(Value::Null)
    };
    entity.key_columns().map(part).collect()
}

fn returning_columns(
    writer: &TextWriter<'_>,
    statement: InsertStatement,
    entity: &EntityMetadata,
    columns: impl Iterator<Item = usize>,
) -> Query {
    let columns: Vec<usize> = columns.collect();
    writer.dialect.insert_returning(statement, names(entity, columns).map(identifier).collect())
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
