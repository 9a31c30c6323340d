//! Entries as bytes, for stores beside the process.
//!
//! A version, a kind, then what the kind has; numbers are little endian, lengths stand before what they count. Bytes of
//! another version, damaged ones and ones that go on too long are refused, and never make it reserve more memory than they
//! are long.

use std::sync::Arc;

use super::store::{Answer, CacheError, Content};
use crate::value::{ColumnType, Value};

/// Raised whenever the format changes.
const VERSION: u8 = 1;

const GENERATION: u8 = 0;
const ANSWER: u8 = 1;

/// The kind of a value that is a list of others.
const ARRAY: u8 = 13;

pub(super) fn encode(content: &Content) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    match content {
        Content::Generation(generation) => {
            bytes.push(GENERATION);
            bytes.extend(generation.to_le_bytes());
        }
        Content::Answer(answer) => {
            bytes.push(ANSWER);
            put_bytes(&mut bytes, &answer.question);
            put_length(&mut bytes, answer.generations.len());
            answer.generations.iter().for_each(|generation| bytes.extend(generation.to_le_bytes()));
            bytes.extend(answer.asked_at.to_le_bytes());
            put_length(&mut bytes, answer.rows.len());
            for row in &answer.rows {
                put_length(&mut bytes, row.len());
                row.iter().for_each(|value| put_value(&mut bytes, value));
            }
        }
    }
    bytes
}

fn put_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.extend((length as u64).to_le_bytes());
}

fn put_bytes(bytes: &mut Vec<u8>, content: &[u8]) {
    put_length(bytes, content.len());
    bytes.extend(content);
}

/// Puts a value so that no other one, and no value before or after it, can be taken for it.
pub(super) fn put_value(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => bytes.push(0),
        Value::Bool(value) => bytes.extend([1, u8::from(*value)]),
        Value::Int(value) => put_number(bytes, 2, &value.to_le_bytes()),
        Value::Float(value) => put_number(bytes, 3, &value.to_bits().to_le_bytes()),
        Value::Text(value) => put_content(bytes, 4, value.as_bytes()),
        Value::Bytes(value) => put_content(bytes, 5, value),
        Value::Uuid(value) => put_number(bytes, 6, &value.to_le_bytes()),
        Value::Date(value) => put_number(bytes, 7, &value.to_le_bytes()),
        Value::Time(value) => put_number(bytes, 8, &value.to_le_bytes()),
        Value::DateTime(value) => put_number(bytes, 9, &value.to_le_bytes()),
        Value::Timestamp(value) => put_number(bytes, 10, &value.to_le_bytes()),
        Value::Decimal(value) => put_content(bytes, 11, value.as_bytes()),
        Value::Json(value) => put_content(bytes, 12, value.as_bytes()),
        // Who reads it knows which enum it is of.
        Value::Enum(_, label) => put_content(bytes, 4, label.as_bytes()),
        Value::Array(_, values) => {
            bytes.push(ARRAY);
            put_length(bytes, values.len());
            values.iter().for_each(|value| put_value(bytes, value));
        }
    }
}

fn put_number(bytes: &mut Vec<u8>, kind: u8, number: &[u8]) {
    bytes.push(kind);
    bytes.extend(number);
}

fn put_content(bytes: &mut Vec<u8>, kind: u8, content: &[u8]) {
    bytes.push(kind);
    put_bytes(bytes, content);
}

