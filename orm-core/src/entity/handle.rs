//! Handles: what finders return and what programs hold.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use super::arena::typed;
use super::region::{CellId, Region};
use super::{Edit, Entity, IsPopulated, Key, PopulatePath, Record, RelationField, Shape, State, Writable};
use crate::error::{Error, Result};
use crate::metadata::{EntityId, PropertyKind, RelationId, RelationKind};
use crate::relation::{BoundCollection, BoundInverse, BoundRef, Ref, ReferenceField, Target};

/// An entity of a context: a cheap handle to *the* instance of its row.
///
/// `P` is the record of what is populated. Two handles are equal if they lead to the same instance, whatever `P`
/// they have. A handle keeps the memory of its whole context alive; for long keeping take [`get`](Self::get) or
/// the key.
pub struct Loaded<T: Entity, P: 'static = <T as Entity>::Nothing>(T::Handle<P>);

/// What a handle is made of. The generated accessors are on the type around it.
pub struct Core<T: Entity, P> {
    region: Arc<Region>,
    entity: EntityId,
    at: u32,
    marker: PhantomData<fn() -> (T, P)>,
}

impl<T: Entity, P> Clone for Core<T, P> {
    fn clone(&self) -> Self {
        Self { region: Arc::clone(&self.region), ..*self }
    }
}

impl<T: Entity, P> fmt::Debug for Core<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snapshot = self.snapshot();
        let entity = self.region.entity(self.entity);
        let mut shown = f.debug_struct(entity.name);
        for (at, property) in entity.properties.iter().enumerate().filter(|(_, property)| !property.hidden) {
            match property.kind {
                PropertyKind::Scalar => match snapshot.__value(at) {
                    Ok(value) => shown.field(property.name, &value),
                    Err(error) => shown.field(property.name, &format_args!("<{error}>")),
                },
                PropertyKind::Reference(relation) => {
                    let target = snapshot.__reference(relation).map_or(Target::Unset, |field| field.target());
                    shown.field(property.name, &format_args!("{}", self.show_target(relation, target)))
                }
            };
        }
        shown.finish()
    }
}

impl<T: Entity, P> Core<T, P> {
    pub(crate) fn new(region: Arc<Region>, cell: CellId) -> Self {
        Self { region, entity: cell.entity, at: cell.at, marker: PhantomData }
    }

    pub(crate) fn cell_id(&self) -> CellId {
        CellId { entity: self.entity, at: self.at }
    }

    fn relation_id<R: RelationField>(&self) -> RelationId {
        RelationId { entity: self.entity, index: R::INDEX }
    }

    fn snapshot(&self) -> Arc<T> {
        let current = typed::<T>(self.region.arena(self.entity)).cell(self.at).lock().current.clone();
        current.expect("handles are made of loaded cells only, and a cell never forgets its snapshot")
    }

    fn show_target(&self, relation: usize, target: Target) -> String {
        let id = self.region.metadata().relation(RelationId { entity: self.entity, index: relation }).target;
        match target {
            Target::Key(key) => crate::error::EntityKey::new(self.region.entity(id).name, key).to_string(),
            Target::Unset => "unset".to_owned(),
            Target::Cell(_) | Target::New | Target::Invalid(_) => {
                format!("{} (new)", self.region.entity(id).name)
            }
        }
    }

    /// The target of the to-one relation `R`, loaded.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] when the program pointed it at something that is not loaded.
    pub fn try_populated_reference<R, N>(&self) -> Result<Option<Loaded<R::Target, N>>>
    where
        R: RelationField<Owner = T>,
        N: 'static,
    {
        let relation = self.relation_id::<R>();
        let target = self.region.metadata().relation(relation).target;
        let at = self.region.leads_to(relation, self.at)?;
        Ok(at.map(|at| Loaded::new(Arc::clone(&self.region), CellId { entity: target, at })))
    }

