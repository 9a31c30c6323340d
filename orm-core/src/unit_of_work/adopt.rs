//! Takes what a program wrote into relation fields into the context: new values become entities of their own,
//! handles become keys, the contents of collections become links.
//!
//! Works through a queue, so a deep graph needs no deep stack. On an error everything it tracked is forgotten.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::entity::{CellId, CellRef, Entity, ErasedSnapshot, Merged, Region, State, three_way_merge, typed};
use crate::error::{EntityKey, Error, Result};
use crate::metadata::{EntityId, RelationId, RelationKind};
use crate::relation::{ErasedCollection, ErasedReference, RelationVisitor, Target};

/// What new values in relation fields become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// New entities, inserted by the next flush.
    Persist,
    /// Entities that the database has already.
    Merge,
}

/// One call of `persist`, `merge`, or one published edit.
pub(crate) struct Adoption<'a> {
    region: &'a Region,
    mode: Mode,
    /// Cells that were pushed and whose relations are still as the program wrote them.
    queue: VecDeque<CellId>,
    /// All cells that were pushed.
    adopted: Vec<CellId>,
    /// Contents of collections and of inverse references, linked once every cell is there.
    contents: Vec<(CellId, usize, Vec<Item>)>,
    error: Option<Error>,
}

/// An item of a collection, or what an inverse reference holds.
struct Item {
    target: Target,
    name: EntityKey,
}

impl<'a> Adoption<'a> {
    pub(crate) fn new(region: &'a Region, mode: Mode) -> Self {
        Self { region, mode, queue: VecDeque::new(), adopted: Vec::new(), contents: Vec::new(), error: None }
    }

    /// Makes a cell of a value. What is wrong with it is said by [`finish`](Self::finish).
    pub(crate) fn value(&mut self, entity: EntityId, value: Box<dyn Any + Send>) -> CellRef {
        match self.try_value(entity, value) {
            Ok(cell) => self.region.cell_ref(cell),
            Err(error) => {
                self.error.get_or_insert(error);
                // Never resolved: `finish` fails.
                CellRef { context: 0, id: CellId { entity, at: 0 } }
            }
        }
    }

    fn try_value(&mut self, entity: EntityId, value: Box<dyn Any + Send>) -> Result<CellId> {
        let arena = self.region.arena(entity);
        let at = match self.mode {
            Mode::Persist => arena.push_new(value)?,
            Mode::Merge => match arena.push_merged(value)? {
                Merged::Fresh(at) => at,
                Merged::Known(at, value) => {
                    let cell = CellId { entity, at };
                    self.publish_copy(cell, value);
                    return Ok(cell);
                }
            },
        };
        let cell = CellId { entity, at };
        self.adopted.push(cell);
        self.queue.push_back(cell);
        Ok(cell)
    }

    /// A detached copy of a managed entity: its fields become an edit.
    fn publish_copy(&mut self, cell: CellId, mut value: Box<dyn Any + Send>) {
        self.visit_value(cell, &mut value);
        let arena = self.region.arena(cell.entity);
        while let Some(current) = arena.current(cell.at) {
            match self.region.try_publish(cell, &current, value) {
                Ok(()) => return,
                Err(back) => value = back,
            }
        }
    }

    /// Normalises the relations of a value that will be published into `cell`.
    pub(crate) fn visit_value(&mut self, cell: CellId, value: &mut Box<dyn Any + Send>) {
        let region = self.region;
        region.arena(cell.entity).visit_value(value, &mut Normalise { adoption: self, owner: cell });
    }

    /// Normalises the relations of everything that was pushed, and links it.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyManaged`], [`Error::ForeignEntity`], [`Error::MissingKey`], and what linking refuses.
    pub(crate) fn finish(mut self) -> Result<Vec<CellId>> {
        let region = self.region;
        while let Some(cell) = self.queue.pop_front() {
            if !region.entity(cell.entity).relations.is_empty() {
                region.arena(cell.entity).visit(cell.at, &mut Normalise { adoption: &mut self, owner: cell });
            }
        }
        if let Some(error) = self.error.take() {
            self.forget();
            return Err(error);
        }
        let mut displaced = Vec::new();
        for cell in &self.adopted {
            displaced.extend(region.links().add_new(region, *cell));
        }
        if self.mode == Mode::Persist {
            region.pending().new.extend(&self.adopted);
        }
        for (owner, relation, items) in std::mem::take(&mut self.contents) {
            if let Err(error) = self.link(owner, relation, items) {
                self.forget();
                for (cell, _) in &displaced {
                    region.links().add_incoming(region, cell.entity, cell.at);
                }
                return Err(error);
            }
        }
        region.release(&displaced);
        Ok(self.adopted)
    }

