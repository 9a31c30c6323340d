//! The second pass: builds a statement with sea-query when its text is not known yet.
//!
//! Owns the aliases (`t0`, `t1`, …) and the placeholders. sea-query is given the place of each value in the list of
//! values, not the value, so that it can't change one; at the end the places must stand in the text in order.

use orm_core::driver::{DriverError, DriverErrorKind};
use orm_core::metadata::{EntityMetadata, Metadata};
use orm_core::value::Value;
use sea_query::{Alias, DynIden, Expr, ExprTrait, SelectStatement, TableName, TableRef};

use super::bound::Bound;
use super::shape::kind_of;
use crate::dialect::{AliasedTable, Dialect, Query};

pub(super) struct TextWriter<'a> {
    pub(super) metadata: &'a Metadata,
    pub(super) dialect: &'static dyn Dialect,
    next_table: usize,
    values: Vec<Bound>,
}

/// A table in a FROM clause, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Table(usize);

/// One SELECT: what it reads from, and the to-one relations it joined, so that equal paths share a join.
pub(super) struct Scope {
    pub(super) select: SelectStatement,
    joined: Vec<(Table, usize, Table)>,
}

impl<'a> TextWriter<'a> {
    pub(super) fn new(metadata: &'a Metadata, dialect: &'static dyn Dialect) -> Self {
        Self { metadata, dialect, next_table: 0, values: Vec::new() }
    }

    /// A table of its own.
    pub(super) fn table(&mut self) -> Table {
        let table = Table(self.next_table);
        self.next_table += 1;
        table
    }

    /// A placeholder for `value`.
    pub(super) fn bind(&mut self, value: impl Into<Bound>) -> Expr {
        let place = self.place(value);
        Expr::Value(sea_query::Value::BigUnsigned(Some(place)))
    }

    /// A placeholder that says which type it takes, where that does not follow from what stands around it.
    pub(super) fn bind_typed(&mut self, value: &Value) -> Expr {
        let place = self.bind(value.clone());
        match kind_of(value) {
            Some(kind) => self.dialect.typed(place, kind),
            None => place,
        }
    }

    /// A placeholder for what a column is compared with.
    pub(super) fn bind_compared(&mut self, value: Bound) -> Expr {
        let kind = if let Bound::Value(value) = &value { kind_of(value) } else { None };
        let place = self.bind(value);
        match kind {
            Some(kind) => self.dialect.compared_with(place, kind),
            None => place,
        }
    }

    /// Takes a value, and gives its place. For what sea-query wants as a number, such as a limit.
    pub(super) fn place(&mut self, value: impl Into<Bound>) -> u64 {
        let place = self.values.len() as u64;
        self.values.push(value.into());
        place
    }

    /// The text, if its placeholders are for `values`, in order.
    pub(super) fn finish(self, query: &Query, values: &[Bound]) -> Result<String, DriverError> {
        let (sql, places) = self.dialect.query_text(query);
        let is_in_order = places.0.len() == self.values.len()
            && (0_u64..).zip(&places.0).all(
                |(at, place)| matches!(place, sea_query::Value::BigUnsigned(Some(place)) if *place == at),
            );
        if !is_in_order || self.values != values {
            let message =
                "the placeholders of a statement do not match its values; this is a defect of the ORM";
            return Err(DriverError::new(DriverErrorKind::Other, message));
        }
        Ok(sql)
    }

    /// A column as it is compared and ordered.
    pub(super) fn comparable(&self, entity: &EntityMetadata, table: Table, column: usize) -> Expr {
        let meta = &entity.columns[column];
        self.dialect.comparable(meta.column_type, table.column(&meta.name))
    }
}

impl Scope {
    /// Reads from `table`, which is that of `entity`.
    pub(super) fn from(table: Table, entity: &EntityMetadata) -> Self {
        Self::from_named(table, entity.schema.as_deref(), &entity.table)
    }

