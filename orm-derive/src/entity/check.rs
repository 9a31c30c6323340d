//! Rules across fields. Every rule runs, so that the user sees all mistakes at once.
//!
//! What breaks a rule is taken out of the model, so that it can be expanded without follow-up errors.

mod names;

use darling::error::Accumulator;
use darling::{Error, Result};

use super::attrs::FieldPath;
use super::model::{EntityModel, FieldKind, IndexModel, KeySource, MOST_KEYS, Scalar};
use crate::support::suggestion::did_you_mean;

pub(super) fn entity(model: &mut EntityModel, errors: &mut Accumulator) {
    errors.handle(has_primary_key(model));
    errors.handle(has_no_longer_key_than_tuples(model));
    errors.handle(has_one_generated_key(model));
    errors.handle(has_at_most_one_version(model));
    errors.handle(is_deleted_once(model));
    let mut indexes = std::mem::take(&mut model.indexes);
    indexes.retain(|index| errors.handle(names_fields_with_columns(model, index)).is_some());
    model.indexes = indexes;
    let mut checks = std::mem::take(&mut model.checks);
    checks.retain(|check| errors.handle(fields_have_columns(model, "check", &check.fields)).is_some());
    model.checks = checks;
    names::constants_are_distinct(model, errors);
    names::responses_are_distinct(model, errors);
    names::accessors_can_be_called(model, errors);
}

/// The rules for a struct without table, key and relations.
pub(super) fn embeddable(model: &mut EntityModel, errors: &mut Accumulator) {
    names::constants_are_distinct(model, errors);
    names::responses_are_distinct(model, errors);
}

fn has_primary_key(model: &EntityModel) -> Result<()> {
    if model.names_a_key {
        return Ok(());
    }
    let message = format!("entity `{}` has no primary key; mark a field with `#[entity(id)]`", model.name());
    Err(Error::custom(message).with_span(&model.ident))
}

fn has_no_longer_key_than_tuples(model: &EntityModel) -> Result<()> {
    let Some(field) = model.fields.iter().filter(|field| field.is_key()).nth(MOST_KEYS) else {
        return Ok(());
    };
    let message = format!(
        "the key of `{}` has more than {MOST_KEYS} fields; use one of its own, and `unique(..)` for these",
        model.name(),
    );
    Err(Error::custom(message).with_span(&field.ident))
}

fn has_one_generated_key(model: &EntityModel) -> Result<()> {
    let generated = |scalar: &Scalar| matches!(scalar.key, Some(KeySource::Database));
    match model.scalars().filter(|(_, scalar)| generated(scalar)).nth(1) {
        Some((field, _)) => {
            let message = "a database makes one key a row; remove one `auto`";
            Err(Error::custom(message).with_span(&field.ident))
        }
        None => Ok(()),
    }
}

fn has_at_most_one_version(model: &EntityModel) -> Result<()> {
    let mut versions = model.scalars().filter_map(|(field, scalar)| scalar.version.map(|word| (field, word)));
    match (versions.next(), versions.next()) {
        (Some((first, _)), Some((_, second))) => {
            let message = format!("`{}` is the version already; a row has one", first.name);
            Err(Error::custom(message).with_span(&second.0))
        }
        _ => Ok(()),
    }
}

fn is_deleted_once(model: &EntityModel) -> Result<()> {
    let mut words =
        model.scalars().filter_map(|(field, scalar)| scalar.soft_delete.map(|word| (field, word)));
    match (words.next(), words.next()) {
        (Some((first, _)), Some((_, second))) => {
            let message = format!("`{}` says already when a row was deleted; one field does", first.name);
            Err(Error::custom(message).with_span(&second.0))
        }
        _ => Ok(()),
    }
}

fn names_fields_with_columns(model: &EntityModel, index: &IndexModel) -> Result<()> {
    let word = if index.unique { "unique" } else { "index" };
    fields_have_columns(model, word, &index.attr.fields)
}

fn fields_have_columns(model: &EntityModel, word: &str, fields: &[FieldPath]) -> Result<()> {
    let names: Vec<&str> =
        model.fields.iter().filter(|field| field.is_property()).map(|field| field.name.as_str()).collect();
    for (at, field) in fields.iter().enumerate() {
        let (name, own) = (field.name(), field.field());
        let declared = model.fields.iter().find(|field| field.name == own);
        let is_embedded = matches!(declared.map(|field| &field.kind), Some(FieldKind::Embedded(_)));
        let message = match declared.map(|field| &field.kind) {
            // Whether the struct has that field is seen when it is compiled.
            _ if names.contains(&name.as_str()) || (is_embedded && field.is_embedded()) => {
                match fields[..at].iter().any(|other| other.name() == name) {
                    true => format!("`{name}` is in this `{word}` twice; remove one of them"),
                    false => continue,
                }
            }
            Some(_) if field.is_embedded() => format!("`{own}` is not embedded, so `{name}` is no field"),
            Some(FieldKind::Embedded(_)) => {
                format!("`{name}` is several columns; name those that are meant, such as `{name}.field`")
            }
            Some(FieldKind::Skipped) => format!("`{name}` has no column, so it can't be in `{word}`"),
            Some(FieldKind::Scalar(_) | FieldKind::Relation(_)) => {
                format!("the columns of `{name}` are in another table, so it can't be in `{word}`")
            }
            None => format!("`{}` has no field `{name}`{}", model.name(), did_you_mean(&name, &names)),
        };
        return Err(Error::custom(message).with_span(field));
    }
    Ok(())
}
