//! What emitted code calls for scalar fields, and asks at compile time.
//!
//! Everything goes through [`Scalar`] and [`RelationField`]: only their impls require that a field's type has a
//! mapping and that a relation's target is an entity. So a type that is neither is one error, at the field's type,
//! and not one for every use of the field.

#[cfg(feature = "serde_json")]
pub mod document;
pub mod embedded;

use std::marker::PhantomData;

use serde::Serializer;

use super::{Cursor, Entity, HookContext, ReadError, RelationField};
use crate::clock::value_at;
use crate::driver::RowReader;
use crate::error::{Error, Result};
use crate::metadata::description::{PropertyShape, RelationShape, owns_relation_back, same_name};
use crate::serialize::{SerializeMap, serialize_field};
use crate::value::{ColumnType, FieldValue, Value, ValueError};

/// A scalar field of an entity, or what is inside a newtype.
///
/// Implemented for private types of the emitted code, so that a public entity may have fields of private types.
pub trait Scalar {
    /// The field's type.
    type Value: FieldValue;
}

/// What the column stores.
#[must_use]
pub const fn shape<C: Scalar>() -> PropertyShape {
    PropertyShape::Scalar { column_type: column_type::<C>(), nullable: is_nullable::<C>() }
}

/// The column's type alone.
#[must_use]
pub const fn column_type<C: Scalar>() -> ColumnType {
    <C::Value as FieldValue>::COLUMN_TYPE
}

/// Whether the column may be NULL.
#[must_use]
pub const fn is_nullable<C: Scalar>() -> bool {
    <C::Value as FieldValue>::NULLABLE
}

/// Whether the column stores an integer.
#[must_use]
pub const fn is_integer<C: Scalar>() -> bool {
    column_type::<C>().is_integer()
}

/// Whether the column stores a date with a time.
#[must_use]
pub const fn is_moment<C: Scalar>() -> bool {
    matches!(column_type::<C>(), ColumnType::DateTime | ColumnType::Timestamp)
}

/// Whether the column can hold the optimistic lock's version.
#[must_use]
pub const fn is_version<C: Scalar>() -> bool {
    column_type::<C>().is_version() && !is_nullable::<C>()
}

/// Whether a database can tell whether the column still holds a value.
#[must_use]
pub const fn is_comparable<C: Scalar>() -> bool {
    !matches!(column_type::<C>(), ColumnType::Json | ColumnType::Array(_))
}

/// Reads the field of an entity from a row.
///
/// # Errors
///
/// [`ReadError`] when the stored value does not fit.
pub fn read<C: Scalar>(row: &mut Cursor<'_>) -> Result<C::Value, ReadError> {
    row.scalar()
}

/// Reads the field of a newtype from a row.
///
/// # Errors
///
/// [`ValueError`] when the stored value does not fit.
pub fn read_value<C: Scalar>(row: &dyn RowReader, index: usize) -> Result<C::Value, ValueError> {
    C::Value::read(row, index)
}

/// The value to bind.
///
/// # Errors
///
/// [`ValueError`] when no column could hold it.
pub fn value<C: Scalar>(field: &C::Value) -> Result<Value, ValueError> {
    field.to_value()
}

/// The field from a value that came back from a write or out of a key.
///
/// # Errors
///
/// [`ValueError`] when the value does not fit.
pub fn from_value<C: Scalar>(value: Value) -> Result<C::Value, ValueError> {
    C::Value::from_value(value)
}

/// Sets the field to such a value.
///
/// # Errors
///
/// [`ValueError`] when the value does not fit.
pub fn set<C: Scalar>(field: &mut C::Value, value: Value) -> Result<(), ValueError> {
    *field = from_value::<C>(value)?;
    Ok(())
}

/// Whether both are stored alike.
pub fn same<C: Scalar>(a: &C::Value, b: &C::Value) -> bool {
    a.same(b)
}

/// Copies the field.
pub fn copy<C: Scalar>(field: &mut C::Value, from: &C::Value) {
    field.clone_from(from);
}

/// Whether a key is not assigned yet.
pub fn is_unassigned<C: Scalar>(field: &C::Value) -> bool {
    field.is_unassigned()
}

/// Writes the field as a part of a response.
///
/// # Errors
///
/// Whatever the serializer refuses.
pub fn serialize<C: Scalar, M: SerializeMap>(
    field: &C::Value,
    name: &'static str,
    map: &mut M,
) -> Result<(), M::Error> {
    serialize_field(field, name, map)
}

/// Serialises the field alone.
///
/// # Errors
///
/// Whatever the serializer refuses.
pub fn serialize_value<C: Scalar, S: Serializer>(field: &C::Value, serializer: S) -> Result<S::Ok, S::Error> {
    field.serialize(serializer)
}

