//! Sets of keys: one JSON document, so that a text serves any number of keys and the limit of binds is never near.
//!
//! Integers and texts are exact in JSON, bytes travel as hexadecimal digits. SQLite's reading of decimal fractions
//! is not exact in the last bit, so that floats are bound one by one, padded to few different lengths.

use orm_core::value::{KeyValues, Value};
use sea_query::{Alias, BinOper, Expr, ExprTrait, Func, Query, SelectStatement};

use super::store::{Stored, store};
use super::value_of;
use crate::dialect::json::{push_bytes, push_number, push_text};
use crate::dialect::{Element, SetError, SetForm};
use crate::statement::Bound;

/// Chooses the form of `keys` and adds what it binds.
pub(super) fn form(
    keys: &[&KeyValues],
    width: usize,
    max_binds: usize,
    values: &mut Vec<Bound>,
) -> Result<SetForm, SetError> {
    let floats = keys.iter().flat_map(|key| key.iter()).any(|value| matches!(value, Value::Float(_)));
    if floats { list(keys, width, max_binds, values) } else { document(keys, width, values) }
}

fn list(
    keys: &[&KeyValues],
    width: usize,
    max_binds: usize,
    values: &mut Vec<Bound>,
) -> Result<SetForm, SetError> {
    if width != 1 {
        return Err(SetError::Mixed);
    }
    // Half of the limit leaves room for the rest of the statement.
    let most = max_binds / 2;
    if keys.len() > most {
        return Err(SetError::TooMany { most });
    }
    let padded = keys.len().next_power_of_two().min(most);
    let repeated = keys.iter().chain(keys.last().into_iter().cycle());
    values.extend(repeated.take(padded).flat_map(|key| key.iter().cloned().map(Bound::from)));
    Ok(SetForm::List(padded))
}

fn document(keys: &[&KeyValues], width: usize, values: &mut Vec<Bound>) -> Result<SetForm, SetError> {
    let mut elements: Vec<Option<Element>> = vec![None; width];
    let mut json = String::with_capacity(keys.len() * width * 8 + 2);
    json.push('[');
    for (at, key) in keys.iter().enumerate() {
        if at > 0 {
            json.push(',');
        }
        if width > 1 {
            json.push('[');
        }
        for (column, value) in key.iter().enumerate() {
            if column > 0 {
                json.push(',');
            }
            let element = push(&mut json, value)?;
            let known = elements.get_mut(column).ok_or(SetError::Mixed)?;
            if known.is_some_and(|known| known != element) {
                return Err(SetError::Mixed);
            }
            *known = Some(element);
        }
        if width > 1 {
            json.push(']');
        }
    }
    json.push(']');
    values.push(Value::Text(json).into());
    Ok(SetForm::Document(elements.into_iter().map(|element| element.unwrap_or(Element::Plain)).collect()))
}

/// Adds one value to the document.
fn push(json: &mut String, value: &Value) -> Result<Element, SetError> {
    match value {
        Value::Int(number) => push_number(json, *number),
        Value::Text(text) => push_text(json, text),
        Value::Bytes(bytes) => {
            push_bytes(json, bytes);
            return Ok(Element::Bytes);
        }
        Value::Null
        | Value::Bool(_)
        | Value::Float(_)
        | Value::Uuid(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::DateTime(_)
        | Value::Timestamp(_)
        | Value::Decimal(_)
        | Value::Json(_)
        | Value::Enum(..)
        | Value::Array(..) => match store(value.clone())? {
            Stored::Int(number) => push_number(json, number),
            Stored::Text(text) => push_text(json, &text),
            Stored::Blob(bytes) => {
                push_bytes(json, &bytes);
                return Ok(Element::Bytes);
            }
            Stored::Null | Stored::Real(_) => return Err(SetError::Mixed),
        },
    }
    Ok(Element::Plain)
}

/// `SELECT "k"."value" FROM json_each(?) AS "k"`, or one expression a column for keys of several.
pub(super) fn rows(elements: &[Element], binds: Vec<Expr>) -> SelectStatement {
    let value = || value_of("k", "value");
    let taken = |at: usize| match elements.len() {
        1 => value(),
        _ => value().binary(BinOper::Custom("->>"), Expr::Constant((at as u64).into())),
    };
    let mut rows = Query::select();
    let keys = binds.into_iter().fold(Func::cust("json_each"), sea_query::FunctionCall::arg);
    rows.from_function(keys, Alias::new("k"));
    for (at, element) in elements.iter().enumerate() {
        rows.expr(match element {
            Element::Plain | Element::Array(_) | Element::Typed(_) => taken(at),
            Element::Bytes => Func::cust("unhex").arg(taken(at)).into(),
        });
    }
    rows.take()
}
