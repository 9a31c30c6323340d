//! Types that a column can hold, and what may stand beside one in a condition.

use std::fmt::Debug;

use serde::{Serialize, Serializer};

use super::{ColumnType, Value, ValueError};
use crate::condition::{Expr, Field, IntoExpr as _, Term};
use crate::driver::RowReader;
use crate::entity::Entity;

/// A type that one column holds.
///
/// Implemented for integers, floats, `bool`, `String`, `Vec<u8>`, `Option` of each, behind features for types of `uuid`,
/// `chrono`, `rust_decimal` and `serde_json`, and for `Vec` of each but JSON. A `DateTime<FixedOffset>` is stored as the
/// point in time that it is: its offset is not kept, and it is read back in UTC, as `+00:00`. Derive it for enums with
/// [`EnumValue`](macro@crate::EnumValue) for newtypes with [`NewtypeValue`](macro@crate::NewtypeValue), and for any
/// other type with [`CustomValue`](macro@crate::CustomValue).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no mapping to a column",
    label = "no column can hold this type",
    note = "mapped are integers, floats, `bool`, `String`, `Vec<u8>` and `Option` of them, and with features \
            `uuid`, `chrono`, `rust_decimal` and `serde_json` their types",
    note = "derive `EnumValue` for an enum, `NewtypeValue` for a newtype, `CustomValue` for a type that says by \
            `CustomType` how it is stored, `Embeddable` for a struct of several columns, which is marked \
            `#[entity(embedded)]`, or mark the field `#[entity(skip)]`"
)]
pub trait FieldValue: Clone + Send + Sync + 'static {
    /// What the column stores.
    const COLUMN_TYPE: ColumnType;
    /// Whether the column may be NULL.
    const NULLABLE: bool = false;

    /// The value to bind.
    ///
    /// # Errors
    ///
    /// [`ValueError::OutOfRange`] when the column can't hold it.
    fn to_value(&self) -> Result<Value, ValueError>;

    /// Reads column `index` of `row`.
    ///
    /// # Errors
    ///
    /// [`ValueError`] when the stored value does not fit the type.
    fn read(row: &dyn RowReader, index: usize) -> Result<Self, ValueError>;

    /// Reads a value that came back from a write or out of a key.
    ///
    /// # Errors
    ///
    /// [`ValueError`] when it does not fit the type.
    fn from_value(value: Value) -> Result<Self, ValueError>;

    /// Whether both are stored alike; floats compare by their bits.
    fn same(&self, other: &Self) -> bool;

    /// Whether this is what stands for "not assigned yet" in a key.
    fn is_unassigned(&self) -> bool;

    /// Serialises the value for a response.
    ///
    /// # Errors
    ///
    /// Whatever the serializer refuses.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

impl<V: FieldValue> FieldValue for Option<V> {
    const COLUMN_TYPE: ColumnType = V::COLUMN_TYPE;
    const NULLABLE: bool = true;

    fn to_value(&self) -> Result<Value, ValueError> {
        self.as_ref().map_or(Ok(Value::Null), V::to_value)
    }

    fn read(row: &dyn RowReader, index: usize) -> Result<Self, ValueError> {
        if row.is_null(index)? { Ok(None) } else { V::read(row, index).map(Some) }
    }

    fn from_value(value: Value) -> Result<Self, ValueError> {
        if value.is_null() { Ok(None) } else { V::from_value(value).map(Some) }
    }

    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Some(a), Some(b)) => a.same(b),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    fn is_unassigned(&self) -> bool {
        self.is_none()
    }

    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => value.serialize(serializer),
            None => serializer.serialize_none(),
        }
    }
}

/// The type of a column with NULL beside its values.
///
/// Implemented for every [`FieldValue`] of this crate and of its derives.
#[diagnostic::on_unimplemented(
    message = "it is not known which type `{Self}` has where it may be NULL",
    note = "implement `Nullable` for it, with `type Optional = Option<Self>`"
)]
pub trait Nullable: FieldValue {
    /// An `Option` of this type, or this type if it is one. A [`FieldValue`] too.
    type Optional;
}

