//! Takes what a program wrote into relation fields into the context: new values become entities of their own,
//! handles become keys, the contents of collections become links.
//!
//! Works through a queue, so a deep graph needs no deep stack. On an error everything it tracked is forgotten.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::HookScope;
use crate::entity::{CellId, CellRef, Entity, ErasedSnapshot, Merged, Region, State, three_way_merge, typed};
use crate::error::{EntityKey, Error, Result};
use crate::metadata::{EntityId, RelationId, RelationKind};
use crate::relation::{ErasedCollection, ErasedReference, Giver, RelationVisitor, Target};

/// What new values in relation fields become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// New entities, inserted by the next flush.
    Persist,
    /// Entities that the database has already.
    Merge,
}

/// One call of `persist`, `merge`, or one published edit.
///
/// Everything is resolved and checked before anything is linked, so that an error leaves the context as it was.
pub(crate) struct Adoption<'a> {
    region: &'a Region,
    mode: Mode,
    /// Cells that were pushed and whose relations are still as the program wrote them.
    queue: VecDeque<CellId>,
    /// All cells that were pushed, in order.
    adopted: Vec<CellId>,
    is_adopted: HashSet<CellId, Hasher>,
    /// Where new values came from, and what they were, to give them back on an error.
    givers: Vec<(CellId, Giver)>,
    before: HashMap<CellId, ErasedSnapshot, Hasher>,
    /// Contents of collections and of inverse references, linked once every cell is there.
    contents: Vec<(CellId, usize, Vec<Item>)>,
    /// Copies of entities that are managed already: their fields become edits.
    copies: Vec<(CellId, Box<dyn Any + Send>)>,
    error: Option<Error>,
}

type Hasher = foldhash::fast::RandomState;

/// An item of a collection, or what an inverse reference holds.
struct Item {
    target: Target,
    name: EntityKey,
}

