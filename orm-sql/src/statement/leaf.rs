//! The parts of a condition that compare columns with values: their form, and what they bind.
//!
//! Both passes come here, so that a form and its values are decided in one place. Whatever could make sea-query or
//! the database stumble is refused here, with the entity and the field in the message.

use std::ops::Range;

use orm_core::condition::{Comparison, Expression, ListMatch};
use orm_core::driver::DriverError;
use orm_core::metadata::{EntityMetadata, Relation};
use orm_core::value::{ColumnType, KeyValues, Value, ValueError};

use super::bound::Bound;
use super::unsupported;
use crate::dialect::{Dialect, SetError, SetForm, TextForm};

/// A comparison of columns with values.
pub(super) struct Leaf {
    pub(super) columns: Columns,
    pub(super) form: Form,
}

/// Which columns.
#[derive(Clone, Copy)]
pub(super) enum Columns {
    /// The primary key's.
    Key,
    /// A property's.
    Property(usize),
}

/// How they are compared.
pub(super) enum Form {
    Compare(Comparison),
    Between,
    IsNull,
    Text(TextForm),
    Set(SetForm),
    /// A list of elements of this type has so many of others.
    List(ListMatch, ColumnType),
}

impl Columns {
    /// The columns, as indexes into those of `entity`.
    pub(super) fn of(self, entity: &EntityMetadata) -> Vec<usize> {
        match self {
            Self::Key => entity.key_columns().collect(),
            Self::Property(property) => entity.properties[property].columns.clone().collect(),
        }
    }
}

/// The form of `expression`; adds what it binds.
pub(super) fn leaf(
    dialect: &dyn Dialect,
    entity: &EntityMetadata,
    expression: &Expression,
    values: &mut Vec<Bound>,
) -> Result<Leaf, DriverError> {
    let first = values.len();
    let (columns, form) = match expression {
        Expression::Compare { property, comparison, value } => {
            scalar(entity, *property)?;
            values.push(value.clone().into());
            (Columns::Property(*property), Form::Compare(*comparison))
        }
        Expression::Between { property, low, high } => {
            scalar(entity, *property)?;
            values.extend([low.clone().into(), high.clone().into()]);
            (Columns::Property(*property), Form::Between)
        }
        Expression::Text { property, matching, text } => {
            scalar(entity, *property)?;
            (Columns::Property(*property), Form::Text(dialect.text_form(*matching, text, values)))
        }
        Expression::List { property, matching, list } => {
            let element = element(entity, *property)?;
            values.push(list.clone().into());
            (Columns::Property(*property), Form::List(*matching, element))
        }
        Expression::IsNull { property } => {
            columns(entity, *property)?;
            (Columns::Property(*property), Form::IsNull)
        }
        Expression::In { property, values: list } => {
            scalar(entity, *property)?;
            let keys: Vec<KeyValues> =
                list.iter().map(|value| KeyValues::from_iter([value.clone()])).collect();
            let form =
                set(dialect, &keys, 1, values).map_err(|error| at(error, &place(entity, *property)))?;
            (Columns::Property(*property), Form::Set(form))
        }
        Expression::KeyIn { property, keys } => {
            let (columns, place) = match property {
                Some(property) => {
                    columns(entity, *property)?;
                    (Columns::Property(*property), place(entity, *property))
                }
                None => (Columns::Key, format!("the key of {}", entity.name)),
            };
            let form =
                set(dialect, keys, columns.of(entity).len(), values).map_err(|error| at(error, &place))?;
            (columns, Form::Set(form))
        }
        Expression::References { property, .. } => {
            let place = place(entity, *property);
            return Err(unsupported(format!("{place} refers to an entity whose key was not filled in")));
        }
        Expression::Invalid { property, error } => {
            return Err(does_not_fit(&place(entity, *property), error.clone()));
        }
        Expression::And(_)
        | Expression::Or(_)
        | Expression::Not(_)
        | Expression::Related { .. }
        | Expression::CompareTerms { .. }
        | Expression::TermIn { .. }
        | Expression::TermIsNull { .. }
        | Expression::TermText { .. }
        | Expression::Fragment(_) => {
            return Err(unsupported("a condition made of others compares no column itself"));
        }
    };
    for value in &values[first..] {
        let Bound::Value(value) = value else { continue };
        if let (Err(error), Columns::Property(property)) = (dialect.check(value), columns) {
            return Err(does_not_fit(&place(entity, property), error));
        }
    }
    Ok(Leaf { columns, form })
}

