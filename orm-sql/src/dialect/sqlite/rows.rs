//! Rows of values as one JSON document, an array of arrays, so that a text serves any number of them.
//!
//! Nothing may be lost on the way: integers and texts are exact in JSON and bytes travel as hexadecimal digits. How
//! well SQLite reads decimal fractions depends on its version, so that a float travels as two integers, its digits
//! and its power of two, whose product is exact. A float too large or too small for that is not taken.

use orm_core::value::{ColumnType, Value};
use sea_query::{Alias, BinOper, Expr, ExprTrait, Func, TableRef};

use super::store::{Stored, store};
use super::value_of;
use crate::dialect::json::{push_bytes, push_number, push_text};
use crate::dialect::{RowSource, RowsWriter};
use crate::statement::Bound;

/// How many times a float is multiplied by a power of two, and how many times divided by one.
const MULTIPLIED: i64 = 2;
const DIVIDED: i64 = 3;

/// The largest power of two that is an integer.
const LARGEST_POWER: i64 = 62;

/// How a column is taken out of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Plain,
    /// From hexadecimal digits.
    Bytes,
    /// From two integers.
    Float,
}

impl Column {
    fn of(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::Bytes => Self::Bytes,
            ColumnType::Float | ColumnType::Double => Self::Float,
            _ => Self::Plain,
        }
    }

    /// How many elements it has.
    fn width(self) -> u64 {
        match self {
            Self::Plain | Self::Bytes => 1,
            Self::Float => 2,
        }
    }
}

pub(super) struct Document {
    columns: Vec<Column>,
    json: String,
}

impl Document {
    pub(super) fn new(types: &[ColumnType]) -> Self {
        Self { columns: types.iter().copied().map(Column::of).collect(), json: String::from("[") }
    }

    fn push(json: &mut String, column: Column, value: &Value) -> bool {
        match (column, value) {
            (Column::Float, Value::Null) => json.push_str("null,null"),
            (Column::Float, Value::Float(number)) => match parts(*number) {
                Some((digits, power)) => {
                    push_number(json, digits);
                    json.push(',');
                    push_number(json, power);
                }
                None => return false,
            },
            (Column::Plain | Column::Bytes, Value::Null) => json.push_str("null"),
            (Column::Bytes, Value::Bytes(bytes)) => push_bytes(json, bytes),
            (Column::Plain, Value::Int(number)) => push_number(json, *number),
            (Column::Plain, Value::Text(text)) => push_text(json, text),
            (Column::Plain, other) => match store(other.clone()) {
                Ok(Stored::Int(number)) => push_number(json, number),
                Ok(Stored::Text(text)) => push_text(json, &text),
                Ok(Stored::Null | Stored::Real(_) | Stored::Blob(_)) | Err(_) => return false,
            },
            (Column::Bytes | Column::Float, _) => return false,
        }
        true
    }
}

impl RowsWriter for Document {
    fn row(&mut self, values: &mut dyn Iterator<Item = &Value>) -> bool {
        let before = self.json.len();
        self.json.push_str(if before > 1 { ",[" } else { "[" });
        for (at, (column, value)) in self.columns.iter().zip(values).enumerate() {
            if at > 0 {
                self.json.push(',');
            }
            if !Self::push(&mut self.json, *column, value) {
                self.json.truncate(before);
                return false;
            }
        }
        self.json.push(']');
        true
    }

    fn size(&self) -> usize {
        self.json.len()
    }

    fn finish(mut self: Box<Self>) -> Vec<Bound> {
        self.json.push(']');
        vec![Value::Text(self.json).into()]
    }
}

