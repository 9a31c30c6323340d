//! Lists of values as JSON text, for databases that have no arrays.
//!
//! Nothing is lost on the way: integers and floats are numbers, written and read with all their digits; decimals, dates,
//! times and UUIDs are texts, bytes hexadecimal digits. JSON has no NaN and no infinity.

use orm_core::value::{ColumnType, Value, ValueError, parse_uuid, uuid_text};
use serde_json::value::RawValue;

use crate::{decimal, temporal};

/// Writes a list.
///
/// # Errors
///
/// [`ValueError::OutOfRange`] for NaN, infinities and dates outside the years 0000 to 9999; [`ValueError::WrongType`] for
/// what is no element of a list.
pub fn to_json(values: &[Value]) -> Result<String, ValueError> {
    let mut json = String::from("[");
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            json.push(',');
        }
        json.push_str(&element_text(value)?);
    }
    json.push(']');
    Ok(json)
}

/// Writes an element of a list.
///
/// # Errors
///
/// As [`to_json`].
pub fn element_text(value: &Value) -> Result<String, ValueError> {
    Ok(match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) if number.is_finite() => format!("{number:?}"),
        Value::Float(_) => {
            return Err(ValueError::OutOfRange {
                expected: "a number of JSON, which has no NaN and no infinity",
            });
        }
        Value::Text(text) => quoted(text),
        Value::Enum(_, label) => quoted(label),
        Value::Bytes(bytes) => {
            quoted(&bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}")))
        }
        Value::Uuid(uuid) => quoted(&uuid_text(*uuid)),
        Value::Date(days) => quoted(&temporal::date_text(*days)?),
        Value::Time(micros) => quoted(&temporal::time_text(*micros)?),
        Value::DateTime(micros) => quoted(&temporal::datetime_text(*micros)?),
        Value::Timestamp(micros) => quoted(&temporal::timestamp_text(*micros)?),
        Value::Decimal(text) if decimal::is_decimal(text) => quoted(text),
        Value::Decimal(_) => return Err(invalid("decimal", "it is no number")),
        Value::Null | Value::Json(_) | Value::Array(..) => {
            return Err(ValueError::WrongType {
                expected: "an element of a list",
                found: value.kind().to_owned(),
            });
        }
    })
}

/// Reads a list of values of a column of type `element`.
///
/// # Errors
///
/// [`ValueError::Invalid`] for what is no JSON list, [`ValueError::WrongType`] for an element of another kind, and what
/// the element's own form is refused for.
pub fn from_json(json: &str, element: ColumnType) -> Result<Vec<Value>, ValueError> {
    let elements: Vec<&RawValue> =
        serde_json::from_str(json).map_err(|_| invalid("list", "it is no list of JSON"))?;
    elements.into_iter().map(|raw| value(raw.get(), element)).collect()
}

fn value(raw: &str, element: ColumnType) -> Result<Value, ValueError> {
    let wrong = |expected: &'static str| ValueError::WrongType { expected, found: kind(raw).to_owned() };
    let text = |expected: &'static str| serde_json::from_str::<String>(raw).map_err(|_| wrong(expected));
    Ok(match element {
        ColumnType::Bool => match raw {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return Err(wrong("bool")),
        },
        ColumnType::Int(_) | ColumnType::UnsignedInt(_) => match raw.parse() {
            Ok(number) => Value::Int(number),
            Err(_) if kind(raw) == "number" => return Err(ValueError::OutOfRange { expected: "integer" }),
            Err(_) => return Err(wrong("integer")),
        },
        ColumnType::Float | ColumnType::Double => match raw.parse::<f64>() {
            Ok(number) if kind(raw) == "number" && number.is_finite() => Value::Float(number),
            Ok(_) if kind(raw) == "number" => return Err(ValueError::OutOfRange { expected: "float" }),
            Ok(_) | Err(_) => return Err(wrong("float")),
        },
        ColumnType::Text => Value::Text(text("text")?),
        ColumnType::Enum(enum_type) => enum_type.value(&text("text")?)?,
        ColumnType::Bytes => Value::Bytes(bytes(&text("bytes")?)?),
        ColumnType::Uuid => Value::Uuid(parse_uuid(&text("UUID")?)?),
        ColumnType::Date => Value::Date(temporal::parse_date(&text("date")?)?),
        ColumnType::Time => Value::Time(temporal::parse_time(&text("time")?)?),
        ColumnType::DateTime => Value::DateTime(temporal::parse_datetime(&text("date and time")?)?),
        ColumnType::Timestamp => Value::Timestamp(temporal::parse_timestamp(&text("timestamp")?)?),
        ColumnType::Decimal => {
            let number = text("decimal")?;
            if !decimal::is_decimal(&number) {
                return Err(invalid("decimal", "it is no number"));
            }
            Value::Decimal(number)
        }
        _ => return Err(wrong("an element of a list")),
    })
}

