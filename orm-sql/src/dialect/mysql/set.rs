//! Sets of keys: placeholders, of which both servers make ranges of an index, padded to few different lengths; very large
//! ones as one JSON document.

use orm_core::value::{KeyValues, Value};

use super::rows::push;
use crate::dialect::{Element, SetError, SetForm};
use crate::statement::{Bound, kind_of};

/// How many values a list has at most. A statement takes 65,535.
const LISTED: usize = 16_384;

/// Chooses the form of `keys` and adds what it binds.
pub(super) fn form(keys: &[&KeyValues], width: usize, values: &mut Vec<Bound>) -> Result<SetForm, SetError> {
    let padded = keys.len().next_power_of_two();
    if padded.saturating_mul(width) > LISTED {
        return document(keys, values);
    }
    for value in keys.iter().flat_map(|key| key.iter()) {
        super::store::check(value)?;
    }
    let repeated = keys.iter().chain(keys.last().into_iter().cycle());
    values.extend(repeated.take(padded).flat_map(|key| key.iter().cloned().map(Bound::from)));
    Ok(SetForm::List(padded))
}

fn document(keys: &[&KeyValues], values: &mut Vec<Bound>) -> Result<SetForm, SetError> {
    let mut elements: Vec<Element> = Vec::new();
    let mut json = String::from("[");
    for (at, key) in keys.iter().enumerate() {
        json.push_str(if at > 0 { ",[" } else { "[" });
        for (column, value) in key.iter().enumerate() {
            super::store::check(value)?;
            let element = Element::Typed(kind_of(value).ok_or(SetError::Mixed)?);
            match elements.get(column) {
                None => elements.push(element),
                Some(known) if *known == element => {}
                Some(_) => return Err(SetError::Mixed),
            }
            if column > 0 {
                json.push(',');
            }
            if !push(&mut json, value) {
                return Err(SetError::Mixed);
            }
        }
        json.push(']');
    }
    json.push(']');
    values.push(Value::Text(json).into());
    Ok(SetForm::Document(elements))
}