    /// The target of the required to-one relation `R`, loaded.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] and [`Error::RequiredRelation`].
    pub fn try_populated_required<R, N>(&self) -> Result<Loaded<R::Target, N>>
    where
        R: RelationField<Owner = T>,
        N: 'static,
    {
        self.try_populated_reference::<R, N>()?.ok_or_else(|| Error::RequiredRelation {
            key: self.region.name(self.cell_id()),
            relation: R::NAME,
        })
    }

    /// [`try_populated_required`](Self::try_populated_required), for the plain accessor.
    ///
    /// # Panics
    ///
    /// With its error.
    pub fn populated_reference<R, N>(&self) -> Loaded<R::Target, N>
    where
        R: RelationField<Owner = T>,
        N: 'static,
    {
        self.try_populated_required::<R, N>().unwrap_or_else(|error| not_as_populated(&error))
    }

    /// [`try_populated_reference`](Self::try_populated_reference), for the plain accessor.
    ///
    /// # Panics
    ///
    /// With its error.
    pub fn populated_optional<R, N>(&self) -> Option<Loaded<R::Target, N>>
    where
        R: RelationField<Owner = T>,
        N: 'static,
    {
        self.try_populated_reference::<R, N>().unwrap_or_else(|error| not_as_populated(&error))
    }

    /// The items of the to-many relation `R`, loaded.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] when an item was added that is not loaded.
    pub fn try_populated_collection<R, W>(&self) -> Result<LoadedCollection<R::Target, W::Nested>>
    where
        R: RelationField<Owner = T>,
        W: IsPopulated<R>,
    {
        let (owner, relation) = (self.cell_id(), self.relation_id::<R>());
        let items = match W::__IS_PART {
            true => self.region.chosen_items(owner, relation),
            false => self.region.loaded_items(owner, relation),
        };
        items.map(LoadedCollection::new)
    }

    /// [`try_populated_collection`](Self::try_populated_collection), for the plain accessor.
    ///
    /// # Panics
    ///
    /// With its error.
    pub fn populated_collection<R, W>(&self) -> LoadedCollection<R::Target, W::Nested>
    where
        R: RelationField<Owner = T>,
        W: IsPopulated<R>,
    {
        self.try_populated_collection::<R, W>().unwrap_or_else(|error| not_as_populated(&error))
    }

    /// The bound accessor of the owning to-one relation `R`.
    pub fn bound_reference<R: RelationField<Owner = T>>(&self) -> BoundRef<R::Target> {
        BoundRef::of(Arc::clone(&self.region), self.cell_id(), R::INDEX)
    }

    /// The bound accessor of the one-to-one relation `R` that the target owns.
    pub fn bound_inverse<R: RelationField<Owner = T>>(&self) -> BoundInverse<R> {
        BoundInverse::of(Arc::clone(&self.region), self.cell_id())
    }

    /// The bound accessor of the to-many relation `R`.
    pub fn bound_collection<R: RelationField<Owner = T>>(&self) -> BoundCollection<R> {
        BoundCollection::of(Arc::clone(&self.region), self.cell_id())
    }

    /// The key that a foreign key's field points to, also where its target got one only after the snapshot.
    pub(crate) fn key_of<F: ReferenceField>(&self, field: &F) -> Option<<F::Target as Entity>::Key> {
        let reference = field.reference()?;
        if let Some(key) = reference.try_key() {
            return Some(key.clone());
        }
        let Target::Cell(cell) = field.target() else { return None };
        let values = self.region.key(cell.id).filter(|_| cell.context == self.region.id())?;
        <F::Target as Entity>::Key::__from_values(&mut values.into_iter()).ok()
    }
}

/// The two cases that types can't rule out, both the program's own doing: it pointed a populated relation at an
/// entity that is not loaded, or added an item that is loaded less deeply than the record says.
#[expect(clippy::panic, reason = "documented on the accessors, which have a `try_` twin")]
fn not_as_populated(error: &Error) -> ! {
    panic!("{error}")
}

/// Called by the derive for `id()` of an entity whose key is a relation that is not set.
#[doc(hidden)]
#[expect(clippy::panic, reason = "documented on `Loaded::id`, which has a `try_` twin")]
pub fn unset_key(entity: &str, field: &str) -> ! {
    panic!("{entity} has no key: its relation `{field}` is not set or has no key yet; ask `try_id()`")
}

