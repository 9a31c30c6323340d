//! What goes with the entities that are scheduled to be removed, by `cascade_remove` and `orphan_removal`.
//!
//! Worked out anew for every plan and kept in no cell: a removal that is taken back takes its cascade back, and a flush
//! that fails leaves nothing behind. Relations that nobody has loaded, or only as far as filters show them, are named, so
//! that a flush can load them before it plans; where the foreign key's own `on_delete` does the same work, they are left to
//! the database.
//!
//! Filters hide nothing from a cascade: what refers to a row that goes has to go first. Whether it may is for the guards of
//! its writes to say. A removal deletes no row that would stay softly deleted, unless it is one for good: that takes its
//! whole cascade for good.

use std::collections::VecDeque;

use hashbrown::HashSet;

use crate::entity::{CellId, Region, State};
use crate::metadata::description::ReferentialAction;
use crate::metadata::{EntityId, RelationId, RelationKind};
use crate::relation::Target;

type Hasher = foldhash::fast::RandomState;

/// What a flush removes besides what the program named.
#[derive(Debug, Default)]
pub(super) struct Cascade {
    /// Rows to delete.
    pub(super) rows: Vec<CellId>,
    /// New entities, which are not inserted.
    pub(super) unborn: Vec<CellId>,
    /// Relations that must be loaded before anybody knows where the cascade ends.
    pub(super) unloaded: Vec<Unloaded>,
    /// Rows that are deleted softly already, and need a row that goes.
    pub(super) stranded: Vec<CellId>,
    missed: HashSet<(RelationId, u32), Hasher>,
    /// Those whose rows go because a removal for good takes them along.
    for_good: HashSet<CellId, Hasher>,
    /// All that go, those that the program named included.
    going: HashSet<CellId, Hasher>,
}

/// A relation that a cascade goes through, with those of its owners of which not all is loaded.
#[derive(Clone, Debug)]
pub(super) struct Unloaded {
    pub(super) relation: RelationId,
    pub(super) owners: Vec<u32>,
}

impl Cascade {
    /// What goes with `removed`, of the entities that wait for a flush too.
    pub(super) fn of(region: &Region, removed: &[CellId], waiting: &[CellId]) -> Self {
        let mut cascade = Self::default();
        let mut queue: VecDeque<CellId> =
            removed.iter().copied().filter(|cell| region.state(*cell) == State::Removed).collect();
        cascade.going.extend(&queue);
        cascade.for_good.extend(queue.iter().filter(|cell| region.pending().for_good.contains(*cell)));
        while !queue.is_empty() {
            while let Some(cell) = queue.pop_front() {
                for (index, relation) in region.entity(cell.entity).relations.iter().enumerate() {
                    if relation.cascades() {
                        let relation = RelationId { entity: cell.entity, index };
                        cascade.follow(region, relation, cell, &mut queue);
                    }
                }
            }
            // New items, and those that were pointed to an owner, of lists that nobody has loaded.
            for cell in waiting {
                if matches!(region.state(*cell), State::New | State::Managed)
                    && !cascade.takes(*cell)
                    && let Some(owner) = cascade.owner_of(region, *cell)
                {
                    cascade.take(region, owner, *cell, &mut queue);
                }
            }
        }
        cascade
    }

    /// An entity that goes, from which a relation that cascades leads to this one.
    fn owner_of(&self, region: &Region, cell: CellId) -> Option<CellId> {
        region.entity(cell.entity).relations.iter().enumerate().find_map(|(index, relation)| {
            let RelationKind::ManyToOne { .. } = relation.kind else { return None };
            let inverse = region.inverse_of(cell.entity, index)?;
            if !region.metadata().relation(inverse).cascades() {
                return None;
            }
            let target = region.arena(cell.entity).target(cell.at, index);
            let owner = CellId { entity: relation.target, at: region.resolve(relation.target, &target)? };
            self.takes(owner).then_some(owner)
        })
    }

    /// Whether the flush removes it, or never inserts it.
    pub(super) fn takes(&self, cell: CellId) -> bool {
        self.going.contains(&cell)
    }

    /// How many entities go.
    pub(super) fn len(&self) -> usize {
        self.going.len()
    }

    /// The property that the removal of this entity sets; `None` where the row itself goes.
    pub(super) fn soft_delete_of(&self, region: &Region, cell: CellId) -> Option<usize> {
        region.soft_delete_of(cell).filter(|_| !self.for_good.contains(&cell))
    }

    fn follow(&mut self, region: &Region, relation: RelationId, owner: CellId, queue: &mut VecDeque<CellId>) {
        let meta = region.metadata().relation(relation);
        let Items { items, is_complete } = match meta.kind {
            RelationKind::ManyToOne { .. } => self.target(region, relation, owner),
            _ => {
                let links = region.links();
                let every = links.every_item(region, relation, owner.at);
                let is_complete = every.is_some();
                let shown = || links.items(region, relation, owner.at);
                Items { items: every.or_else(shown).unwrap_or_default(), is_complete }
            }
        };
        if !is_complete {
            let owner_goes = self.soft_delete_of(region, owner).is_none();
            if !owner_goes || !database_cascades(region, relation, &mut Vec::new()) {
                self.miss(relation, owner.at);
            }
        }
        for at in items {
            self.take(region, owner, CellId { entity: meta.target, at }, queue);
        }
    }

