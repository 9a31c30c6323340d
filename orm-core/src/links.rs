//! To-many lists as an index over foreign keys and pivot links.
//!
//! The foreign key in a snapshot is the truth. A list exists only for a relation that was loaded, or that was known
//! from the start because its owner was new; it holds cells, in the order of loading and adding. Changes of links
//! that the database does not have yet are kept per owning relation, one set for both sides.

mod link_set;
mod list;

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use link_set::LinkSet;
pub(crate) use list::List;

use crate::entity::{CellId, MovedReference, Region, State};
use crate::filter::next_revision;
use crate::metadata::{EntityId, RelationId, RelationKind, Side};
use crate::relation::Target;
use crate::value::KeyValues;

type Hasher = foldhash::fast::RandomState;

/// The lists of one region.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// By relation, by owner: the items.
    lists: HashMap<RelationId, HashMap<u32, List, Hasher>, Hasher>,
    /// By many-to-many relation, by item: the owners in whose lists it is.
    holders: HashMap<RelationId, HashMap<u32, List, Hasher>, Hasher>,
    /// By owning many-to-many relation.
    pivots: HashMap<RelationId, PivotChanges, Hasher>,
    /// What a flush is writing right now: for these links nobody knows yet what the database has.
    in_flight: HashMap<RelationId, PivotChanges, Hasher>,
    /// By relation: whoever loads it lazily holds the lock.
    gates: HashMap<RelationId, Arc<tokio::sync::Mutex<()>>, Hasher>,
    /// Lists that were loaded under filters, and so may lack items, with the number of these; see
    /// [`Region::narrowing`].
    narrowed: HashMap<(RelationId, u32), u64, Hasher>,
    /// By relation and owner: the items that the last query that chose among them found. No list: what flushes, cascades
    /// and loads look at knows nothing of them.
    parts: HashMap<(RelationId, u32), Vec<u32>, Hasher>,
    /// By relation, by owner: all items that the database has of a list that may lack some, while a flush removes the owner.
    unseen: HashMap<RelationId, HashMap<u32, Vec<u32>, Hasher>, Hasher>,
    /// References whose target a filter hid when they were populated last, by owner: where they led.
    hidden_targets: HashMap<(RelationId, u32), KeyValues, Hasher>,
}

/// Whether rows that come in are shown by lists that were loaded under filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// They are.
    Shown,
    /// They are not: nobody asked for them.
    Unseen,
}

/// Links, as owner and target, that the next flush writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct PivotChanges {
    pub(crate) added: LinkSet,
    pub(crate) removed: LinkSet,
}

impl PivotChanges {
    pub(crate) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.added.len() + self.removed.len()
    }
}

impl Links {
    /// The items of a loaded list; `None` if it is not loaded. Removed items are left out.
    pub(crate) fn items(&self, region: &Region, relation: RelationId, owner: u32) -> Option<Vec<u32>> {
        let arena = region.arena(region.metadata().relation(relation).target);
        match self.list(relation, owner) {
            Some(list) => Some(list.iter().filter(|item| !is_leaving(arena.state(*item))).collect()),
            None if region.arena(relation.entity).is_born_here(owner) => Some(Vec::new()),
            None => None,
        }
    }