impl<T: Entity, P: 'static> Loaded<T, P> {
    pub(crate) fn new(region: Arc<Region>, cell: CellId) -> Self {
        Self(Core::new(region, cell).into())
    }

    pub(crate) fn core(&self) -> &Core<T, P> {
        self.0.as_ref()
    }

    pub(crate) fn region(&self) -> &Arc<Region> {
        &self.core().region
    }

    pub(crate) fn cell_id(&self) -> CellId {
        self.core().cell_id()
    }

    /// The entity as it is now, unsaved edits included: a snapshot that later edits do not change. It may be held
    /// as long as you like, across `.await` too.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        self.core().snapshot()
    }

    /// A guard to change the entity: `jon.edit().email = None;`. The next flush writes what changed.
    ///
    /// On an entity that is detached or removed it changes this snapshot only, and says so through `tracing`; use
    /// [`try_edit`](Self::try_edit) where that may happen.
    pub fn edit(&self) -> Edit<'_, T>
    where
        T: Writable,
    {
        if let Err(error) = self.editable() {
            tracing::warn!(target: "orm", %error, "this edit will not be saved");
        }
        Edit::new(self.region(), self.cell_id(), self.get())
    }

    /// [`edit`](Self::edit), if it will be saved.
    ///
    /// # Errors
    ///
    /// [`Error::Detached`] and [`Error::Removed`].
    pub fn try_edit(&self) -> Result<Edit<'_, T>>
    where
        T: Writable,
    {
        self.editable()?;
        Ok(Edit::new(self.region(), self.cell_id(), self.get()))
    }

    /// Reads, changes and writes in one step: `article.update(|article| article.views += 1)`.
    ///
    /// `change` runs on a copy, without a lock, and again if somebody else published meanwhile, so no update is
    /// lost. It should do nothing but change the entity.
    pub fn update<F: FnMut(&mut T)>(&self, change: F)
    where
        T: Writable,
    {
        if let Err(error) = self.editable() {
            tracing::warn!(target: "orm", %error, "this update will not be saved");
        }
        self.region().update(self.cell_id(), change);
    }

    /// [`update`](Self::update), if it will be saved.
    ///
    /// # Errors
    ///
    /// [`Error::Detached`] and [`Error::Removed`].
    pub fn try_update<F: FnMut(&mut T)>(&self, change: F) -> Result<()>
    where
        T: Writable,
    {
        self.editable()?;
        self.region().update(self.cell_id(), change);
        Ok(())
    }

    /// The key as the struct has it: for an `auto` key that is not assigned yet, its type's default.
    ///
    /// # Panics
    ///
    /// When the key is a relation (`#[entity(id)] user: Ref<User>`) that is not set yet;
    /// [`try_id`](Self::try_id) says so instead.
    #[must_use]
    pub fn id(&self) -> T::Id {
        self.get().__id()
    }

    /// The key, once there is one.
    #[must_use]
    pub fn try_id(&self) -> Option<T::Key> {
        let core = self.core();
        let key = typed::<T>(core.region.arena(core.entity)).cell(core.at).lock().key.clone();
        key.or_else(|| self.get().__key())
    }

    /// A [`Ref`] to this entity, for a field of another one: `book.edit().author = jon.to_ref();`.
    #[must_use]
    pub fn to_ref(&self) -> Ref<T> {
        Ref::cell(self.region().cell_ref(self.cell_id()), self.try_id())
    }

    /// The same entity, with nothing said about what is populated: for lists of handles from several queries.
    #[must_use]
    pub fn without_hints(&self) -> Loaded<T> {
        Loaded::new(Arc::clone(self.region()), self.cell_id())
    }

    /// The same entity with a relation (or a path, or several) populated, if it is.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`], naming the first relation that is not.
    #[expect(clippy::needless_pass_by_value, reason = "a path is read for its type alone")]
    pub fn try_with<Q: PopulatePath<T, P>>(&self, path: Q) -> Result<Loaded<T, Q::Out>>
    where
        Q::Out: Record<T>,
    {
        let _ = path;
        check_shape(self.region(), self.cell_id(), &Q::Out::__shape())?;
        Ok(Loaded::new(Arc::clone(self.region()), self.cell_id()))
    }

    fn editable(&self) -> Result<()> {
        let key = || self.region().name(self.cell_id());
        match self.region().state(self.cell_id()) {
            // A handle that leads to a bare reference was of a new entity that was forgotten.
            State::Detached | State::Reference => Err(Error::Detached { key: key() }),
            _ if self.region().is_detached() => Err(Error::Detached { key: key() }),
            State::Removed => Err(Error::Removed { key: key() }),
            State::New | State::Managed => Ok(()),
        }
    }
}

