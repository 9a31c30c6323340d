//! Lists of values in one column: an array where the database has such, JSON elsewhere.

use serde::ser::{SerializeSeq, Serializer};

use super::convert::wrong;
use super::field::AsSerialize;
use super::{ColumnType, FieldValue, Nullable, Value, ValueError};
use crate::driver::RowReader;

/// A type that a `Vec` in one column may hold.
///
/// Every type of a column but `u8`, since `Vec<u8>` is bytes, and but JSON, which has lists of its own. Derived with
/// [`EnumValue`](macro@crate::EnumValue), [`NewtypeValue`](macro@crate::NewtypeValue) and
/// [`CustomValue`](macro@crate::CustomValue).
#[diagnostic::on_unimplemented(
    message = "`Vec<{Self}>` has no mapping to a column",
    label = "not what a list in one column may hold",
    note = "it may hold what a column holds, but for `Option`, other lists and JSON; for those write `embedded = json` on the field"
)]
pub trait ArrayElement: FieldValue {}

/// The column type of an element, in a constant that others can refer to.
struct Element<V>(V);

impl<V: ArrayElement> Element<V> {
    const TYPE: &'static ColumnType = {
        assert!(
            !V::NULLABLE && !matches!(V::COLUMN_TYPE, ColumnType::Array(_) | ColumnType::Json),
            "a list in a column can't hold `Option`s, lists or JSON, nor newtypes of them; use a field of JSON"
        );
        &V::COLUMN_TYPE
    };
}

impl<V: ArrayElement> Nullable for Vec<V> {
    type Optional = Option<Self>;
}

impl<V: ArrayElement> FieldValue for Vec<V> {
    const COLUMN_TYPE: ColumnType = ColumnType::Array(Element::<V>::TYPE);

    fn to_value(&self) -> Result<Value, ValueError> {
        self.iter().map(V::to_value).collect::<Result<_, _>>().map(array_of::<V>)
    }

    fn read(row: &dyn RowReader, index: usize) -> Result<Self, ValueError> {
        if row.is_null(index)? {
            return Err(ValueError::UnexpectedNull { expected: "Vec" });
        }
        from_values(row.array(index, Element::<V>::TYPE)?)
    }

    fn from_value(value: Value) -> Result<Self, ValueError> {
        match value {
            Value::Array(_, values) => from_values(values),
            other => Err(wrong("Vec", &other)),
        }
    }

    fn same(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other).all(|(one, other)| one.same(other))
    }

    fn is_unassigned(&self) -> bool {
        false
    }

    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.len()))?;
        for value in self {
            list.serialize_element(&AsSerialize(value))?;
        }
        list.end()
    }
}

/// The value of a list with these elements.
pub(crate) fn array_of<V: ArrayElement>(values: Vec<Value>) -> Value {
    Value::Array(Element::<V>::TYPE, values)
}

fn from_values<V: FieldValue>(values: Vec<Value>) -> Result<Vec<V>, ValueError> {
    values.into_iter().map(V::from_value).collect()
}
