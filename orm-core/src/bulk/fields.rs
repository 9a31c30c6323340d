//! Fields as arguments: one, or several in a tuple.

use crate::condition::Field;
use crate::entity::{Entity, RelationField};
use crate::error::{Error, Result};
use crate::metadata::EntityMetadata;
use crate::value::FieldValue;

/// A field of `T` as an argument named it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct NamedField {
    /// Its property; `None` for a relation whose key is not in the row.
    pub(super) property: Option<usize>,
    pub(super) name: &'static str,
}

impl NamedField {
    /// The property.
    ///
    /// # Errors
    ///
    /// [`Error::NoColumn`].
    pub(super) fn property(&self, entity: &EntityMetadata) -> Result<usize> {
        self.property.ok_or(Error::NoColumn { entity: entity.name, field: self.name })
    }
}

/// Fields of `T`: `User::EMAIL`, `Membership::USER`, or a tuple of such.
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no fields of `{T}`",
    label = "not a field of `{T}`",
    note = "pass constants of `{T}`, such as `User::EMAIL`, or a tuple of them"
)]
pub trait FieldSet<T: Entity> {
    #[doc(hidden)]
    fn __fields(self) -> Vec<NamedField>;
}

impl<T: Entity, V: FieldValue> FieldSet<T> for Field<T, V> {
    fn __fields(self) -> Vec<NamedField> {
        vec![NamedField { property: Some(self.property()), name: self.name() }]
    }
}

impl<R: RelationField> FieldSet<R::Owner> for R {
    fn __fields(self) -> Vec<NamedField> {
        vec![of_relation::<R>()]
    }
}

/// The field of a relation.
pub(super) fn of_relation<R: RelationField>() -> NamedField {
    NamedField { property: R::Owner::__DESCRIPTION.relations[R::INDEX].property, name: R::NAME }
}

macro_rules! tuple {
    ($($name:ident $at:tt),+) => {
        impl<T: Entity, $($name: FieldSet<T>),+> FieldSet<T> for ($($name,)+) {
            fn __fields(self) -> Vec<NamedField> {
                let mut fields = Vec::new();
                $(fields.extend(self.$at.__fields());)+
                fields
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