impl<'a> Adoption<'a> {
    pub(crate) fn new(region: &'a Region, mode: Mode) -> Self {
        Self {
            region,
            mode,
            queue: VecDeque::new(),
            adopted: Vec::new(),
            is_adopted: HashSet::default(),
            givers: Vec::new(),
            before: HashMap::default(),
            contents: Vec::new(),
            copies: Vec::new(),
            error: None,
        }
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

    /// Makes a cell of the new value in a field, if there is one.
    pub(crate) fn field(&mut self, entity: EntityId, field: &mut dyn ErasedReference) {
        field.adopt(&mut |value, giver| {
            let cell = self.value(entity, value);
            self.givers.push((cell.id, giver));
            cell
        });
    }

    fn try_value(&mut self, entity: EntityId, value: Box<dyn Any + Send>) -> Result<CellId> {
        let arena = self.region.arena(entity);
        let at = match self.mode {
            Mode::Persist => arena.push_new(value)?,
            Mode::Merge => match arena.push_merged(value)? {
                Merged::Fresh(at) => at,
                Merged::Known(at, mut value) => {
                    let cell = CellId { entity, at };
                    self.visit_value(cell, &mut value);
                    self.copies.push((cell, value));
                    return Ok(cell);
                }
            },
        };
        let cell = CellId { entity, at };
        self.adopted.push(cell);
        self.is_adopted.insert(cell);
        self.queue.push_back(cell);
        Ok(cell)
    }

    /// What is wrong with a value, if anything is.
    pub(crate) fn take_error(&mut self) -> Option<Error> {
        self.error.take()
    }

    /// Normalises the relations of a value that will be published into `cell`.
    pub(crate) fn visit_value(&mut self, cell: CellId, value: &mut Box<dyn Any + Send>) {
        let region = self.region;
        region.arena(cell.entity).visit_value(value, &mut Normalise { adoption: self, owner: cell });
    }

    /// Normalises the relations of a value that will be written for `cell`.
    pub(crate) fn visit_snapshot(&mut self, cell: CellId, value: &mut ErasedSnapshot) {
        let region = self.region;
        region.arena(cell.entity).visit_copy(value, &mut Normalise { adoption: self, owner: cell });
    }

    /// Normalises the relations of everything that was pushed, and links it.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyManaged`], [`Error::ForeignEntity`], [`Error::MissingKey`], and what linking refuses. Nothing
    /// has happened then.
    pub(crate) fn finish(mut self) -> Result<()> {
        match self.check() {
            Ok(contents) => {
                self.apply(contents);
                Ok(())
            }
            Err(error) => {
                self.forget();
                Err(error)
            }
        }
    }

    /// Normalises everything and resolves all contents. Links nothing yet.
    fn check(&mut self) -> Result<Vec<(CellId, RelationId, Vec<u32>)>> {
        let region = self.region;
        while let Some(cell) = self.queue.pop_front() {
            if !region.entity(cell.entity).relations.is_empty() {
                let arena = region.arena(cell.entity);
                let before = arena.visit(cell.at, &mut Normalise { adoption: self, owner: cell });
                self.before.extend(before.map(|before| (cell, before)));
            }
        }
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let mut contents = Vec::with_capacity(self.contents.len());
        for (owner, relation, items) in std::mem::take(&mut self.contents) {
            let id = RelationId { entity: owner.entity, index: relation };
            let items = items.into_iter().map(|item| region.item(id, owner, item.target, item.name));
            let items = items.collect::<Result<Vec<u32>>>()?;
            if !items.is_empty() {
                region.check_written(owner, id)?;
            }
            if !self.is_known(owner) {
                region.check_items(owner, id, &items)?;
            }
            contents.push((owner, id, items));
        }
        Ok(contents)
    }

    /// Whether the contents of `owner` are what the database is said to have.
    fn is_known(&self, owner: CellId) -> bool {
        self.mode == Mode::Merge && self.is_adopted.contains(&owner)
    }

    fn apply(mut self, contents: Vec<(CellId, RelationId, Vec<u32>)>) {
        let region = self.region;
        let mut displaced = Vec::new();
        for cell in &self.adopted {
            displaced.extend(region.links().add_new(region, *cell));
        }
        if self.mode == Mode::Persist {
            region.pending().new.extend(&self.adopted);
            self.adopted.iter().for_each(|cell| HookScope::note_persisted(region, *cell));
        }
        for (cell, mut value) in std::mem::take(&mut self.copies) {
            region.take_back_removal(cell);
            let arena = region.arena(cell.entity);
            while let Some(current) = arena.current(cell.at) {
                match region.try_publish(cell, &current, value) {
                    Ok(()) => break,
                    Err(back) => value = back,
                }
            }
        }
        for (owner, relation, items) in contents {
            if self.is_known(owner) {
                region.set_known_items(owner, relation, items, &self.is_adopted);
            } else {
                region.set_checked_items(owner, relation, &items);
            }
        }
        region.release(&displaced);
    }

    /// Takes everything back: cells are gone, and new values are where they came from.
    pub(crate) fn forget(self) {
        let region = self.region;
        let current = |cell: CellId| region.arena(cell.entity).current(cell.at);
        for (cell, giver) in self.givers {
            // A value that got no cell has been refused, and its error says so.
            if !self.is_adopted.contains(&cell) {
                continue;
            }
            if let Some(snapshot) = self.before.get(&cell).cloned().or_else(|| current(cell)) {
                giver.give_back(region.arena(cell.entity).value_from(&snapshot));
            }
        }
        for cell in &self.adopted {
            region.arena(cell.entity).forget_new(cell.at);
        }
    }
}

/// Visits the relation fields of one entity on its way into the context.
struct Normalise<'a, 'b> {
    adoption: &'b mut Adoption<'a>,
    owner: CellId,
}

impl Normalise<'_, '_> {
    fn take(&mut self, target: EntityId, field: &mut dyn ErasedReference) -> Item {
        self.adoption.field(target, field);
        let region = self.adoption.region;
        // The key of a new entity may still be changed: until it is saved, its cell is what is pointed to.
        if let Target::Cell(cell) = field.target()
            && cell.context == region.id()
            && region.state(cell.id) != State::New
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
            if let Target::Cell(cell) = &item.target
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
        if !self.entity(cell.entity).relations.is_empty() && self.is_live(cell) {
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
            self.pending().errors.push(Arc::new(error));
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
            if !self.entity(cell.entity).relations.is_empty() && self.is_live(cell) {
                adoption.visit_value(cell, &mut value);
            }
            let erased: ErasedSnapshot = base;
            if self.try_publish(cell, &erased, value).is_err() {
                adoption.forget();
                continue;
            }
            if let Err(error) = adoption.finish() {
                self.pending().errors.push(Arc::new(error));
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
        self.check_link(owner, relation, item)?;
        let meta = self.metadata().relation(relation);
        match (&meta.kind, meta.other_side) {
            (RelationKind::OneToMany | RelationKind::OneToOneInverse, Some(reference)) => {
                let target = self.target_to(owner);
                let item = CellId { entity: meta.target, at: item };
                self.repoint(item, reference, &target);
                self.adopt_orphan(item);
            }
            _ => {
                let mut links = self.links();
                HookScope::note_link(self, || links.link_state(self, relation, owner.at, item));
                links.link(self, relation, owner.at, item);
            }
        }
        Ok(())
    }

    /// Whether the content of `relation` can be changed at all.
    ///
    /// # Errors
    ///
    /// [`Error::Relation`] where what holds it is a view, or somebody else's.
    pub(crate) fn check_written(&self, owner: CellId, relation: RelationId) -> Result<()> {
        if self.metadata().is_written(relation) {
            return Ok(());
        }
        let problem = match self.metadata().relation(relation).kind.is_many_to_many() {
            true => {
                "its links are those of a view or a `read_only` entity, so none can be added or taken out"
            }
            false => "its items are of a view or a `read_only` entity, so none can be added or taken out",
        };
        Err(Error::Relation {
            key: self.name(owner),
            relation: self.metadata().relation(relation).name,
            problem,
        })
    }

    /// Whether `item` may be linked.
    pub(crate) fn check_link(&self, owner: CellId, relation: RelationId, item: u32) -> Result<()> {
        self.check_written(owner, relation)?;
        let meta = self.metadata().relation(relation);
        let cell = CellId { entity: meta.target, at: item };
        if self.state(cell) == State::Detached {
            return Err(Error::Detached { key: self.name(cell) });
        }
        let holds_the_key = matches!(meta.kind, RelationKind::OneToMany | RelationKind::OneToOneInverse);
        if holds_the_key && !self.arena(meta.target).is_loaded(item) {
            return Err(Error::Relation {
                key: self.name(owner),
                relation: meta.name,
                problem: "an item given by key alone can't be added, since the item holds the foreign key; load it \
                          first",
            });
        }
        Ok(())
    }

    /// Takes `item` out of `relation` of `owner`.
    pub(crate) fn unlink_item(&self, owner: CellId, relation: RelationId, item: u32) -> Result<()> {
        self.check_written(owner, relation)?;
        let meta = self.metadata().relation(relation);
        match (&meta.kind, meta.other_side) {
            (RelationKind::OneToMany | RelationKind::OneToOneInverse, Some(reference)) => {
                if self.check_unlink(owner, relation, item)? {
                    let item = CellId { entity: meta.target, at: item };
                    if meta.orphan_removal {
                        return self.orphan(item);
                    }
                    self.repoint(item, reference, &Target::Unset);
                }
            }
            _ => {
                let mut links = self.links();
                HookScope::note_link(self, || links.link_state(self, relation, owner.at, item));
                links.unlink(self, relation, owner.at, item);
            }
        }
        Ok(())
    }

    /// Whether there is an item to take out, which may be without its owner.
    fn check_unlink(&self, owner: CellId, relation: RelationId, item: u32) -> Result<bool> {
        let meta = self.metadata().relation(relation);
        let (RelationKind::OneToMany | RelationKind::OneToOneInverse, Some(reference)) =
            (&meta.kind, meta.other_side)
        else {
            return Ok(true);
        };
        let points_here = self.resolve(owner.entity, &self.arena(meta.target).target(item, reference));
        if points_here != Some(owner.at) {
            return Ok(false);
        }
        let cell = CellId { entity: meta.target, at: item };
        let owning = &self.entity(meta.target).relations[reference];
        let will_go = matches!(self.state(cell), State::Removed | State::Detached);
        if will_go && meta.orphan_removal {
            return Ok(false);
        }
        if !owning.nullable && !will_go && !meta.orphan_removal {
            return Err(Error::RequiredOwner {
                key: self.name(owner),
                relation: meta.name,
                item: self.name(cell),
                owner_field: owning.name,
            });
        }
        Ok(true)
    }

    /// Whether `items` may become the content of `relation` of `owner`.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] when the present content is not known, and what linking refuses.
    pub(crate) fn check_items(&self, owner: CellId, relation: RelationId, items: &[u32]) -> Result<()> {
        let meta = self.metadata().relation(relation);
        let present = self.links().items(self, relation, owner.at);
        let present =
            present.ok_or_else(|| Error::NotLoaded { key: self.name(owner), relation: meta.name })?;
        let stays: HashSet<u32, Hasher> = items.iter().copied().collect();
        let was_in: HashSet<u32, Hasher> = present.iter().copied().collect();
        for item in present.iter().filter(|item| !stays.contains(*item)) {
            self.check_written(owner, relation)?;
            self.check_unlink(owner, relation, *item)?;
        }
        for item in items.iter().filter(|item| !was_in.contains(*item)) {
            self.check_link(owner, relation, *item)?;
        }
        Ok(())
    }

    /// Makes `items`, which were checked, the content of `relation` of `owner`.
    pub(crate) fn set_checked_items(&self, owner: CellId, relation: RelationId, items: &[u32]) {
        let present = self.links().items(self, relation, owner.at).unwrap_or_default();
        let was_in: HashSet<u32, Hasher> = present.iter().copied().collect();
        let mut stays = HashSet::<u32, Hasher>::default();
        // In the order that the program gave, each item once.
        let mut ordered: Vec<u32> = items.iter().copied().filter(|item| stays.insert(*item)).collect();
        let gone = present.iter().filter(|item| !stays.contains(*item));
        let refused = gone
            .map(|item| self.unlink_item(owner, relation, *item))
            .chain(
                ordered
                    .iter()
                    .filter(|item| !was_in.contains(*item))
                    .map(|item| self.link_item(owner, relation, *item)),
            )
            .find_map(Result::err);
        if let Some(error) = refused {
            // Somebody removed an item since the check; the next flush says so.
            self.pending().errors.push(Arc::new(error));
        }
        let mut links = self.links();
        ordered
            .extend(links.hidden(self, relation, owner.at).into_iter().filter(|item| !stays.contains(item)));
        links.set_list(self, relation, owner.at, ordered);
    }

    /// Contents of an entity that the database is said to have: known, not changed. Items that were managed before get
    /// their foreign key as an edit.
    fn set_known_items(
        &self,
        owner: CellId,
        id: RelationId,
        items: Vec<u32>,
        adopted: &HashSet<CellId, Hasher>,
    ) {
        let relation = self.metadata().relation(id);
        self.links().set_list(self, id, owner.at, items.clone());
        if let (RelationKind::OneToMany | RelationKind::OneToOneInverse, Some(reference)) =
            (&relation.kind, relation.other_side)
        {
            let target = self.target_to(owner);
            for item in items {
                let cell = CellId { entity: relation.target, at: item };
                if adopted.contains(&cell) {
                    self.arena(relation.target).follow(item, reference, &target, None);
                } else if self.arena(relation.target).is_loaded(item) {
                    self.repoint(cell, reference, &target);
                }
            }
        }
    }
}
