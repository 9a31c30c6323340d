//! Primary keys.

use std::fmt::Debug;
use std::hash::Hash;

use serde::ser::{Serialize, SerializeTuple, Serializer};

use super::cursor::{Cursor, ReadError};
use crate::value::{FieldValue, KeyValues, Value, ValueError};

/// A primary key: a type that one column holds, or a tuple of keys.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a primary key",
    label = "not a key",
    note = "a key is a column type that is `Eq + Hash + Debug`, or a tuple of two to six of them; floats are not"
)]
pub trait Key: Clone + Eq + Hash + Debug + Send + Sync + 'static {
    /// How many columns it takes.
    #[doc(hidden)]
    const COLUMNS: usize;

    /// Its values, in the order of the columns.
    ///
    /// # Errors
    ///
    /// [`ValueError::OutOfRange`] when a column can't hold it.
    fn to_values(&self) -> Result<KeyValues, ValueError> {
        let mut values = KeyValues::new();
        self.__write(&mut values)?;
        Ok(values)
    }

    #[doc(hidden)]
    fn __write(&self, values: &mut KeyValues) -> Result<(), ValueError>;

    #[doc(hidden)]
    fn __read(row: &mut Cursor<'_>) -> Result<Self, ReadError>;

    #[doc(hidden)]
    fn __from_values(values: &mut dyn Iterator<Item = Value>) -> Result<Self, ValueError>;

    #[doc(hidden)]
    fn __serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

impl<V: FieldValue + Eq + Hash + Debug> Key for V {
    const COLUMNS: usize = 1;

    fn __write(&self, values: &mut KeyValues) -> Result<(), ValueError> {
        values.push(self.to_value()?);
        Ok(())
    }

    fn __read(row: &mut Cursor<'_>) -> Result<Self, ReadError> {
        row.value()
    }

    fn __from_values(values: &mut dyn Iterator<Item = Value>) -> Result<Self, ValueError> {
        Self::from_value(values.next().unwrap_or(Value::Null))
    }

    fn __serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FieldValue::serialize(self, serializer)
    }
}

macro_rules! tuple {
    ($($name:ident $at:tt),+) => {
        impl<$($name: Key),+> Key for ($($name,)+) {
            const COLUMNS: usize = 0 $(+ $name::COLUMNS)+;

            fn __write(&self, values: &mut KeyValues) -> Result<(), ValueError> {
                $(self.$at.__write(values)?;)+
                Ok(())
            }

            fn __read(row: &mut Cursor<'_>) -> Result<Self, ReadError> {
                Ok(($($name::__read(row)?,)+))
            }

            fn __from_values(values: &mut dyn Iterator<Item = Value>) -> Result<Self, ValueError> {
                Ok(($($name::__from_values(values)?,)+))
            }

            fn __serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut tuple = serializer.serialize_tuple(0 $(+ { let _ = $at; 1 })+)?;
                $(tuple.serialize_element(&SerializeKey(&self.$at))?;)+
                tuple.end()
            }
        }
    };
}

tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);

/// A key as a response shows it: its value, or a list of them.
pub(crate) struct SerializeKey<'a, K>(pub(crate) &'a K);

impl<K: Key> Serialize for SerializeKey<'_, K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.__serialize(serializer)
    }
}
