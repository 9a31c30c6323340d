//! Rules on generated names: constants, accessors, and names in responses.

use std::collections::HashMap;

use darling::Error;
use darling::error::Accumulator;

use crate::entity::model::{EntityModel, FieldKind, Relation, Side};

/// The methods that every handle has, of its own or from a trait that the standard prelude or `orm_core` brings:
/// they are found before an accessor of the same name.
const METHODS: &[&str] = &[
    "as_ref",
    "borrow",
    "borrow_mut",
    "clone",
    "clone_from",
    "core",
    "deref",
    "edit",
    "eq",
    "fmt",
    "from",
    "get",
    "hash",
    "id",
    "in_current_context",
    "into",
    "is_loaded",
    "key",
    "ne",
    "serialize",
    "to_owned",
    "to_ref",
    "try_edit",
    "try_from",
    "try_id",
    "try_into",
    "try_update",
    "try_with",
    "type_id",
    "update",
    "view",
    "without_hints",
];

/// No two fields have one constant.
pub(super) fn constants_are_distinct(model: &mut EntityModel, errors: &mut Accumulator) {
    let mut seen: HashMap<String, String> = HashMap::new();
    let attribute = model.attribute();
    for field in model.fields.iter_mut().filter(|field| !matches!(field.kind, FieldKind::Skipped)) {
        let Some(constant) = &field.constant else { continue };
        let name = constant.to_string();
        if let Some(other) = seen.get(&name) {
            let message = format!(
                "`{}` and `{other}` would both get the constant `{name}`; rename one: `#[{attribute}(constant = \
                 \"..\")]`",
                field.name,
            );
            errors.push(Error::custom(message).with_span(&field.ident));
            field.constant = None;
        } else {
            seen.insert(name, field.name.clone());
        }
    }
}

/// No two fields have one name in responses.
pub(super) fn responses_are_distinct(model: &EntityModel, errors: &mut Accumulator) {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    let shown =
        model.fields.iter().filter(|field| !field.hidden && !matches!(field.kind, FieldKind::Skipped));
    for field in shown {
        if let Some(other) = seen.insert(&field.json, &field.name) {
            let message = format!(
                "`{}` and `{other}` are both `{}` in responses; rename one: `#[{}(json = \"..\")]`",
                field.name,
                field.json,
                model.attribute(),
            );
            errors.push(Error::custom(message).with_span(&field.ident));
        }
    }
}

/// No accessor of a relation is hidden by a method of the handle or by another relation's accessor.
pub(super) fn accessors_can_be_called(model: &mut EntityModel, errors: &mut Accumulator) {
    let mut taken: HashMap<String, String> = HashMap::new();
    for field in &mut model.fields {
        let FieldKind::Relation(relation) = &mut field.kind else { continue };
        let accessors = [field.name.clone(), format!("try_{}", field.name), format!("{}_ref", field.name)];
        let clash = accessors.iter().find_map(|accessor| {
            let method = METHODS.contains(&accessor.as_str()).then(|| "a method of every handle".to_owned());
            let other = taken.get(accessor).map(|other| format!("an accessor of the relation `{other}`"));
            method.or(other).map(|what| (accessor, what))
        });
        if let Some((accessor, what)) = clash {
            let message = format!(
                "the accessor `{accessor}` of this relation could not be called, since `{accessor}` is \
                 {what}; rename the field{}",
                keep_the_column(relation),
            );
            errors.push(Error::custom(message).with_span(&field.ident));
            relation.has_accessors = false;
        } else {
            taken.extend(accessors.map(|accessor| (accessor, field.name.clone())));
        }
    }
}

fn keep_the_column(relation: &Relation) -> &'static str {
    match relation.side {
        Side::Reference(_) => " (`join_column = \"..\"` keeps its column)",
        Side::InverseReference { .. } | Side::Collection(_) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_methods_are_sorted_and_distinct() {
        assert!(METHODS.is_sorted_by(|a, b| a < b));
    }
}