pub(super) fn decode(bytes: &[u8]) -> Result<Content, CacheError> {
    let mut reader = Reader { rest: bytes };
    let version = reader.byte()?;
    if version != VERSION {
        return Err(format!(
            "the entry has version {version} of its format, and this program reads {VERSION}"
        )
        .into());
    }
    let content = match reader.byte()? {
        GENERATION => Content::Generation(reader.long()?),
        ANSWER => Content::Answer(Arc::new(reader.answer()?)),
        other => return Err(format!("{other} is no kind of entry").into()),
    };
    if !reader.rest.is_empty() {
        return Err("the entry goes on after its end".into());
    }
    Ok(content)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], CacheError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or("the entry is cut off")?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CacheError> {
        Ok(self.take(N)?.try_into()?)
    }

    fn byte(&mut self) -> Result<u8, CacheError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn long(&mut self) -> Result<u64, CacheError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// How many of something follow, each of at least one byte.
    fn length(&mut self) -> Result<usize, CacheError> {
        let length = usize::try_from(self.long()?)?;
        if length > self.rest.len() {
            return Err("the entry is cut off".into());
        }
        Ok(length)
    }

    fn content(&mut self) -> Result<&'a [u8], CacheError> {
        let length = self.length()?;
        self.take(length)
    }

    fn text(&mut self) -> Result<String, CacheError> {
        Ok(std::str::from_utf8(self.content()?)?.to_owned())
    }

    fn answer(&mut self) -> Result<Answer, CacheError> {
        let question = self.content()?.into();
        let generations = (0..self.length()?).map(|_| self.long()).collect::<Result<_, _>>()?;
        let asked_at = self.long()?;
        let rows = (0..self.length()?).map(|_| self.row()).collect::<Result<_, _>>()?;
        Ok(Answer { question, generations, asked_at, rows })
    }

    fn row(&mut self) -> Result<Vec<Value>, CacheError> {
        (0..self.length()?).map(|_| self.value()).collect()
    }

    fn value(&mut self) -> Result<Value, CacheError> {
        match self.byte()? {
            ARRAY => {
                let values = (0..self.length()?)
                    .map(|_| {
                        let kind = self.byte()?;
                        self.value_of(kind)
                    })
                    .collect::<Result<Vec<Value>, CacheError>>()?;
                Ok(Value::Array(element_of(&values), values))
            }
            kind => self.value_of(kind),
        }
    }

    /// A value that is no list.
    fn value_of(&mut self, kind: u8) -> Result<Value, CacheError> {
        Ok(match kind {
            0 => Value::Null,
            1 => Value::Bool(self.byte()? != 0),
            2 => Value::Int(i64::from_le_bytes(self.array()?)),
            3 => Value::Float(f64::from_bits(self.long()?)),
            4 => Value::Text(self.text()?),
            5 => Value::Bytes(self.content()?.to_vec()),
            6 => Value::Uuid(u128::from_le_bytes(self.array()?)),
            7 => Value::Date(i32::from_le_bytes(self.array()?)),
            8 => Value::Time(i64::from_le_bytes(self.array()?)),
            9 => Value::DateTime(i64::from_le_bytes(self.array()?)),
            10 => Value::Timestamp(i64::from_le_bytes(self.array()?)),
            11 => Value::Decimal(self.text()?),
            12 => Value::Json(self.text()?),
            other => return Err(format!("{other} is no kind of value").into()),
        })
    }
}

/// What a list of these is a list of. Who reads it asks for the type that it wants.
fn element_of(values: &[Value]) -> &'static ColumnType {
    match values.first() {
        Some(Value::Bool(_)) => &ColumnType::Bool,
        Some(Value::Int(_)) => &ColumnType::Int(64),
        Some(Value::Float(_)) => &ColumnType::Double,
        Some(Value::Bytes(_)) => &ColumnType::Bytes,
        Some(Value::Uuid(_)) => &ColumnType::Uuid,
        Some(Value::Date(_)) => &ColumnType::Date,
        Some(Value::Time(_)) => &ColumnType::Time,
        Some(Value::DateTime(_)) => &ColumnType::DateTime,
        Some(Value::Timestamp(_)) => &ColumnType::Timestamp,
        Some(Value::Decimal(_)) => &ColumnType::Decimal,
        Some(Value::Json(_)) => &ColumnType::Json,
        Some(Value::Text(_) | Value::Enum(..) | Value::Array(..) | Value::Null) | None => &ColumnType::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Content {
        let row = vec![
            Value::Null,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Float(f64::NAN),
            Value::Text("é\0".to_owned()),
            Value::Bytes(vec![0, 255]),
            Value::Uuid(u128::MAX),
            Value::Date(-1),
            Value::Time(86_399_999_999),
            Value::DateTime(i64::MAX),
            Value::Timestamp(-1),
            Value::Decimal("-12.50".to_owned()),
            Value::Json("{}".to_owned()),
            Value::Array(&ColumnType::Text, Vec::new()),
            Value::Array(&ColumnType::Int(64), vec![Value::Int(1), Value::Int(2)]),
        ];
        let generations = vec![1, u64::MAX];
        Content::Answer(Arc::new(Answer {
            question: b"select".as_slice().into(),
            generations,
            asked_at: 7,
            rows: vec![row, Vec::new()],
        }))
    }

    #[test]
    fn every_kind_of_value_survives_its_bytes() {
        for content in [answer(), Content::Generation(5)] {
            assert_eq!(decode(&encode(&content)).expect("it was just encoded"), content);
        }
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let bytes = encode(&answer());
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_err(), "cut off at {end}");
        }
        assert!(decode(&[&bytes[..], &[0]].concat()).is_err(), "too long");
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] = 0xff;
            // Whatever it says, it comes to an end.
            let _ = decode(&damaged);
        }
    }

    #[test]
    fn another_version_is_named() {
        let mut bytes = encode(&Content::Generation(1));
        bytes[0] = 9;
        let error = decode(&bytes).expect_err("there is no version 9");
        assert_eq!(error.to_string(), "the entry has version 9 of its format, and this program reads 1");
    }
}
