//! Decimal numbers as text: their syntax and their order.
//!
//! A database without a decimal type keeps the text as it was given, scale included. Compared by
//! [`compare`], which is exact for any number of digits, `9.5` comes before `10` and `1.0` equals `1.00`.

use std::cmp::Ordering;

/// Whether `text` is a decimal number: digits with an optional sign, point and exponent.
#[must_use]
pub fn is_decimal(text: &str) -> bool {
    Decimal::parse(text).is_some()
}

/// How many digits of `text` stand before the point and behind it, without the zeros that could be left out; `None` if
/// it is no number.
#[must_use]
pub(crate) fn digits(text: &str) -> Option<(i64, i64)> {
    let decimal = Decimal::parse(text)?;
    let significant: Vec<u8> = decimal.digits().collect();
    let zeros = significant.iter().rev().take_while(|digit| **digit == b'0').count();
    let count = length(significant.len() - zeros);
    if count == 0 {
        return Some((0, 0));
    }
    Some((decimal.magnitude.max(0), count.saturating_sub(decimal.magnitude).max(0)))
}

/// Compares two decimal numbers by value. Whatever is no number comes after all numbers, in the order of its
/// bytes, so that this is a total order over all texts.
#[must_use]
pub fn compare(left: &str, right: &str) -> Ordering {
    match (Decimal::parse(left), Decimal::parse(right)) {
        (Some(left), Some(right)) => left.compare(&right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

/// A number `0.d₁d₂d₃… × 10^magnitude`, where `d₁` is not zero; zero has no digits.
struct Decimal<'a> {
    is_negative: bool,
    magnitude: i64,
    whole: &'a [u8],
    fraction: &'a [u8],
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (is_negative, unsigned) = split_sign(bytes);
        let (whole, rest) = split_digits(unsigned);
        let (fraction, rest) = match rest.split_first() {
            Some((b'.', rest)) => split_digits(rest),
            Some(_) | None => (&[][..], rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let exponent = match rest.split_first() {
            None => 0,
            Some((b'e' | b'E', exponent)) => parse_exponent(exponent)?,
            Some(_) => return None,
        };
        let whole = trim_zeros(whole);
        let significant = if whole.is_empty() { trim_zeros(fraction) } else { fraction };
        let leading_zeros = fraction.len() - significant.len();
        let magnitude = length(whole.len()) - length(leading_zeros);
        Some(Self {
            is_negative,
            magnitude: magnitude.saturating_add(exponent),
            whole,
            fraction: significant,
        })
    }

    fn digits(&self) -> impl Iterator<Item = u8> + '_ {
        self.whole.iter().chain(self.fraction).copied()
    }

    fn is_zero(&self) -> bool {
        self.digits().all(|digit| digit == b'0')
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return if other.is_negative { Ordering::Greater } else { Ordering::Less },
            (false, true) => return if self.is_negative { Ordering::Less } else { Ordering::Greater },
            (false, false) => {}
        }
        match (self.is_negative, other.is_negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.compare_size(other),
            (true, true) => other.compare_size(self),
        }
    }

    fn compare_size(&self, other: &Self) -> Ordering {
        let length = (self.whole.len() + self.fraction.len()).max(other.whole.len() + other.fraction.len());
        let padded = |number: &Self| {
            let mut digits: Vec<u8> = number.digits().collect();
            digits.resize(length, b'0');
            digits
        };
        self.magnitude.cmp(&other.magnitude).then_with(|| padded(self).cmp(&padded(other)))
    }
}

fn split_sign(bytes: &[u8]) -> (bool, &[u8]) {
    match bytes.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        Some(_) | None => (false, bytes),
    }
}

fn split_digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

fn trim_zeros(digits: &[u8]) -> &[u8] {
    &digits[digits.iter().take_while(|digit| **digit == b'0').count()..]
}

/// An exponent beyond what a text can be long is as good as the largest.
fn parse_exponent(bytes: &[u8]) -> Option<i64> {
    let (is_negative, digits) = split_sign(bytes);
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let add = |value: i64, digit: &u8| value.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
    let size =
        digits.iter().fold(0, |value, digit| if digit.is_ascii_digit() { add(value, digit) } else { value });
    is_number.then_some(if is_negative { -size } else { size })
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_numbers() {
        let ascending = [
            "-1e400",
            "-10.5",
            "-10.25",
            "-9",
            "-0.001",
            "0",
            "0.0009999",
            "0.001",
            "0.5",
            "1",
            "1.01",
            "2",
            "9.5",
            "10",
            "99999999999999999999.1",
            "99999999999999999999.2",
            "1E21",
            "1e400",
            "",
            "NaN",
            "ten",
        ];
        for (at, left) in ascending.iter().enumerate() {
            for (other, right) in ascending.iter().enumerate() {
                assert_eq!(compare(left, right), at.cmp(&other), "{left} and {right}");
            }
        }
    }

    #[test]
    fn scale_sign_of_zero_and_notation_do_not_matter() {
        for (left, right) in [
            ("1.0", "1.00"),
            ("1", "+1"),
            ("0", "-0.000"),
            ("0e9", "0"),
            ("100", "1e2"),
            ("0.001", "1E-3"),
            ("00012.50", "12.5"),
            (".5", "0.5"),
            ("5.", "5"),
        ] {
            assert_eq!(compare(left, right), Ordering::Equal, "{left} and {right}");
        }
    }

    #[test]
    fn digits_are_counted_on_both_sides_of_the_point() {
        for (text, expected) in [
            ("0", (0, 0)),
            ("0.000e9", (0, 0)),
            ("12.50", (2, 1)),
            ("-0012.05", (2, 2)),
            ("100", (3, 0)),
            ("1e3", (4, 0)),
            ("1.25e1", (2, 1)),
            ("0.001", (0, 3)),
            ("5e-4", (0, 4)),
            (".5", (0, 1)),
        ] {
            assert_eq!(digits(text), Some(expected), "{text}");
        }
        assert_eq!(digits("1,5"), None);
    }

    #[test]
    fn the_syntax_is_strict() {
        for text in ["", "-", ".", "1.2.3", "1e", "1e+", "e5", " 1", "1 ", "0x10", "1,5", "١", "1e5e5", "--1"]
        {
            assert!(!is_decimal(text), "{text}");
        }
        for text in ["0", "-12.50", "+3", ".5", "5.", "1e-30", "1E+30", "1e99999999999999999999"] {
            assert!(is_decimal(text), "{text}");
        }
    }
}
