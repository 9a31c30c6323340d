//! Where a row stands in an order, as text that a program hands out and gets back. Pure.
//!
//! A version, fingerprints of the entity and of the order, the values with their types, and a checksum, as base64url
//! without padding. It is neither secret nor signed: whoever has one can read the values, and make another.

use thiserror::Error;

use super::keyset::{Keyset, KeysetTerm};
use crate::metadata::EntityMetadata;
use crate::value::{ColumnType, Value};

/// Why a page can't begin at a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum CursorProblem {
    /// It is not what a page gave out, or only a part of it.
    #[error(
        "it is damaged; pass it on exactly as a page gave it, or ask for the first page, without a cursor"
    )]
    Damaged,
    /// It was made by a version of the program that wrote cursors in another way.
    #[error("it was made by another version of the program; ask for the first page, without a cursor")]
    Version,
    /// It stands at a row of another entity.
    #[error("it is of another entity; use it with the query that it came from")]
    OtherEntity,
    /// It stands in another order.
    #[error(
        "it is of another order; order this query as the one that it came from, or ask for the first page"
    )]
    OtherOrder,
}

const VERSION: u8 = 1;

/// Version and fingerprints.
const HEADER: usize = 1 + 8 + 8;

const CHECKSUM: usize = 8;

/// The cursor of the row at `position` in an order.
pub(super) fn encode(entity: &EntityMetadata, order: &Keyset, position: &[Value]) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend(hash(entity.name.as_bytes()).to_be_bytes());
    bytes.extend(fingerprint(order).to_be_bytes());
    position.iter().for_each(|value| write(value, &mut bytes));
    bytes.extend(hash(&bytes).to_be_bytes());
    to_text(&bytes)
}

/// Where the row of a cursor stands in an order.
pub(super) fn decode(
    entity: &EntityMetadata,
    order: &Keyset,
    cursor: &str,
) -> Result<Vec<Value>, CursorProblem> {
    use CursorProblem::{Damaged, OtherEntity, OtherOrder, Version};
    let bytes = from_text(cursor).ok_or(Damaged)?;
    let end = bytes.len().checked_sub(CHECKSUM).filter(|end| *end >= HEADER).ok_or(Damaged)?;
    let (bytes, checksum) = bytes.split_at(end);
    if hash(bytes).to_be_bytes() != checksum {
        return Err(Damaged);
    }
    let mut reader = Reader(bytes);
    if reader.take::<1>() != Some([VERSION]) {
        return Err(Version);
    }
    if reader.take() != Some(hash(entity.name.as_bytes()).to_be_bytes()) {
        return Err(OtherEntity);
    }
    if reader.take() != Some(fingerprint(order).to_be_bytes()) {
        return Err(OtherOrder);
    }
    let values =
        order.terms.iter().map(|term| reader.value(term.value_type).filter(|value| fits(term, value)));
    let values: Vec<Value> = values.collect::<Option<_>>().ok_or(Damaged)?;
    if reader.0.is_empty() { Ok(values) } else { Err(Damaged) }
}

/// Tells orders apart, the same in every process: by what is ordered by, its type, directions and places of NULL.
fn fingerprint(order: &Keyset) -> u64 {
    let terms = order.terms.iter().map(|KeysetTerm { order, value_type, name, .. }| {
        format!("{name} {:?} {} {:?};", Some(value_type), order.descending, order.nulls)
    });
    hash(terms.collect::<String>().as_bytes())
}

