//! Loads relations of managed entities: one statement a relation and level, however many parents.
//!
//! What the context has already is not asked for again. Select-in: the keys of one level are the condition of the
//! next. [`lazy`] loads one relation of one entity, and of all that came with it.

mod follow;
mod joined;
mod lazy;
mod loading;
mod part;
mod path;
mod spelling;
mod tally;
mod unseen;

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

pub(crate) use follow::{Promise, follow_rows, keep_promises, load_rows};
pub(crate) use joined::joins_of;
pub(crate) use loading::Loading;
use part::{load_part, part_targets};
pub(crate) use path::{eager_shape, parse_path};
use spelling::{learn_asked, learn_owners, own_spelling};
pub(crate) use tally::{Tallying, item_cell};
pub(crate) use unseen::load_unseen;

use crate::condition::{Expression, OrderTerm};
use crate::driver::{BoxFuture, Link, Select, Selection};
use crate::entity::{CellId, Freshness, Region, Shape, State};
use crate::error::{EntityKey, Error, Result};
use crate::hydrate::{Hydrated, attach_joined};
use crate::metadata::{EntityId, RelationId, RelationKind, Side};
use crate::relation::Target;
use crate::value::KeyValues;

/// Populates `shape` below `cells`, level by level.
pub(crate) fn populate<'a>(
    region: &'a Arc<Region>,
    entity: EntityId,
    cells: &'a [u32],
    shape: &'a Shape,
    loading: impl Into<Loading<'a>>,
) -> BoxFuture<'a, Result<()>> {
    let loading = loading.into();
    Box::pin(async move {
        for (index, below) in shape.relations() {
            let relation = RelationId { entity, index };
            let loading = loading.at(index);
            match below.part() {
                None => load_relation(region, relation, cells, loading.above(below)).await?,
                Some(query) => load_part(region, relation, cells, query, loading.above(below)).await?,
            }
            if !below.is_empty() {
                let targets = match below.is_part() {
                    false => targets(region, relation, cells),
                    true => part_targets(region, relation, cells),
                };
                let target = region.metadata().relation(relation).target;
                populate(region, target, &targets, below, loading).await?;
            }
        }
        Ok(())
    })
}

/// The distinct entities that `relation` of `cells` leads to, as far as they are loaded and not hidden.
fn targets(region: &Region, relation: RelationId, cells: &[u32]) -> Vec<u32> {
    let meta = region.metadata().relation(relation);
    let arena = region.arena(meta.target);
    let mut seen = HashSet::<u32, foldhash::fast::RandomState>::default();
    let mut targets = Vec::new();
    let mut add = |at: u32| {
        if arena.is_loaded(at) && seen.insert(at) {
            targets.push(at);
        }
    };
    match meta.kind {
        RelationKind::ManyToOne { .. } => {
            let owners = region.arena(relation.entity);
            let links = region.links();
            for cell in cells {
                let target = owners.target(*cell, relation.index);
                if let Some(at) = region.resolve(meta.target, &target)
                    && !links.is_target_hidden(relation, *cell, &target)
                {
                    add(at);
                }
            }
        }
        RelationKind::OneToMany
        | RelationKind::OneToOneInverse
        | RelationKind::ManyToMany { .. }
        | RelationKind::ManyToManyInverse => {
            let links = region.links();
            for cell in cells {
                links.items(region, relation, *cell).unwrap_or_default().into_iter().for_each(&mut add);
            }
        }
    }
    targets
}

/// Loads one relation of all `cells`, with one statement at most.
pub(crate) async fn load_relation(
    region: &Arc<Region>,
    relation: RelationId,
    cells: &[u32],
    loading: impl Into<Loading<'_>>,
) -> Result<()> {
    let loading = loading.into();
    let meta = region.metadata().relation(relation);
    match meta.kind {
        RelationKind::ManyToOne { .. } => load_to_one(region, relation, cells, loading).await,
        RelationKind::OneToMany | RelationKind::OneToOneInverse => {
            load_one_to_many(region, relation, cells, loading).await
        }
        RelationKind::ManyToMany { .. } | RelationKind::ManyToManyInverse => {
            load_many_to_many(region, relation, cells, loading).await
        }
    }
}

