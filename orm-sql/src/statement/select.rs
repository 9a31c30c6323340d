//! Rows of one entity, and their number.

use orm_core::condition::{NullPlace, OrderTerm, Term};
use orm_core::driver::{
    DriverError, Items, LimitEach, Link, LockStrength, LockWait, Reading, Select, Selection,
};
use orm_core::metadata::{EntityMetadata, RelationKind, Side};
use orm_core::value::Value;
use sea_query::{
    DynIden, Expr, ExprTrait, Func, NullOrdering, Order, OrderedStatement, OverStatement, SelectStatement,
    WindowStatement,
};

use super::condition::owning_side;
use super::grouping::place_of;
use super::pivot::{pivot_columns, pivot_of, pivot_of_relation};
use super::shape::{Operation, Shape, is_always};
use super::text::{Scope, Table, TextWriter, identifier, names, strs};
use super::{join, leaf, unsupported};
use crate::dialect::{Dialect, NullsForm};

pub(super) fn operation_of(reading: Reading) -> Operation {
    match reading {
        Reading::Rows => Operation::Select,
        Reading::Count => Operation::Count,
    }
}

pub(super) fn write_shape(
    shape: &mut Shape<'_>,
    select: &Select,
    reading: Reading,
) -> Result<(), DriverError> {
    let ranked = ranked(select, reading)?;
    shape.flag(ranked.is_some());
    if let Some(each) = ranked {
        shape.number(each.property.map_or(0, |property| property + 1));
        shape.order(select.entity(), &select.order)?;
    }
    match &select.selection {
        Selection::Columns => shape.number(0),
        Selection::Terms(terms) => {
            shape.number(2);
            if reading == Reading::Rows || select.distinct {
                shape.terms(select.entity(), terms)?;
            }
        }
        Selection::Linked(link) => {
            let pivot = pivot_of(&select.metadata, link.relation)?;
            shape.number(1);
            shape.pivot_owner(link.relation.entity);
            shape.number(link.relation.index);
            shape.flag(link.from == Side::Owner);
            let width = pivot_columns(pivot, link.from).0.len();
            shape.set(&link.keys, width)?;
        }
        Selection::Joined(joins) => {
            shape.number(5);
            join::write_shape(shape, select, joins, reading)?;
        }
        Selection::Tally(items) => {
            shape.number(3);
            items_shape(shape, items)?;
        }
        Selection::Pairs(items) => {
            shape.number(4);
            items_shape(shape, items)?;
        }
        Selection::Beside(terms) => {
            shape.number(6);
            if reading == Reading::Rows {
                shape.number(terms.len());
                terms.iter().try_for_each(|(term, _)| shape.term(select.entity(), term))?;
            }
        }
        Selection::ItemTerms(items, terms) => {
            shape.number(5);
            if reading == Reading::Rows {
                shape.terms(select.entity(), terms)?;
            }
            items_shape(shape, items)?;
        }
    }
    shape.flag(select.distinct);
    shape.number(lock_number(select, reading)?);
    shape.expression(select.entity(), &select.condition)?;
    shape.number(select.group_by.len());
    for term in &select.group_by {
        match place_of(shape.dialect, select, reading, term) {
            Some(place) => shape.number(place),
            None => {
                shape.number(0);
                shape.term(select.entity(), term)?;
            }
        }
    }
    shape.expression(select.entity(), &select.having)?;
    if let Some(each) = ranked {
        shape.bind(number(each.limit));
    } else if reading == Reading::Rows {
        shape.order(select.entity(), &select.order)?;
        let (limit, offset) = page(select, shape.dialect);
        shape.flag(limit.is_some());
        shape.flag(offset.is_some());
        limit.into_iter().chain(offset).for_each(|number| shape.bind(number));
    }
    Ok(())
}

