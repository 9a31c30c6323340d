//! Types that a column can hold, and what may stand beside one in a condition.

use std::fmt::Debug;

use serde::{Serialize, Serializer};

use super::{ColumnType, Value, ValueError};
use crate::driver::RowReader;

/// A type that one column holds.
///
/// Implemented for integers, floats, `bool`, `String`, `Vec<u8>`, `Option` of each, and behind features for
/// types of `uuid`, `chrono`, `rust_decimal` and `serde_json`. Derive it for enums with
/// [`EnumValue`](macro@crate::EnumValue) and for newtypes with [`NewtypeValue`](macro@crate::NewtypeValue).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no mapping to a column",
    label = "no column can hold this type",
    note = "mapped are integers, floats, `bool`, `String`, `Vec<u8>` and `Option` of them, and with features \
            `uuid`, `chrono`, `rust_decimal` and `serde_json` their types",
    note = "derive `EnumValue` for an enum, `NewtypeValue` for a newtype, or mark the field `#[entity(skip)]`"
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

/// What may stand on the right of a condition on a field of type `V`.
///
/// A value of the field's type or a reference to one, `&str` for text, and for an optional field the plain
/// value too.
#[diagnostic::on_unimplemented(
    message = "a field of type `{V}` can't be compared with `{Self}`",
    label = "wrong type for this field",
    note = "pass a `{V}`, or what the `Option` holds"
)]
pub trait IntoOperand<V> {
    /// The value to compare with.
    ///
    /// # Errors
    ///
    /// [`ValueError::OutOfRange`] when no column could hold it.
    fn into_operand(self) -> Result<Value, ValueError>;
}

impl<V: FieldValue> IntoOperand<V> for V {
    fn into_operand(self) -> Result<Value, ValueError> {
        self.to_value()
    }
}

impl<V: FieldValue> IntoOperand<Option<V>> for V {
    fn into_operand(self) -> Result<Value, ValueError> {
        self.to_value()
    }
}

impl<V: FieldValue> IntoOperand<V> for &V {
    fn into_operand(self) -> Result<Value, ValueError> {
        self.to_value()
    }
}

impl<V: FieldValue> IntoOperand<Option<V>> for &V {
    fn into_operand(self) -> Result<Value, ValueError> {
        self.to_value()
    }
}

impl IntoOperand<String> for &str {
    fn into_operand(self) -> Result<Value, ValueError> {
        Ok(Value::Text(self.to_owned()))
    }
}

impl IntoOperand<Option<String>> for &str {
    fn into_operand(self) -> Result<Value, ValueError> {
        Ok(Value::Text(self.to_owned()))
    }
}

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