impl Region {
    /// Whether an optional reference reads as empty, since a filter hides what it leads to.
    fn is_hidden(&self, relation: RelationId, owner: u32, target: &Target) -> bool {
        let meta = self.metadata().relation(relation);
        (meta.nullable || meta.may_be_missing) && self.links().is_target_hidden(relation, owner, target)
    }

    /// What a to-one relation of a loaded entity leads to, loaded, if to anything.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] when that is not loaded.
    pub(crate) fn leads_to(&self, relation: RelationId, owner: u32) -> Result<Option<u32>> {
        let meta = self.metadata().relation(relation);
        let arena = self.arena(meta.target);
        let at = match meta.kind {
            RelationKind::ManyToOne { .. } => {
                let target = self.arena(relation.entity).target(owner, relation.index);
                if target == Target::Unset || self.is_hidden(relation, owner, &target) {
                    return Ok(None);
                }
                self.resolve(meta.target, &target).filter(|at| arena.is_loaded(*at))
            }
            RelationKind::OneToMany
            | RelationKind::OneToOneInverse
            | RelationKind::ManyToMany { .. }
            | RelationKind::ManyToManyInverse => match self.links().items(self, relation, owner) {
                Some(items) if items.is_empty() => return Ok(None),
                Some(items) => items.first().copied(),
                None => None,
            },
        };
        let owner = CellId { entity: relation.entity, at: owner };
        match at {
            None if !meta.may_be_missing => {
                Err(Error::NotLoaded { key: self.name(owner), relation: meta.name })
            }
            at => Ok(at),
        }
    }

    /// The items of a relation that no foreign key of `owner` holds, loaded.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] when the list, or one of its items, is not loaded.
    pub(crate) fn loaded_cells(&self, owner: CellId, relation: RelationId) -> Result<Vec<CellId>> {
        let meta = self.metadata().relation(relation);
        let not_loaded = || Error::NotLoaded { key: self.name(owner), relation: meta.name };
        let items = self.links().items(self, relation, owner.at).ok_or_else(not_loaded)?;
        let arena = self.arena(meta.target);
        if items.iter().any(|at| !arena.is_loaded(*at)) {
            return Err(not_loaded());
        }
        Ok(items.into_iter().map(|at| CellId { entity: meta.target, at }).collect())
    }

    /// Handles of [`loaded_cells`](Self::loaded_cells).
    ///
    /// # Errors
    ///
    /// As [`loaded_cells`](Self::loaded_cells).
    pub(crate) fn loaded_items<T: Entity, P: 'static>(
        self: &Arc<Self>,
        owner: CellId,
        relation: RelationId,
    ) -> Result<Vec<Loaded<T, P>>> {
        let cells = self.loaded_cells(owner, relation)?;
        Ok(cells.into_iter().map(|cell| Loaded::new(Arc::clone(self), cell)).collect())
    }

    /// Handles of the items that the last query that populated a part of a relation found.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] when none did.
    fn chosen_items<T: Entity, P: 'static>(
        self: &Arc<Self>,
        owner: CellId,
        relation: RelationId,
    ) -> Result<Vec<Loaded<T, P>>> {
        let meta = self.metadata().relation(relation);
        let items = self.links().part(self, relation, owner.at);
        let items = items.ok_or_else(|| Error::NotLoaded { key: self.name(owner), relation: meta.name })?;
        let handles = items.into_iter().map(|at| CellId { entity: meta.target, at });
        Ok(handles.map(|cell| Loaded::new(Arc::clone(self), cell)).collect())
    }
}

