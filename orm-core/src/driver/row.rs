//! Rows that a driver lends, column by column.

use std::borrow::Cow;
use std::error::Error as StdError;

use crate::value::{ColumnType, Value, ValueError};

/// One row, read by column index.
///
/// # Contract
///
/// - A column holds what the Rust type at the other end asks for, or the method MUST fail with
///   [`ValueError::WrongType`], [`ValueError::Invalid`] or [`ValueError::OutOfRange`]; it MUST NOT convert in a
///   way that loses anything.
/// - Methods other than [`is_null`](Self::is_null) are called on columns that are not NULL.
/// - The label of an enum is read as text.
pub trait RowReader {
    /// Whether the column is NULL.
    ///
    /// # Errors
    ///
    /// [`ValueError`] when there is no such column.
    fn is_null(&self, index: usize) -> Result<bool, ValueError>;
    /// A truth value.
    ///
    /// # Errors
    ///
    /// [`ValueError`] when the column holds something else.
    fn bool(&self, index: usize) -> Result<bool, ValueError>;
    /// An integer.
    ///
    /// # Errors
    ///
    /// [`ValueError`] when the column holds something else.
    fn int(&self, index: usize) -> Result<i64, ValueError>;
    /// A floating-point number.
    ///
    /// # Errors
    ///
    /// [`ValueError`] when the column holds something else.
    fn float(&self, index: usize) -> Result<f64, ValueError>;
    /// Text.
    ///
    /// # Errors
    ///
    /// [`ValueError`] when the column holds something else, or bytes that are no UTF-8.
    fn text(&self, index: usize) -> Result<&str, ValueError>;
    /// Bytes.
    ///
    /// # Errors
    ///
    /// [`ValueError`] when the column holds something else.
    fn bytes(&self, index: usize) -> Result<&[u8], ValueError>;
    /// A UUID, big endian.
    ///
    /// # Errors
    ///
    /// [`ValueError`] when the column holds something else.
    fn uuid(&self, index: usize) -> Result<u128, ValueError>;
    /// Days since 1970-01-01.
    ///
    /// # Errors
    ///
    /// [`ValueError`] when the column holds something else.
    fn date(&self, index: usize) -> Result<i32, ValueError>;
    /// Microseconds since midnight.
    ///
    /// # Errors
    ///
    /// [`ValueError`] when the column holds something else.
    fn time(&self, index: usize) -> Result<i64, ValueError>;
    /// Microseconds since 1970-01-01T00:00:00, without a zone.
    ///
    /// # Errors
    ///
    /// [`ValueError`] when the column holds something else.
    fn datetime(&self, index: usize) -> Result<i64, ValueError>;
    /// Microseconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    ///
    /// [`ValueError`] when the column holds something else.
    fn timestamp(&self, index: usize) -> Result<i64, ValueError>;
    /// A decimal number as text.
    ///
    /// # Errors
    ///
    /// [`ValueError`] when the column holds something else.
    fn decimal(&self, index: usize) -> Result<Cow<'_, str>, ValueError>;
    /// JSON text.
    ///
    /// # Errors
    ///
    /// [`ValueError`] when the column holds something else.
    fn json(&self, index: usize) -> Result<&str, ValueError>;
    /// The elements of a list, each a value of a column of type `element`.
    ///
    /// # Errors
    ///
    /// [`ValueError`] when the column holds something else, or an element does not fit; always where the driver has no
    /// lists, as this one.
    fn array(&self, index: usize, element: &'static ColumnType) -> Result<Vec<Value>, ValueError> {
        let _ = (index, element);
        Err(ValueError::WrongType {
            expected: "a list",
            found: "a column of a driver without lists".to_owned(),
        })
    }
}

/// What a sink refuses a row with.
pub type RowSinkError = Box<dyn StdError + Send + Sync>;

/// Takes the rows of a select.
///
/// It may not hold a lock: the driver's future, which borrows it, must be `Send`.
pub trait RowSink: Send {
    /// Takes one row.
    ///
    /// # Errors
    ///
    /// Anything; the driver stops and returns it as the source of a
    /// [`DriverErrorKind::RowRefused`](super::DriverErrorKind::RowRefused).
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError>;
}