pub(super) fn render(
    writer: &mut TextWriter<'_>,
    select: &Select,
    reading: Reading,
) -> Result<SelectStatement, DriverError> {
    let entity = select.entity();
    let root = writer.table();
    let mut scope = Scope::from(root, entity);
    let ranked = ranked(select, reading)?;
    // The order stands before the conditions where rows are ranked by it.
    let ranks = match ranked {
        Some(_) => ordered(writer, &mut scope, entity, root, &select.order)?,
        None => Vec::new(),
    };
    let mut conditions = Vec::new();
    let mut link_columns = Vec::new();
    match &select.selection {
        Selection::Linked(link) => {
            let (condition, columns) = linked(writer, &mut scope, entity, root, link)?;
            conditions.push(condition);
            if reading == Reading::Rows && ranked.is_none() {
                scope.select.exprs(columns.clone());
            }
            link_columns = columns;
        }
        Selection::Tally(items) | Selection::Pairs(items) | Selection::ItemTerms(items, _) => {
            let owners = owners(writer, &mut scope, entity, root, items)?;
            if reading == Reading::Rows {
                scope.select.exprs(owners.clone());
            }
            // What is selected stands before the conditions.
            if let (Reading::Rows, Selection::ItemTerms(_, terms)) = (reading, &select.selection) {
                selected(writer, &mut scope, entity, root, terms)?;
            }
            let mut values = Vec::new();
            let form = leaf::set(writer.dialect, &items.keys, owners.len(), &mut values)?;
            conditions.push(writer.in_set(owners.clone(), &form, values));
            if matches!(select.selection, Selection::Tally(_)) {
                scope.select.add_group_by(owners);
            }
        }
        Selection::Columns | Selection::Joined(_) | Selection::Terms(_) | Selection::Beside(_) => {}
    }
    let is_tally = matches!(select.selection, Selection::Tally(_));
    let is_grouped = !select.group_by.is_empty() || select.distinct || is_tally;
    let mut width = 0;
    match (reading, &select.selection) {
        (Reading::Rows, Selection::Columns | Selection::Linked(_)) if ranked.is_some() => {
            let owner: Vec<Expr> = match ranked.and_then(|each| each.property) {
                Some(property) => {
                    names(entity, leaf::columns(entity, property)?).map(|name| root.column(name)).collect()
                }
                None => link_columns.clone(),
            };
            let columns = names(entity, 0..entity.columns.len()).map(|name| root.column(name));
            for column in link_columns.into_iter().chain(columns) {
                scope.select.expr_as(column, ranked_column(width));
                width += 1;
            }
            let mut window = WindowStatement::new();
            owner.into_iter().for_each(|column| {
                window.add_partition_by(column);
            });
            put_in_order(&mut window, ranks);
            scope.select.expr_window_as(Func::cust("ROW_NUMBER"), window, identifier(PLACE));
        }
        (Reading::Rows, Selection::Columns | Selection::Linked(_)) => {
            scope.select.exprs(names(entity, 0..entity.columns.len()).map(|name| root.column(name)));
        }
        (Reading::Rows, Selection::Joined(joins)) => {
            scope.select.exprs(names(entity, 0..entity.columns.len()).map(|name| root.column(name)));
            join::render(writer, &mut scope, entity, root, joins)?;
        }
        (Reading::Rows | Reading::Count, Selection::Terms(terms)) if select.distinct => {
            different(writer, &mut scope, entity, root, terms, reading)?;
        }
        (Reading::Rows, Selection::Terms(terms)) => selected(writer, &mut scope, entity, root, terms)?,
        (Reading::Rows, Selection::Tally(_)) => {
            scope.select.expr(Func::count(Expr::cust("*")));
        }
        (Reading::Rows, Selection::Pairs(_)) => {
            scope.select.exprs(names(entity, entity.key_columns()).map(|name| root.column(name)));
        }
        (Reading::Rows, Selection::ItemTerms(..)) => {}
        (Reading::Rows, Selection::Beside(terms)) => {
            selected(writer, &mut scope, entity, root, terms.iter().map(|(term, _)| term))?;
            scope.select.exprs(names(entity, 0..entity.columns.len()).map(|name| root.column(name)));
        }
        (Reading::Count, _) if is_grouped => {
            scope.select.expr(Expr::cust("1"));
        }
        (Reading::Count, _) => {
            scope.select.expr(Func::count(Expr::cust("*")));
        }
    }
    if select.distinct {
        scope.select.distinct();
    }
    if !is_always(&select.condition) {
        conditions.push(writer.condition(&mut scope, entity, root, &select.condition)?);
    }
    for term in &select.group_by {
        if let Some(place) = place_of(writer.dialect, select, reading, term) {
            scope.select.add_group_by([Expr::Constant((place as u64).into())]);
            continue;
        }
        let term = writer.comparable_term(&mut scope, entity, root, term)?;
        scope.select.add_group_by([term]);
    }
    if !is_always(&select.having) {
        let having = writer.condition(&mut scope, entity, root, &select.having)?;
        scope.select.and_having(having);
    }
    if reading == Reading::Rows && ranked.is_none() {
        let columns = ordered(writer, &mut scope, entity, root, &select.order)?;
        put_in_order(&mut scope.select, columns);
    }
    if let Some(condition) = conditions.into_iter().reduce(ExprTrait::and) {
        scope.select.and_where(condition);
    }
    if let Some(each) = ranked {
        let (rows, place) = (identifier("ranked"), identifier(PLACE));
        let mut first = SelectStatement::new();
        first.from_subquery(scope.select, rows.clone());
        (0..width).for_each(|column| {
            first.expr(Expr::col((rows.clone(), ranked_column(column))));
        });
        let limit = writer.bind(number(each.limit));
        first.and_where(Expr::col((rows.clone(), place.clone())).lte(limit));
        first.order_by((rows, place), Order::Asc);
        return Ok(first);
    }
    if reading == Reading::Rows {
        let (limit, offset) = page(select, writer.dialect);
        if let Some(limit) = limit {
            scope.select.limit(writer.place(limit));
        }
        if let Some(offset) = offset {
            scope.select.offset(writer.place(offset));
        }
    }
    if let Some(lock) = select.lock.filter(|_| reading == Reading::Rows) {
        writer.dialect.lock(&mut scope.select, root.alias(), lock);
    }
    if reading == Reading::Count && is_grouped {
        let mut counted = SelectStatement::new();
        counted.expr(Func::count(Expr::cust("*"))).from_subquery(scope.select, identifier("counted"));
        return Ok(counted);
    }
    Ok(scope.select)
}

