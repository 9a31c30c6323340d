//! Types of a program that are stored as another type.
//!
//! The derive writes the impls that a column needs and calls the functions of this file, which go through
//! [`CustomType`]. Whatever is said of the column is said of the type that is stored.

use serde::Serializer;
use serde::ser::Error as _;

use super::{ColumnType, FieldValue, Value, ValueError};
use crate::driver::RowReader;

/// A type that is stored as another one: a value object as text, a set of flags as an integer, a type of another crate.
///
/// Say how it becomes what is stored and how it is made of that again, and derive
/// [`CustomValue`](macro@crate::CustomValue) for what a column needs beyond that. A type of another crate is put into a
/// struct of the program's own.
///
/// # Contract
///
/// - What [`to_column`](Self::to_column) makes, [`from_column`](Self::from_column) MUST turn into an equal value.
/// - Equal values MUST become equal columns, or an unchanged field is saved as a change, and a key is two.
///
/// # Examples
///
/// ```
/// use orm_core::value::{CustomType, ValueError};
/// use orm_core::{CustomValue, Entity};
///
/// /// `12.50 EUR`
/// #[derive(CustomValue, Clone, Debug, Default, PartialEq)]
/// struct Money {
///     cents: i64,
///     currency: String,
/// }
///
/// impl CustomType for Money {
///     type Column = String;
///
///     fn to_column(&self) -> Result<String, ValueError> {
///         Ok(format!("{} {}", self.cents, self.currency))
///     }
///
///     fn from_column(stored: String) -> Result<Self, ValueError> {
///         let wrong = || ValueError::invalid("Money", "expected an amount and a currency");
///         let (cents, currency) = stored.split_once(' ').ok_or_else(wrong)?;
///         let cents = cents.parse().map_err(|error| ValueError::invalid("Money", error))?;
///         Ok(Self { cents, currency: currency.to_owned() })
///     }
/// }
///
/// #[derive(Entity, Clone, Debug, Default)]
/// struct Invoice {
///     #[entity(id, auto)]
///     id: i64,
///     total: Money,
///     paid: Option<Money>,
/// }
///
/// let unpaid = Invoice::PAID.is_null().and(Invoice::TOTAL.ne(Money::default()));
/// # let _ = unpaid;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how it is stored",
    label = "`CustomValue` needs an impl of `CustomType`",
    note = "write `impl CustomType for {Self}`, with the type that is stored and the ways there and back"
)]
pub trait CustomType: Clone + Send + Sync + 'static {
    /// What is stored.
    type Column: FieldValue;

    /// What is stored for it.
    ///
    /// # Errors
    ///
    /// [`ValueError`] for a value that can't be stored: [`ValueError::invalid`] says why.
    fn to_column(&self) -> Result<Self::Column, ValueError>;

    /// Makes it of what was stored.
    ///
    /// # Errors
    ///
    /// [`ValueError`] for what stands for no value: [`ValueError::invalid`] says why.
    fn from_column(stored: Self::Column) -> Result<Self, ValueError>;
}

/// What the column stores.
#[must_use]
pub const fn column_type<C: CustomType>() -> ColumnType {
    <C::Column as FieldValue>::COLUMN_TYPE
}

/// Whether the column may be NULL.
#[must_use]
pub const fn is_nullable<C: CustomType>() -> bool {
    <C::Column as FieldValue>::NULLABLE
}

/// The value to bind.
///
/// # Errors
///
/// [`ValueError`] when it can't be stored.
pub fn to_value<C: CustomType>(custom: &C) -> Result<Value, ValueError> {
    custom.to_column()?.to_value()
}

/// Reads column `index` of `row`.
///
/// # Errors
///
/// [`ValueError`] when the stored value stands for none.
pub fn read<C: CustomType>(row: &dyn RowReader, index: usize) -> Result<C, ValueError> {
    C::from_column(C::Column::read(row, index)?)
}

/// Reads a value that came back from a write or out of a key.
///
/// # Errors
///
/// [`ValueError`] when the stored value stands for none.
pub fn from_value<C: CustomType>(value: Value) -> Result<C, ValueError> {
    C::from_column(C::Column::from_value(value)?)
}

/// Whether both are stored alike. What can't be stored is a change, so that the flush says so.
pub fn same<C: CustomType>(one: &C, other: &C) -> bool {
    match (one.to_column(), other.to_column()) {
        (Ok(one), Ok(other)) => one.same(&other),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

/// Whether what is stored stands for "not assigned yet" in a key.
pub fn is_unassigned<C: CustomType>(custom: &C) -> bool {
    custom.to_column().is_ok_and(|column| column.is_unassigned())
}

/// Serialises what is stored.
///
/// # Errors
///
/// Whatever the serializer refuses, and a value that can't be stored.
pub fn serialize<C: CustomType, S: Serializer>(custom: &C, serializer: S) -> Result<S::Ok, S::Error> {
    custom.to_column().map_err(S::Error::custom)?.serialize(serializer)
}
