//! Upserts where a database tells by any unique index that a row is there, and can't say what it did about it.
//!
//! A plain one is one statement, which fails where a row is there by another index than that of the conflict. One that
//! leaves rows as they are inserts the missing ones first; if there is a guard, it then updates those that meet it and
//! differ from what is given. What comes back is read by what was given, so that a row which was left as it is does not
//! come back, unless it holds all of that anyway.

use orm_core::LockMode;
use orm_core::driver::{DriverError, Insert, OnConflict, Upsert};
use orm_core::metadata::EntityMetadata;
use orm_core::value::{ColumnType, KeyValues, Value};
use sea_query::{Expr, ExprTrait, InsertStatement, SelectStatement};

use super::{Updated, conflict_key, updated};
use crate::dialect::{NewValue, Query};
use crate::statement::answer::{Answer, WriteStatement, WrittenRows};
use crate::statement::batch::{Batch, batches, types};
use crate::statement::bound::Bound;
use crate::statement::shape::{Operation, Shape, is_always};
use crate::statement::target::Target;
use crate::statement::text::{Table, TextWriter, all, identifier, names, table_name};
use crate::statement::{KeyRecord, Statements, insert, unsupported};

pub(super) fn statements(
    statements: &Statements,
    upsert: &Upsert,
    entity: &EntityMetadata,
    known: Vec<usize>,
    alone: Vec<usize>,
) -> Result<Vec<WriteStatement>, DriverError> {
    let is_plain = matches!(upsert.action, OnConflict::Update { .. }) && is_always(&upsert.guard);
    let types = types(entity, upsert.columns.iter().copied());
    let row = |at: usize| upsert.rows[at].iter();
    let mut all = Vec::new();
    for batch in batches(statements.dialect, &types, known.into_iter(), row) {
        let batch = Rows { upsert, entity, batch };
        if is_plain {
            all.push(batch.upsert(statements)?);
            let gives_back = statements.dialect.gives_back_inserted();
            if !gives_back && !upsert.returning.is_empty() {
                all.push(batch.read(statements, Held::Anything)?);
            }
        } else {
            all.push(batch.upsert(statements)?);
            if let OnConflict::Update { .. } = upsert.action {
                all.push(batch.update_missed(statements)?);
            }
            // Rows that a program leaves as they are it reads anyway, unless it may not see them.
            let may_be_hidden = !is_always(&upsert.guard);
            let is_read = may_be_hidden || matches!(upsert.action, OnConflict::Update { .. });
            if is_read && !upsert.returning.is_empty() {
                all.push(batch.read(statements, Held::AsGiven)?);
            }
        }
    }
    for at in alone {
        all.extend(inserted(statements, upsert, at)?);
    }
    Ok(all)
}

/// A row with a NULL in the columns of the conflict is never there.
fn inserted(statements: &Statements, upsert: &Upsert, at: usize) -> Result<Vec<WriteStatement>, DriverError> {
    let insert = Insert {
        metadata: upsert.metadata.clone(),
        entity: upsert.entity,
        columns: upsert.columns.clone(),
        rows: vec![upsert.rows[at].clone()],
        returning: upsert.returning.clone(),
    };
    let written = insert::statements(statements, &insert, KeyRecord::Kept)?;
    let moved = |written: WriteStatement| WriteStatement { rows: written.rows.moved(vec![at]), ..written };
    Ok(written.into_iter().map(moved).collect())
}

/// What a row must hold to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Anything,
    /// All that it was given.
    AsGiven,
}

/// Rows that are written together.
struct Rows<'a> {
    upsert: &'a Upsert,
    entity: &'a EntityMetadata,
    batch: Batch,
}

