//! What goes with the entities that are scheduled to be removed, by `cascade_remove` and `orphan_removal`.
//!
//! Worked out anew for every plan and kept in no cell: a removal that is taken back takes its cascade back, and a flush
//! that fails leaves nothing behind. Relations that nobody has loaded are named, so that a flush can load them before it
//! plans; where the foreign key's own `on_delete` does the same work, they are left to the database.

use std::collections::VecDeque;

use hashbrown::HashSet;

use crate::entity::{CellId, Region, State};
use crate::metadata::description::ReferentialAction;
use crate::metadata::{EntityId, Metadata, RelationId, RelationKind};
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
    /// All that go, those that the program named included.
    going: HashSet<CellId, Hasher>,
}

/// A relation that a cascade goes through, with those of its owners that have not loaded it.
#[derive(Clone, Debug)]
pub(super) struct Unloaded {
    pub(super) relation: RelationId,
    pub(super) owners: Vec<u32>,
}

impl Cascade {
    /// What goes with `removed`, new entities included.
    pub(super) fn of(region: &Region, removed: &[CellId], new: &[CellId]) -> Self {
        let mut cascade = Self::default();
        let mut queue: VecDeque<CellId> =
            removed.iter().copied().filter(|cell| region.state(*cell) == State::Removed).collect();
        cascade.going.extend(&queue);
        while !queue.is_empty() {
            while let Some(cell) = queue.pop_front() {
                for (index, relation) in region.entity(cell.entity).relations.iter().enumerate() {
                    if relation.cascades() {
                        let relation = RelationId { entity: cell.entity, index };
                        cascade.follow(region, relation, cell.at, &mut queue);
                    }
                }
            }
            // New items of lists that nobody has loaded.
            for cell in new {
                if region.state(*cell) == State::New
                    && cascade.has_owner_of(region, *cell)
                    && cascade.going.insert(*cell)
                {
                    cascade.unborn.push(*cell);
                    queue.push_back(*cell);
                }
            }
        }
        cascade
    }

    /// Whether a relation that cascades leads to this entity from one that goes.
    fn has_owner_of(&self, region: &Region, cell: CellId) -> bool {
        region.entity(cell.entity).relations.iter().enumerate().any(|(index, relation)| {
            let inverse = region.inverse_of(cell.entity, index);
            let is_owning = matches!(relation.kind, RelationKind::ManyToOne { .. });
            is_owning
                && inverse.is_some_and(|inverse| region.metadata().relation(inverse).cascades())
                && region
                    .resolve(relation.target, &region.arena(cell.entity).target(cell.at, index))
                    .is_some_and(|at| self.takes(CellId { entity: relation.target, at }))
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

    fn follow(&mut self, region: &Region, relation: RelationId, owner: u32, queue: &mut VecDeque<CellId>) {
        let meta = region.metadata().relation(relation);
        let items = match meta.kind {
            RelationKind::ManyToOne { .. } => {
                let arena = region.arena(relation.entity);
                arena.current(owner).map(|current| match arena.target_of(&current, relation.index) {
                    Target::Key(key) => {
                        region.arena(meta.target).find_or_reference(&key).into_iter().collect()
                    }
                    target => region.resolve(meta.target, &target).into_iter().collect(),
                })
            }
            _ => region.links().items(region, relation, owner),
        };
        let Some(items) = items else {
            let owner_goes = region.soft_delete_of(CellId { entity: relation.entity, at: owner }).is_none();
            if !owner_goes || !database_cascades(region.metadata(), relation, &mut Vec::new()) {
                self.miss(relation, owner);
            }
            return;
        };
        for at in items {
            let cell = CellId { entity: meta.target, at };
            if region.is_soft_deleted(cell) {
                continue;
            }
            let list = match region.state(cell) {
                State::New => &mut self.unborn,
                State::Managed | State::Reference => &mut self.rows,
                State::Removed | State::Detached => continue,
            };
            if self.going.insert(cell) {
                list.push(cell);
                queue.push_back(cell);
            }
        }
    }

    fn miss(&mut self, relation: RelationId, owner: u32) {
        match self.unloaded.iter_mut().find(|unloaded| unloaded.relation == relation) {
            Some(unloaded) => unloaded.owners.push(owner),
            None => self.unloaded.push(Unloaded { relation, owners: vec![owner] }),
        }
    }
}

/// Whether deleting a row makes the database delete everything that the cascade through `relation` would.
fn database_cascades(metadata: &Metadata, relation: RelationId, path: &mut Vec<EntityId>) -> bool {
    let meta = metadata.relation(relation);
    if !matches!(meta.kind, RelationKind::OneToMany | RelationKind::OneToOneInverse) {
        return false;
    }
    if metadata.relation(metadata.owning_side(relation)).on_delete != Some(ReferentialAction::Cascade) {
        return false;
    }
    if metadata.entity(meta.target).soft_delete.is_some() {
        return false;
    }
    if path.contains(&meta.target) {
        return true;
    }
    path.push(meta.target);
    let below = metadata.entity(meta.target).relations.iter().enumerate();
    below
        .filter(|(_, relation)| relation.cascades())
        .all(|(index, _)| database_cascades(metadata, RelationId { entity: meta.target, index }, path))
}

impl Region {
    /// Relations to load before cascades are known to their end.
    pub(super) fn unloaded_cascades(&self) -> Vec<Unloaded> {
        let removed = {
            let pending = self.pending();
            if pending.removed.is_empty() || pending.unknown.is_some() {
                return Vec::new();
            }
            pending.removed.clone()
        };
        Cascade::of(self, &removed, &[]).unloaded
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
