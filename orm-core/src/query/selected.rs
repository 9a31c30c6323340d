//! What a query can read instead of entities: fields, computed values, aggregates, and tuples of them.

use super::list::{NestedList, ViewLists};
use super::view::ViewRow;
use crate::condition::{Aggregate, Embedded, Expr, Field, IntoExpr, Term};
use crate::entity::{EmbeddedValue, Entity};
use crate::error::Result;
use crate::value::{FieldValue, ValueError};

/// What [`Find::select`](super::Find::select) takes: a field, an embedded struct, a computed value, an aggregate, or a tuple of up to twelve of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be selected from the rows of `{T}`",
    label = "neither a field of `{T}`, nor computed from its rows, nor a tuple of such"
)]
pub trait Selected<T: Entity>: Send + 'static {
    /// One row of the result.
    type Row: Send + 'static;

    /// Adds what a row is read from.
    #[doc(hidden)]
    fn __terms(&self, terms: &mut Terms);

    /// Reads a row, without the lists in it.
    #[doc(hidden)]
    fn __read(row: &mut ViewRow<'_>) -> Result<Self::Row, Unread>;

    /// Puts the lists into a row.
    #[doc(hidden)]
    fn __fill(row: &mut Self::Row, lists: &mut ViewLists) {
        let _ = (row, lists);
    }
}

/// What a row is read from.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct Terms {
    pub(super) columns: Vec<Term>,
    /// What takes statements of its own.
    pub(super) lists: Vec<NestedList>,
}

impl Terms {
    /// Makes it what is read of the target of relation `relation`, from where the relation is.
    pub(super) fn lead_through(&mut self, relation: usize) {
        self.columns.iter_mut().for_each(|term| term.lead_through(relation));
        self.lists.iter_mut().for_each(|list| list.path.insert(0, relation));
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.columns.extend(other.columns);
        self.lists.extend(other.lists);
    }
}

/// A column whose value does not fit the type that it is read as.
#[doc(hidden)]
#[derive(Debug)]
pub struct Unread {
    /// Its place among the columns of [`Terms`].
    pub(super) column: usize,
    pub(super) source: ValueError,
}

macro_rules! one {
    ($($type:ident => |$this:ident| $term:expr;)+) => { $(
        impl<T: Entity, V: FieldValue> Selected<T> for $type<T, V> {
            type Row = V;

            fn __terms(&self, terms: &mut Terms) {
                let $this = self;
                terms.columns.push($term);
            }

            fn __read(row: &mut ViewRow<'_>) -> Result<V, Unread> {
                row.value()
            }
        }
    )+ };
}

one! {
    Field => |field| IntoExpr::<T>::into_expr(*field).term;
    Expr => |expr| expr.term.clone();
    Aggregate => |aggregate| aggregate.term.clone();
}

/// A whole struct.
impl<T: Entity, V: EmbeddedValue> Selected<T> for Embedded<T, V> {
    type Row = V;

    fn __terms(&self, terms: &mut Terms) {
        terms.columns.extend(self.properties().map(Term::property));
    }

    fn __read(row: &mut ViewRow<'_>) -> Result<V, Unread> {
        row.embedded()
    }
}

macro_rules! tuple {
    ($($name:ident)+) => {
        impl<T: Entity, $($name: Selected<T>),+> Selected<T> for ($($name,)+) {
            type Row = ($($name::Row,)+);

            #[expect(non_snake_case, reason = "named as their types")]
            fn __terms(&self, terms: &mut Terms) {
                let ($($name,)+) = self;
                $($name.__terms(terms);)+
            }

            fn __read(row: &mut ViewRow<'_>) -> Result<Self::Row, Unread> {
                Ok(($($name::__read(row)?,)+))
            }

            #[expect(non_snake_case, reason = "named as their types")]
            fn __fill(row: &mut Self::Row, lists: &mut ViewLists) {
                let ($($name,)+) = row;
                $(<$name as Selected<T>>::__fill($name, lists);)+
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

/// What a row is grouped by: a field, a computed value, or a tuple of these.
#[diagnostic::on_unimplemented(
    message = "rows of `{T}` can't be grouped by `{Self}`",
    label = "neither a field of `{T}` nor computed from one, nor a tuple of such"
)]
pub trait GroupBy<T: Entity> {
    /// Adds its terms.
    #[doc(hidden)]
    fn __terms(self, terms: &mut Vec<Term>);
}

impl<T: Entity, V: FieldValue> GroupBy<T> for Field<T, V> {
    fn __terms(self, terms: &mut Vec<Term>) {
        terms.push(IntoExpr::<T>::into_expr(self).term);
    }
}

impl<T: Entity, V: FieldValue> GroupBy<T> for Expr<T, V> {
    fn __terms(self, terms: &mut Vec<Term>) {
        terms.push(self.term);
    }
}

macro_rules! group {
    ($($name:ident)+) => {
        impl<T: Entity, $($name: GroupBy<T>),+> GroupBy<T> for ($($name,)+) {
            #[expect(non_snake_case, reason = "named as their types")]
            fn __terms(self, terms: &mut Vec<Term>) {
                let ($($name,)+) = self;
                $($name.__terms(terms);)+
            }
        }
    };
}

group!(A);
group!(A B);
group!(A B C);
group!(A B C D);