impl Rows<'_> {
    fn types(&self) -> Vec<ColumnType> {
        types(self.entity, self.upsert.columns.iter().copied())
    }

    fn is_plain(&self) -> bool {
        matches!(self.upsert.action, OnConflict::Update { .. }) && is_always(&self.upsert.guard)
    }

    fn keys(&self) -> Vec<KeyValues> {
        self.batch.rows.iter().map(|at| conflict_key(self.upsert, *at)).collect()
    }

    /// The values of one row one by one, or those of all together.
    fn given(&self) -> Vec<Bound> {
        match &self.batch.together {
            Some(together) => together.clone(),
            None => {
                let rows = self.batch.rows.iter().flat_map(|at| self.upsert.rows[*at].iter().cloned());
                rows.zip(self.types()).map(|(value, column_type)| Bound::of(value, column_type)).collect()
            }
        }
    }

    /// All of them as rows that can be read from.
    fn together(&self, statements: &Statements) -> Result<Vec<Bound>, DriverError> {
        if let Some(together) = &self.batch.together {
            return Ok(together.clone());
        }
        let mut writer = statements.dialect.rows(&self.types());
        match self.batch.rows.iter().all(|at| writer.row(&mut self.upsert.rows[*at].iter())) {
            true => Ok(writer.finish()),
            false => Err(unsupported("a row that can't be handed over to be compared")),
        }
    }

    /// `INSERT … ON DUPLICATE KEY UPDATE …`: changes a row that is there, or leaves it as it is.
    fn upsert(&self, statements: &Statements) -> Result<WriteStatement, DriverError> {
        let (upsert, entity) = (self.upsert, self.entity);
        let is_one = self.batch.together.is_none();
        let operation = if is_one { Operation::Upsert } else { Operation::UpsertTogether };
        let mut shape = Shape::new(&upsert.metadata, statements.dialect, operation, upsert.entity);
        shape.numbers(&upsert.columns);
        shape.numbers(&upsert.conflict);
        shape.flag(self.is_plain());
        let Updated { columns, set, raised } = updated(upsert);
        shape.numbers(columns);
        shape.numbers(&set.iter().map(|(column, _)| *column).collect::<Vec<_>>());
        shape.numbers(raised);
        let gives_back = self.is_plain() && statements.dialect.gives_back_inserted();
        let returned: Vec<usize> = match (gives_back, is_one) {
            (false, _) => Vec::new(),
            (true, true) => upsert.returning.clone(),
            (true, false) if upsert.returning.is_empty() => Vec::new(),
            (true, false) => upsert.conflict.iter().chain(&upsert.returning).copied().collect(),
        };
        shape.numbers(&returned);
        let given = self.given();
        let count = given.len();
        given.into_iter().for_each(|value| shape.bind(value));
        if self.is_plain() {
            set.iter().for_each(|set| shape.bind(self.bound(set)));
        }
        let answer = match (returned.is_empty(), is_one) {
            (true, _) => Answer::Count,
            (false, true) => Answer::One,
            (false, false) => Answer::ByKey(self.keys()),
        };
        let statement = statements.statement(&upsert.metadata, shape, |writer, values| {
            let insert = self.insert(writer, &values[..count])?;
            let Some(joined) = writer.dialect.joined_writes() else {
                return Err(unsupported("an upsert by a join"));
            };
            let name = |column: &usize| identifier(&entity.columns[*column].name);
            let conflict = upsert.conflict.iter().map(name).collect();
            let mut new = Vec::new();
            if self.is_plain() {
                new.extend(columns.iter().map(|column| (name(column), NewValue::Given)));
                for set in set {
                    let value = writer.bind(self.bound(set));
                    new.push((name(&set.0), NewValue::Set(value)));
                }
                new.extend(raised.iter().map(|column| (name(column), NewValue::Raised)));
            } else {
                new.extend(upsert.conflict.first().map(|column| (name(column), NewValue::Held)));
            }
            let table = table_name(entity.schema.as_deref(), &entity.table);
            let mut pieces = joined.upsert(insert, table, conflict, new);
            if !returned.is_empty() {
                pieces = pieces
                    .text(" RETURNING ")
                    .list(returned.iter().map(name), |pieces, name| pieces.name(name));
            }
            Ok(Query::Pieces(pieces))
        })?;
        let returned = types(entity, returned.iter().copied());
        Ok(WriteStatement::new(statement, returned, WrittenRows::new(self.batch.rows.clone(), answer)))
    }

    fn bound(&self, (column, value): &(usize, Value)) -> Bound {
        Bound::of(value.clone(), self.entity.columns[*column].column_type)
    }

    fn insert(&self, writer: &mut TextWriter<'_>, values: &[Bound]) -> Result<InsertStatement, DriverError> {
        let refused =
            |error: sea_query::error::Error| unsupported("a row is of another width").with_source(error);
        let mut insert = InsertStatement::new();
        insert.into_table(table_name(self.entity.schema.as_deref(), &self.entity.table));
        insert.columns(names(self.entity, self.upsert.columns.iter().copied()).map(identifier));
        let binds: Vec<Expr> = values.iter().map(|value| writer.bind(value.clone())).collect();
        if self.batch.together.is_none() {
            insert.values(binds).map_err(refused)?;
        } else {
            let source = writer.dialect.row_source(&self.types(), binds);
            let mut select = SelectStatement::new();
            select.exprs(source.columns).from(source.table);
            insert.select_from(select).map_err(refused)?;
        }
        Ok(insert)
    }

    /// Gives those rows that meet the guard the values that they do not have. New ones have them all.
    fn update_missed(&self, statements: &Statements) -> Result<WriteStatement, DriverError> {
        let (upsert, entity) = (self.upsert, self.entity);
        let Updated { columns, set, raised } = updated(upsert);
        let mut shape =
            Shape::new(&upsert.metadata, statements.dialect, Operation::UpdateMissed, upsert.entity);
        shape.numbers(&upsert.columns);
        shape.numbers(&upsert.conflict);
        shape.numbers(columns);
        shape.numbers(&set.iter().map(|(column, _)| *column).collect::<Vec<_>>());
        shape.numbers(raised);
        let together = self.together(statements)?;
        let count = together.len();
        together.into_iter().for_each(|value| shape.bind(value));
        shape.expression(entity, &upsert.guard)?;
        set.iter().for_each(|set| shape.bind(self.bound(set)));
        let statement = statements.statement(&upsert.metadata, shape, |writer, values| {
            let table = writer.table();
            let binds = values[..count].iter().map(|value| writer.bind(value.clone())).collect();
            let source = writer.dialect.row_source(&self.types(), binds);
            let mut predicates = self.found_by_conflict(writer, table, &source.compared);
            let same = self.same(writer, table, columns, &source.compared);
            predicates.push(all(same).not());
            predicates.extend(Target::Aliased(table).guard(writer, entity, &upsert.guard)?);
            let mut new = Vec::new();
            for column in columns {
                let value = self.place(*column).and_then(|place| source.columns.get(place)).cloned();
                new.extend(value.map(|value| (identifier(&entity.columns[*column].name), value)));
            }
            for set in set {
                let value = writer.bind(self.bound(set));
                new.push((identifier(&entity.columns[set.0].name), value));
            }
            new.extend(Target::Aliased(table).raised(entity, raised));
            let Some(joined) = writer.dialect.joined_writes() else {
                return Err(unsupported("an upsert by a join"));
            };
            Ok(joined.update(table.aliased(entity), source.table, all(predicates), new))
        })?;
        Ok(WriteStatement::counted(statement))
    }

    /// Reads the rows that are there now.
    fn read(&self, statements: &Statements, held: Held) -> Result<WriteStatement, DriverError> {
        let (upsert, entity) = (self.upsert, self.entity);
        let returned: Vec<usize> = upsert.conflict.iter().chain(&upsert.returning).copied().collect();
        let compared: Vec<usize> = match (held, &upsert.action) {
            (Held::Anything, _) => Vec::new(),
            (Held::AsGiven, OnConflict::Ignore) => upsert.columns.clone(),
            (Held::AsGiven, OnConflict::Update { columns, .. }) => columns.clone(),
        };
        let mut shape =
            Shape::new(&upsert.metadata, statements.dialect, Operation::ReadUpserted, upsert.entity);
        shape.numbers(&upsert.columns);
        shape.numbers(&upsert.conflict);
        shape.numbers(&compared);
        shape.numbers(&upsert.returning);
        let together = self.together(statements)?;
        together.iter().for_each(|value| shape.bind(value.clone()));
        let statement = statements.statement(&upsert.metadata, shape, |writer, values| {
            let table = writer.table();
            let binds = values.iter().map(|value| writer.bind(value.clone())).collect();
            let source = writer.dialect.row_source(&self.types(), binds);
            let mut predicates = self.found_by_conflict(writer, table, &source.compared);
            predicates.extend(self.same(writer, table, &compared, &source.compared));
            let mut select = SelectStatement::new();
            select.exprs(names(entity, returned.iter().copied()).map(|name| table.column(name)));
            select.from(source.table);
            select.inner_join(table.named(entity.schema.as_deref(), &entity.table), all(predicates));
            // Without a lock it sees rows of others as they were when the transaction first read.
            writer.dialect.lock(&mut select, table.alias(), LockMode::PESSIMISTIC_READ);
            Ok(Query::Select(select))
        })?;
        let answer = Answer::ByKey(self.keys());
        let returned = types(entity, returned.into_iter());
        Ok(WriteStatement::new(statement, returned, WrittenRows::new(self.batch.rows.clone(), answer)))
    }

    fn place(&self, column: usize) -> Option<usize> {
        self.upsert.columns.iter().position(|given| *given == column)
    }

    fn found_by_conflict(&self, writer: &TextWriter<'_>, table: Table, given: &[Expr]) -> Vec<Expr> {
        let pair = |column: &usize| {
            let value = given.get(self.place(*column)?)?.clone();
            Some(writer.comparable(self.entity, table, *column).eq(value))
        };
        self.upsert.conflict.iter().filter_map(pair).collect()
    }

    /// That the row holds in these columns what it was given.
    fn same(&self, writer: &TextWriter<'_>, table: Table, columns: &[usize], given: &[Expr]) -> Vec<Expr> {
        let pair = |column: &usize| {
            let value = given.get(self.place(*column)?)?.clone();
            Some(writer.dialect.same(writer.comparable(self.entity, table, *column), value))
        };
        columns.iter().filter_map(pair).collect()
    }
}
