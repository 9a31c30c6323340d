//! What emitted code calls for embedded fields.
//!
//! As with scalar fields, everything goes through one trait, whose impl alone requires that the field's type can be
//! embedded.

use crate::entity::embeddable::{EmbeddedValue, count, is_absent};
use crate::entity::{Cursor, Embeddable, MadeValue, PropertySet, ReadError};
use crate::metadata::embedded::EmbeddableDescription;
use crate::serialize::SerializeMap;
use crate::value::{Value, ValueError};

/// An embedded field.
pub trait Embedded {
    /// The field's type.
    type Value: EmbeddedValue;
}

type Struct<C> = <<C as Embedded>::Value as EmbeddedValue>::Embeddable;

/// The struct's description.
#[must_use]
pub const fn description<C: Embedded>() -> &'static EmbeddableDescription {
    <Struct<C> as Embeddable>::__DESCRIPTION
}

/// How many properties a field of this type is.
#[must_use]
pub const fn count_of<V: EmbeddedValue>() -> usize {
    count::<V::Embeddable>()
}

/// Whether the field is an `Option`.
#[must_use]
pub const fn is_nullable<C: Embedded>() -> bool {
    <C::Value as EmbeddedValue>::__NULLABLE
}

/// Whether the field has this property, where its own begin with `first`.
#[must_use]
pub const fn has<C: Embedded>(first: usize, property: usize) -> bool {
    first <= property && property - first < count::<Struct<C>>()
}

/// The values that the ORM makes for the struct.
#[must_use]
pub const fn made<C: Embedded>() -> &'static [MadeValue] {
    <Struct<C> as Embeddable>::__MADE
}

/// Whether the values that the ORM makes for the struct always have a place.
#[must_use]
pub const fn can_be_made<C: Embedded>() -> bool {
    !is_nullable::<C>() || made::<C>().is_empty()
}

/// How many values the ORM makes: of fields of the struct's own, and of those embedded in it.
#[must_use]
pub const fn count_made(own: &[MadeValue], embedded: &[(usize, &[MadeValue])]) -> usize {
    let (mut count, mut at) = (own.len(), 0);
    while at < embedded.len() {
        count += embedded[at].1.len();
        at += 1;
    }
    count
}

/// All of them; with those that are embedded stands where their struct's properties begin. `COUNT` is [`count_made`].
#[must_use]
pub const fn all_made<const COUNT: usize>(
    own: &[MadeValue],
    embedded: &[(usize, &[MadeValue])],
) -> [MadeValue; COUNT] {
    let mut all = [MadeValue::BLANK; COUNT];
    let (mut end, mut at) = (0, 0);
    while end < own.len() {
        all[end] = own[end];
        end += 1;
    }
    while at < embedded.len() {
        let (first, made) = embedded[at];
        let mut one = 0;
        while one < made.len() {
            all[end] = MadeValue { property: first + made[one].property, ..made[one] };
            end += 1;
            one += 1;
        }
        at += 1;
    }
    all
}

/// Reads the field from a row.
///
/// # Errors
///
/// [`ReadError`] when a stored value does not fit.
pub fn read<C: Embedded>(row: &mut Cursor<'_>) -> Result<C::Value, ReadError> {
    C::Value::__read(row)
}

/// The value of a property, counted from the first of the field.
///
/// # Errors
///
/// [`ValueError`] when no column could hold it.
pub fn value<C: Embedded>(field: &C::Value, property: usize) -> Result<Value, ValueError> {
    field.__get().map_or(Ok(Value::Null), |value| value.__value(property))
}

/// Sets a property, counted from the first of the field. A struct that is absent stays so.
///
/// # Errors
///
/// [`ValueError`] when the value does not fit.
pub fn set<C: Embedded>(field: &mut C::Value, property: usize, value: Value) -> Result<(), ValueError> {
    field.__get_mut().map_or(Ok(()), |inner| inner.__set_value(property, value))
}

/// Adds the properties that are stored differently; the field's begin with `first`. All of them where the struct came
/// or went: then no column stays as another program may have set it meanwhile.
pub fn diff<C: Embedded>(field: &C::Value, other: &C::Value, first: usize, changed: &mut PropertySet) {
    match (field.__get(), other.__get()) {
        (Some(field), Some(other)) => field.__diff(other, first, changed),
        (field, other) if is_absent(field) && is_absent(other) => {}
        _ => (first..first + count::<Struct<C>>()).for_each(|property| changed.insert(property)),
    }
}

/// Copies those of the properties that are the field's, which begin with `first`.
pub fn copy<C: Embedded>(field: &mut C::Value, from: &C::Value, first: usize, properties: &PropertySet) {
    if let (Some(field), Some(from)) = (field.__get_mut(), from.__get()) {
        field.__copy(from, first, properties);
    } else if (first..first + count::<Struct<C>>()).any(|property| properties.contains(property)) {
        field.clone_from(from);
    }
}

/// Copies what has no column.
pub fn copy_skipped<C: Embedded>(field: &mut C::Value, from: &C::Value) {
    if let (Some(field), Some(from)) = (field.__get_mut(), from.__get()) {
        field.__copy_skipped(from);
    }
}

/// Writes the field as a part of a response: an object, or null.
///
/// # Errors
///
/// Whatever the serializer refuses.
pub fn serialize<C: Embedded, M: SerializeMap>(
    field: &C::Value,
    name: &'static str,
    map: &mut M,
) -> Result<(), M::Error> {
    map.serialize_entry(name, &field.__get().map(crate::serialize::AsObject))
}
