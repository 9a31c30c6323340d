//! Relations of one entity in its context: what `book.author_ref()` and `jon.books_ref()` return.
//!
//! Loading is written in `populate::lazy`; this file has what needs no await.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use super::{ErasedReference, Ref, Target};
use crate::activity::called_at;
use crate::entity::{CellId, Entity, Key, Loaded, LoadedCollection, Region, RelationField};
use crate::error::{EntityKey, Error, Result};
use crate::metadata::{EntityId, RelationId};
use crate::populate::{Tallying, item_cell};
use crate::unit_of_work::{Adoption, Mode};

/// A to-one relation of one entity in its context, or a reference made by
/// [`get_reference`](crate::EntityManager::get_reference).
///
/// It follows the field: after an assignment it leads to the new target.
pub struct BoundRef<T: Entity> {
    region: Arc<Region>,
    source: Source,
    marker: PhantomData<fn() -> T>,
}

/// Where a [`BoundRef`] gets its target from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// The field of an entity.
    Field(CellId, usize),
    /// This cell.
    Cell(CellId),
}

impl<T: Entity> BoundRef<T> {
    pub(crate) fn of(region: Arc<Region>, owner: CellId, relation: usize) -> Self {
        Self { region, source: Source::Field(owner, relation), marker: PhantomData }
    }

    pub(crate) fn to(region: Arc<Region>, cell: CellId) -> Self {
        Self { region, source: Source::Cell(cell), marker: PhantomData }
    }

    pub(crate) fn region(&self) -> &Arc<Region> {
        &self.region
    }

    pub(crate) fn source(&self) -> Source {
        self.source
    }

    pub(crate) fn target(&self) -> Target {
        match self.source {
            Source::Field(owner, relation) => self.region.arena(owner.entity).target(owner.at, relation),
            Source::Cell(cell) => self.region.target_to(cell),
        }
    }

    pub(crate) fn target_entity(&self) -> EntityId {
        match self.source {
            Source::Field(owner, index) => {
                self.region.metadata().relation(RelationId { entity: owner.entity, index }).target
            }
            Source::Cell(cell) => cell.entity,
        }
    }

    /// The cell that it leads to; a bare reference if only its key is known. `None` if it is unset or foreign.
    pub(crate) fn cell(&self) -> Option<CellId> {
        let entity = self.target_entity();
        let at = match self.target() {
            Target::Key(key) => self.region.arena(entity).find_or_reference(&key)?,
            other => self.region.resolve(entity, &other)?,
        };
        Some(CellId { entity, at })
    }

    /// Whether it points to anything.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.target() != Target::Unset
    }

    /// The key that it points to; `None` if it is unset, or its target has no key yet.
    #[must_use]
    pub fn key(&self) -> Option<T::Key> {
        let values = match self.target() {
            Target::Key(values) => values,
            Target::Cell(cell) if cell.context == self.region.id() => self.region.key(cell.id)?,
            Target::Cell(_) | Target::Unset | Target::New | Target::Invalid(_) => return None,
        };
        T::Key::__from_values(&mut values.into_iter()).ok()
    }

    /// Whether the context has the entity, so that [`get`](Self::get) answers.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        let entity = self.target_entity();
        let at = self.region.resolve(entity, &self.target());
        at.is_some_and(|at| self.region.arena(entity).is_loaded(at))
    }

    /// The entity, if the context has it. Sends no statement.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`], and [`Error::RequiredRelation`] when it points to nothing.
    pub fn get(&self) -> Result<Loaded<T>> {
        let entity = self.target_entity();
        let target = self.target();
        if target == Target::Unset {
            return Err(self.unset());
        }
        match self.region.resolve(entity, &target) {
            Some(at) if self.region.arena(entity).is_loaded(at) => {
                Ok(Loaded::new(Arc::clone(&self.region), CellId { entity, at }))
            }
            Some(_) | None => Err(self.not_loaded()),
        }
    }

    /// A [`Ref`] to the same target, for a field.
    #[must_use]
    pub fn to_ref(&self) -> Ref<T> {
        match (self.key(), self.target()) {
            (key, Target::Cell(cell)) => Ref::cell(cell, key),
            (Some(key), _) => Ref::key(key),
            (None, _) => Ref::default(),
        }
    }

    pub(crate) fn unset(&self) -> Error {
        let (key, relation) = self.place();
        Error::RequiredRelation { key, relation }
    }

    fn not_loaded(&self) -> Error {
        let (key, relation) = self.place();
        Error::NotLoaded { key, relation }
    }

    fn place(&self) -> (EntityKey, &'static str) {
        match self.source {
            Source::Field(owner, index) => {
                (self.region.name(owner), self.region.entity(owner.entity).relations[index].name)
            }
            Source::Cell(cell) => (self.region.name(cell), "get_reference"),
        }
    }
}

impl<T: Entity> Clone for BoundRef<T> {
    fn clone(&self) -> Self {
        Self { region: Arc::clone(&self.region), source: self.source, marker: PhantomData }
    }
}

