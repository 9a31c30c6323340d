//! Links of many-to-many relations, and their table.
//!
//! Both writes are set-based: one statement whatever the number of links.

use orm_core::driver::{DriverError, PivotWrite};
use orm_core::metadata::{Metadata, Pivot, Relation, RelationId, RelationKind, Side};
use orm_core::value::KeyValues;
use sea_query::{DeleteStatement, Expr, InsertStatement};

use super::answer::WriteStatement;
use super::condition::owning_side;
use super::shape::{Operation, Shape};
use super::text::{TextWriter, always, identifier, strs, table_name};
use super::{Statements, leaf, unsupported};
use crate::dialect::{Query, SetForm};

/// Adds links; those that exist stay as they are.
pub(super) fn link(statements: &Statements, write: &PivotWrite) -> Result<Vec<WriteStatement>, DriverError> {
    statement(statements, write, Operation::Link, |writer, pivot, keys| {
        let mut values = Vec::new();
        let form = leaf::set(writer.dialect, keys, width(pivot), &mut values)?;
        let mut insert = InsertStatement::new();
        insert.into_table(table_name(pivot.schema.as_deref(), &pivot.table));
        insert.columns(columns(pivot).map(identifier));
        let binds: Vec<Expr> = values.into_iter().map(|value| writer.bind(value)).collect();
        match form {
            SetForm::Document(elements) => {
                let mut rows = writer.dialect.set_rows(&elements, binds);
                // Without a WHERE, the ON of ON CONFLICT would be read as that of a join.
                rows.and_where(always());
                insert.select_from(rows).map_err(refused)?;
            }
            SetForm::Empty | SetForm::One | SetForm::List(_) => {
                for link in binds.chunks(width(pivot)) {
                    insert.values(link.to_vec()).map_err(refused)?;
                }
            }
        }
        let table = table_name(pivot.schema.as_deref(), &pivot.table);
        Ok(writer.dialect.insert_missing(insert, table, columns(pivot).map(identifier).collect()))
    })
}

/// Takes links away; those that are gone already are no error.
pub(super) fn unlink(
    statements: &Statements,
    write: &PivotWrite,
) -> Result<Vec<WriteStatement>, DriverError> {
    statement(statements, write, Operation::Unlink, |writer, pivot, keys| {
        let mut values = Vec::new();
        let form = leaf::set(writer.dialect, keys, width(pivot), &mut values)?;
        let key = columns(pivot).map(|name| Expr::col(identifier(name))).collect();
        let mut delete = DeleteStatement::new();
        delete.from_table(table_name(pivot.schema.as_deref(), &pivot.table));
        delete.and_where(writer.in_set(key, &form, values));
        Ok(Query::Delete(delete))
    })
}

fn statement(
    statements: &Statements,
    write: &PivotWrite,
    operation: Operation,
    render: impl FnOnce(&mut TextWriter<'_>, &Pivot, &[KeyValues]) -> Result<Query, DriverError>,
) -> Result<Vec<WriteStatement>, DriverError> {
    if write.links.is_empty() {
        return Ok(Vec::new());
    }
    let pivot = pivot_of(&write.metadata, write.relation)?;
    let keys: Vec<KeyValues> =
        write.links.iter().map(|(owner, target)| owner.iter().chain(target).cloned().collect()).collect();
    if keys.iter().flatten().any(orm_core::value::Value::is_null) {
        return Err(unsupported(format!("a link of {} has a key that is NULL", pivot.table)));
    }
    let mut shape = Shape::new(&write.metadata, statements.dialect, operation, write.relation.entity);
    shape.number(write.relation.index);
    shape.set(&keys, width(pivot))?;
    let statement = statements.statement(&write.metadata, shape, |writer, _| render(writer, pivot, &keys))?;
    Ok(vec![WriteStatement::counted(statement)])
}

fn columns(pivot: &Pivot) -> impl Iterator<Item = &str> {
    strs(&pivot.owner_columns).chain(strs(&pivot.target_columns))
}

fn width(pivot: &Pivot) -> usize {
    pivot.owner_columns.len() + pivot.target_columns.len()
}

/// The pivot of an owning relation.
pub(super) fn pivot_of(metadata: &Metadata, relation: RelationId) -> Result<&Pivot, DriverError> {
    let owner = metadata.entity(relation.entity);
    let relation = leaf::relation(owner, relation.index)?;
    match &relation.kind {
        RelationKind::ManyToMany { pivot } => Ok(pivot),
        RelationKind::ManyToOne { .. }
        | RelationKind::OneToOneInverse
        | RelationKind::OneToMany
        | RelationKind::ManyToManyInverse => {
            Err(unsupported(format!("{}.{} has no pivot table", owner.name, relation.name)))
        }
    }
}

/// The pivot of a many-to-many relation seen from either side, and the side that the relation's entity is on.
pub(super) fn pivot_of_relation<'m>(
    metadata: &'m Metadata,
    relation: &'m Relation,
) -> Result<Option<(&'m Pivot, Side)>, DriverError> {
    match &relation.kind {
        RelationKind::ManyToMany { pivot } => Ok(Some((pivot, Side::Owner))),
        RelationKind::ManyToManyInverse => match &owning_side(metadata, relation)?.kind {
            RelationKind::ManyToMany { pivot } => Ok(Some((pivot, Side::Target))),
            RelationKind::ManyToOne { .. }
            | RelationKind::OneToOneInverse
            | RelationKind::OneToMany
            | RelationKind::ManyToManyInverse => {
                Err(unsupported(format!("the owning side of `{}` has no pivot table", relation.name)))
            }
        },
        RelationKind::ManyToOne { .. } | RelationKind::OneToOneInverse | RelationKind::OneToMany => Ok(None),
    }
}

/// The columns of a pivot: those with the key of the entity at `side`, and the others.
pub(super) fn pivot_columns(pivot: &Pivot, side: Side) -> (&[String], &[String]) {
    match side {
        Side::Owner => (&pivot.owner_columns, &pivot.target_columns),
        Side::Target => (&pivot.target_columns, &pivot.owner_columns),
    }
}

fn refused(error: sea_query::error::Error) -> DriverError {
    unsupported("a link does not have the values of its columns").with_source(error)
}