    /// All items, those that filters hide or that are scheduled to be removed included; `None` where the context does not
    /// know them all. Items that a list lacks count as far as they still belong to the owner.
    pub(crate) fn every_item(&self, region: &Region, relation: RelationId, owner: u32) -> Option<Vec<u32>> {
        let arena = region.arena(relation.entity);
        let list = self.list(relation, owner);
        let is_whole = !self.is_partial(relation, owner) || arena.state(owner) == State::New;
        if is_whole && (list.is_some() || arena.is_born_here(owner)) {
            return Some(list.into_iter().flat_map(List::iter).collect());
        }
        let stored = self.unseen.get(&relation)?.get(&owner)?;
        let meta = region.metadata().relation(relation);
        let mut items: Vec<u32> = list.into_iter().flat_map(List::iter).collect();
        match meta.other_side.filter(|_| !meta.kind.is_many_to_many()) {
            Some(reference) => {
                let targets = region.arena(meta.target);
                let is_own = |item: &&u32| {
                    let target = targets.target(**item, reference);
                    region.resolve(relation.entity, &target) == Some(owner)
                };
                items.extend(stored.iter().filter(is_own));
            }
            None => {
                let owning = region.metadata().owning_side(relation);
                let side = if owning == relation { Side::Owner } else { Side::Target };
                let changes = self.pivots.get(&owning);
                let is_unlinked = |item: &&u32| {
                    changes.is_some_and(|changes| changes.removed.contains(&pair(side, owner, **item)))
                };
                items.extend(stored.iter().filter(|item| !is_unlinked(item)));
                let added = changes.into_iter().flat_map(|changes| changes.added.of(side, owner));
                items.extend(added.map(|link| seen_from(side, link).1));
            }
        }
        Some(items)
    }

    /// Notes all items that the database has of a list, without showing them.
    pub(crate) fn note_unseen(&mut self, relation: RelationId, owner: u32, items: Vec<u32>) {
        self.unseen.entry(relation).or_default().insert(owner, items);
    }

    /// The flush that had to know them is over.
    pub(crate) fn forget_unseen(&mut self) {
        self.unseen.clear();
    }

    /// Items that are scheduled to be removed: not shown, but back if the removal is taken back.
    pub(crate) fn hidden(&self, region: &Region, relation: RelationId, owner: u32) -> Vec<u32> {
        let arena = region.arena(region.metadata().relation(relation).target);
        let list = self.list(relation, owner).into_iter().flat_map(List::iter);
        list.filter(|item| arena.state(*item) == State::Removed).collect()
    }

    pub(crate) fn is_loaded(&self, region: &Region, relation: RelationId, owner: u32) -> bool {
        self.list(relation, owner).is_some() || region.arena(relation.entity).is_born_here(owner)
    }

    /// Whether the list is loaded, and under these filters.
    pub(crate) fn is_loaded_under(
        &self,
        region: &Region,
        relation: RelationId,
        owner: u32,
        narrowing: Option<u64>,
    ) -> bool {
        let is_new = || region.arena(relation.entity).state(owner) == State::New;
        self.is_loaded(region, relation, owner)
            && (self.narrowed.get(&(relation, owner)).copied() == narrowing || is_new())
    }

    /// Notes under which filters a list was loaded.
    pub(crate) fn narrow(&mut self, relation: RelationId, owner: u32, narrowing: Option<u64>) {
        match narrowing {
            Some(narrowing) => self.narrowed.insert((relation, owner), narrowing),
            None => self.narrowed.remove(&(relation, owner)),
        };
    }

    /// Whether a list may lack items, of which all that it shows are known.
    pub(crate) fn is_partial(&self, relation: RelationId, owner: u32) -> bool {
        self.narrowed.contains_key(&(relation, owner))
    }

    /// Notes which items a query that chose among them found.
    pub(crate) fn set_part(&mut self, relation: RelationId, owner: u32, items: Vec<u32>) {
        self.parts.insert((relation, owner), items);
    }

    /// Whether a query chose among the items, and no one loaded them all.
    pub(crate) fn is_part(&self, region: &Region, relation: RelationId, owner: u32) -> bool {
        self.parts.contains_key(&(relation, owner)) && !self.is_loaded(region, relation, owner)
    }

