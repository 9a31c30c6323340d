//! What is bound to the places of a text.

use crate::condition::{Expr, Field, FragmentPart, IntoExpr, Term};
use crate::entity::Entity;
use crate::value::{AnyEntity, FieldValue, Value, ValueError};

/// A value in a place of [`Sql`](super::Sql); in a fragment of a query for `T` also a field or a computed value of `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't stand in a place `{{}}` of SQL",
    label = "not a value that a column can hold",
    note = "pass it by value; a `String`, `&str`, number or another type that a field can have"
)]
pub trait SqlValue<T = AnyEntity> {
    #[doc(hidden)]
    fn __part(&self) -> FragmentPart;
}

impl<T, V: FieldValue> SqlValue<T> for V {
    fn __part(&self) -> FragmentPart {
        match self.to_value() {
            Ok(value) => FragmentPart::Value(value),
            Err(error) => invalid(error),
        }
    }
}

impl<T> SqlValue<T> for str {
    fn __part(&self) -> FragmentPart {
        FragmentPart::Value(Value::Text(self.to_owned()))
    }
}

impl<T> SqlValue<T> for &str {
    fn __part(&self) -> FragmentPart {
        SqlValue::<T>::__part(*self)
    }
}

impl<T> SqlValue<T> for Value {
    fn __part(&self) -> FragmentPart {
        FragmentPart::Value(self.clone())
    }
}

impl<T: Entity, V: FieldValue> SqlValue<T> for Field<T, V> {
    fn __part(&self) -> FragmentPart {
        FragmentPart::Term(IntoExpr::<T>::into_expr(*self).term)
    }
}

impl<T: Entity, V: FieldValue> SqlValue<T> for Expr<T, V> {
    fn __part(&self) -> FragmentPart {
        FragmentPart::Term(self.term.clone())
    }
}

pub(super) fn invalid(error: ValueError) -> FragmentPart {
    FragmentPart::Term(Term::Invalid(error))
}

/// A value as the macro `sql!` binds it: by reference, whatever the variable is.
#[doc(hidden)]
pub trait BindValue {
    fn __bind(&self) -> FragmentPart;
}

impl<V: SqlValue + ?Sized> BindValue for V {
    fn __bind(&self) -> FragmentPart {
        self.__part()
    }
}

/// The values of all places, in order: a tuple of up to twelve, an array, a slice or a `Vec` of one type, `()` for none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of values for the places `{{}}` of SQL",
    label = "not a tuple, an array or a slice of values",
    note = "for one value write `(value,)`, for none `()`"
)]
pub trait SqlValues<T = AnyEntity> {
    #[doc(hidden)]
    fn __parts(self) -> Vec<FragmentPart>;
}

impl<T> SqlValues<T> for () {
    fn __parts(self) -> Vec<FragmentPart> {
        Vec::new()
    }
}

impl<T, V: SqlValue<T>> SqlValues<T> for &[V] {
    fn __parts(self) -> Vec<FragmentPart> {
        self.iter().map(SqlValue::__part).collect()
    }
}

impl<T, V: SqlValue<T>> SqlValues<T> for Vec<V> {
    fn __parts(self) -> Vec<FragmentPart> {
        self.as_slice().__parts()
    }
}

impl<T, V: SqlValue<T>, const N: usize> SqlValues<T> for [V; N] {
    fn __parts(self) -> Vec<FragmentPart> {
        self.as_slice().__parts()
    }
}

macro_rules! tuple {
    ($($name:ident)+) => {
        impl<T, $($name: SqlValue<T>),+> SqlValues<T> for ($($name,)+) {
            #[expect(non_snake_case, reason = "named as their types")]
            fn __parts(self) -> Vec<FragmentPart> {
                let ($($name,)+) = self;
                vec![$($name.__part()),+]
            }
        }
    };
}

tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);
tuple!(A B C D E F G);
tuple!(A B C D E F G H);
tuple!(A B C D E F G H I);
tuple!(A B C D E F G H I J);
tuple!(A B C D E F G H I J K);
tuple!(A B C D E F G H I J K L);