/// FNV-1a: no change of a single byte goes unseen.
fn hash(bytes: &[u8]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325;
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Whether a term can have a value: one that can't was never read from it.
fn fits(term: &KeysetTerm, value: &Value) -> bool {
    let value_type = term.value_type;
    match value {
        Value::Null => term.nullable,
        Value::Bool(_) => value_type == ColumnType::Bool,
        Value::Int(_) => value_type.is_integer(),
        Value::Float(value) => {
            matches!(value_type, ColumnType::Float | ColumnType::Double) && !value.is_nan()
        }
        Value::Text(_) => value_type == ColumnType::Text,
        Value::Enum(enum_type, _) => value_type == ColumnType::Enum(enum_type),
        Value::Array(element, _) => value_type == ColumnType::Array(element),
        Value::Bytes(_) => value_type == ColumnType::Bytes,
        Value::Uuid(_) => value_type == ColumnType::Uuid,
        Value::Date(_) => value_type == ColumnType::Date,
        Value::Time(_) => value_type == ColumnType::Time,
        Value::DateTime(_) => value_type == ColumnType::DateTime,
        Value::Timestamp(_) => value_type == ColumnType::Timestamp,
        Value::Decimal(_) => value_type == ColumnType::Decimal,
        Value::Json(_) => value_type == ColumnType::Json,
    }
}

fn write(value: &Value, to: &mut Vec<u8>) {
    let mut put = |tag: u8, bytes: &[u8]| {
        to.push(tag);
        to.extend(bytes);
    };
    match value {
        Value::Null => put(0, &[]),
        Value::Bool(value) => put(1, &[u8::from(*value)]),
        Value::Int(value) => put(2, &value.to_be_bytes()),
        Value::Float(value) => put(3, &value.to_bits().to_be_bytes()),
        Value::Text(text) => put(4, &sized(text.as_bytes())),
        Value::Bytes(bytes) => put(5, &sized(bytes)),
        Value::Uuid(value) => put(6, &value.to_be_bytes()),
        Value::Date(value) => put(7, &value.to_be_bytes()),
        Value::Time(value) => put(8, &value.to_be_bytes()),
        Value::DateTime(value) => put(9, &value.to_be_bytes()),
        Value::Timestamp(value) => put(10, &value.to_be_bytes()),
        Value::Decimal(text) => put(11, &sized(text.as_bytes())),
        Value::Json(text) => put(12, &sized(text.as_bytes())),
        Value::Enum(_, label) => put(4, &sized(label.as_bytes())),
        Value::Array(_, values) => {
            put(13, &(values.len() as u64).to_be_bytes());
            values.iter().for_each(|value| write(value, to));
        }
    }
}

/// Bytes behind their number.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let mut sized = (bytes.len() as u64).to_be_bytes().to_vec();
    sized.extend(bytes);
    sized
}

/// Reads from the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn sized(&mut self) -> Option<Vec<u8>> {
        let size = usize::try_from(u64::from_be_bytes(self.take()?)).ok()?;
        let (taken, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(taken.to_vec())
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.sized()?).ok()
    }

    fn long(&mut self) -> Option<i64> {
        self.take().map(i64::from_be_bytes)
    }

    /// A value of this type, as far as its bytes don't say theirs.
    fn value(&mut self, value_type: ColumnType) -> Option<Value> {
        let [tag] = self.take()?;
        Some(match tag {
            0 => Value::Null,
            1 => match self.take()? {
                [0] => Value::Bool(false),
                [1] => Value::Bool(true),
                _ => return None,
            },
            2 => Value::Int(self.long()?),
            3 => Value::Float(f64::from_bits(u64::from_be_bytes(self.take()?))),
            4 => match value_type {
                ColumnType::Enum(enum_type) => enum_type.value(&self.text()?).ok()?,
                _ => Value::Text(self.text()?),
            },
            5 => Value::Bytes(self.sized()?),
            6 => Value::Uuid(u128::from_be_bytes(self.take()?)),
            7 => Value::Date(i32::from_be_bytes(self.take()?)),
            8 => Value::Time(self.long()?),
            9 => Value::DateTime(self.long()?),
            10 => Value::Timestamp(self.long()?),
            11 => Value::Decimal(self.text()?),
            12 => Value::Json(self.text()?),
            13 => self.array(value_type)?,
            _ => return None,
        })
    }

    fn array(&mut self, value_type: ColumnType) -> Option<Value> {
        let ColumnType::Array(element) = value_type else { return None };
        // An element is no array itself, so that this goes one level deep.
        let count = u64::from_be_bytes(self.take()?);
        let values = (0..count).map(|_| self.value(*element)).collect::<Option<_>>()?;
        Some(Value::Array(element, values))
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// base64url without padding.
fn to_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        // One byte takes two digits, two take three.
        let digits = (0..=group.len()).map(|at| char::from(DIGITS[bits >> (18 - 6 * at) & 63]));
        text.extend(digits);
    }
    text
}