    fn forget(&self) {
        let region = self.region;
        for cell in &self.adopted {
            region.links().drop_cell(region, *cell);
            region.arena(cell.entity).forget_new(cell.at);
        }
        region.pending().new.retain(|new| !self.adopted.contains(new));
    }

    fn link(&self, owner: CellId, relation: usize, items: Vec<Item>) -> Result<()> {
        let region = self.region;
        let id = RelationId { entity: owner.entity, index: relation };
        let mut cells = Vec::with_capacity(items.len());
        for item in items {
            cells.push(region.item(id, owner, item.target, item.name)?);
        }
        if self.mode == Mode::Merge && self.adopted.contains(&owner) {
            return self.link_merged(owner, id, cells);
        }
        region.set_items(owner, id, &cells)
    }

    /// Contents of an entity that the database is said to have: known, not changed.
    fn link_merged(&self, owner: CellId, id: RelationId, items: Vec<u32>) -> Result<()> {
        let region = self.region;
        let relation = region.metadata().relation(id);
        if let (RelationKind::OneToMany | RelationKind::OneToOneInverse, Some(reference)) =
            (&relation.kind, relation.other_side)
        {
            let target = region.target_to(owner);
            for item in &items {
                region.arena(relation.target).follow(*item, reference, &target);
            }
        }
        region.links().set_list(id, owner.at, items);
        Ok(())
    }
}

/// Visits the relation fields of one entity on its way into the context.
struct Normalise<'a, 'b> {
    adoption: &'b mut Adoption<'a>,
    owner: CellId,
}

impl Normalise<'_, '_> {
    fn take(&mut self, target: EntityId, field: &mut dyn ErasedReference) -> Item {
        field.adopt(&mut |value| self.adoption.value(target, value));
        let region = self.adoption.region;
        if let Target::Cell(cell) = field.target()
            && cell.context == region.id()
            && let Some(key) = region.key(cell.id)
        {
            field.set(Target::Key(key));
        }
        let name = EntityKey::new(region.entity(target).name, field.key().unwrap_or_default());
        Item { target: field.target(), name }
    }
}

impl RelationVisitor for Normalise<'_, '_> {
    fn reference(&mut self, relation: usize, field: &mut dyn ErasedReference) {
        let region = self.adoption.region;
        let meta = &region.entity(self.owner.entity).relations[relation];
        let item = self.take(meta.target, field);
        if matches!(meta.kind, RelationKind::ManyToOne { .. }) {
            if let (Target::Cell(cell), true) = (&item.target, self.adoption.adopted.contains(&self.owner))
                && cell.context != region.id()
                && cell.context != 0
            {
                let error =
                    Error::ForeignEntity { key: item.name, expected: region.id(), found: cell.context };
                self.adoption.error.get_or_insert(error);
            }
        } else if item.target != Target::Unset {
            field.set(Target::Unset);
            self.adoption.contents.push((self.owner, relation, vec![item]));
        }
    }

    fn collection(&mut self, relation: usize, field: &mut dyn ErasedCollection) {
        let Some(items) = field.take() else { return };
        let target = self.adoption.region.entity(self.owner.entity).relations[relation].target;
        let items = items.into_iter().map(|mut item| self.take(target, &mut *item)).collect();
        self.adoption.contents.push((self.owner, relation, items));
    }
}

impl Region {
    /// Publishes an edit of an entity.
    pub(crate) fn publish<T: Entity>(&self, cell: CellId, base: &Arc<T>, mine: T) {
        let mut adoption = Adoption::new(self, Mode::Persist);
        let mut mine: Box<dyn Any + Send> = Box::new(mine);
        if !self.entity(cell.entity).relations.is_empty() {
            adoption.visit_value(cell, &mut mine);
        }
        let arena = typed::<T>(self.arena(cell.entity));
        loop {
            let Some(current) = arena.cell(cell.at).lock().current.clone() else { break };
            let value = if Arc::ptr_eq(&current, base) {
                mine
            } else {
                let Some(edited) = mine.downcast_ref::<T>() else { break };
                let merged = three_way_merge(&**base, edited, &*current);
                let erased: ErasedSnapshot = current;
                if self.try_publish(cell, &erased, Box::new(merged)).is_ok() {
                    break;
                }
                continue;
            };
            let erased: ErasedSnapshot = current;
            match self.try_publish(cell, &erased, value) {
                Ok(()) => break,
                Err(back) => mine = back,
            }
        }
        if let Err(error) = adoption.finish() {
            tracing::warn!(target: "orm", %error, "an edit could not be published whole; the next flush will fail");
            self.pending().errors.push(error);
        }
    }