    /// The items that the last query that chose among them found, without those that left since.
    pub(crate) fn part(&self, region: &Region, relation: RelationId, owner: u32) -> Option<Vec<u32>> {
        let meta = region.metadata().relation(relation);
        let arena = region.arena(meta.target);
        let reference = meta.other_side.filter(|_| !meta.kind.is_many_to_many());
        let stays = |at: u32| match reference {
            Some(index) => region.resolve(relation.entity, &arena.target(at, index)) == Some(owner),
            None => {
                let (owning, link) = owning_pair(region, relation, owner, at);
                self.pivots.get(&owning).is_none_or(|changes| !changes.removed.contains(&link))
            }
        };
        let items = self.parts.get(&(relation, owner))?.iter().copied();
        Some(items.filter(|at| arena.is_loaded(*at) && !is_leaving(arena.state(*at)) && stays(*at)).collect())
    }

    /// Notes whether a filter hides what a reference leads to.
    pub(crate) fn hide_target(&mut self, relation: RelationId, owner: u32, target: Option<KeyValues>) {
        match target {
            Some(key) => self.hidden_targets.insert((relation, owner), key),
            None => self.hidden_targets.remove(&(relation, owner)),
        };
    }

    /// Whether any reference leads to what a filter hid.
    pub(crate) fn has_hidden_targets(&self) -> bool {
        !self.hidden_targets.is_empty()
    }

    /// Whether a filter hid `target` when the reference was populated last.
    pub(crate) fn is_target_hidden(&self, relation: RelationId, owner: u32, target: &Target) -> bool {
        let hidden = self.hidden_targets.get(&(relation, owner));
        matches!((hidden, target), (Some(hidden), Target::Key(key)) if hidden == key)
    }

