//! What `persist`, `remove`, `merge` and `populate` take.

use std::any::Any;
use std::sync::Arc;

use crate::entity::{CellId, Entity, Loaded, LoadedCollection, NewEntity, Region, State, Writable};
use crate::error::{Error, Result};
use crate::relation::BoundRef;
use crate::unit_of_work::{Adoption, Mode};

/// What [`persist`](crate::EntityManager::persist) takes: a value, or a handle.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be persisted",
    label = "neither an entity nor a handle of one",
    note = "pass the struct itself, or a reference to a handle"
)]
pub trait Persist {
    /// The handle.
    type Out;

    #[doc(hidden)]
    fn __persist(self, region: &Arc<Region>) -> Result<Self::Out>;
}

impl<T: Writable> Persist for T {
    type Out = Loaded<T, NewEntity>;

    fn __persist(self, region: &Arc<Region>) -> Result<Self::Out> {
        take_in(region, self, Mode::Persist).map(|cell| Loaded::new(Arc::clone(region), cell))
    }
}

impl<T: Writable, P: 'static> Persist for &Loaded<T, P> {
    type Out = Loaded<T, P>;

    fn __persist(self, region: &Arc<Region>) -> Result<Self::Out> {
        check_own(region, self)?;
        region.restore(self.cell_id())?;
        Ok(self.clone())
    }
}

impl<T: Writable, P: 'static> Persist for Loaded<T, P> {
    type Out = Self;

    fn __persist(self, region: &Arc<Region>) -> Result<Self> {
        (&self).__persist(region)
    }
}

/// Whether the row of an entity with `#[entity(soft_delete)]` stays.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It stays, and says when it was deleted.
    AsDeclared,
    /// It goes.
    ForGood,
}

impl Region {
    fn remove_as(&self, cell: CellId, removal: Removal) -> Result<()> {
        match removal {
            Removal::AsDeclared => self.remove(cell),
            Removal::ForGood => self.remove_for_good(cell),
        }
    }
}

/// What [`remove`](crate::EntityManager::remove) takes: a handle, or a reference.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be removed",
    label = "neither a handle nor a reference",
    note = "pass a reference to a handle, or to what `get_reference` returned"
)]
pub trait Remove {
    #[doc(hidden)]
    fn __remove(self, region: &Arc<Region>, removal: Removal) -> Result<()>;
}

impl<T: Writable, P: 'static> Remove for &Loaded<T, P> {
    fn __remove(self, region: &Arc<Region>, removal: Removal) -> Result<()> {
        check_own(region, self)?;
        region.remove_as(self.cell_id(), removal)
    }
}

impl<T: Writable, P: 'static> Remove for Loaded<T, P> {
    fn __remove(self, region: &Arc<Region>, removal: Removal) -> Result<()> {
        (&self).__remove(region, removal)
    }
}

impl<T: Writable> Remove for &BoundRef<T> {
    fn __remove(self, region: &Arc<Region>, removal: Removal) -> Result<()> {
        region.remove_as(check_own_reference(region, self)?, removal)
    }
}

impl<T: Writable> Remove for BoundRef<T> {
    fn __remove(self, region: &Arc<Region>, removal: Removal) -> Result<()> {
        (&self).__remove(region, removal)
    }
}

/// What [`merge`](crate::EntityManager::merge) takes: a value, or a handle of another context.
pub trait Merge {
    /// The entity.
    type Entity: Entity;

    #[doc(hidden)]
    fn __merge(self, region: &Arc<Region>) -> Result<Loaded<Self::Entity>>;
}

impl<T: Writable> Merge for T {
    type Entity = T;

    fn __merge(self, region: &Arc<Region>) -> Result<Loaded<T>> {
        take_in(region, self, Mode::Merge).map(|cell| Loaded::new(Arc::clone(region), cell))
    }
}

impl<T: Writable, P: 'static> Merge for &Loaded<T, P> {
    type Entity = T;

    fn __merge(self, region: &Arc<Region>) -> Result<Loaded<T>> {
        if Arc::ptr_eq(region, self.region()) && region.state(self.cell_id()) != State::Detached {
            return Ok(self.without_hints());
        }
        T::clone(&self.get()).__merge(region)
    }
}

fn take_in<T: Entity>(region: &Region, value: T, mode: Mode) -> Result<CellId> {
    let (entity, _) = region.arena_of::<T>()?;
    let mut adoption = Adoption::new(region, mode);
    let value: Box<dyn Any + Send> = Box::new(value);
    let cell = adoption.value(entity, value);
    adoption.finish()?;
    Ok(cell.id)
}

/// Whether a handle is of this context.
///
/// # Errors
///
/// [`Error::Detached`] if its context was cleared or its row deleted, [`Error::ForeignEntity`] if it is of another.
pub(crate) fn check_own<T: Entity, P: 'static>(region: &Arc<Region>, entity: &Loaded<T, P>) -> Result<()> {
    let key = || entity.region().name(entity.cell_id());
    if Arc::ptr_eq(region, entity.region()) {
        if region.state(entity.cell_id()) == State::Detached {
            return Err(Error::Detached { key: key() });
        }
        return Ok(());
    }
    if entity.region().is_detached() {
        return Err(Error::Detached { key: key() });
    }
    Err(Error::ForeignEntity { key: key(), expected: region.id(), found: entity.region().id() })
}

/// Where a reference of this context leads.
///
/// # Errors
///
/// [`Error::ForeignEntity`] if it is of another context, [`Error::RequiredRelation`] if it leads nowhere.
pub(crate) fn check_own_reference<T: Entity>(
    region: &Arc<Region>,
    reference: &BoundRef<T>,
) -> Result<CellId> {
    let Some(cell) = reference.cell() else { return Err(reference.unset()) };
    if !Arc::ptr_eq(region, reference.region()) {
        return Err(Error::ForeignEntity {
            key: reference.region().name(cell),
            expected: region.id(),
            found: reference.region().id(),
        });
    }
    Ok(cell)
}

/// What [`populate`](crate::EntityManager::populate) takes: a handle, or a list of them.
pub trait Handles<T: Entity, P: 'static> {
    /// The same with another record.
    type Out<Q: 'static>;

    #[doc(hidden)]
    fn list(&self) -> &[Loaded<T, P>];

    #[doc(hidden)]
    fn rebuild<Q: 'static>(&self, make: impl Fn(&Loaded<T, P>) -> Loaded<T, Q>) -> Self::Out<Q>;
}

impl<T: Entity, P: 'static> Handles<T, P> for &Loaded<T, P> {
    type Out<Q: 'static> = Loaded<T, Q>;

    fn list(&self) -> &[Loaded<T, P>] {
        std::slice::from_ref(self)
    }

    fn rebuild<Q: 'static>(&self, make: impl Fn(&Loaded<T, P>) -> Loaded<T, Q>) -> Loaded<T, Q> {
        make(self)
    }
}

macro_rules! list {
    ($($type:ty),+) => { $(
        impl<T: Entity, P: 'static> Handles<T, P> for $type {
            type Out<Q: 'static> = Vec<Loaded<T, Q>>;

            fn list(&self) -> &[Loaded<T, P>] {
                self
            }

            fn rebuild<Q: 'static>(&self, make: impl Fn(&Loaded<T, P>) -> Loaded<T, Q>) -> Vec<Loaded<T, Q>> {
                self.iter().map(make).collect()
            }
        }
    )+ };
}

list!(&[Loaded<T, P>], &Vec<Loaded<T, P>>, Vec<Loaded<T, P>>, &LoadedCollection<T, P>, LoadedCollection<T, P>);