async fn load_to_one(
    region: &Arc<Region>,
    relation: RelationId,
    cells: &[u32],
    loading: Loading<'_>,
) -> Result<()> {
    let meta = region.metadata().relation(relation);
    let owners = region.arena(relation.entity);
    let arena = region.arena(meta.target);
    let shown = loading.shown(region, meta.target)?;
    let mut wanted: Vec<KeyValues> = Vec::new();
    let mut seen = HashSet::<KeyValues, foldhash::fast::RandomState>::default();
    for cell in cells {
        let Target::Key(key) = owners.target(*cell, relation.index) else { continue };
        let known = arena.find(&key).filter(|at| arena.is_loaded(*at));
        // What memory knows to be hidden may be shown by now: the database is asked.
        let is_shown =
            |at| shown.is_always() || region.meets(CellId { entity: meta.target, at }, &shown) == Some(true);
        let is_done = loading.freshness == Freshness::Merge && known.is_some_and(is_shown);
        if !is_done && seen.insert(key.clone()) {
            wanted.push(key);
        }
    }
    let is_unfiltered = shown.is_always() && !region.links().has_hidden_targets();
    if is_unfiltered && wanted.is_empty() {
        return Ok(());
    }
    let asked = if region.has_spellings(meta.target) { wanted.clone() } else { Vec::new() };
    let mut found = HashSet::<u32, foldhash::fast::RandomState>::default();
    if let Some(joined) = loading.joined
        && let Some(hydrated) = attach_joined(region, joined, &mut wanted, loading.freshness)?
    {
        follow_rows(region, meta.target, &hydrated).await?;
        found.extend(hydrated.cells);
    }
    if !wanted.is_empty() {
        let condition = Expression::KeyIn { property: None, keys: wanted }.and(shown.clone());
        let select = select(region, meta.target, condition, Vec::new());
        found.extend(load_rows(region, &select, loading).await?.cells);
    }
    learn_asked(region, meta.target, &asked, &found, &shown).await?;
    let mut missing = None;
    for cell in cells {
        let target = owners.target(*cell, relation.index);
        let is_missing = match &target {
            // One that was pointed elsewhere meanwhile was not asked for.
            Target::Key(key) => seen.contains(key) && !arena.find(key).is_some_and(|at| found.contains(&at)),
            Target::Cell(_) | Target::Unset | Target::New | Target::Invalid(_) => false,
        };
        let (true, Target::Key(key)) = (is_missing, target) else {
            if !is_unfiltered {
                region.links().hide_target(relation, *cell, None);
            }
            continue;
        };
        if !shown.is_always() {
            region.links().hide_target(relation, *cell, Some(key.clone()));
        }
        missing.get_or_insert((*cell, key));
    }
    let is_optional = meta.may_be_missing || (meta.nullable && !shown.is_always());
    let Some((cell, key)) = missing.filter(|_| !is_optional) else { return Ok(()) };
    let owner = region.name(CellId { entity: relation.entity, at: cell });
    let target = EntityKey::new(region.entity(meta.target).name, key);
    Err(match shown.is_always() {
        true => Error::DanglingReference { key: owner, relation: meta.name, target },
        false => Error::HiddenByFilter { key: owner, relation: meta.name, target },
    })
}

/// The owners whose list is to be loaded, with their keys.
fn owners_to_load(
    region: &Region,
    relation: RelationId,
    cells: &[u32],
    freshness: Freshness,
    narrowing: Option<u64>,
) -> (Vec<u32>, Vec<KeyValues>) {
    let links = region.links();
    let mut seen = HashSet::<u32, foldhash::fast::RandomState>::default();
    let mut owners = Vec::new();
    let mut keys = Vec::new();
    for cell in cells {
        let wanted =
            freshness == Freshness::Refresh || !links.is_loaded_under(region, relation, *cell, narrowing);
        if !wanted || !seen.insert(*cell) {
            continue;
        }
        if let Some(key) = region.key(CellId { entity: relation.entity, at: *cell }) {
            owners.push(*cell);
            keys.push(key);
        }
    }
    (owners, keys)
}

