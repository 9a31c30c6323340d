//! Values of any type in one column, as JSON.
//!
//! `serde` writes and reads them, so a column holds whatever it can: structs, enums with data, lists, maps.

use std::ops::{Deref, DerefMut};

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::error::Category;

use super::{ColumnType, FieldValue, Nullable, Value, ValueError};
use crate::driver::RowReader;

/// A value that is kept in one column as JSON: the type of a field, and what a field with `embedded = json` is in
/// conditions and projections.
///
/// # Examples
///
/// ```
/// use orm_core::{Entity, Json};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Clone, Debug, Default)]
/// struct Settings {
///     theme: String,
///     shortcuts: Vec<String>,
/// }
///
/// #[derive(Entity, Clone, Debug, Default)]
/// struct User {
///     #[entity(id, auto)]
///     id: i64,
///     #[entity(embedded = json)]
///     settings: Settings,
///     #[entity(embedded = json)]
///     former: Option<Settings>,
/// }
///
/// let changed = User::FORMER.is_not_null();
/// let theme = |read: Json<Settings>| read.0.theme;
/// # let _ = (changed, theme);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Json<T>(pub T);

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> From<T> for Json<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

/// A type that a column can hold as JSON.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be kept as JSON",
    label = "not what `serde` can write and read",
    note = "derive `serde::Serialize`, `serde::Deserialize` and `Clone` for it"
)]
pub trait Document: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Document for T {}

/// What is stored of a value.
pub(crate) fn write<T: Serialize>(value: &T) -> Result<Value, ValueError> {
    let text = serde_json::to_string(value);
    text.map(Value::Json).map_err(|error| ValueError::Invalid { expected: "JSON", reason: error.to_string() })
}

/// The value that is stored so. What is said of a text that does not fit has nothing of it.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, ValueError> {
    serde_json::from_str(text).map_err(|error| {
        let told = error.to_string();
        let reason = match error.classify() {
            // The name of a field of the type.
            Category::Data if told.starts_with("missing field") => told,
            Category::Data => {
                format!(
                    "what stands before column {} of line {} does not fit the type",
                    error.column(),
                    error.line()
                )
            }
            Category::Io | Category::Syntax | Category::Eof => told,
        };
        ValueError::Invalid { expected: "JSON of this type", reason }
    })
}

/// Whether both are stored alike; maps have no order.
pub(crate) fn same<T: Serialize>(a: &T, b: &T) -> bool {
    match (serde_json::to_value(a), serde_json::to_value(b)) {
        (Ok(a), Ok(b)) => a == b,
        // Then writing it says why.
        _ => false,
    }
}

impl<T: Document> Nullable for Json<T> {
    type Optional = Option<Self>;
}

impl<T: Document> FieldValue for Json<T> {
    const COLUMN_TYPE: ColumnType = ColumnType::Json;

    fn to_value(&self) -> Result<Value, ValueError> {
        write(&self.0)
    }

    fn read(row: &dyn RowReader, index: usize) -> Result<Self, ValueError> {
        if row.is_null(index)? {
            return Err(ValueError::UnexpectedNull { expected: "Json<_>" });
        }
        parse(row.json(index)?).map(Self)
    }

    fn from_value(value: Value) -> Result<Self, ValueError> {
        match value {
            Value::Json(text) => parse(&text).map(Self),
            Value::Null => Err(ValueError::UnexpectedNull { expected: "Json<_>" }),
            other => Err(ValueError::WrongType { expected: "JSON", found: other.kind().to_owned() }),
        }
    }

    fn same(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }

    fn is_unassigned(&self) -> bool {
        false
    }

    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_text_that_does_not_fit_is_not_shown() {
        for text in [r#"["s3cret"]"#, r#"{"a": "s3cret"}"#, "s3cret", r#"[1, "#] {
            let error = parse::<Vec<u8>>(text).map_err(|error| error.to_string());
            assert!(matches!(&error, Err(told) if !told.contains("s3cret")), "{error:?}");
        }
    }

    #[test]
    fn maps_are_the_same_in_any_order() {
        let map =
            |keys: [i64; 3]| keys.into_iter().map(|key| (key.to_string(), key)).collect::<HashMap<_, _>>();
        assert!(same(&map([1, 2, 3]), &map([3, 2, 1])));
        assert!(!same(&map([1, 2, 3]), &map([1, 2, 4])));
    }

    #[test]
    fn what_json_has_no_keys_for_is_an_error() {
        let odd = HashMap::from([((1, 2), 3)]);
        assert!(write(&odd).is_err() && !same(&odd, &odd));
    }
}
