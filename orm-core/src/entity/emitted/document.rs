//! What emitted code calls for fields with `embedded = json`: as for other scalar fields, by the same names.

use serde::Serialize;
use serde::ser::SerializeSeq;

use crate::entity::{Cursor, Embeddable, ReadError};
use crate::metadata::description::PropertyShape;
use crate::serialize::AsObject;
use crate::value::document::{self, Document, Json};
use crate::value::{ColumnType, Value, ValueError};

/// A field that is kept as JSON.
pub trait Scalar {
    /// What is kept.
    type Document: Document;
    /// The field's type: that, or an `Option` of it.
    type Value: Holds<Self::Document>;
}

/// A `T`, or an `Option` of one.
pub trait Holds<T>: Clone {
    #[doc(hidden)]
    const NULLABLE: bool;

    #[doc(hidden)]
    fn get(&self) -> Option<&T>;

    #[doc(hidden)]
    fn of(document: Option<T>) -> Option<Self>;
}

impl<T: Document> Holds<T> for T {
    const NULLABLE: bool = false;

    fn get(&self) -> Option<&T> {
        Some(self)
    }

    fn of(document: Option<T>) -> Option<Self> {
        document
    }
}

impl<T: Document> Holds<T> for Option<T> {
    const NULLABLE: bool = true;

    fn get(&self) -> Option<&T> {
        self.as_ref()
    }

    fn of(document: Option<T>) -> Option<Self> {
        Some(document)
    }
}

/// What the column stores.
#[must_use]
pub const fn shape<C: Scalar>() -> PropertyShape {
    let nullable = <C::Value as Holds<C::Document>>::NULLABLE;
    PropertyShape::Scalar { column_type: ColumnType::Json, nullable }
}

/// Reads the field from a row.
///
/// # Errors
///
/// [`ReadError`] when the stored value does not fit.
pub fn read<C: Scalar>(row: &mut Cursor<'_>) -> Result<C::Value, ReadError> {
    let null = row.unexpected_null("JSON");
    let document: Option<Json<C::Document>> = row.scalar()?;
    C::Value::of(document.map(|document| document.0)).ok_or(null)
}

/// The value to bind.
///
/// # Errors
///
/// [`ValueError`] when it can't be written as JSON.
pub fn value<C: Scalar>(field: &C::Value) -> Result<Value, ValueError> {
    field.get().map_or(Ok(Value::Null), document::write)
}

/// Sets the field to such a value.
///
/// # Errors
///
/// [`ValueError`] when the value does not fit.
pub fn set<C: Scalar>(field: &mut C::Value, value: Value) -> Result<(), ValueError> {
    let document: Option<Json<C::Document>> = crate::FieldValue::from_value(value)?;
    let document = C::Value::of(document.map(|document| document.0));
    *field = document.ok_or(ValueError::UnexpectedNull { expected: "JSON" })?;
    Ok(())
}

/// Whether both are stored alike.
pub fn same<C: Scalar>(a: &C::Value, b: &C::Value) -> bool {
    match (a.get(), b.get()) {
        (Some(a), Some(b)) => document::same(a, b),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Copies the field.
pub fn copy<C: Scalar>(field: &mut C::Value, from: &C::Value) {
    field.clone_from(from);
}

/// What is kept, for responses.
pub fn get<C: Scalar>(field: &C::Value) -> Option<Shown<'_, C::Document>> {
    field.get().map(Shown)
}

/// A document in a response. What derives `Embeddable` is written as it is where its fields are columns, so that what
/// is hidden there is hidden here; methods of the type come before those of [`AsSerde`], which has the rest.
#[derive(Debug)]
pub struct Shown<'a, T>(&'a T);

impl<E: Embeddable> Shown<'_, E> {
    /// An object without what is hidden.
    #[must_use]
    pub fn shown(&self) -> AsObject<'_, E> {
        AsObject(self.0)
    }
}

impl<E: Embeddable> Shown<'_, Vec<E>> {
    /// Objects without what is hidden.
    #[must_use]
    pub fn shown(&self) -> AsObjects<'_, E> {
        AsObjects(self.0)
    }
}

/// What `serde` makes of a document.
pub trait AsSerde<T> {
    /// As it is stored.
    fn shown(&self) -> &T;
}

impl<T> AsSerde<T> for Shown<'_, T> {
    fn shown(&self) -> &T {
        self.0
    }
}

/// A list of embeddable structs.
#[derive(Debug)]
pub struct AsObjects<'a, E>(&'a [E]);

impl<E: Embeddable> Serialize for AsObjects<'_, E> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for one in self.0 {
            list.serialize_element(&AsObject(one))?;
        }
        list.end()
    }
}