/// Equal if both lead to the same row of the same context, as far as the context knows.
impl<T: Entity> PartialEq for BoundRef<T> {
    fn eq(&self, other: &Self) -> bool {
        if !Arc::ptr_eq(&self.region, &other.region) {
            return false;
        }
        let (one, two) = (self.target(), other.target());
        let leads = |target: &Target| self.region.resolve(self.target_entity(), target);
        one == two || leads(&one).is_some_and(|at| leads(&two) == Some(at))
    }
}

impl<T: Entity> fmt::Debug for BoundRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_ref().fmt(f)
    }
}

impl<T: Entity> From<&BoundRef<T>> for Ref<T> {
    fn from(reference: &BoundRef<T>) -> Self {
        reference.to_ref()
    }
}

impl<T: Entity> From<&BoundRef<T>> for Option<Ref<T>> {
    fn from(reference: &BoundRef<T>) -> Self {
        reference.is_set().then(|| reference.to_ref())
    }
}

impl<T: Entity> From<BoundRef<T>> for Ref<T> {
    fn from(reference: BoundRef<T>) -> Self {
        reference.to_ref()
    }
}

macro_rules! bound {
    ($name:ident) => {
        impl<R: RelationField> $name<R> {
            pub(crate) fn of(region: Arc<Region>, owner: CellId) -> Self {
                Self { region, owner, marker: PhantomData }
            }

            pub(crate) fn region(&self) -> &Arc<Region> {
                &self.region
            }

            pub(crate) fn owner(&self) -> CellId {
                self.owner
            }

            pub(crate) fn relation(&self) -> RelationId {
                RelationId { entity: self.owner.entity, index: R::INDEX }
            }

            pub(crate) fn not_loaded(&self) -> Error {
                Error::NotLoaded { key: self.region.name(self.owner), relation: R::NAME }
            }

            /// Whether the context knows what it holds.
            #[must_use]
            pub fn is_loaded(&self) -> bool {
                self.region.links().is_loaded(&self.region, self.relation(), self.owner.at)
            }

            /// Refuses to change what is known in part alone.
            fn check_whole(&self) -> Result<()> {
                match self.region.links().is_part(&self.region, self.relation(), self.owner.at) {
                    true => {
                        Err(Error::PartialCollection { key: self.region.name(self.owner), relation: R::NAME })
                    }
                    false => Ok(()),
                }
            }

            fn handles(&self) -> Result<Vec<Loaded<R::Target>>> {
                self.region.loaded_items(self.owner, self.relation())
            }

            /// Resolves items to write and hands their cells to `check`; takes in what is new among them only if all is
            /// well.
            fn take_in(
                &self,
                mut items: Vec<Ref<R::Target>>,
                check: impl FnOnce(&Region, &[u32]) -> Result<()>,
            ) -> Result<Vec<u32>> {
                if !self.region.is_live(self.owner) {
                    return Err(Error::Detached { key: self.region.name(self.owner) });
                }
                self.check_whole()?;
                let entity = self.region.metadata().relation(self.relation()).target;
                let mut adoption = Adoption::new(&self.region, Mode::Persist);
                items.iter_mut().for_each(|item| adoption.field(entity, item));
                let cells = items.iter().map(|item| {
                    let key = item.key().unwrap_or_default();
                    let name = EntityKey::new(self.region.entity(entity).name, key);
                    self.region.item(self.relation(), self.owner, item.target(), name)
                });
                let checked = cells.collect::<Result<Vec<u32>>>().and_then(|cells| {
                    check(&self.region, &cells)?;
                    Ok(cells)
                });
                match (checked, adoption.take_error()) {
                    (Ok(cells), None) => adoption.finish().map(|()| cells),
                    (_, Some(error)) | (Err(error), None) => {
                        adoption.forget();
                        Err(error)
                    }
                }
            }

            /// Makes `items` the whole content.
            fn set_all(&self, items: Vec<Ref<R::Target>>) -> Result<()> {
                self.check_whole()?;
                if !self.is_loaded() {
                    return Err(self.not_loaded());
                }
                let (owner, relation) = (self.owner, self.relation());
                let items =
                    self.take_in(items, |region, items| region.check_items(owner, relation, items))?;
                self.region.set_checked_items(owner, relation, &items);
                Ok(())
            }
        }

        impl<R: RelationField> Clone for $name<R> {
            fn clone(&self) -> Self {
                Self::of(Arc::clone(&self.region), self.owner)
            }
        }

        impl<R: RelationField> fmt::Debug for $name<R> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}.{}", self.region.name(self.owner), R::NAME)
            }
        }
    };
}

/// A to-many relation of one entity in its context.
pub struct BoundCollection<R: RelationField> {
    region: Arc<Region>,
    owner: CellId,
    marker: PhantomData<fn() -> R>,
}

bound!(BoundCollection);