/// Whether the column stores a point in time, or a part of one.
#[must_use]
pub const fn is_temporal<C: Scalar>() -> bool {
    matches!(
        column_type::<C>(),
        ColumnType::Timestamp | ColumnType::DateTime | ColumnType::Date | ColumnType::Time
    )
}

/// The value of `on_create = now` and `on_update = now`.
///
/// # Errors
///
/// [`ValueError::OutOfRange`] when the clock is further off than the column reaches.
pub fn now<C: Scalar>(cx: &HookContext<'_>) -> Result<Value> {
    let value = value_at(cx.now(), column_type::<C>());
    value.ok_or_else(|| Error::other(ValueError::OutOfRange { expected: "a date of the clock" }))
}

/// The value of `on_create = path` and `on_update = path`.
///
/// # Errors
///
/// [`ValueError`] when no column could hold it, and what the function fails with.
pub fn made<C: Scalar, M, F: Make<C::Value, M>>(make: F, cx: &HookContext<'_>) -> Result<Value> {
    make.make(cx)?.to_value().map_err(Error::other)
}

/// A function that makes a field's value: `fn() -> V`, `fn(&HookContext) -> V`, or `fn(&HookContext) -> Result<V, E>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not make a `{V}`",
    label = "can't make this field's value",
    note = "write a `fn() -> {V}`, a `fn(&HookContext<'_>) -> {V}`, or one that returns a `Result` of it"
)]
pub trait Make<V, M> {
    /// Makes it.
    ///
    /// # Errors
    ///
    /// What the function fails with.
    fn make(self, cx: &HookContext<'_>) -> Result<V>;
}

/// Which form a function has.
#[derive(Debug)]
pub struct Plain;

/// Which form a function has.
#[derive(Debug)]
pub struct WithContext;

/// Which form a function has.
#[derive(Debug)]
pub struct Fallible<E>(PhantomData<fn() -> E>);

impl<V, F: FnOnce() -> V> Make<V, Plain> for F {
    fn make(self, _: &HookContext<'_>) -> Result<V> {
        Ok(self())
    }
}

impl<V, F: FnOnce(&HookContext<'_>) -> V> Make<V, WithContext> for F {
    fn make(self, cx: &HookContext<'_>) -> Result<V> {
        Ok(self(cx))
    }
}

impl<V, E, F> Make<V, Fallible<E>> for F
where
    F: FnOnce(&HookContext<'_>) -> Result<V, E>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn make(self, cx: &HookContext<'_>) -> Result<V> {
        self(cx).map_err(Error::other)
    }
}

/// Whether the derive gave up on the target and said why, so that nothing more needs to be said about it.
const fn is_stub<T: Entity>() -> bool {
    T::__DESCRIPTION.properties.is_empty()
}

/// Whether the field that `mapped_by` names is a relation of the target that leads back to the owner of `R`.
#[must_use]
pub const fn is_owned_by_target<R: RelationField>() -> bool {
    if is_stub::<R::Target>() {
        return true;
    }
    match <R::Owner as Entity>::__DESCRIPTION.relations[R::INDEX].mapped_by {
        Some(field) => {
            owns_relation_back(<R::Target as Entity>::__DESCRIPTION, field, <R::Owner as Entity>::__NAME)
        }
        None => true,
    }
}

/// Whether that field refers to one row of the owner of `R` from at most one row: the other side of a one-to-one
/// relation.
#[must_use]
pub const fn is_owned_uniquely<R: RelationField>() -> bool {
    let Some(field) = <R::Owner as Entity>::__DESCRIPTION.relations[R::INDEX].mapped_by else { return true };
    let relations = <R::Target as Entity>::__DESCRIPTION.relations;
    let mut at = 0;
    while at < relations.len() {
        let relation = &relations[at];
        if same_name(relation.name, field) {
            return relation.unique || !matches!(relation.shape, RelationShape::Reference);
        }
        at += 1;
    }
    true
}

/// Whether the target of `R` has a field with a column of this name.
#[must_use]
pub const fn target_has_column<R: RelationField>(field: &str) -> bool {
    has_column::<R::Target>(field)
}

/// Whether the entity has a field with a column of this name, such as `address.street`.
#[must_use]
pub const fn has_column<T: Entity>(field: &str) -> bool {
    let properties = T::__DESCRIPTION.properties;
    if is_stub::<T>() {
        return true;
    }
    let mut at = 0;
    while at < properties.len() {
        if same_name(properties[at].name, field) {
            return true;
        }
        at += 1;
    }
    false
}