    /// What a reference leads to. A row that may be deleted softly already must be loaded to know that it is not.
    fn target(&self, region: &Region, relation: RelationId, owner: CellId) -> Items {
        let target = region.metadata().relation(relation).target;
        let arena = region.arena(relation.entity);
        let Some(current) = arena.current(owner.at) else { return Items::default() };
        let at = match arena.target_of(&current, relation.index) {
            Target::Key(key) => region.arena(target).find_or_reference(&key),
            other => region.resolve(target, &other),
        };
        let is_known = |at: &u32| region.arena(target).state(*at) != State::Reference;
        let is_complete = self.for_good.contains(&owner)
            || region.entity(target).soft_delete.is_none()
            || at.as_ref().is_none_or(is_known);
        Items { items: at.into_iter().collect(), is_complete }
    }

    /// `owner` takes `cell` along.
    fn take(&mut self, region: &Region, owner: CellId, cell: CellId, queue: &mut VecDeque<CellId>) {
        let state = region.state(cell);
        if state == State::Detached {
            return;
        }
        if self.for_good.contains(&owner) {
            // One that goes anyway goes for good from now on, with all that goes with it.
            if self.for_good.insert(cell) && self.takes(cell) {
                queue.push_back(cell);
            }
        } else if region.is_soft_deleted(cell) {
            if state != State::Removed && self.soft_delete_of(region, owner).is_none() {
                self.stranded.push(cell);
            }
            return;
        }
        let list = match state {
            State::New => &mut self.unborn,
            State::Managed | State::Reference => &mut self.rows,
            State::Removed | State::Detached => return,
        };
        if self.going.insert(cell) {
            list.push(cell);
            queue.push_back(cell);
        }
    }

    fn miss(&mut self, relation: RelationId, owner: u32) {
        if !self.missed.insert((relation, owner)) {
            return;
        }
        match self.unloaded.iter_mut().find(|unloaded| unloaded.relation == relation) {
            Some(unloaded) => unloaded.owners.push(owner),
            None => self.unloaded.push(Unloaded { relation, owners: vec![owner] }),
        }
    }
}

/// What a relation leads to, as far as the context knows.
#[derive(Debug, Default)]
struct Items {
    items: Vec<u32>,
    /// Whether that is all.
    is_complete: bool,
}

/// Whether deleting a row makes the database delete everything that the cascade through `relation` would. It would ask no
/// filter that guards writes.
fn database_cascades(region: &Region, relation: RelationId, path: &mut Vec<EntityId>) -> bool {
    let metadata = region.metadata();
    let meta = metadata.relation(relation);
    if !matches!(meta.kind, RelationKind::OneToMany | RelationKind::OneToOneInverse) {
        return false;
    }
    if metadata.relation(metadata.owning_side(relation)).on_delete != Some(ReferentialAction::Cascade) {
        return false;
    }
    if metadata.entity(meta.target).soft_delete.is_some() || region.is_guarded(meta.target) {
        return false;
    }
    if path.contains(&meta.target) {
        return true;
    }
    path.push(meta.target);
    let below = metadata.entity(meta.target).relations.iter().enumerate();
    below
        .filter(|(_, relation)| relation.cascades())
        .all(|(index, _)| database_cascades(region, RelationId { entity: meta.target, index }, path))
}

impl Region {
    /// Relations to load before cascades are known to their end.
    pub(super) fn unloaded_cascades(&self) -> Vec<Unloaded> {
        let (removed, waiting) = {
            let pending = self.pending();
            if pending.removed.is_empty() || pending.unknown.is_some() {
                return Vec::new();
            }
            (pending.removed.clone(), pending.touched.clone())
        };
        Cascade::of(self, &removed, &waiting).unloaded
    }

    /// What a new entity that is taken back would have taken with it, had it been saved.
    pub(super) fn cascaded_items(&self, cell: CellId) -> Vec<CellId> {
        let mut items = Vec::new();
        for (index, relation) in self.entity(cell.entity).relations.iter().enumerate() {
            if !relation.cascades() {
                continue;
            }
            let targets = match relation.kind {
                RelationKind::ManyToOne { .. } => {
                    let target = self.arena(cell.entity).target(cell.at, index);
                    self.resolve(relation.target, &target).into_iter().collect()
                }
                _ => {
                    let id = RelationId { entity: cell.entity, index };
                    self.links().items(self, id, cell.at).unwrap_or_default()
                }
            };
            items.extend(targets.into_iter().map(|at| CellId { entity: relation.target, at }));
        }
        items
    }
}