impl<R: RelationField> BoundCollection<R> {
    /// The items, if the context knows them. Sends no statement.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`].
    pub fn items(&self) -> Result<LoadedCollection<R::Target>> {
        self.handles().map(LoadedCollection::new)
    }

    /// Whether a query populated a part of it, by `Author::BOOKS.filter(..)` and the like, and nobody loaded all of it:
    /// then it is read-only.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.region.links().is_part(&self.region, self.relation(), self.owner.at)
    }

    /// Adds an item: a handle, a [`Ref`], or a new value, which is persisted with it. The other side follows at
    /// once; the database with the next flush. An item that is in already stays as it is. The collection need not be
    /// loaded.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignEntity`], [`Error::Detached`], [`Error::Relation`] for an item given by key alone whose
    /// foreign key is not loaded, and [`Error::PartialCollection`].
    pub fn add(&self, item: impl Into<Ref<R::Target>>) -> Result<()> {
        let (owner, relation) = (self.owner, self.relation());
        let check = |region: &Region, items: &[u32]| {
            items.iter().try_for_each(|item| region.check_link(owner, relation, *item))
        };
        let items = self.take_in(vec![item.into()], check)?;
        items.into_iter().try_for_each(|item| self.region.link_item(owner, relation, item))
    }

    /// Takes an item out. The entity itself stays; to delete it use [`EntityManager::remove`](crate::EntityManager::remove).
    /// An item that is not in is ignored. The collection need not be loaded.
    ///
    /// # Errors
    ///
    /// [`Error::RequiredOwner`] when the item can't be without an owner, [`Error::ForeignEntity`],
    /// [`Error::Detached`], [`Error::PartialCollection`].
    pub fn remove(&self, item: impl Into<Ref<R::Target>>) -> Result<()> {
        let items = self.take_in(vec![item.into()], |_, _| Ok(()))?;
        items.into_iter().try_for_each(|item| self.region.unlink_item(self.owner, self.relation(), item))
    }

    /// Makes `items` the whole content, in this order.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] when the present content is not known; otherwise as [`add`](Self::add) and
    /// [`remove`](Self::remove).
    pub fn set<I>(&self, items: I) -> Result<()>
    where
        I: IntoIterator,
        I::Item: Into<Ref<R::Target>>,
    {
        self.set_all(items.into_iter().map(Into::into).collect())
    }

    /// How many items there are. Where they are not loaded the database is asked, without loading them: for this entity
    /// and for all that came from the same query, so that a loop costs one statement. What waits to be written counts, and
    /// filters hold; the answer is kept until the context writes.
    ///
    /// # Errors
    ///
    /// [`Error::Driver`], [`Error::Detached`], and [`Error::MissingKey`] for an entity that was never flushed.
    #[track_caller]
    pub fn count(&self) -> impl Future<Output = Result<usize>> {
        called_at(Location::caller(), async move {
            let items = self.region.links().items(&self.region, self.relation(), self.owner.at);
            if let Some(items) = items {
                return Ok(items.len());
            }
            let tallying = Tallying::new(&self.region, self.relation(), None)?;
            let count = tallying.count_lazily(self.owner.at).await?;
            Ok(usize::try_from(count).unwrap_or(usize::MAX))
        })
    }

    /// Whether `item`, a handle or a [`Ref`], is in it. Asked as [`count`](Self::count) is; what is not persisted is in no
    /// collection.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignEntity`], and as [`count`](Self::count).
    #[track_caller]
    pub fn contains(&self, item: impl Into<Ref<R::Target>>) -> impl Future<Output = Result<bool>> {
        called_at(Location::caller(), async move {
            let item: Ref<R::Target> = item.into();
            let key = item.key().unwrap_or_default();
            let Some(item) = item_cell(&self.region, self.relation(), item.target(), key)? else {
                return Ok(false);
            };
            let items = self.region.links().items(&self.region, self.relation(), self.owner.at);
            if let Some(items) = items {
                return Ok(items.contains(&item));
            }
            Tallying::new(&self.region, self.relation(), None)?.has_lazily(self.owner.at, item).await
        })
    }
}

/// The one-to-one relation of one entity whose target owns the foreign key.
pub struct BoundInverse<R: RelationField> {
    region: Arc<Region>,
    owner: CellId,
    marker: PhantomData<fn() -> R>,
}

bound!(BoundInverse);

impl<R: RelationField> BoundInverse<R> {
    /// The related entity, if there is one and the context knows. Sends no statement.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`].
    pub fn get(&self) -> Result<Option<Loaded<R::Target>>> {
        Ok(self.handles()?.into_iter().next())
    }

    /// Points the related entity's foreign key here, and lets go of the one that was related before.
    ///
    /// # Errors
    ///
    /// As [`BoundCollection::set`].
    pub fn set<I>(&self, item: Option<I>) -> Result<()>
    where
        I: Into<Ref<R::Target>>,
    {
        self.set_all(item.into_iter().map(Into::into).collect())
    }
}