/// `json_each(?) AS "k"`, and how each column is taken out of it.
pub(super) fn source(types: &[ColumnType], binds: Vec<Expr>) -> RowSource {
    let mut elements = 0_u64;
    let columns = types.iter().map(|column_type| {
        let column = Column::of(*column_type);
        let element = |at: u64| {
            value_of("k", "value").binary(BinOper::Custom("->>"), Expr::Constant((elements + at).into()))
        };
        let taken = match column {
            Column::Plain => element(0),
            Column::Bytes => Func::cust("unhex").arg(element(0)).into(),
            Column::Float => float(element(0), &element(1)),
        };
        elements += column.width();
        taken
    });
    let columns: Vec<Expr> = columns.collect();
    let rows = binds.into_iter().fold(Func::cust("json_each"), sea_query::FunctionCall::arg);
    let table = TableRef::FunctionCall(rows, Alias::new("k").into());
    RowSource { table, compared: columns.clone(), columns, ordinal: value_of("k", "key") }
}

/// Digits and power of two of a number, if [`float`] can put them together again.
fn parts(number: f64) -> Option<(i64, i64)> {
    const FRACTION_BITS: u32 = 52;
    if number == 0.0 {
        // SQLite has no negative zero.
        return Some((0, 0));
    }
    if !number.is_finite() {
        return None;
    }
    let bits = number.to_bits();
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let exponent = i64::try_from((bits >> FRACTION_BITS) & 0x7ff).ok()?;
    let (digits, power) = match exponent {
        0 => (fraction, -1_074),
        _ => (fraction | (1 << FRACTION_BITS), exponent - 1_075),
    };
    let zeros = digits.trailing_zeros();
    let (digits, power) = (i64::try_from(digits >> zeros).ok()?, power + i64::from(zeros));
    let fits = (-DIVIDED * LARGEST_POWER..=MULTIPLIED * LARGEST_POWER).contains(&power);
    fits.then_some((if number.is_sign_negative() { -digits } else { digits }, power))
}

/// `digits` as a float, times two to the power given: at most 53 bits times or through powers of two, where no step
/// loses any of them.
fn float(digits: Expr, power: &Expr) -> Expr {
    let constant = |number: i64| Expr::Constant(number.into());
    let bounded = |power: Expr| -> Expr {
        let positive = Func::cust("max").arg(power).arg(constant(0));
        Func::cust("min").arg(positive).arg(constant(LARGEST_POWER)).into()
    };
    let two_to = |power: Expr| constant(1).left_shift(power);
    let mut number = digits.cast_as("REAL");
    for times in 0..MULTIPLIED {
        number = number.mul(two_to(bounded(power.clone().sub(constant(times * LARGEST_POWER)))));
    }
    for times in 0..DIVIDED {
        let negative = constant(-times * LARGEST_POWER).sub(power.clone());
        number = number.div(two_to(bounded(negative)));
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_power_make_the_number_again() {
        for number in [1.0, -1.5, 0.1, 1.0 / 3.0, 1e-20, 3.5e38, f64::from(f32::MIN_POSITIVE), f64::EPSILON] {
            let (digits, power) = parts(number).unwrap_or_default();
            #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
            let again = digits as f64 * 2_f64.powi(i32::try_from(power).unwrap_or_default());
            assert_eq!(again.to_bits(), number.to_bits(), "{number}");
        }
        assert_eq!(parts(-0.0), Some((0, 0)));
    }

    #[test]
    fn numbers_far_from_one_are_not_taken() {
        for number in [f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e-60, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]
        {
            assert_eq!(parts(number), None, "{number}");
        }
    }

    #[test]
    fn a_row_that_is_not_taken_leaves_nothing() {
        let mut document = Document::new(&[ColumnType::Text, ColumnType::Double]);
        let taken = [Value::Text("a\"\0".to_owned()), Value::Float(1.5)];
        let not_taken = [Value::Text("b".to_owned()), Value::Float(f64::MAX)];
        assert!(document.row(&mut taken.iter()));
        assert!(!document.row(&mut not_taken.iter()));
        assert!(document.row(&mut [Value::Null, Value::Null].iter()));
        let json = r#"[["a\"\u0000",3,-1],[null,null,null]]"#;
        assert_eq!(Box::new(document).finish(), [Value::Text(json.to_owned())]);
    }
}
