//! To-many lists as an index over foreign keys and pivot links.
//!
//! The foreign key in a snapshot is the truth. A list exists only for a relation that was loaded, or that was known
//! from the start because its owner was new; it holds cells, in the order of loading and adding. Changes of links
//! that the database does not have yet are kept per owning relation, one set for both sides.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::entity::{CellId, MovedReference, Region, State};
use crate::metadata::{EntityId, RelationId, RelationKind, Side};
use crate::relation::Target;

type Hasher = foldhash::fast::RandomState;

/// The lists of one region.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// By relation, by owner: the items.
    lists: HashMap<RelationId, HashMap<u32, Vec<u32>, Hasher>, Hasher>,
    /// By owning many-to-many relation.
    pivots: HashMap<RelationId, PivotChanges, Hasher>,
    /// By relation: whoever loads it lazily holds the lock.
    gates: HashMap<RelationId, Arc<tokio::sync::Mutex<()>>, Hasher>,
}

/// Links, as owner and target, that the next flush writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct PivotChanges {
    pub(crate) added: BTreeSet<(u32, u32)>,
    pub(crate) removed: BTreeSet<(u32, u32)>,
}

impl PivotChanges {
    pub(crate) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl Links {
    /// The items of a loaded list; `None` if it is not loaded. Removed items are left out.
    pub(crate) fn items(&self, region: &Region, relation: RelationId, owner: u32) -> Option<Vec<u32>> {
        let target = region.metadata().relation(relation).target;
        let arena = region.arena(target);
        match self.list(relation, owner) {
            Some(items) => {
                Some(items.iter().copied().filter(|item| arena.state(*item) != State::Removed).collect())
            }
            None if region.arena(relation.entity).is_born_here(owner) => Some(Vec::new()),
            None => None,
        }
    }

    pub(crate) fn is_loaded(&self, region: &Region, relation: RelationId, owner: u32) -> bool {
        self.list(relation, owner).is_some() || region.arena(relation.entity).is_born_here(owner)
    }

    /// The lock that lazy loads of `relation` take turns with.
    pub(crate) fn gate(&mut self, relation: RelationId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.gates.entry(relation).or_default())
    }

    fn list(&self, relation: RelationId, owner: u32) -> Option<&Vec<u32>> {
        self.lists.get(&relation)?.get(&owner)
    }

    /// The list to change, if it is loaded.
    fn loaded_list(&mut self, region: &Region, relation: RelationId, owner: u32) -> Option<&mut Vec<u32>> {
        let lists = self.lists.entry(relation).or_default();
        if !lists.contains_key(&owner) {
            if !region.arena(relation.entity).is_born_here(owner) {
                return None;
            }
            lists.insert(owner, Vec::new());
        }
        lists.get_mut(&owner)
    }

    pub(crate) fn set_list(&mut self, relation: RelationId, owner: u32, items: Vec<u32>) {
        self.lists.entry(relation).or_default().insert(owner, items);
    }

    pub(crate) fn forget_list(&mut self, relation: RelationId, owner: u32) {
        if let Some(lists) = self.lists.get_mut(&relation) {
            lists.remove(&owner);
        }
    }

    fn push(&mut self, region: &Region, relation: RelationId, owner: u32, item: u32) {
        if let Some(list) = self.loaded_list(region, relation, owner)
            && !list.contains(&item)
        {
            list.push(item);
        }
    }

    fn take(&mut self, relation: RelationId, owner: u32, item: u32) {
        if let Some(list) = self.lists.get_mut(&relation).and_then(|lists| lists.get_mut(&owner)) {
            list.retain(|one| *one != item);
        }
    }