    /// The lock that lazy loads of `relation` take turns with.
    pub(crate) fn gate(&mut self, relation: RelationId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.gates.entry(relation).or_default())
    }

    fn list(&self, relation: RelationId, owner: u32) -> Option<&List> {
        self.lists.get(&relation)?.get(&owner)
    }

    /// The list to change, if it is loaded.
    fn loaded_list(&mut self, region: &Region, relation: RelationId, owner: u32) -> Option<&mut List> {
        let lists = self.lists.entry(relation).or_default();
        if !lists.contains_key(&owner) {
            if !region.arena(relation.entity).is_born_here(owner) {
                return None;
            }
            lists.insert(owner, List::default());
        }
        lists.get_mut(&owner)
    }

    pub(crate) fn set_list(&mut self, region: &Region, relation: RelationId, owner: u32, items: Vec<u32>) {
        if !region.metadata().relation(relation).kind.is_many_to_many() {
            self.lists.entry(relation).or_default().insert(owner, List::from(items));
            return;
        }
        let holders = self.holders.entry(relation).or_default();
        for item in &items {
            holders.entry(*item).or_default().push(owner);
        }
        let before = self.lists.entry(relation).or_default().insert(owner, List::from(items));
        let after = self.lists.get(&relation).and_then(|lists| lists.get(&owner));
        for item in before.iter().flat_map(List::iter) {
            let stays = after.is_some_and(|list| list.contains(item));
            if let Some(owners) = holders.get_mut(&item).filter(|_| !stays) {
                owners.take(owner);
            }
        }
    }

    fn push(&mut self, region: &Region, relation: RelationId, owner: u32, item: u32) {
        let Some(list) = self.loaded_list(region, relation, owner) else { return };
        list.push(item);
        if region.metadata().relation(relation).kind.is_many_to_many() {
            self.holders.entry(relation).or_default().entry(item).or_default().push(owner);
        }
    }

    /// Takes `item` out of a list. Returns whether it was in.
    fn take(&mut self, relation: RelationId, owner: u32, item: u32) -> bool {
        if let Some(owners) = self.holders.get_mut(&relation).and_then(|items| items.get_mut(&item)) {
            owners.take(owner);
        }
        let list = self.lists.get_mut(&relation).and_then(|lists| lists.get_mut(&owner));
        list.is_some_and(|list| list.take(item))
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
                let others: Vec<u32> = list.iter().filter(|item| *item != reference.at).collect();
                for at in others {
                    // One that goes anyway stays in, for the case that its removal is taken back.
                    if region.arena(entity).state(at) != State::Removed {
                        list.take(at);
                        displaced.push((CellId { entity, at }, reference.relation));
                    }
                }
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

    /// A row came in: lists of what it points to take it up, but for those that may lack items if it is not to be seen.
    /// Returns an item that was in such a list before.
    pub(crate) fn add_incoming(
        &mut self,
        region: &Region,
        entity: EntityId,
        at: u32,
        sight: Sight,
    ) -> Option<u32> {
        let mut sibling = None;
        for (index, relation) in region.entity(entity).relations.iter().enumerate() {
            let RelationKind::ManyToOne { .. } = relation.kind else { continue };
            let Some(inverse) = region.inverse_of(entity, index) else { continue };
            let target = region.arena(entity).target(at, index);
            if let Some(owner) = region.resolve(inverse.entity, &target)
                && (sight == Sight::Shown || !self.is_partial(inverse, owner))
            {
                let first = self.list(inverse, owner).and_then(|list| list.iter().find(|item| *item != at));
                sibling = sibling.or(first);
                self.push(region, inverse, owner, at);
            }
        }
        sibling
    }

    /// Whether any list of the relations that point back from `entity`'s references is loaded.
    pub(crate) fn watches(&self, region: &Region, entity: EntityId) -> bool {
        let relations = region.entity(entity).relations.iter().enumerate();
        relations.filter(|(_, relation)| matches!(relation.kind, RelationKind::ManyToOne { .. })).any(
            |(index, _)| {
                region.inverse_of(entity, index).is_some_and(|inverse| {
                    self.lists.contains_key(&inverse) || region.arena(inverse.entity).has_born()
                })
            },
        )
    }

    /// Adds a link of a many-to-many relation, seen from `relation`'s side.
    pub(crate) fn link(&mut self, region: &Region, relation: RelationId, owner: u32, item: u32) {
        let (owning, pair) = owning_pair(region, relation, owner, item);
        let stored = self.is_stored(region, relation, owner, item);
        let changes = self.pivots.entry(owning).or_default();
        changes.removed.remove(&pair);
        if stored != Some(true) {
            changes.added.insert(pair);
        }
        self.push(region, relation, owner, item);
        if let Some(other) = region.metadata().other_side(relation) {
            self.push(region, other, item, owner);
        }
    }

    /// Removes a link of a many-to-many relation, seen from `relation`'s side.
    pub(crate) fn unlink(&mut self, region: &Region, relation: RelationId, owner: u32, item: u32) {
        let (owning, pair) = owning_pair(region, relation, owner, item);
        let stored = self.is_stored(region, relation, owner, item);
        let changes = self.pivots.entry(owning).or_default();
        changes.added.remove(&pair);
        if stored != Some(false) {
            changes.removed.insert(pair);
        }
        self.take(relation, owner, item);
        if let Some(other) = region.metadata().other_side(relation) {
            self.take(other, item, owner);
        }
    }

    /// A link as it is now, to come back to.
    pub(crate) fn link_state(
        &self,
        region: &Region,
        relation: RelationId,
        owner: u32,
        item: u32,
    ) -> LinkState {
        let (owning, pair) = owning_pair(region, relation, owner, item);
        let changes = self.pivots.get(&owning);
        let shows = |relation: RelationId, owner: u32, item: u32| {
            self.list(relation, owner).is_some_and(|list| list.contains(item))
        };
        let other = region.metadata().other_side(relation);
        LinkState {
            relation,
            owner,
            item,
            is_added: changes.is_some_and(|changes| changes.added.contains(&pair)),
            is_removed: changes.is_some_and(|changes| changes.removed.contains(&pair)),
            is_shown: shows(relation, owner, item),
            is_shown_by_item: other.is_some_and(|other| shows(other, item, owner)),
        }
    }

    /// Makes a link what it was.
    pub(crate) fn restore_link(&mut self, region: &Region, state: &LinkState) {
        let LinkState { relation, owner, item, .. } = *state;
        let (owning, pair) = owning_pair(region, relation, owner, item);
        let changes = self.pivots.entry(owning).or_default();
        changes.added.remove(&pair);
        changes.removed.remove(&pair);
        if state.is_added {
            changes.added.insert(pair);
        }
        if state.is_removed {
            changes.removed.insert(pair);
        }
        let other = region.metadata().other_side(relation).map(|other| (other, item, owner));
        let sides = [(Some((relation, owner, item)), state.is_shown), (other, state.is_shown_by_item)];
        for (side, is_shown) in sides {
            match side {
                Some((relation, owner, item)) if is_shown => self.push(region, relation, owner, item),
                Some((relation, owner, item)) => {
                    self.take(relation, owner, item);
                }
                None => {}
            }
        }
    }

    /// Whether the database has this link; `None` where nobody knows, and the last word has to be written.
    fn is_stored(&self, region: &Region, relation: RelationId, owner: u32, item: u32) -> Option<bool> {
        let (owning, pair) = owning_pair(region, relation, owner, item);
        let holds = |changes: Option<&PivotChanges>| {
            changes.is_some_and(|changes| changes.added.contains(&pair) || changes.removed.contains(&pair))
        };
        if holds(self.in_flight.get(&owning)) {
            return None;
        }
        let is_new = |entity: EntityId, at: u32| region.arena(entity).state(at) == State::New;
        if is_new(relation.entity, owner) || is_new(region.metadata().relation(relation).target, item) {
            return Some(false);
        }
        let shown = |relation: RelationId, owner: u32, item: u32| match self.list(relation, owner) {
            // What a filter hid may be stored all the same.
            Some(list) if self.is_partial(relation, owner) => list.contains(item).then_some(true),
            Some(list) => Some(list.contains(item)),
            None => region.arena(relation.entity).is_born_here(owner).then_some(false),
        };
        let other = region.metadata().other_side(relation);
        let shown =
            shown(relation, owner, item).or_else(|| other.and_then(|other| shown(other, item, owner)))?;
        // A loaded list shows what is stored, with what waits to be written.
        Some(shown != holds(self.pivots.get(&owning)))
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
        let in_flight = self.in_flight.contains_key(&owning);
        let is_partial = self.is_partial(relation, owner);
        if let Some(changes) = self.pivots.get_mut(&owning) {
            let stored: HashSet<u32, Hasher> = items.iter().copied().collect();
            if !in_flight {
                // What waits to be written and is stored already, or never was, need not be written.
                items.iter().for_each(|item| {
                    changes.added.remove(&pair(side, owner, *item));
                });
                let removed = if is_partial { Vec::new() } else { changes.removed.of(side, owner) };
                for link in removed.iter().filter(|link| !stored.contains(&seen_from(side, **link).1)) {
                    changes.removed.remove(link);
                }
            }
            items.retain(|item| !changes.removed.contains(&pair(side, owner, *item)));
            let added = changes.added.of(side, owner).into_iter().map(|link| seen_from(side, link).1);
            items.extend(added.filter(|item| !stored.contains(item)));
        }
        self.set_list(region, relation, owner, items);
    }

    /// A flush begins to write these.
    pub(crate) fn begin_flush(&mut self, pivots: &[(RelationId, PivotChanges)]) {
        self.in_flight = pivots.iter().cloned().collect();
    }

    /// Written or not, nothing is on its way any more.
    pub(crate) fn end_flush(&mut self) {
        self.in_flight.clear();
    }

    /// The links of an owner that wait to be written, by item: whether they are added.
    pub(crate) fn waiting_links(
        &self,
        region: &Region,
        relation: RelationId,
        owner: u32,
    ) -> HashMap<u32, bool, Hasher> {
        let owning = region.metadata().owning_side(relation);
        let side = if owning == relation { Side::Owner } else { Side::Target };
        let Some(changes) = self.pivots.get(&owning) else { return HashMap::default() };
        let added = changes.added.of(side, owner).into_iter().map(|link| (link, true));
        let removed = changes.removed.of(side, owner).into_iter().map(|link| (link, false));
        added.chain(removed).map(|(link, is_added)| (seen_from(side, link).1, is_added)).collect()
    }

    /// The changes that wait for a flush. A link that exists already, or is gone already, may be among them.
    pub(crate) fn pivots(&self) -> impl Iterator<Item = (RelationId, &PivotChanges)> {
        self.pivots
            .iter()
            .filter(|(_, changes)| !changes.is_empty())
            .map(|(relation, changes)| (*relation, changes))
    }

    /// The flush wrote these.
    pub(crate) fn settle_pivot(&mut self, relation: RelationId, written: &PivotChanges) {
        if let Some(changes) = self.pivots.get_mut(&relation) {
            for link in &written.added {
                changes.added.remove(link);
            }
            for link in &written.removed {
                changes.removed.remove(link);
            }
        }
    }

    /// The rollback of a flush that wrote these: they wait again, but for what the program did to them since.
    pub(crate) fn unsettle_pivot(&mut self, relation: RelationId, written: &PivotChanges) {
        let changes = self.pivots.entry(relation).or_default();
        for link in &written.added {
            if !changes.removed.remove(link) {
                changes.added.insert(*link);
            }
        }
        for link in &written.removed {
            if !changes.added.remove(link) {
                changes.removed.insert(*link);
            }
        }
    }

    /// An entity is gone: no list holds it any more. Its own lists stay, for whoever still reads it. Returns where it
    /// was.
    ///
    /// Lists of foreign keys follow from the keys; for those of many-to-many relations the owners are known by item.
    pub(crate) fn drop_cell(&mut self, region: &Region, gone: CellId) -> DroppedLinks {
        let metadata = region.metadata();
        let mut dropped = DroppedLinks::default();
        for (index, relation) in metadata.entity(gone.entity).relations.iter().enumerate() {
            let RelationKind::ManyToOne { .. } = relation.kind else { continue };
            let Some(inverse) = region.inverse_of(gone.entity, index) else { continue };
            let arena = region.arena(gone.entity);
            for target in [arena.target(gone.at, index), arena.original_target(gone.at, index)] {
                if let Some(owner) = region.resolve(inverse.entity, &target)
                    && self.take(inverse, owner, gone.at)
                {
                    dropped.lists.push((inverse, owner));
                }
            }
        }
        for (id, holders) in &mut self.holders {
            if metadata.relation(*id).target != gone.entity {
                continue;
            }
            let Some(lists) = self.lists.get_mut(id) else { continue };
            for owner in holders.remove(&gone.at).iter().flat_map(List::iter) {
                if lists.get_mut(&owner).is_some_and(|list| list.take(gone.at)) {
                    dropped.lists.push((*id, owner));
                }
            }
        }
        for (relation, changes) in &mut self.pivots {
            let mut taken = PivotChanges::default();
            let sides = [(Side::Owner, relation.entity), (Side::Target, metadata.relation(*relation).target)];
            for (side, _) in sides.into_iter().filter(|(_, entity)| *entity == gone.entity) {
                taken.added.extend(changes.added.take(side, gone.at));
                taken.removed.extend(changes.removed.take(side, gone.at));
            }
            if !taken.is_empty() {
                dropped.pivots.push((*relation, taken));
            }
        }
        dropped
    }

    /// A bare reference turned out to be this other entity: lists and links that wait have that one instead.
    pub(crate) fn put_instead(&mut self, region: &Region, reference: CellId, at: u32) {
        let metadata = region.metadata();
        for (relation, lists) in &mut self.lists {
            if metadata.relation(*relation).target != reference.entity {
                continue;
            }
            for list in lists.values_mut().filter(|list| list.contains(reference.at)) {
                list.take(reference.at);
                list.push(at);
            }
        }
        for (relation, holders) in &mut self.holders {
            if metadata.relation(*relation).target == reference.entity
                && let Some(owners) = holders.remove(&reference.at)
            {
                let held = holders.entry(at).or_default();
                owners.iter().for_each(|owner| held.push(owner));
            }
        }
        for (relation, changes) in &mut self.pivots {
            let sides = [(Side::Owner, relation.entity), (Side::Target, metadata.relation(*relation).target)];
            for (side, _) in sides.into_iter().filter(|(_, entity)| *entity == reference.entity) {
                let renamed = |link: (u32, u32)| pair(side, at, seen_from(side, link).1);
                let added = changes.added.take(side, reference.at);
                changes.added.extend(added.into_iter().map(renamed));
                let removed = changes.removed.take(side, reference.at);
                changes.removed.extend(removed.into_iter().map(renamed));
            }
        }
    }

    /// The row of an entity stays, but no list will hold it any more: those that did lack it from now on.
    pub(crate) fn note_unlisted(&mut self, region: &Region, cell: CellId) {
        let mut owners: Vec<(RelationId, u32)> = Vec::new();
        for (index, relation) in region.entity(cell.entity).relations.iter().enumerate() {
            let RelationKind::ManyToOne { .. } = relation.kind else { continue };
            let Some(inverse) = region.inverse_of(cell.entity, index) else { continue };
            let target = region.arena(cell.entity).original_target(cell.at, index);
            owners.extend(region.resolve(inverse.entity, &target).map(|owner| (inverse, owner)));
        }
        for (relation, holders) in &self.holders {
            if region.metadata().relation(*relation).target == cell.entity {
                let holders = holders.get(&cell.at).into_iter().flat_map(List::iter);
                owners.extend(holders.map(|owner| (*relation, owner)));
            }
        }
        for owner in owners {
            self.narrowed.entry(owner).or_insert_with(next_revision);
        }
    }

    /// The entity is back: so is it in the lists that it was in.
    pub(crate) fn put_back(&mut self, cell: CellId, dropped: DroppedLinks) {
        for (relation, owner) in dropped.lists {
            if let Some(list) = self.lists.get_mut(&relation).and_then(|lists| lists.get_mut(&owner)) {
                list.push(cell.at);
            }
            if let Some(holders) = self.holders.get_mut(&relation) {
                holders.entry(cell.at).or_default().push(owner);
            }
        }
        for (relation, changes) in dropped.pivots {
            let waiting = self.pivots.entry(relation).or_default();
            waiting.added.extend(changes.added.into_iter().copied());
            waiting.removed.extend(changes.removed.into_iter().copied());
        }
    }
}

