//! Loads what relations lead to behind the filters of the context, and without showing it: for cascades, which must know
//! every item. Lists and references show afterwards what they showed before.

use std::sync::Arc;

use hashbrown::HashMap;

use super::follow::load_unseen_rows;
use super::{learn_owners, own_spelling, select};
use crate::condition::Expression;
use crate::driver::{Link, Select, Selection};
use crate::entity::{CellId, Region, State};
use crate::error::Result;
use crate::metadata::{EntityId, RelationId, RelationKind, Side};
use crate::relation::Target;
use crate::value::KeyValues;

/// Loads what `relation` of `owners` leads to, hidden or not; of a reference that is bare itself its row first.
pub(crate) async fn load_unseen(region: &Arc<Region>, relation: RelationId, owners: &[u32]) -> Result<()> {
    match region.metadata().relation(relation).kind {
        RelationKind::ManyToOne { .. } => load_targets(region, relation, owners).await,
        RelationKind::OneToMany | RelationKind::OneToOneInverse => load_items(region, relation, owners).await,
        RelationKind::ManyToMany { .. } | RelationKind::ManyToManyInverse => {
            load_linked(region, relation, owners).await
        }
    }
}

async fn load_targets(region: &Arc<Region>, relation: RelationId, owners: &[u32]) -> Result<()> {
    let target = region.metadata().relation(relation).target;
    let bare = |entity: EntityId, cells: &mut dyn Iterator<Item = u32>| -> Vec<KeyValues> {
        let bare = cells.filter(|at| region.arena(entity).current(*at).is_none());
        bare.filter_map(|at| region.key(CellId { entity, at })).collect()
    };
    load_keys(region, relation.entity, bare(relation.entity, &mut owners.iter().copied())).await?;
    if region.entity(target).soft_delete.is_none() {
        return Ok(());
    }
    let arena = region.arena(relation.entity);
    let mut targets = owners.iter().filter_map(|owner| match arena.target(*owner, relation.index) {
        Target::Key(key) => region.arena(target).find(&key),
        _ => None,
    });
    let keys = bare(target, &mut targets);
    load_keys(region, target, keys).await
}

async fn load_keys(region: &Arc<Region>, entity: EntityId, keys: Vec<KeyValues>) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let select = select(region, entity, Expression::KeyIn { property: None, keys }, Vec::new());
    load_unseen_rows(region, &select).await.map(drop)
}

async fn load_items(region: &Arc<Region>, relation: RelationId, owners: &[u32]) -> Result<()> {
    let meta = region.metadata().relation(relation);
    let Some(reference) = meta.other_side else { return Ok(()) };
    let RelationKind::ManyToOne { property } = region.entity(meta.target).relations[reference].kind else {
        return Ok(());
    };
    let mut lists = lists(region, relation, owners);
    let keys = lists.keys().cloned().collect();
    let condition = Expression::KeyIn { property: Some(property), keys };
    let rows = load_unseen_rows(region, &select(region, meta.target, condition, Vec::new())).await?;
    let arena = region.arena(meta.target);
    let read = rows.cells.iter().filter_map(|at| arena.original_target(*at, reference).into_key());
    learn_owners(region, relation.entity, owners, read).await?;
    for at in rows.cells {
        // One that the program pointed elsewhere is no item any more.
        if arena.state(at) != State::Detached
            && let Target::Key(key) = arena.target(at, reference)
            && let Some((_, list)) = lists.get_mut(&own_spelling(region, relation, key))
        {
            list.push(at);
        }
    }
    note(region, relation, lists);
    Ok(())
}

async fn load_linked(region: &Arc<Region>, relation: RelationId, owners: &[u32]) -> Result<()> {
    let owning = region.metadata().owning_side(relation);
    let from = if owning == relation { Side::Owner } else { Side::Target };
    let target = region.metadata().relation(relation).target;
    let mut lists = lists(region, relation, owners);
    let keys = lists.keys().cloned().collect();
    let select = Select {
        selection: Selection::Linked(Link { relation: owning, from, keys }),
        ..select(region, target, Expression::always(), Vec::new())
    };
    let rows = load_unseen_rows(region, &select).await?;
    learn_owners(region, relation.entity, owners, rows.linked.iter().cloned()).await?;
    for (at, key) in rows.cells.into_iter().zip(rows.linked) {
        if let Some((_, list)) = lists.get_mut(&own_spelling(region, relation, key)) {
            list.push(at);
        }
    }
    note(region, relation, lists);
    Ok(())
}

/// By the key of an owner: the owner, and what it has.
type Lists = HashMap<KeyValues, (u32, Vec<u32>), foldhash::fast::RandomState>;

fn lists(region: &Region, relation: RelationId, owners: &[u32]) -> Lists {
    let key = |at: &u32| region.key(CellId { entity: relation.entity, at: *at });
    owners.iter().filter_map(|owner| Some((key(owner)?, (*owner, Vec::new())))).collect()
}

fn note(region: &Region, relation: RelationId, lists: Lists) {
    let mut links = region.links();
    lists.into_values().for_each(|(owner, items)| links.note_unseen(relation, owner, items));
}