    /// Foreign keys of `entity` moved: both ends' lists follow. Returns the cells that a one-to-one relation now
    /// leads past, with the index of their reference.
    pub(crate) fn move_references(
        &mut self,
        region: &Region,
        entity: EntityId,
        moved: &[MovedReference],
    ) -> Vec<(CellId, usize)> {
        let mut displaced = Vec::new();
        for reference in moved {
            let Some(inverse) = region.inverse_of(entity, reference.relation) else { continue };
            if let Some(owner) = region.resolve(inverse.entity, &reference.from) {
                self.take(inverse, owner, reference.at);
            }
            let Some(owner) = region.resolve(inverse.entity, &reference.to) else { continue };
            let is_one_to_one = region.metadata().relation(inverse).kind.is_one_to_one_inverse();
            if is_one_to_one && let Some(list) = self.loaded_list(region, inverse, owner) {
                let others = list.iter().filter(|item| **item != reference.at);
                displaced.extend(others.map(|at| (CellId { entity, at: *at }, reference.relation)));
                list.clear();
            }
            self.push(region, inverse, owner, reference.at);
        }
        displaced
    }

    /// A new entity came in, which displaces others as a foreign key that moved does.
    pub(crate) fn add_new(&mut self, region: &Region, cell: CellId) -> Vec<(CellId, usize)> {
        let relations = region.entity(cell.entity).relations.iter().enumerate();
        let references =
            relations.filter(|(_, relation)| matches!(relation.kind, RelationKind::ManyToOne { .. }));
        let moved: Vec<MovedReference> = references
            .map(|(relation, _)| {
                let to = region.arena(cell.entity).target(cell.at, relation);
                MovedReference { at: cell.at, relation, from: Target::Unset, to }
            })
            .collect();
        self.move_references(region, cell.entity, &moved)
    }

    /// A row came in: lists of what it points to take it up.
    pub(crate) fn add_incoming(&mut self, region: &Region, entity: EntityId, at: u32) {
        for (index, relation) in region.entity(entity).relations.iter().enumerate() {
            let RelationKind::ManyToOne { .. } = relation.kind else { continue };
            let Some(inverse) = region.inverse_of(entity, index) else { continue };
            let target = region.arena(entity).target(at, index);
            if let Some(owner) = region.resolve(inverse.entity, &target) {
                self.push(region, inverse, owner, at);
            }
        }
    }

    /// Whether any list of the relations that point back from `entity`'s references is loaded.
    pub(crate) fn watches(&self, region: &Region, entity: EntityId) -> bool {
        let relations = region.entity(entity).relations.iter().enumerate();
        relations.filter(|(_, relation)| matches!(relation.kind, RelationKind::ManyToOne { .. })).any(
            |(index, _)| {
                region.inverse_of(entity, index).is_some_and(|inverse| self.lists.contains_key(&inverse))
            },
        )
    }

    /// Adds a link of a many-to-many relation, seen from `relation`'s side.
    pub(crate) fn link(&mut self, region: &Region, relation: RelationId, owner: u32, item: u32) {
        let (owning, pair) = owning_pair(region, relation, owner, item);
        let changes = self.pivots.entry(owning).or_default();
        if !changes.removed.remove(&pair) {
            let known = self.list(relation, owner).is_some_and(|list| list.contains(&item));
            if !known {
                self.pivots.entry(owning).or_default().added.insert(pair);
            }
        }
        self.push(region, relation, owner, item);
        if let Some(other) = region.metadata().other_side(relation) {
            self.push(region, other, item, owner);
        }
    }

    /// Removes a link of a many-to-many relation, seen from `relation`'s side.
    pub(crate) fn unlink(&mut self, region: &Region, relation: RelationId, owner: u32, item: u32) {
        let (owning, pair) = owning_pair(region, relation, owner, item);
        let known_absent = self.list(relation, owner).is_some_and(|list| !list.contains(&item));
        let changes = self.pivots.entry(owning).or_default();
        let is_new = |entity: EntityId, at: u32| region.arena(entity).state(at) == State::New;
        let target = region.metadata().relation(relation).target;
        if !changes.added.remove(&pair)
            && !known_absent
            && !is_new(relation.entity, owner)
            && !is_new(target, item)
        {
            changes.removed.insert(pair);
        }
        self.take(relation, owner, item);
        if let Some(other) = region.metadata().other_side(relation) {
            self.take(other, item, owner);
        }
    }

