//! Rows on their way from a driver, written down as they are read; and rows that were written down, read again.
//!
//! A row has no types of its own: a driver reads a column as what it is asked for. So what is kept is what was asked for.

use std::borrow::Cow;
use std::cell::RefCell;

use crate::driver::{RowReader, RowSink, RowSinkError, ValueRow};
use crate::value::{ColumnType, Value, ValueError};

/// Hands rows on, and keeps what was read of them.
pub(super) struct Tap<'a> {
    sink: &'a mut dyn RowSink,
    /// `None`: a column was skipped, so that nobody knows what it holds.
    rows: Option<Vec<Vec<Value>>>,
}

impl<'a> Tap<'a> {
    pub(super) fn new(sink: &'a mut dyn RowSink) -> Self {
        Self { sink, rows: Some(Vec::new()) }
    }

    /// What was read; `None` if it can't be read again from this.
    pub(super) fn into_rows(self) -> Option<Vec<Vec<Value>>> {
        self.rows
    }
}

impl RowSink for Tap<'_> {
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        let tapped = Tapped { row, read: RefCell::default() };
        self.sink.row(&tapped)?;
        let row: Option<Vec<Value>> = tapped.read.into_inner().into_iter().collect();
        match (row, &mut self.rows) {
            (Some(row), Some(rows)) => rows.push(row),
            (None, _) | (_, None) => self.rows = None,
        }
        Ok(())
    }
}

/// A row that keeps what is read of it.
struct Tapped<'a> {
    row: &'a dyn RowReader,
    read: RefCell<Vec<Option<Value>>>,
}

impl Tapped<'_> {
    fn keep(&self, index: usize, value: Value) {
        let mut read = self.read.borrow_mut();
        if read.len() <= index {
            read.resize(index + 1, None);
        }
        read[index] = Some(value);
    }
}

macro_rules! tapped {
    ($($method:ident -> $type:ty: $value:expr;)+) => { $(
        fn $method(&self, index: usize) -> Result<$type, ValueError> {
            let read = self.row.$method(index)?;
            let value: fn(&$type) -> Value = $value;
            self.keep(index, value(&read));
            Ok(read)
        }
    )+ };
}

impl RowReader for Tapped<'_> {
    fn is_null(&self, index: usize) -> Result<bool, ValueError> {
        let is_null = self.row.is_null(index)?;
        if is_null {
            self.keep(index, Value::Null);
        }
        Ok(is_null)
    }

    tapped! {
        bool -> bool: |read| Value::Bool(*read);
        int -> i64: |read| Value::Int(*read);
        float -> f64: |read| Value::Float(*read);
        uuid -> u128: |read| Value::Uuid(*read);
        date -> i32: |read| Value::Date(*read);
        time -> i64: |read| Value::Time(*read);
        datetime -> i64: |read| Value::DateTime(*read);
        timestamp -> i64: |read| Value::Timestamp(*read);
    }

    fn text(&self, index: usize) -> Result<&str, ValueError> {
        let read = self.row.text(index)?;
        self.keep(index, Value::Text(read.to_owned()));
        Ok(read)
    }

    fn bytes(&self, index: usize) -> Result<&[u8], ValueError> {
        let read = self.row.bytes(index)?;
        self.keep(index, Value::Bytes(read.to_owned()));
        Ok(read)
    }

    fn decimal(&self, index: usize) -> Result<Cow<'_, str>, ValueError> {
        let read = self.row.decimal(index)?;
        self.keep(index, Value::Decimal(read.as_ref().to_owned()));
        Ok(read)
    }

    fn json(&self, index: usize) -> Result<&str, ValueError> {
        let read = self.row.json(index)?;
        self.keep(index, Value::Json(read.to_owned()));
        Ok(read)
    }

    fn array(&self, index: usize, element: &'static ColumnType) -> Result<Vec<Value>, ValueError> {
        let read = self.row.array(index, element)?;
        self.keep(index, Value::Array(element, read.clone()));
        Ok(read)
    }
}

/// Reads rows that were kept into `sink`.
///
/// # Errors
///
/// What `sink` fails with, such as for rows that another version of the program has kept.
pub(super) fn replay(rows: &[Vec<Value>], sink: &mut dyn RowSink) -> Result<(), RowSinkError> {
    rows.iter().try_for_each(|row| sink.row(&ValueRow(row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the columns that it is told to, as numbers.
    struct Numbers(Vec<usize>, Vec<i64>);

    impl RowSink for Numbers {
        fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
            for column in &self.0 {
                if !row.is_null(*column)? {
                    self.1.push(row.int(*column)?);
                }
            }
            Ok(())
        }
    }

    fn tap(columns: Vec<usize>) -> Option<Vec<Vec<Value>>> {
        let mut numbers = Numbers(columns, Vec::new());
        let mut tap = Tap::new(&mut numbers);
        let row = [Value::Int(1), Value::Null, Value::Int(3)];
        tap.row(&ValueRow(&row)).expect("these are numbers");
        tap.into_rows()
    }

    #[test]
    fn what_was_read_is_read_again() {
        let rows = tap(vec![0, 1, 2]).expect("all of it was read");
        assert_eq!(rows, [[Value::Int(1), Value::Null, Value::Int(3)]]);
        let mut again = Numbers(vec![0, 1, 2], Vec::new());
        replay(&rows, &mut again).expect("it is what was read");
        assert_eq!(again.1, [1, 3]);
        replay(&rows, &mut Numbers(vec![3], Vec::new())).expect_err("there is no such column");
    }

    #[test]
    fn a_row_with_a_column_that_nobody_read_is_not_kept() {
        assert_eq!(tap(vec![0, 2]), None);
    }
}
