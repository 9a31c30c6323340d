//! Keeps earlier handles readable when a later row changes what they lead to.
//!
//! A row can point a loaded relation somewhere else, or put an entity into a list that was loaded. Whoever holds a handle
//! was promised that what the relation leads to is there, and as deep as it was: so the newcomer gets loaded what the
//! one before, or beside, it has.

use std::sync::Arc;

use super::lazy::is_done;
use super::{Loading, load_relation, targets};
use crate::driver::{BoxFuture, Select};
use crate::entity::{CellId, Freshness, MovedReference, Region};
use crate::error::{Error, Result};
use crate::filter::UNFILTERED;
use crate::hydrate::{Hydrated, load};
use crate::links::Sight;
use crate::metadata::{EntityId, RelationId};
use crate::relation::Target;

/// How deep a newcomer is loaded at most: deeper than programs populate, and an end for circles.
const MAX_DEPTH: usize = 8;

/// A newcomer, and what was there before or beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promise {
    pub(crate) entity: EntityId,
    pub(crate) newcomer: u32,
    pub(crate) model: u32,
}

/// Runs `select` and attaches its rows. What earlier handles were promised of them is kept for [`keep_promises`], since
/// the query may be about to load just that.
pub(crate) async fn load_rows(
    region: &Arc<Region>,
    select: &Select,
    loading: impl Into<Loading<'_>>,
) -> Result<Hydrated> {
    let Loading { freshness, cache, .. } = loading.into();
    let hydrated = load(region, select, freshness, Sight::Shown, cache).await?;
    follow_rows(region, select.root, &hydrated).await?;
    Ok(hydrated)
}

/// As [`load_rows`], and lists that were loaded under filters do not show the rows.
pub(super) async fn load_unseen_rows(region: &Arc<Region>, select: &Select) -> Result<Hydrated> {
    let hydrated = load(region, select, Freshness::Merge, Sight::Unseen, None).await?;
    follow_rows(region, select.root, &hydrated).await?;
    Ok(hydrated)
}

/// Loads where rows moved a loaded relation to, and notes what else earlier handles were promised.
pub(crate) async fn follow_rows(region: &Arc<Region>, entity: EntityId, hydrated: &Hydrated) -> Result<()> {
    if !hydrated.moved.is_empty() {
        follow_moved(region, entity, &hydrated.moved).await?;
    }
    let joined = hydrated.joined.iter();
    let promises = joined.map(|(newcomer, model)| Promise { entity, newcomer: *newcomer, model: *model });
    region.promises().extend(promises);
    Ok(())
}

/// Loads what newcomers lack, with one statement a relation and level. The last step of whatever loads.
pub(crate) async fn keep_promises(region: &Arc<Region>) -> Result<()> {
    let promises = std::mem::take(&mut *region.promises());
    let mut by_entity: Vec<(EntityId, Vec<(u32, u32)>)> = Vec::new();
    for Promise { entity, newcomer, model } in promises {
        match by_entity.iter_mut().find(|(known, _)| *known == entity) {
            Some((_, pairs)) => pairs.push((model, newcomer)),
            None => by_entity.push((entity, vec![(model, newcomer)])),
        }
    }
    for (entity, pairs) in by_entity {
        deepen(region, entity, pairs, 0).await?;
    }
    Ok(())
}

/// Loads a relation that was promised: a required one also where a filter of the context hides its target by now.
async fn load_promised(region: &Arc<Region>, relation: RelationId, cells: &[u32]) -> Result<()> {
    match load_relation(region, relation, cells, Freshness::Merge).await {
        Err(Error::HiddenByFilter { .. }) => {
            let unfiltered = Loading::from(Freshness::Merge).under(Some(&UNFILTERED));
            load_relation(region, relation, cells, unfiltered).await
        }
        loaded => loaded,
    }
}

fn follow_moved<'a>(
    region: &'a Arc<Region>,
    entity: EntityId,
    moved: &'a [MovedReference],
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let mut by_relation: Vec<(usize, Vec<u32>)> = Vec::new();
        let mut replaced = Vec::new();
        for MovedReference { at, relation, from, to } in moved {
            let target = region.entity(entity).relations[*relation].target;
            let before = region.resolve(target, from).filter(|at| region.arena(target).is_loaded(*at));
            // An optional relation may have been populated as absent.
            if before.is_none() && *from != Target::Unset {
                continue;
            }
            replaced.extend(before.map(|before| (target, before, to)));
            match by_relation.iter_mut().find(|(known, _)| known == relation) {
                Some((_, cells)) => cells.push(*at),
                None => by_relation.push((*relation, vec![*at])),
            }
        }
        for (index, cells) in by_relation {
            load_promised(region, RelationId { entity, index }, &cells).await?;
        }
        let promises = replaced.into_iter().filter_map(|(entity, model, to)| {
            region.resolve(entity, to).map(|newcomer| Promise { entity, newcomer, model })
        });
        region.promises().extend(promises);
        Ok(())
    })
}

/// Loads of each second entity what is loaded of the first.
fn deepen(
    region: &Arc<Region>,
    entity: EntityId,
    pairs: Vec<(u32, u32)>,
    depth: usize,
) -> BoxFuture<'_, Result<()>> {
    Box::pin(async move {
        if depth == MAX_DEPTH {
            return Ok(());
        }
        for index in 0..region.entity(entity).relations.len() {
            let relation = RelationId { entity, index };
            let has = |at: u32| is_done(region, CellId { entity, at }, relation);
            let lacks = |(model, newcomer): &(u32, u32)| {
                region.arena(entity).is_loaded(*newcomer) && has(*model) && !has(*newcomer)
            };
            let lacking: Vec<(u32, u32)> = pairs.iter().copied().filter(lacks).collect();
            if lacking.is_empty() {
                continue;
            }
            let newcomers: Vec<u32> = lacking.iter().map(|(_, newcomer)| *newcomer).collect();
            load_promised(region, relation, &newcomers).await?;
            let mut below = Vec::new();
            for (model, newcomer) in lacking {
                if let Some(model) = targets(region, relation, &[model]).first() {
                    let at = targets(region, relation, &[newcomer]).into_iter().filter(|at| at != model);
                    below.extend(at.map(|at| (*model, at)));
                }
            }
            deepen(region, region.metadata().relation(relation).target, below, depth + 1).await?;
        }
        Ok(())
    })
}
