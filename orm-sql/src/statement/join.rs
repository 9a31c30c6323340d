//! To-one relations that are read with the rows that have them.

use orm_core::driver::{DriverError, Join, Reading, Select};
use orm_core::metadata::{EntityMetadata, RelationKind};

use super::shape::Shape;
use super::text::{Scope, Table, TextWriter, names};
use super::{leaf, unsupported};

pub(super) fn write_shape(
    shape: &mut Shape<'_>,
    select: &Select,
    joins: &[Join],
    reading: Reading,
) -> Result<(), DriverError> {
    if reading == Reading::Count {
        // The number of rows is the same without them.
        return Ok(());
    }
    shape.number(joins.len());
    let root = select.entity();
    let mut targets: Vec<&EntityMetadata> = Vec::new();
    for join in joins {
        let owner = *owner(join, &targets, &root)?;
        let target = select.metadata.entity(leaf::relation(owner, join.relation)?.target);
        shape.number(join.parent.map_or(0, |parent| parent + 1));
        shape.number(join.relation);
        shape.expression(target, &join.condition)?;
        targets.push(target);
    }
    Ok(())
}

/// Joins the targets, and reads their columns after what is read already.
pub(super) fn render(
    writer: &mut TextWriter<'_>,
    scope: &mut Scope,
    entity: &EntityMetadata,
    root: Table,
    joins: &[Join],
) -> Result<(), DriverError> {
    let metadata = writer.metadata;
    let mut targets: Vec<(&EntityMetadata, Table)> = Vec::new();
    for join in joins {
        let (owner, table) = *owner(join, &targets, &(entity, root))?;
        let relation = leaf::relation(owner, join.relation)?;
        if !matches!(relation.kind, RelationKind::ManyToOne { .. }) {
            let place = format!("{}.{}", owner.name, relation.name);
            return Err(unsupported(format!("{place} has no foreign key and can't be read with its owner")));
        }
        let target = metadata.entity(relation.target);
        let to = writer.join_shown(scope, owner, table, join.relation, &join.condition)?;
        scope.select.exprs(names(target, 0..target.columns.len()).map(|name| to.column(name)));
        targets.push((target, to));
    }
    Ok(())
}

/// What a join hangs on: one of the targets before it, or the root.
fn owner<'t, T>(join: &Join, targets: &'t [T], root: &'t T) -> Result<&'t T, DriverError> {
    match join.parent {
        None => Ok(root),
        Some(parent) => {
            targets.get(parent).ok_or_else(|| unsupported("a join that hangs on one that comes after it"))
        }
    }
}
