//! Embedded fields in conditions and orders: they lead to the fields in them.

use std::fmt;
use std::marker::PhantomData;

use super::expression::{Comparison, Expression};
use super::field::Condition;
use crate::entity::{Embeddable, EmbeddedValue, Entity};
use crate::value::Value;

/// A field whose own fields are columns: the type of constants such as `User::ADDRESS`.
pub struct Embedded<T, V> {
    first: usize,
    name: &'static str,
    marker: PhantomData<fn() -> (T, V)>,
}

impl<T, V> Embedded<T, V> {
    /// Called by the derive.
    #[doc(hidden)]
    #[must_use]
    pub const fn __new(first: usize, name: &'static str) -> Self {
        Self { first, name, marker: PhantomData }
    }

    /// The first of its properties.
    pub(crate) const fn first(&self) -> usize {
        self.first
    }

    /// The field's name in its struct.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<T, V> Clone for Embedded<T, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, V> Copy for Embedded<T, V> {}

impl<T, V> fmt::Debug for Embedded<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Embedded").field(&self.name).finish()
    }
}

/// A field of the embeddable struct `E`: one of its columns, or a struct that is embedded in it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a field of `{E}`",
    label = "not a field of `{E}`",
    note = "pass a constant of `{E}`"
)]
pub trait FieldOf<E> {
    /// The same as a field of `T`, which embeds `E`.
    type Of<T>;
    /// The same where `E` may be absent.
    type OptionalOf<T>;

    #[doc(hidden)]
    fn __of<T: Entity>(self, first: usize) -> Self::Of<T>;

    #[doc(hidden)]
    fn __optional_of<T: Entity>(self, first: usize) -> Self::OptionalOf<T>;
}

impl<T: Entity, V: EmbeddedValue> Embedded<T, V> {
    /// A field in it, as a field of the entity: for conditions, orders, projections and writes, and whatever else takes
    /// one. Of an `Option`, each field in it may be NULL.
    ///
    /// ```
    /// use orm_core::{Embeddable, Entity};
    ///
    /// #[derive(Embeddable, Clone, Debug, Default)]
    /// struct Address {
    ///     street: String,
    ///     city: String,
    /// }
    ///
    /// #[derive(Entity, Clone, Debug, Default)]
    /// struct User {
    ///     #[entity(id, auto)]
    ///     id: i64,
    ///     #[entity(embedded)]
    ///     address: Address,
    /// }
    ///
    /// let in_paris = User::ADDRESS.field(Address::CITY).eq("Paris");
    /// let by_street = User::ADDRESS.field(Address::STREET).asc();
    /// # let _ = (in_paris, by_street);
    /// ```
    #[must_use]
    pub fn field<F: FieldOf<V::Embeddable>>(self, field: F) -> V::Reached<T, F> {
        V::__reach(self, field)
    }

    /// Equal in every column. Not met by a value that no column could hold.
    pub fn eq(self, value: &V) -> Condition<T> {
        let inner = value.__get();
        let columns = self.properties().map(|property| {
            let value = inner.map_or(Ok(Value::Null), |inner| inner.__value(property - self.first));
            match value {
                Ok(Value::Null) => Expression::IsNull { property },
                Ok(value) => Expression::Compare { property, comparison: Comparison::Equal, value },
                Err(error) => Expression::Invalid { property, error },
            }
        });
        Condition::new(Expression::And(columns.collect()))
    }

    /// The properties of all fields in it.
    pub(crate) fn properties(self) -> std::ops::Range<usize> {
        self.first..self.first + <V::Embeddable as Embeddable>::__DESCRIPTION.properties.len()
    }
}

impl<T: Entity, E: Embeddable> Embedded<T, Option<E>> {
    /// Absent: every column is NULL.
    pub fn is_null(self) -> Condition<T> {
        let columns = self.properties();
        Condition::new(Expression::And(columns.map(|property| Expression::IsNull { property }).collect()))
    }

    /// There: some column is not NULL.
    pub fn is_not_null(self) -> Condition<T> {
        self.is_null().not()
    }
}