/// Whether everything in `shape` is loaded below `cell`.
pub(crate) fn check_shape(region: &Region, cell: CellId, shape: &Shape) -> Result<()> {
    for (index, below) in shape.relations() {
        let id = RelationId { entity: cell.entity, index };
        let relation = region.metadata().relation(id);
        let not_loaded = || Error::NotLoaded { key: region.name(cell), relation: relation.name };
        let targets = match region.metadata().owning_side(id) == id && !relation.is_to_many() {
            true => match region.arena(cell.entity).target(cell.at, index) {
                Target::Unset => Vec::new(),
                target if region.is_hidden(id, cell.at, &target) => Vec::new(),
                target => {
                    let at = region.resolve(relation.target, &target);
                    match at.filter(|at| region.arena(relation.target).is_loaded(*at)) {
                        Some(at) => vec![at],
                        None if relation.may_be_missing => Vec::new(),
                        None => return Err(not_loaded()),
                    }
                }
            },
            false if below.is_part() => region.links().part(region, id, cell.at).ok_or_else(not_loaded)?,
            false => region.links().items(region, id, cell.at).ok_or_else(not_loaded)?,
        };
        for at in targets {
            check_shape(region, CellId { entity: relation.target, at }, below)?;
        }
    }
    Ok(())
}

impl<T: Entity, P: 'static> Deref for Loaded<T, P> {
    type Target = T::Handle<P>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T: Entity, P: 'static> Clone for Loaded<T, P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Identity: the same instance of the same context.
impl<T: Entity, P: 'static, Q: 'static> PartialEq<Loaded<T, Q>> for Loaded<T, P> {
    fn eq(&self, other: &Loaded<T, Q>) -> bool {
        self.core().at == other.core().at && Arc::ptr_eq(self.region(), other.region())
    }
}

impl<T: Entity, P: 'static> Eq for Loaded<T, P> {}

impl<T: Entity, P: 'static> Hash for Loaded<T, P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.region().id().hash(state);
        self.core().at.hash(state);
    }
}

/// The entity's own fields, hidden ones left out; related entities by key, so it always ends.
impl<T: Entity, P: 'static> fmt::Debug for Loaded<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.core(), f)
    }
}

/// The items of a populated to-many relation, as they are when the accessor is called. A slice of handles.
pub struct LoadedCollection<T: Entity, P: 'static = <T as Entity>::Nothing> {
    items: Vec<Loaded<T, P>>,
}

impl<T: Entity, P: 'static> LoadedCollection<T, P> {
    pub(crate) fn new(items: Vec<Loaded<T, P>>) -> Self {
        Self { items }
    }

    /// Whether `item` is among them.
    #[must_use]
    pub fn contains<Q: 'static>(&self, item: &Loaded<T, Q>) -> bool {
        self.items.iter().any(|one| one == item)
    }
}

impl<T: Entity, P: 'static> Deref for LoadedCollection<T, P> {
    type Target = [Loaded<T, P>];

    fn deref(&self) -> &[Loaded<T, P>] {
        &self.items
    }
}

impl<T: Entity, P: 'static> Clone for LoadedCollection<T, P> {
    fn clone(&self) -> Self {
        Self { items: self.items.clone() }
    }
}

impl<T: Entity, P: 'static> fmt::Debug for LoadedCollection<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.items).finish()
    }
}

impl<T: Entity, P: 'static> IntoIterator for LoadedCollection<T, P> {
    type Item = Loaded<T, P>;
    type IntoIter = std::vec::IntoIter<Loaded<T, P>>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T: Entity, P: 'static> IntoIterator for &'a LoadedCollection<T, P> {
    type Item = &'a Loaded<T, P>;
    type IntoIter = std::slice::Iter<'a, Loaded<T, P>>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}