/// Where an entity was that is gone: lists by relation and owner, and links that waited to be written.
#[derive(Debug, Default)]
pub(crate) struct DroppedLinks {
    lists: Vec<(RelationId, u32)>,
    pivots: Vec<(RelationId, PivotChanges)>,
}

/// What is known of a link of a many-to-many relation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkState {
    relation: RelationId,
    owner: u32,
    item: u32,
    is_added: bool,
    is_removed: bool,
    is_shown: bool,
    is_shown_by_item: bool,
}

fn owning_pair(region: &Region, relation: RelationId, owner: u32, item: u32) -> (RelationId, (u32, u32)) {
    let owning = region.metadata().owning_side(relation);
    let side = if owning == relation { Side::Owner } else { Side::Target };
    (owning, pair(side, owner, item))
}

/// A link as `side` sees it: its own entity, then the item.
fn seen_from(side: Side, link: (u32, u32)) -> (u32, u32) {
    match side {
        Side::Owner => link,
        Side::Target => (link.1, link.0),
    }
}

fn is_leaving(state: State) -> bool {
    matches!(state, State::Removed | State::Detached)
}

/// Owner and target of a link that is seen from `side`.
fn pair(side: Side, own: u32, item: u32) -> (u32, u32) {
    match side {
        Side::Owner => (own, item),
        Side::Target => (item, own),
    }
}
