//! Handles as responses: the shape comes from the type, never from what else the context has loaded.
//!
//! A populated relation is written out, one level for each level of the record, so cycles end. A to-one relation
//! that is not populated is written as its key, a to-many one is left out. Fields marked `hidden` never appear.

use serde::ser::{Serialize, SerializeSeq, Serializer};

pub use serde::ser::SerializeMap;

use crate::entity::{
    Core, Embeddable, Entity, Extent, Loaded, LoadedCollection, NewEntity, RelationField, With, Without,
};
use crate::error::Error;
use crate::relation::ReferenceField;
use crate::value::{AsSerialize, FieldValue};

/// A record that can write entity `T` as a response.
pub trait SerializeRecord<T: Entity>: Sized + 'static {
    /// Writes the entity's fields into `map`.
    #[doc(hidden)]
    fn __serialize<M: SerializeMap>(entity: &T, core: &Core<T, Self>, map: &mut M) -> Result<(), M::Error>;
}

impl<T: Entity> SerializeRecord<T> for NewEntity {
    fn __serialize<M: SerializeMap>(entity: &T, core: &Core<T, Self>, map: &mut M) -> Result<(), M::Error> {
        entity.__serialize_new(core, map)
    }
}

/// A slot that can write relation `R` as a part of a response.
pub trait SerializeSlot<R: RelationField> {
    /// Writes a to-one relation that owns its foreign key; `field` holds it.
    #[doc(hidden)]
    fn __reference<F, P, M>(
        field: &F,
        core: &Core<R::Owner, P>,
        name: &'static str,
        map: &mut M,
    ) -> Result<(), M::Error>
    where
        F: ReferenceField<Target = R::Target>,
        P: 'static,
        M: SerializeMap;

    /// Writes a relation that the target owns, or a many-to-many one.
    #[doc(hidden)]
    fn __related<P, M>(core: &Core<R::Owner, P>, name: &'static str, map: &mut M) -> Result<(), M::Error>
    where
        P: 'static,
        M: SerializeMap;
}

impl<R: RelationField> SerializeSlot<R> for Without {
    fn __reference<F, P, M>(
        field: &F,
        core: &Core<R::Owner, P>,
        name: &'static str,
        map: &mut M,
    ) -> Result<(), M::Error>
    where
        F: ReferenceField<Target = R::Target>,
        P: 'static,
        M: SerializeMap,
    {
        map.serialize_entry(name, &core.key_of(field).as_ref().map(crate::entity::SerializeKey))
    }

    fn __related<P, M>(_: &Core<R::Owner, P>, _: &'static str, _: &mut M) -> Result<(), M::Error>
    where
        P: 'static,
        M: SerializeMap,
    {
        Ok(())
    }
}

impl<R, N, K> SerializeSlot<R> for With<N, K>
where
    R: RelationField,
    N: SerializeRecord<R::Target>,
    K: Extent,
{
    fn __reference<F, P, M>(
        _: &F,
        core: &Core<R::Owner, P>,
        name: &'static str,
        map: &mut M,
    ) -> Result<(), M::Error>
    where
        F: ReferenceField<Target = R::Target>,
        P: 'static,
        M: SerializeMap,
    {
        let target = core.try_populated_reference::<R, N>().map_err(refuse)?;
        map.serialize_entry(name, &target)
    }

    fn __related<P, M>(core: &Core<R::Owner, P>, name: &'static str, map: &mut M) -> Result<(), M::Error>
    where
        P: 'static,
        M: SerializeMap,
    {
        if R::TO_MANY {
            let items = core.try_populated_collection::<R, Self>().map_err(refuse)?;
            map.serialize_entry(name, &items)
        } else {
            let target = core.try_populated_reference::<R, N>().map_err(refuse)?;
            map.serialize_entry(name, &target)
        }
    }
}

fn refuse<E: serde::ser::Error>(error: Error) -> E {
    E::custom(error)
}

/// Writes one scalar field.
#[doc(hidden)]
pub fn serialize_field<V: FieldValue, M: SerializeMap>(
    field: &V,
    name: &'static str,
    map: &mut M,
) -> Result<(), M::Error> {
    map.serialize_entry(name, &AsSerialize(field))
}

/// An embedded struct, as an object of its own.
#[doc(hidden)]
#[derive(Debug)]
pub struct AsObject<'a, E>(pub(crate) &'a E);

impl<E: Embeddable> Serialize for AsObject<'_, E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.__serialize(&mut map)?;
        map.end()
    }
}

impl<T: Entity, P: SerializeRecord<T>> Serialize for Loaded<T, P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        P::__serialize(&self.get(), self.core(), &mut map)?;
        map.end()
    }
}

impl<T: Entity, P: SerializeRecord<T>> Serialize for LoadedCollection<T, P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.len()))?;
        for item in self.iter() {
            sequence.serialize_element(item)?;
        }
        sequence.end()
    }
}
