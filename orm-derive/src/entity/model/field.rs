//! A field: what it is, and what every sort of field has.

use darling::Error;
use darling::error::Accumulator;
use heck::ToShoutySnakeCase;
use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Field, Type, Visibility};

use super::EntityModel;
use super::column::Scalar;
use super::embedding::Embedding;
use super::relation::{Relation, Side};
use super::relation_type::{RelationType, without_self};
use crate::entity::attrs::{CheckAttr, EmbeddedAttr, FieldAttrs, FieldSort, refuse_misplaced};
use crate::support::attribute::Given;
use crate::support::case::Case;
use crate::support::shape::word_of;
use crate::support::tokens::at;
use crate::support::value::Text;

/// A field.
pub(in crate::entity) struct FieldModel {
    pub(in crate::entity) ident: Ident,
    pub(in crate::entity) vis: Visibility,
    /// As written, but for `Self`.
    pub(in crate::entity) ty: Type,
    /// The field's name, without `r#`.
    pub(in crate::entity) name: String,
    /// Its name in responses.
    pub(in crate::entity) json: String,
    /// Left out of responses.
    pub(in crate::entity) hidden: bool,
    /// The generated constant; `None` where its name is taken.
    pub(in crate::entity) constant: Option<Ident>,
    /// What the schema says of its column.
    pub(in crate::entity) notes: Notes,
    /// The types of the embedded fields that stand before it.
    pub(in crate::entity) embedded_before: Vec<Type>,
    pub(in crate::entity) kind: FieldKind,
}

/// What the schema says of a field's column beside its type. Nothing else depends on it.
#[derive(Default)]
pub(in crate::entity) struct Notes {
    pub(in crate::entity) renamed_from: Option<Text>,
    pub(in crate::entity) comment: Option<Text>,
    pub(in crate::entity) check: Option<CheckAttr>,
}

impl Notes {
    fn of(attrs: &FieldAttrs, errors: &mut Accumulator) -> Self {
        let check = attrs.check.clone();
        if let Some(field) = check.as_ref().and_then(|check| check.fields.first()) {
            let message = "the check of a field is about that field; one about several stands on the struct: \
                           `#[entity(check(a, b, sql = \"..\"))]`";
            errors.push(Error::custom(message).with_span(field));
        }
        Self { renamed_from: attrs.renamed_from.clone(), comment: attrs.comment.clone(), check }
    }
}

/// What a field is.
pub(in crate::entity) enum FieldKind {
    Scalar(Scalar),
    Embedded(Embedding),
    Relation(Box<Relation>),
    Skipped,
}

impl FieldModel {
    /// `None` only for a field without a name.
    pub(super) fn new(
        entity: &EntityModel,
        field: &Field,
        given: Given<FieldAttrs>,
        json: Option<Case>,
        errors: &mut Accumulator,
    ) -> Option<Self> {
        let ident = field.ident.clone()?;
        let name = ident.unraw().to_string();
        let ty = without_self(&field.ty, &entity.ident);
        let own_json = given.attrs.json.as_ref().map(|text| text.value());
        let hidden = given.attrs.hidden.is_some();
        let notes = Notes::of(&given.attrs, errors);
        let constant =
            given.attrs.constant.as_ref().map_or_else(|| constant(&ident), |constant| constant.0.clone());
        let kind = Declared { entity, ident: &ident, ty: &ty, vis: &field.vis }.kind(given, errors);
        Some(Self {
            vis: field.vis.clone(),
            json: own_json.unwrap_or_else(|| json.map_or_else(|| name.clone(), |case| case.apply(&name))),
            hidden,
            constant: Some(constant),
            embedded_before: Vec::new(),
            ident,
            ty,
            name,
            notes,
            kind,
        })
    }

    /// Whether it is a part of the primary key.
    pub(in crate::entity) fn is_key(&self) -> bool {
        match &self.kind {
            FieldKind::Scalar(scalar) => scalar.key.is_some(),
            FieldKind::Relation(relation) => match &relation.side {
                Side::Reference(reference) => reference.id,
                Side::InverseReference { .. } | Side::Collection(_) => false,
            },
            FieldKind::Embedded(_) | FieldKind::Skipped => false,
        }
    }

    /// Whether it is one property.
    pub(in crate::entity) fn is_property(&self) -> bool {
        match &self.kind {
            FieldKind::Scalar(_) => true,
            FieldKind::Relation(relation) => matches!(relation.side, Side::Reference(_)),
            FieldKind::Embedded(_) | FieldKind::Skipped => false,
        }
    }
}

/// A field as declared, for those who make sense of its attributes.
pub(super) struct Declared<'a> {
    pub(super) entity: &'a EntityModel,
    pub(super) ident: &'a Ident,
    pub(super) ty: &'a Type,
    pub(super) vis: &'a Visibility,
}

impl Declared<'_> {
    fn kind(&self, given: Given<FieldAttrs>, errors: &mut Accumulator) -> FieldKind {
        if given.attrs.skip.is_some() {
            for (name, span) in given.names.iter().filter(|(name, _)| name != "skip") {
                let message =
                    format!("a field with `skip` has no column and no relation; remove `skip` or `{name}`");
                errors.push(Error::custom(message).with_span(span));
            }
            return FieldKind::Skipped;
        }
        match RelationType::of(self.ty) {
            Ok(Some(shape)) if self.entity.is_embeddable => {
                errors.push(self.is_no_relation(&shape));
                FieldKind::Skipped
            }
            Ok(Some(shape)) => FieldKind::Relation(Box::new(Relation::new(self, shape, &given, errors))),
            Ok(None) if given.attrs.embedded == Some(EmbeddedAttr::Columns) => {
                FieldKind::Embedded(Embedding::new(self, given, errors))
            }
            Ok(None) => {
                let sort = given.attrs.embedded.map_or(FieldSort::Scalar, |_| FieldSort::Document);
                refuse_misplaced(sort, &given, errors);
                FieldKind::Scalar(Scalar::new(self, given, errors))
            }
            Err(error) => {
                errors.push(error);
                FieldKind::Skipped
            }
        }
    }

    fn is_no_relation(&self, shape: &RelationType) -> Error {
        let (name, target) = (self.ident, shape.target_name());
        let message = format!(
            "`{name}` is a relation, and relations are between entities; put `{name}` into the entity that embeds `{}`, \
             or keep a key of `{target}` as a column",
            self.entity.name(),
        );
        Error::custom(message).with_span(&word_of(self.ty))
    }
}

/// The constant of a field: `created_at` → `CREATED_AT`.
fn constant(field: &Ident) -> Ident {
    let name = field.unraw().to_string().to_shouty_snake_case();
    let needs_prefix = name.chars().next().is_none_or(char::is_numeric);
    let name = if needs_prefix { format!("_{name}") } else { name };
    // `_` alone would be no name.
    let name = if name == "_" { "__".to_owned() } else { name };
    Ident::new(&name, at(field.span()))
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    #[test]
    fn every_field_name_makes_a_constant() {
        for (field, expected) in [
            ("created_at", "CREATED_AT"),
            ("createdAt", "CREATED_AT"),
            ("_x", "X"),
            ("_1", "_1"),
            ("__", "__"),
        ] {
            assert_eq!(constant(&Ident::new(field, Span::call_site())), expected);
        }
    }
}