impl<V: FieldValue> Nullable for Option<V> {
    type Optional = Self;
}

/// What may stand on the right of a condition on a field of type `V`.
///
/// A value of the field's type or a reference to one, `&str` for text, and for an optional field the plain
/// value too; another field of that type of the same entity, or what is computed of its fields.
#[diagnostic::on_unimplemented(
    message = "a field of type `{V}` can't be compared with `{Self}`",
    label = "wrong type for this field",
    note = "pass a `{V}`, or what the `Option` holds"
)]
pub trait IntoOperand<V> {
    /// [`AnyEntity`] for a value; else the entity of which it is a field.
    type On;

    /// What to compare with.
    fn into_operand(self) -> Operand;
}

/// What stands on the right of a condition.
#[derive(Clone, Debug)]
pub enum Operand {
    /// A value.
    Value(Value),
    /// What is computed for each row.
    Term(Term),
    /// A value that no column could hold.
    Invalid(ValueError),
}

impl Operand {
    fn of<V: FieldValue>(value: &V) -> Self {
        match value.to_value() {
            // What is compared with it is never true; nothing stores it either.
            Ok(Value::Float(number)) if number.is_nan() => Self::Invalid(ValueError::OutOfRange {
                expected: "a number to compare with, and NaN is none",
            }),
            Ok(value) => Self::Value(value),
            Err(error) => Self::Invalid(error),
        }
    }

    /// As a computed value.
    #[must_use]
    pub fn into_term(self) -> Term {
        match self {
            Self::Value(value) => Term::Value(value),
            Self::Term(term) => term,
            Self::Invalid(error) => Term::Invalid(error),
        }
    }
}

/// Of no entity in particular: a value.
#[derive(Clone, Copy, Debug)]
pub struct AnyEntity;

/// That an operand is a value, or computed of the rows of `T`.
#[diagnostic::on_unimplemented(
    message = "a field of `{Self}` can't be used here: the rows are those of `{T}`",
    label = "not a field of `{T}`"
)]
pub trait OperandOn<T> {}

impl<T> OperandOn<T> for AnyEntity {}
impl<T: Entity> OperandOn<T> for T {}

impl<V: FieldValue> IntoOperand<V> for V {
    type On = AnyEntity;

    fn into_operand(self) -> Operand {
        Operand::of(&self)
    }
}

impl<V: FieldValue> IntoOperand<Option<V>> for V {
    type On = AnyEntity;

    fn into_operand(self) -> Operand {
        Operand::of(&self)
    }
}

impl<V: FieldValue> IntoOperand<V> for &V {
    type On = AnyEntity;

    fn into_operand(self) -> Operand {
        Operand::of(self)
    }
}

impl<V: FieldValue> IntoOperand<Option<V>> for &V {
    type On = AnyEntity;

    fn into_operand(self) -> Operand {
        Operand::of(self)
    }
}

impl IntoOperand<String> for &str {
    type On = AnyEntity;

    fn into_operand(self) -> Operand {
        Operand::Value(Value::Text(self.to_owned()))
    }
}

impl IntoOperand<Option<String>> for &str {
    type On = AnyEntity;

    fn into_operand(self) -> Operand {
        Operand::Value(Value::Text(self.to_owned()))
    }
}

/// Fields and computed values of one entity.
macro_rules! computed {
    ($($type:ident)+) => { $(
        impl<T: Entity, V: FieldValue> IntoOperand<V> for $type<T, V> {
            type On = T;

            fn into_operand(self) -> Operand {
                Operand::Term(self.into_expr().term)
            }
        }

        impl<T: Entity, V: FieldValue> IntoOperand<Option<V>> for $type<T, V> {
            type On = T;

            fn into_operand(self) -> Operand {
                Operand::Term(self.into_expr().term)
            }
        }
    )+ };
}

computed!(Field Expr);

/// A field that borrows its serialisation from [`FieldValue`].
pub(crate) struct AsSerialize<'a, V>(pub(crate) &'a V);

impl<V: FieldValue> Serialize for AsSerialize<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FieldValue::serialize(self.0, serializer)
    }
}

impl<V> Debug for AsSerialize<'_, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AsSerialize")
    }
}
