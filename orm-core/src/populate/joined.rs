//! Which relations are joined to the select of a query: to-one relations that have the foreign key, and chains of such.

use super::Loading;
use crate::driver::Join;
use crate::entity::{Region, Shape};
use crate::error::Result;
use crate::metadata::{EntityId, RelationKind};

/// How many relations are joined at most: databases join some sixty tables, and conditions join some too.
const MAX_JOINS: usize = 32;

/// The joins that bring the to-one relations of `shape`, chains of them too.
///
/// # Errors
///
/// Whatever a filter fails with.
pub(crate) fn joins_of(
    region: &Region,
    entity: EntityId,
    shape: &Shape,
    loading: Loading<'_>,
) -> Result<Vec<Join>> {
    let mut joins = Vec::new();
    add_joins(region, entity, shape, loading, None, &mut joins)?;
    Ok(joins)
}

fn add_joins(
    region: &Region,
    entity: EntityId,
    shape: &Shape,
    loading: Loading<'_>,
    parent: Option<usize>,
    joins: &mut Vec<Join>,
) -> Result<()> {
    for (index, below) in shape.relations() {
        let relation = &region.entity(entity).relations[index];
        if !matches!(relation.kind, RelationKind::ManyToOne { .. }) || joins.len() == MAX_JOINS {
            continue;
        }
        let condition = loading.above(below).shown(region, relation.target)?;
        joins.push(Join { parent, relation: index, condition });
        add_joins(region, relation.target, below, loading, Some(joins.len() - 1), joins)?;
    }
    Ok(())
}
