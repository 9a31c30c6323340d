//! Structs whose fields are columns of the entity that has them.
//!
//! What the derive implements is told where the struct's properties begin among those of the entity, so it works as
//! deep as structs are nested. Each field is compared, merged and written by itself; a struct that may be absent comes
//! and goes as a whole.

use super::{Cursor, MadeValue, PropertySet, ReadError};
use crate::condition::{Embedded, Field, FieldOf};
use crate::metadata::embedded::EmbeddableDescription;
use crate::serialize::SerializeMap;
use crate::value::{Value, ValueError};

/// A struct that is not a table of its own: its fields are columns of the entities that have it, or it is kept in a
/// column as JSON. Derive it: [`#[derive(Embeddable)]`](macro@crate::Embeddable).
///
/// The items are the derive's business.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be embedded",
    label = "this type does not derive `Embeddable`",
    note = "embedded is a struct with `#[derive(Embeddable, Clone)]`, or an `Option` of one"
)]
pub trait Embeddable: Sized + Clone + Send + Sync + 'static {
    #[doc(hidden)]
    const __DESCRIPTION: &'static EmbeddableDescription;

    /// The values that the ORM makes; properties count from the first of the struct.
    #[doc(hidden)]
    const __MADE: &'static [MadeValue] = &[];

    /// Reads all properties, in order, from the cursor.
    #[doc(hidden)]
    fn __hydrate(row: &mut Cursor<'_>) -> Result<Self, ReadError>;

    /// The value of a property, counted from the first of the struct.
    #[doc(hidden)]
    fn __value(&self, property: usize) -> Result<Value, ValueError>;

    /// Sets a property, counted from the first of the struct.
    #[doc(hidden)]
    fn __set_value(&mut self, property: usize, value: Value) -> Result<(), ValueError>;

    /// Adds the properties in which the two differ; the struct's begin with `first`.
    #[doc(hidden)]
    fn __diff(&self, other: &Self, first: usize, changed: &mut PropertySet);

    /// Copies those of the properties that are the struct's, which begin with `first`.
    #[doc(hidden)]
    fn __copy(&mut self, from: &Self, first: usize, properties: &PropertySet);

    /// Copies the fields that are `#[embeddable(skip)]`.
    #[doc(hidden)]
    fn __copy_skipped(&mut self, from: &Self);

    /// Writes the fields that are not hidden into a response.
    #[doc(hidden)]
    fn __serialize<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}

/// The type of an embedded field: an [`Embeddable`], or an `Option` of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be embedded",
    label = "this type does not derive `Embeddable`",
    note = "embedded is a struct with `#[derive(Embeddable, Clone)]`, or an `Option` of one"
)]
pub trait EmbeddedValue: Sized + Clone + Send + Sync + 'static {
    /// The struct.
    type Embeddable: Embeddable;
    /// What a field of the struct is as a field of `T`: of an absent struct it is NULL.
    type Reached<T, F: FieldOf<Self::Embeddable>>;

    /// An `Option`.
    #[doc(hidden)]
    const __NULLABLE: bool;

    #[doc(hidden)]
    fn __reach<T: crate::Entity, F: FieldOf<Self::Embeddable>>(
        embedded: Embedded<T, Self>,
        field: F,
    ) -> Self::Reached<T, F>;

    #[doc(hidden)]
    fn __read(row: &mut Cursor<'_>) -> Result<Self, ReadError>;

    /// The struct, where it is there.
    #[doc(hidden)]
    fn __get(&self) -> Option<&Self::Embeddable>;

    /// As [`__get`](Self::__get), to be changed.
    #[doc(hidden)]
    fn __get_mut(&mut self) -> Option<&mut Self::Embeddable>;
}

impl<E: Embeddable> EmbeddedValue for E {
    type Embeddable = E;
    type Reached<T, F: FieldOf<E>> = F::Of<T>;

    const __NULLABLE: bool = false;

    fn __reach<T: crate::Entity, F: FieldOf<E>>(embedded: Embedded<T, Self>, field: F) -> F::Of<T> {
        field.__of(embedded.first())
    }

    fn __read(row: &mut Cursor<'_>) -> Result<Self, ReadError> {
        E::__hydrate(row)
    }

    fn __get(&self) -> Option<&E> {
        Some(self)
    }

    fn __get_mut(&mut self) -> Option<&mut E> {
        Some(self)
    }
}

/// Absent where all its columns are NULL.
impl<E: Embeddable> EmbeddedValue for Option<E> {
    type Embeddable = E;
    type Reached<T, F: FieldOf<E>> = F::OptionalOf<T>;

    const __NULLABLE: bool = true;

    fn __reach<T: crate::Entity, F: FieldOf<E>>(embedded: Embedded<T, Self>, field: F) -> F::OptionalOf<T> {
        field.__optional_of(embedded.first())
    }

    fn __read(row: &mut Cursor<'_>) -> Result<Self, ReadError> {
        let properties = count::<E>();
        if row.is_null(properties)? {
            row.skip_properties(properties);
            return Ok(None);
        }
        E::__hydrate(row).map(Some)
    }

    fn __get(&self) -> Option<&E> {
        self.as_ref()
    }

    fn __get_mut(&mut self) -> Option<&mut E> {
        self.as_mut()
    }
}

/// How many properties the struct is.
pub(crate) const fn count<E: Embeddable>() -> usize {
    E::__DESCRIPTION.properties.len()
}

/// Whether all that would be stored is NULL, as of a struct that is absent.
pub(crate) fn is_absent<E: Embeddable>(value: Option<&E>) -> bool {
    value.is_none_or(|value| {
        (0..count::<E>()).all(|property| value.__value(property).is_ok_and(|value| value.is_null()))
    })
}

/// A field of the struct `E`: what [`Embedded::field`] takes.
impl<E: Embeddable, V: crate::value::Nullable> FieldOf<E> for Field<E, V> {
    type Of<T> = Field<T, V>;
    type OptionalOf<T> = Field<T, V::Optional>;

    fn __of<T: crate::Entity>(self, first: usize) -> Field<T, V> {
        property(first + self.property())
    }

    fn __optional_of<T: crate::Entity>(self, first: usize) -> Field<T, V::Optional> {
        property(first + self.property())
    }
}

impl<E: Embeddable, W: EmbeddedValue> FieldOf<E> for Embedded<E, W> {
    type Of<T> = Embedded<T, W>;
    type OptionalOf<T> = Embedded<T, Option<W::Embeddable>>;

    fn __of<T: crate::Entity>(self, first: usize) -> Embedded<T, W> {
        Embedded::__new(first + self.first(), self.name())
    }

    fn __optional_of<T: crate::Entity>(self, first: usize) -> Embedded<T, Option<W::Embeddable>> {
        Embedded::__new(first + self.first(), self.name())
    }
}

fn property<T: crate::Entity, V>(index: usize) -> Field<T, V> {
    let name = T::__DESCRIPTION.properties.get(index).map_or("?", |property| property.name);
    Field::__new(index, name)
}