    /// Changes an entity in one step, again if somebody else published meanwhile.
    pub(crate) fn update<T: Entity, F: FnMut(&mut T)>(&self, cell: CellId, mut change: F) {
        let arena = typed::<T>(self.arena(cell.entity));
        loop {
            let Some(base) = arena.cell(cell.at).lock().current.clone() else { return };
            let mut value = T::clone(&base);
            change(&mut value);
            let mut adoption = Adoption::new(self, Mode::Persist);
            let mut value: Box<dyn Any + Send> = Box::new(value);
            if !self.entity(cell.entity).relations.is_empty() {
                adoption.visit_value(cell, &mut value);
            }
            let erased: ErasedSnapshot = base;
            if self.try_publish(cell, &erased, value).is_err() {
                adoption.forget();
                continue;
            }
            if let Err(error) = adoption.finish() {
                self.pending().errors.push(error);
            }
            return;
        }
    }

    /// The cell of something given as an item of a relation.
    pub(crate) fn item(
        &self,
        relation: RelationId,
        owner: CellId,
        item: Target,
        name: EntityKey,
    ) -> Result<u32> {
        let meta = self.metadata().relation(relation);
        let refuse = |problem| Error::Relation { key: self.name(owner), relation: meta.name, problem };
        match item {
            Target::Cell(cell) if cell.context == self.id() => Ok(cell.id.at),
            Target::Cell(cell) => {
                Err(Error::ForeignEntity { key: name, expected: self.id(), found: cell.context })
            }
            Target::Key(key) => self
                .arena(meta.target)
                .find_or_reference(&key)
                .ok_or_else(|| refuse("the key of an item does not fit its type")),
            Target::Unset => Err(refuse("an unset `Ref` can't be an item")),
            Target::New | Target::Invalid(_) => Err(refuse("an item has no usable key")),
        }
    }

    /// Links `item` to `owner` through `relation`, which is no owning to-one.
    pub(crate) fn link_item(&self, owner: CellId, relation: RelationId, item: u32) -> Result<()> {
        let meta = self.metadata().relation(relation);
        match (&meta.kind, meta.other_side) {
            (RelationKind::OneToMany | RelationKind::OneToOneInverse, Some(reference)) => {
                if !self.arena(meta.target).is_loaded(item) {
                    return Err(Error::Relation {
                        key: self.name(owner),
                        relation: meta.name,
                        problem: "an item given by key alone can't be added, since the item holds the foreign key; \
                                  load it first",
                    });
                }
                let target = self.target_to(owner);
                self.repoint(CellId { entity: meta.target, at: item }, reference, &target);
            }
            _ => self.links().link(self, relation, owner.at, item),
        }
        Ok(())
    }

    /// Takes `item` out of `relation` of `owner`.
    pub(crate) fn unlink_item(&self, owner: CellId, relation: RelationId, item: u32) -> Result<()> {
        let meta = self.metadata().relation(relation);
        let cell = CellId { entity: meta.target, at: item };
        match (&meta.kind, meta.other_side) {
            (RelationKind::OneToMany | RelationKind::OneToOneInverse, Some(reference)) => {
                let points_here =
                    self.resolve(owner.entity, &self.arena(meta.target).target(item, reference));
                if points_here != Some(owner.at) {
                    return Ok(());
                }
                let owning = &self.entity(meta.target).relations[reference];
                let will_go = matches!(self.state(cell), State::Removed | State::Detached);
                if !owning.nullable && !will_go {
                    return Err(Error::RequiredOwner {
                        key: self.name(owner),
                        relation: meta.name,
                        item: self.name(cell),
                        owner_field: owning.name,
                    });
                }
                self.repoint(cell, reference, &Target::Unset);
            }
            _ => self.links().unlink(self, relation, owner.at, item),
        }
        Ok(())
    }

    /// Makes `items` the content of `relation` of `owner`.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] when the present content is not known, and what linking refuses.
    pub(crate) fn set_items(&self, owner: CellId, relation: RelationId, items: &[u32]) -> Result<()> {
        let meta = self.metadata().relation(relation);
        let present = self.links().items(self, relation, owner.at);
        let present =
            present.ok_or_else(|| Error::NotLoaded { key: self.name(owner), relation: meta.name })?;
        for gone in present.iter().filter(|item| !items.contains(item)) {
            self.unlink_item(owner, relation, *gone)?;
        }
        for item in items {
            if !present.contains(item) {
                self.link_item(owner, relation, *item)?;
            }
        }
        // In the order that the program gave.
        let mut ordered: Vec<u32> = Vec::with_capacity(items.len());
        for item in items {
            if !ordered.contains(item) {
                ordered.push(*item);
            }
        }
        self.links().set_list(relation, owner.at, ordered);
        Ok(())
    }
}