async fn load_one_to_many(
    region: &Arc<Region>,
    relation: RelationId,
    cells: &[u32],
    loading: Loading<'_>,
) -> Result<()> {
    let meta = region.metadata().relation(relation);
    let (shown, narrowing) = loading.items(region, meta.target)?;
    let (owners, keys) = owners_to_load(region, relation, cells, loading.freshness, narrowing);
    let Some(reference) = meta.other_side.filter(|_| !owners.is_empty()) else { return Ok(()) };
    let RelationKind::ManyToOne { property } = region.entity(meta.target).relations[reference].kind else {
        return Ok(());
    };
    let condition = Expression::KeyIn { property: Some(property), keys }.and(shown.clone());
    let select = select(region, meta.target, condition, order(region, relation));
    let hydrated = load_rows(region, &select, loading).await?;

    let arena = region.arena(meta.target);
    let read = hydrated.cells.iter().filter_map(|at| arena.original_target(*at, reference).into_key());
    learn_owners(region, relation.entity, &owners, read).await?;
    let mut lists: HashMap<u32, Vec<u32>, foldhash::fast::RandomState> =
        owners.iter().map(|owner| (*owner, Vec::new())).collect();
    let mut links = region.links();
    // What the program re-pointed or added meanwhile counts, not what the row said.
    let waiting: Vec<u32> = {
        let pending = region.pending();
        let cells = pending.new.iter().chain(&pending.touched);
        let mine = cells.filter(|cell| cell.entity == meta.target).map(|cell| cell.at);
        mine.collect()
    };
    let waiting = waiting.into_iter().filter(|at| {
        shown.is_always() || region.meets(CellId { entity: meta.target, at: *at }, &shown) != Some(false)
    });
    let mut seen = HashSet::<u32, foldhash::fast::RandomState>::default();
    for at in hydrated.cells.into_iter().chain(waiting) {
        if arena.state(at) == State::Detached || !seen.insert(at) {
            continue;
        }
        let owner = region.resolve(relation.entity, &arena.target(at, reference));
        if let Some(list) = owner.and_then(|owner| lists.get_mut(&owner)) {
            list.push(at);
        }
    }
    for owner in owners {
        let list = lists.remove(&owner).unwrap_or_default();
        let is_loaded = links.is_loaded_under(region, relation, owner, narrowing);
        if loading.freshness == Freshness::Refresh || !is_loaded {
            links.narrow(relation, owner, narrowing);
            links.set_list(region, relation, owner, list);
        }
    }
    Ok(())
}

async fn load_many_to_many(
    region: &Arc<Region>,
    relation: RelationId,
    cells: &[u32],
    loading: Loading<'_>,
) -> Result<()> {
    let meta = region.metadata().relation(relation);
    let (shown, narrowing) = loading.items(region, meta.target)?;
    let (owners, keys) = owners_to_load(region, relation, cells, loading.freshness, narrowing);
    if owners.is_empty() {
        return Ok(());
    }
    let owning = region.metadata().owning_side(relation);
    let from = if owning == relation { Side::Owner } else { Side::Target };
    let by_key: HashMap<KeyValues, u32, foldhash::fast::RandomState> =
        keys.iter().cloned().zip(owners.iter().copied()).collect();
    let select = Select {
        selection: Selection::Linked(Link { relation: owning, from, keys }),
        ..select(region, meta.target, shown, order(region, relation))
    };
    let Hydrated { cells: items, linked, .. } = load_rows(region, &select, loading).await?;
    learn_owners(region, relation.entity, &owners, linked.iter().cloned()).await?;
    let mut lists: HashMap<u32, Vec<u32>, foldhash::fast::RandomState> = HashMap::default();
    for (item, key) in items.into_iter().zip(linked) {
        if let Some(owner) = by_key.get(&own_spelling(region, relation, key)) {
            lists.entry(*owner).or_default().push(item);
        }
    }
    let mut links = region.links();
    for owner in owners {
        let list = lists.remove(&owner).unwrap_or_default();
        let is_loaded = links.is_loaded_under(region, relation, owner, narrowing);
        if loading.freshness == Freshness::Refresh || !is_loaded {
            links.narrow(relation, owner, narrowing);
            links.set_linked(region, relation, owner, list);
        }
    }
    Ok(())
}

/// A select of everything in `entity` that meets a condition.
pub(crate) fn select(
    region: &Region,
    entity: EntityId,
    condition: Expression,
    order: Vec<OrderTerm>,
) -> Select {
    Select { condition, order, ..Select::new(Arc::clone(region.metadata()), entity) }
}

/// The order of a collection's items: as declared, else by primary key, so that results are stable.
pub(crate) fn order(region: &Region, relation: RelationId) -> Vec<OrderTerm> {
    let meta = region.metadata().relation(relation);
    let term = |property, descending| OrderTerm::new(Vec::new(), property, descending);
    let declared = meta.order_by.iter().map(|(property, order)| term(*property, order.descending));
    let key = region.entity(meta.target).primary_key.iter().map(|property| term(*property, false));
    declared.chain(key).collect()
}