/// The bytes of a text that [`to_text`] could have written; each has but one.
fn from_text(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for group in text.as_bytes().chunks(4) {
        let digits = group.iter().try_fold(0_u32, |bits, digit| {
            let at = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                _ => return None,
            };
            Some(bits << 6 | u32::from(at))
        })?;
        let bits = (digits << (6 * (4 - group.len()))).to_be_bytes();
        let (whole, spare) = bits[1..].split_at(group.len() - 1);
        if whole.is_empty() || spare.iter().any(|bits| *bits != 0) {
            return None;
        }
        bytes.extend(whole);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::EnumType;

    #[test]
    fn text_is_base64url() {
        let known = [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg")];
        for (bytes, text) in known {
            assert_eq!(to_text(bytes.as_bytes()), text);
            assert_eq!(from_text(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(to_text(&[0xfb, 0xff, 0xfe]), "-__-");
    }

    #[test]
    fn text_that_was_never_written_is_refused() {
        for text in ["Z", "Zh", "Zm9", "Zg==", "Zm9vY", "+/+/", "Zm 9", "é", "Zg\n"] {
            assert_eq!(from_text(text), None, "{text}");
        }
    }

    #[test]
    fn values_survive() {
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Float(-0.0),
            Value::Text("a\0'é".to_owned()),
            Value::Bytes(vec![0, 255]),
            Value::Uuid(u128::MAX),
            Value::Date(-1),
            Value::Time(1),
            Value::DateTime(2),
            Value::Timestamp(-3),
            Value::Decimal("1.50".to_owned()),
            Value::Json("{}".to_owned()),
        ];
        let mut bytes = Vec::new();
        values.iter().for_each(|value| write(value, &mut bytes));
        let mut reader = Reader(&bytes);
        for value in &values {
            assert_eq!(reader.value(ColumnType::Text).as_ref(), Some(value));
        }
        assert!(reader.0.is_empty());
    }

    #[test]
    fn labels_and_lists_survive_where_their_type_is_known() {
        const SEASON: &EnumType =
            &EnumType { rust_name: "Season", name: None, labels: &["spring", "autumn"] };
        let label = Value::Enum(SEASON, "autumn");
        let list = Value::Array(&ColumnType::Int(64), vec![Value::Int(1), Value::Int(-1)]);
        let mut bytes = Vec::new();
        write(&label, &mut bytes);
        write(&list, &mut bytes);
        let mut reader = Reader(&bytes);
        assert_eq!(reader.value(ColumnType::Enum(SEASON)), Some(label));
        assert_eq!(reader.value(ColumnType::Array(&ColumnType::Int(64))), Some(list.clone()));
        assert!(reader.0.is_empty());

        let mut bytes = Vec::new();
        write(&Value::Text("winter".to_owned()), &mut bytes);
        assert_eq!(Reader(&bytes).value(ColumnType::Enum(SEASON)), None);
        let mut bytes = Vec::new();
        write(&list, &mut bytes);
        assert_eq!(Reader(&bytes).value(ColumnType::Int(64)), None);
    }

    #[test]
    fn half_a_value_is_none() {
        for bytes in [&[4, 255, 255, 255, 255, 255, 255, 255, 255, 1][..], &[2, 1], &[1, 2], &[99], &[]] {
            assert_eq!(Reader(bytes).value(ColumnType::Text), None, "{bytes:?}");
        }
    }
}
