//! Loads items of to-many relations that a query chose: those that meet its condition, in its order, so many of each owner.
//!
//! What it finds is kept beside the lists, which it leaves alone: nobody mistakes a part for the whole.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::{Loading, learn_owners, load_rows, order, own_spelling, select};
use crate::condition::{Expression, OrderTerm};
use crate::driver::{LimitEach, Link, Select, Selection};
use crate::entity::{CellId, ItemQuery, Region};
use crate::error::Result;
use crate::metadata::{RelationId, RelationKind, Side};
use crate::query::check;
use crate::value::KeyValues;

/// Loads the items of `cells` that `query` chooses, with one statement.
pub(super) async fn load_part(
    region: &Arc<Region>,
    relation: RelationId,
    cells: &[u32],
    query: ItemQuery,
    loading: Loading<'_>,
) -> Result<()> {
    let meta = region.metadata().relation(relation);
    let condition = loading.narrowed(region, meta.target, query.condition)?;
    let order = chosen_order(region, relation, query.order, loading)?;
    let mut keys = Vec::new();
    let mut owners: HashMap<KeyValues, (u32, Vec<u32>), foldhash::fast::RandomState> = HashMap::default();
    for cell in cells {
        match region.key(CellId { entity: relation.entity, at: *cell }) {
            Some(key) if !owners.contains_key(&key) => {
                keys.push(key.clone());
                owners.insert(key, (*cell, Vec::new()));
            }
            Some(_) => {}
            // The database knows nothing of a new one.
            None => region.links().set_part(relation, *cell, Vec::new()),
        }
    }
    if keys.is_empty() {
        return Ok(());
    }
    let reference = meta.other_side.filter(|_| !meta.kind.is_many_to_many());
    let foreign_key = reference.and_then(|index| match region.entity(meta.target).relations[index].kind {
        RelationKind::ManyToOne { property } => Some((index, property)),
        _ => None,
    });
    let limit_each =
        query.limit.map(|limit| LimitEach { property: foreign_key.map(|(_, property)| property), limit });
    let select = match foreign_key {
        Some((_, property)) => {
            let condition = Expression::KeyIn { property: Some(property), keys }.and(condition);
            Select { limit_each, ..select(region, meta.target, condition, order) }
        }
        None => {
            let owning = region.metadata().owning_side(relation);
            let from = if owning == relation { Side::Owner } else { Side::Target };
            let selection = Selection::Linked(Link { relation: owning, from, keys });
            Select { selection, limit_each, ..select(region, meta.target, condition, order) }
        }
    };
    let hydrated = load_rows(region, &select, loading).await?;
    let arena = region.arena(meta.target);
    let owner_of = |(place, at): (usize, u32)| match foreign_key {
        Some((index, _)) => Some((arena.original_target(at, index).into_key()?, at)),
        None => hydrated.linked.get(place).map(|key| (key.clone(), at)),
    };
    let read: Vec<(KeyValues, u32)> =
        hydrated.cells.iter().copied().enumerate().filter_map(owner_of).collect();
    learn_owners(region, relation.entity, cells, read.iter().map(|(key, _)| key.clone())).await?;
    for (key, at) in read {
        if let Some((_, items)) = owners.get_mut(&own_spelling(region, relation, key)) {
            items.push(at);
        }
    }
    let mut links = region.links();
    owners.into_values().for_each(|(owner, items)| links.set_part(relation, owner, items));
    Ok(())
}

/// The order of the program, with ties by primary key; without one, that of the relation.
fn chosen_order(
    region: &Region,
    relation: RelationId,
    chosen: Vec<OrderTerm>,
    loading: Loading<'_>,
) -> Result<Vec<OrderTerm>> {
    if chosen.is_empty() {
        return Ok(order(region, relation));
    }
    let target = region.entity(region.metadata().relation(relation).target);
    let chosen = loading.order(region, target.id, chosen)?;
    chosen.iter().try_for_each(|term| check(target, &term.term))?;
    let key = target.primary_key.iter().map(|property| OrderTerm::new(Vec::new(), *property, false));
    Ok(chosen.into_iter().chain(key).collect())
}

/// The distinct items that were chosen of `cells`.
pub(super) fn part_targets(region: &Region, relation: RelationId, cells: &[u32]) -> Vec<u32> {
    let links = region.links();
    let mut seen = HashSet::<u32, foldhash::fast::RandomState>::default();
    let items = cells.iter().flat_map(|cell| links.part(region, relation, *cell).unwrap_or_default());
    items.filter(|at| seen.insert(*at)).collect()
}