fn selected<'t>(
    writer: &mut TextWriter<'_>,
    scope: &mut Scope,
    entity: &EntityMetadata,
    root: Table,
    terms: impl IntoIterator<Item = &'t Term>,
) -> Result<(), DriverError> {
    for term in terms {
        let term = writer.term(scope, entity, root, term)?;
        scope.select.expr(term);
    }
    Ok(())
}

/// What is selected where equal rows are read once: equal as they are compared.
fn different(
    writer: &mut TextWriter<'_>,
    scope: &mut Scope,
    entity: &EntityMetadata,
    root: Table,
    terms: &[Term],
    reading: Reading,
) -> Result<(), DriverError> {
    for (at, term) in terms.iter().enumerate() {
        let term = writer.comparable_term(scope, entity, root, term)?;
        match reading {
            Reading::Rows => scope.select.expr(term),
            // They become the columns of a table, whose names differ.
            Reading::Count => scope.select.expr_as(term, ranked_column(at)),
        };
    }
    Ok(())
}

fn number(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The place of a row among those of its owner.
const PLACE: &str = "place";

/// A column of the select that ranks: several columns of a link and a row may have one name.
fn ranked_column(column: usize) -> DynIden {
    identifier(&format!("c{column}"))
}

/// The limit for each owner, where rows are read.
fn ranked(select: &Select, reading: Reading) -> Result<Option<LimitEach>, DriverError> {
    let Some(each) = select.limit_each.filter(|_| reading == Reading::Rows) else { return Ok(None) };
    let is_placed = match &select.selection {
        Selection::Columns => each.property.is_some(),
        Selection::Linked(_) => each.property.is_none(),
        Selection::Joined(_)
        | Selection::Terms(_)
        | Selection::Tally(_)
        | Selection::Pairs(_)
        | Selection::ItemTerms(..)
        | Selection::Beside(_) => false,
    };
    let is_alone = select.limit.is_none() && select.offset.is_none() && select.lock.is_none();
    match is_placed && is_alone && select.group_by.is_empty() && !select.distinct {
        true => Ok(Some(each)),
        false => Err(unsupported("a limit for each owner of these rows")),
    }
}

/// Limit and offset as they are bound.
fn page(select: &Select, dialect: &dyn Dialect) -> (Option<Value>, Option<Value>) {
    let offset = select.offset.filter(|offset| *offset > 0).map(number);
    let none = || dialect.no_limit().filter(|_| offset.is_some()).map(Value::Int);
    let limit = select.limit.map(number).or_else(none);
    (limit, offset)
}

/// A number for the lock of the rows, 0 for none.
fn lock_number(select: &Select, reading: Reading) -> Result<usize, DriverError> {
    let Some(lock) = select.lock.filter(|_| reading == Reading::Rows) else { return Ok(0) };
    if select.distinct || !select.group_by.is_empty() || select.limit_each.is_some() {
        return Err(unsupported("rows that are no rows of the table can't be locked; leave the lock out"));
    }
    let strength = match lock.strength {
        LockStrength::Share => 0,
        LockStrength::Update => 1,
    };
    let wait = match lock.wait {
        LockWait::Block => 0,
        LockWait::NoWait => 1,
        LockWait::SkipLocked => 2,
    };
    Ok(1 + strength + 2 * wait)
}

/// Joins the pivot and restricts the given side's key to the keys given. Also returns the columns of that key.
fn linked(
    writer: &mut TextWriter<'_>,
    scope: &mut Scope,
    entity: &EntityMetadata,
    root: Table,
    link: &Link,
) -> Result<(Expr, Vec<Expr>), DriverError> {
    let pivot = pivot_of(writer.metadata, link.relation)?;
    let (given, other) = pivot_columns(pivot, link.from);
    let links = writer.table();
    let on = links.pairs(strs(other), root, names(entity, entity.key_columns()));
    scope.select.inner_join(links.named(pivot.schema.as_deref(), &pivot.table), on);
    let columns: Vec<Expr> = strs(given).map(|name| links.column(name)).collect();
    let mut values = Vec::new();
    let form = leaf::set(writer.dialect, &link.keys, given.len(), &mut values)?;
    Ok((writer.in_set(columns.clone(), &form, values), columns))
}

fn items_shape(shape: &mut Shape<'_>, items: &Items) -> Result<(), DriverError> {
    shape.pivot_owner(items.relation.entity);
    shape.number(items.relation.index);
    let width = shape.metadata.entity(items.relation.entity).key_columns().count();
    shape.set(&items.keys, width)
}

/// The columns that hold the key of an item's owner: of the pivot, which is joined, or the foreign key.
fn owners(
    writer: &mut TextWriter<'_>,
    scope: &mut Scope,
    entity: &EntityMetadata,
    root: Table,
    items: &Items,
) -> Result<Vec<Expr>, DriverError> {
    let owner = writer.metadata.entity(items.relation.entity);
    let relation = leaf::relation(owner, items.relation.index)?;
    if let Some((pivot, side)) = pivot_of_relation(writer.metadata, relation)? {
        let (given, other) = pivot_columns(pivot, side);
        let links = writer.table();
        let on = links.pairs(strs(other), root, names(entity, entity.key_columns()));
        scope.select.inner_join(links.named(pivot.schema.as_deref(), &pivot.table), on);
        return Ok(strs(given).map(|name| links.column(name)).collect());
    }
    let RelationKind::ManyToOne { property } = owning_side(writer.metadata, relation)?.kind else {
        return Err(unsupported(format!("{}.{} has no foreign key", owner.name, relation.name)));
    };
    Ok(names(entity, leaf::columns(entity, property)?).map(|name| root.column(name)).collect())
}

/// A column to order by.
type Ordered = (Expr, Order, Option<NullOrdering>);

/// The columns of an order.
fn ordered(
    writer: &mut TextWriter<'_>,
    scope: &mut Scope,
    entity: &EntityMetadata,
    root: Table,
    order: &[OrderTerm],
) -> Result<Vec<Ordered>, DriverError> {
    let mut all = Vec::new();
    for term in order {
        let form = term.nulls.map(|nulls| writer.dialect.nulls_form(term.descending, nulls));
        let direction = if term.descending { Order::Desc } else { Order::Asc };
        let nulls = term.nulls.filter(|_| form == Some(NullsForm::Clause)).map(|place| match place {
            NullPlace::First => NullOrdering::First,
            NullPlace::Last => NullOrdering::Last,
        });
        let mut are_null = Vec::new();
        if form == Some(NullsForm::Column) {
            let first = if term.nulls == Some(NullPlace::First) { Order::Desc } else { Order::Asc };
            let columns = columns_of(writer, scope, entity, root, &term.term)?;
            are_null.extend(columns.into_iter().map(|column| (column.is_null(), first.clone(), None)));
        }
        let mut are_null = are_null.into_iter();
        for column in columns_of(writer, scope, entity, root, &term.term)? {
            all.extend(are_null.next());
            all.push((column, direction.clone(), nulls));
        }
    }
    Ok(all)
}

/// The columns of one term of an order.
fn columns_of(
    writer: &mut TextWriter<'_>,
    scope: &mut Scope,
    entity: &EntityMetadata,
    root: Table,
    term: &Term,
) -> Result<Vec<Expr>, DriverError> {
    match term {
        Term::Property { path, property } => {
            let (entity, table) = writer.joined(scope, entity, root, path)?;
            let columns = leaf::columns(entity, *property)?;
            Ok(columns.map(|column| writer.comparable(entity, table, column)).collect())
        }
        computed => Ok(vec![writer.comparable_term(scope, entity, root, computed)?]),
    }
}

fn put_in_order(statement: &mut impl OrderedStatement, columns: Vec<Ordered>) {
    for (column, direction, nulls) in columns {
        match nulls {
            None => statement.order_by_expr(column, direction),
            Some(nulls) => statement.order_by_expr_with_nulls(column, direction, nulls),
        };
    }
}