/// What kind of JSON this is, by its first character.
fn kind(raw: &str) -> &'static str {
    match raw.bytes().next() {
        Some(b'"') => "text",
        Some(b'{') => "object",
        Some(b'[') => "list",
        Some(b't' | b'f') => "bool",
        Some(b'n') | None => "null",
        Some(_) => "number",
    }
}

fn bytes(digits: &str) -> Result<Vec<u8>, ValueError> {
    let wrong = || invalid("bytes", "expected pairs of hexadecimal digits");
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| wrong());
    (0..digits.len()).step_by(2).map(pair).collect()
}

/// A text of JSON; what it has to escape, it escapes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn invalid(expected: &'static str, reason: &str) -> ValueError {
    ValueError::Invalid { expected, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_survives_its_text() {
        let lists = [
            (ColumnType::Bool, vec![Value::Bool(true), Value::Bool(false)]),
            (ColumnType::Int(64), vec![Value::Int(i64::MIN), Value::Int(i64::MAX)]),
            (
                ColumnType::Double,
                [f64::MIN, f64::MAX, 5e-324, -0.0, 0.1, 1e300].into_iter().map(Value::Float).collect(),
            ),
            (
                ColumnType::Text,
                ["", "a\"\\\u{0}\u{10ffff}", "null"].map(|text| Value::Text(text.to_owned())).into(),
            ),
            (ColumnType::Bytes, vec![Value::Bytes(Vec::new()), Value::Bytes(vec![0, 255])]),
            (ColumnType::Uuid, vec![Value::Uuid(0), Value::Uuid(u128::MAX)]),
            (ColumnType::Date, vec![Value::Date(-719_162), Value::Date(2_932_896)]),
            (ColumnType::Time, vec![Value::Time(0), Value::Time(86_399_999_999)]),
            (ColumnType::DateTime, vec![Value::DateTime(-1)]),
            (ColumnType::Timestamp, vec![Value::Timestamp(1)]),
            (ColumnType::Decimal, vec![Value::Decimal("-12.50".to_owned())]),
            (ColumnType::Text, Vec::new()),
        ];
        for (element, values) in lists {
            let json = to_json(&values).expect("it has a text");
            assert_eq!(from_json(&json, element), Ok(values), "{json}");
        }
    }

    #[test]
    fn what_json_has_no_word_for_is_refused() {
        for value in [
            Value::Float(f64::NAN),
            Value::Float(f64::INFINITY),
            Value::Null,
            Value::Json("1".to_owned()),
            Value::Date(i32::MAX),
            Value::Decimal("one".to_owned()),
        ] {
            assert!(to_json(std::slice::from_ref(&value)).is_err(), "{value:?}");
        }
    }

    #[test]
    fn what_is_no_list_of_the_type_is_refused() {
        for (json, element) in [
            ("", ColumnType::Text),
            ("1", ColumnType::Int(64)),
            ("[1", ColumnType::Int(64)),
            ("[null]", ColumnType::Text),
            ("[1]", ColumnType::Text),
            (r#"["1"]"#, ColumnType::Int(64)),
            ("[1.5]", ColumnType::Int(64)),
            ("[9223372036854775808]", ColumnType::Int(64)),
            ("[1e999]", ColumnType::Double),
            (r#"["NaN"]"#, ColumnType::Double),
            (r#"["abc"]"#, ColumnType::Bytes),
            (r#"["zz"]"#, ColumnType::Bytes),
            ("[1]", ColumnType::Bool),
            ("[[]]", ColumnType::Text),
        ] {
            assert!(from_json(json, element).is_err(), "{json}");
        }
    }
}