    /// What loading found, with what the database does not know yet.
    pub(crate) fn set_linked(
        &mut self,
        region: &Region,
        relation: RelationId,
        owner: u32,
        mut items: Vec<u32>,
    ) {
        let owning = region.metadata().owning_side(relation);
        let side = if owning == relation { Side::Owner } else { Side::Target };
        if let Some(changes) = self.pivots.get(&owning) {
            items.retain(|item| !changes.removed.contains(&pair(side, owner, *item)));
            for (first, second) in &changes.added {
                let (own, item) = match side {
                    Side::Owner => (*first, *second),
                    Side::Target => (*second, *first),
                };
                if own == owner && !items.contains(&item) {
                    items.push(item);
                }
            }
        }
        self.set_list(relation, owner, items);
    }

    /// A link was added to an unloaded list that turned out to exist, or the reverse: both are fine. The changes
    /// that wait for a flush.
    pub(crate) fn pivots(&self) -> impl Iterator<Item = (RelationId, &PivotChanges)> {
        self.pivots
            .iter()
            .filter(|(_, changes)| !changes.is_empty())
            .map(|(relation, changes)| (*relation, changes))
    }

    /// The flush wrote these.
    pub(crate) fn settle_pivot(&mut self, relation: RelationId, written: &PivotChanges) {
        if let Some(changes) = self.pivots.get_mut(&relation) {
            changes.added.retain(|link| !written.added.contains(link));
            changes.removed.retain(|link| !written.removed.contains(link));
        }
    }

    /// An entity is gone: no list holds it any more, and it has no lists.
    ///
    /// Only the lists of many-to-many relations to its type are searched; those of foreign keys follow from the keys.
    pub(crate) fn drop_cell(&mut self, region: &Region, gone: CellId) {
        let metadata = region.metadata();
        for (index, relation) in metadata.entity(gone.entity).relations.iter().enumerate() {
            self.forget_list(RelationId { entity: gone.entity, index }, gone.at);
            let RelationKind::ManyToOne { .. } = relation.kind else { continue };
            let Some(inverse) = region.inverse_of(gone.entity, index) else { continue };
            let arena = region.arena(gone.entity);
            for target in [arena.target(gone.at, index), arena.original_target(gone.at, index)] {
                if let Some(owner) = region.resolve(inverse.entity, &target) {
                    self.take(inverse, owner, gone.at);
                }
            }
        }
        for (relation, lists) in &mut self.lists {
            let relation = metadata.relation(*relation);
            if relation.kind.is_many_to_many() && relation.target == gone.entity {
                for list in lists.values_mut() {
                    list.retain(|item| *item != gone.at);
                }
            }
        }
        for (relation, changes) in &mut self.pivots {
            let target = metadata.relation(*relation).target;
            let touches = |link: &(u32, u32)| {
                (relation.entity == gone.entity && link.0 == gone.at)
                    || (target == gone.entity && link.1 == gone.at)
            };
            changes.added.retain(|link| !touches(link));
            changes.removed.retain(|link| !touches(link));
        }
    }
}

fn owning_pair(region: &Region, relation: RelationId, owner: u32, item: u32) -> (RelationId, (u32, u32)) {
    let owning = region.metadata().owning_side(relation);
    let side = if owning == relation { Side::Owner } else { Side::Target };
    (owning, pair(side, owner, item))
}

/// Owner and target of a link that is seen from `side`.
fn pair(side: Side, own: u32, item: u32) -> (u32, u32) {
    match side {
        Side::Owner => (own, item),
        Side::Target => (item, own),
    }
}