/// The form of a set of keys; adds what it binds. A key with a NULL in it is nobody's.
pub(super) fn set(
    dialect: &dyn Dialect,
    keys: &[KeyValues],
    width: usize,
    values: &mut Vec<Bound>,
) -> Result<SetForm, DriverError> {
    if keys.iter().any(|key| key.len() != width) {
        return Err(unsupported(format!("a key does not have the {width} value(s) of its columns")));
    }
    let keys: Vec<&KeyValues> = keys.iter().filter(|key| !key.iter().any(Value::is_null)).collect();
    match keys.as_slice() {
        [] => Ok(SetForm::Empty),
        [key] => {
            key.iter()
                .try_for_each(|value| dialect.check(value))
                .map_err(|error| does_not_fit("a key", error))?;
            values.extend(key.iter().cloned().map(Bound::from));
            Ok(SetForm::One)
        }
        keys => dialect.set_form(keys, width, values).map_err(|error| match error {
            SetError::Value(error) => does_not_fit("a key", error),
            SetError::TooMany { most } => unsupported(format!(
                "a list of floats can have {most} values at most, this one has {}",
                keys.len()
            )),
            SetError::Mixed => unsupported("the values of a list are of different kinds"),
        }),
    }
}

/// A relation of `entity`.
pub(super) fn relation(entity: &EntityMetadata, index: usize) -> Result<&Relation, DriverError> {
    entity.relations.get(index).ok_or_else(|| unsupported(format!("{} has no relation {index}", entity.name)))
}

/// The columns of a property.
pub(super) fn columns(entity: &EntityMetadata, property: usize) -> Result<Range<usize>, DriverError> {
    let property = entity.properties.get(property);
    let columns = property.map(|property| property.columns.clone());
    columns.ok_or_else(|| unsupported(format!("{} has no such property", entity.name)))
}

/// The column of a property that has one.
pub(super) fn scalar(entity: &EntityMetadata, property: usize) -> Result<(), DriverError> {
    if columns(entity, property)?.len() == 1 {
        Ok(())
    } else {
        Err(unsupported(format!(
            "{} has several columns and can't be compared with one value",
            place(entity, property)
        )))
    }
}

/// What a property of one column is a list of.
fn element(entity: &EntityMetadata, property: usize) -> Result<ColumnType, DriverError> {
    scalar(entity, property)?;
    match entity.columns[columns(entity, property)?.start].column_type {
        ColumnType::Array(element) => Ok(*element),
        _ => Err(unsupported(format!("{} is no list", place(entity, property)))),
    }
}

fn place(entity: &EntityMetadata, property: usize) -> String {
    let name = entity.properties.get(property).map_or("?", |property| property.name);
    format!("{}.{name}", entity.name)
}

/// A column, by the name of its field.
pub(super) fn column_place(entity: &EntityMetadata, column: usize) -> String {
    let property = entity.properties.iter().position(|property| property.columns.contains(&column));
    property.map_or_else(|| entity.name.to_owned(), |property| place(entity, property))
}

/// A value that the database can't hold; the reason is the source.
pub(super) fn does_not_fit(place: &str, error: ValueError) -> DriverError {
    unsupported(format!("a value for {place} can't be stored")).with_source(error)
}

/// Puts the place in front of an error's message.
fn at(error: DriverError, place: &str) -> DriverError {
    let message = format!("{place}: {error}");
    let moved = unsupported(message);
    match error.into_source() {
        Some(source) => moved.with_source(source),
        None => moved,
    }
}