    /// Reads from `table`, which is the one named.
    pub(super) fn from_named(table: Table, schema: Option<&str>, name: &str) -> Self {
        let mut select = SelectStatement::new();
        select.from(table.named(schema, name));
        Self { select, joined: Vec::new() }
    }

    /// The table that relation `relation` of `from` was joined as.
    pub(super) fn joined(&self, from: Table, relation: usize) -> Option<Table> {
        let known = self.joined.iter().find(|(table, index, _)| *table == from && *index == relation);
        known.map(|(_, _, to)| *to)
    }

    /// Joins the table of `target` as `to`, for relation `relation` of `from`.
    pub(super) fn join(
        &mut self,
        from: Table,
        relation: usize,
        to: Table,
        target: &EntityMetadata,
        on: Expr,
    ) {
        self.select.left_join(to.named(target.schema.as_deref(), &target.table), on);
        self.joined.push((from, relation, to));
    }
}

impl Table {
    /// A column of this table.
    pub(super) fn column(self, name: &str) -> Expr {
        Expr::col((self.alias(), identifier(name)))
    }

    /// Columns of two tables that must be equal, pair by pair.
    pub(super) fn pairs<'n>(
        self,
        own: impl Iterator<Item = &'n str>,
        other: Self,
        others: impl Iterator<Item = &'n str>,
    ) -> Expr {
        all(own.zip(others).map(|(own, theirs)| self.column(own).eq(other.column(theirs))).collect())
    }

    pub(super) fn named(self, schema: Option<&str>, name: &str) -> TableRef {
        TableRef::Table(table_name(schema, name), Some(self.alias().into()))
    }

    /// The table of `entity`, with its alias.
    pub(super) fn aliased(self, entity: &EntityMetadata) -> AliasedTable {
        AliasedTable { table: self.named(entity.schema.as_deref(), &entity.table), alias: self.alias() }
    }

    pub(super) fn alias(self) -> Alias {
        Alias::new(format!("t{}", self.0))
    }
}

pub(crate) fn table_name(schema: Option<&str>, name: &str) -> TableName {
    match schema {
        Some(schema) => (identifier(schema), identifier(name)).into(),
        None => identifier(name).into(),
    }
}

/// Owned, so that sea-query always quotes and escapes it.
pub(super) fn identifier(name: &str) -> DynIden {
    Alias::new(name).into()
}

/// The names of these columns.
pub(super) fn names<'a>(
    entity: &'a EntityMetadata,
    columns: impl IntoIterator<Item = usize> + 'a,
) -> impl Iterator<Item = &'a str> + 'a {
    columns.into_iter().map(|column| entity.columns[column].name.as_str())
}

pub(super) fn strs(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().map(String::as_str)
}

pub(super) fn always() -> Expr {
    Expr::cust("1 = 1")
}

pub(super) fn never() -> Expr {
    Expr::cust("1 = 0")
}

/// One column as it is, several as a row value.
pub(crate) fn tuple(mut columns: Vec<Expr>) -> Expr {
    match columns.len() {
        1 => columns.remove(0),
        _ => Expr::tuple(columns),
    }
}

/// Every one of `parts`.
pub(super) fn all(parts: Vec<Expr>) -> Expr {
    balanced(parts, &|left, right| left.and(right)).unwrap_or_else(always)
}

/// Any of `parts`.
pub(super) fn any(parts: Vec<Expr>) -> Expr {
    balanced(parts, &|left, right| left.or(right)).unwrap_or_else(never)
}

/// Short chains as people write them, long ones as a balanced tree: parsers limit how deep a chain may be.
fn balanced(mut parts: Vec<Expr>, join: &impl Fn(Expr, Expr) -> Expr) -> Option<Expr> {
    const CHAIN: usize = 8;
    if parts.len() <= CHAIN {
        return parts.into_iter().reduce(join);
    }
    let right = parts.split_off(parts.len() / 2);
    Some(join(balanced(parts, join)?, balanced(right, join)?))
}
