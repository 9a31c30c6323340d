//! What the attributes mean: an entity without contradictions.
//!
//! Building it reports mistakes and leaves out what they concern, so that everything in the model can be expanded.
//! Rules across fields are in [`super::check`].

mod column;
mod embedding;
mod field;
mod key;
mod relation;
mod relation_type;

use darling::Error;
use darling::error::Accumulator;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Attribute, DeriveInput, Expr, Type, Visibility};

pub(super) use column::{ColumnDefault, Scalar};
pub(super) use embedding::Embedding;
pub(super) use field::{FieldKind, FieldModel, Notes};
pub(super) use key::KeySource;
pub(super) use relation::{Reference, Relation, Side};

use super::attrs::{
    CheckAttr, EMBEDDABLE, EMBEDDABLE_FIELD, EmbeddableAttrs, FIELD, FieldAttrs, IndexAttr, ReadOnly, STRUCT,
    StructAttrs, refuse_in_embeddable, refuse_in_read_only, refuse_on_read_only,
};
use crate::support::case::Case;
use crate::support::shape::{self, Meant};
use crate::support::tokens::{UsedNames, at};
use crate::support::value::{Text, Word};

/// orm-core implements keys for tuples up to this length.
pub(super) const MOST_KEYS: usize = 6;

/// An entity, or an embeddable struct: one without table, key and relations.
pub(super) struct EntityModel {
    pub(super) ident: Ident,
    pub(super) vis: Visibility,
    /// `::orm_core::__private`.
    pub(super) orm: TokenStream,
    pub(super) is_embeddable: bool,
    pub(super) table: Option<String>,
    pub(super) schema: Option<String>,
    pub(super) source: Source,
    pub(super) renamed_from: Option<Text>,
    pub(super) comment: Option<Text>,
    pub(super) rename_all: Option<Case>,
    /// The word `hooks`.
    pub(super) hooks: Option<Word>,
    /// In declaration order.
    pub(super) fields: Vec<FieldModel>,
    pub(super) indexes: Vec<IndexModel>,
    /// Checks of the struct; those of fields are with them.
    pub(super) checks: Vec<CheckAttr>,
    /// Types of filters.
    pub(super) filters: Vec<syn::Path>,
    /// Whether a field is marked `id`, rightly or not, or may be meant to be.
    pub(super) names_a_key: bool,
    used: UsedNames,
}

/// What the rows of an entity are in.
pub(super) enum Source {
    /// A table.
    Table,
    /// A view, by the expression of its select.
    View(Expr),
    /// What somebody else makes.
    External,
}

impl Source {
    pub(super) fn is_writable(&self) -> bool {
        matches!(self, Self::Table)
    }
}

/// An index over several fields.
pub(super) struct IndexModel {
    pub(super) unique: bool,
    pub(super) attr: IndexAttr,
}

impl EntityModel {
    /// `None` for what can't be an entity at all.
    pub(super) fn new(input: &DeriveInput, errors: &mut Accumulator) -> Option<Self> {
        let fields = errors.handle(shape::named_fields(input, &Meant::ENTITY))?;
        if !shape::is_not_generic(input, "an entity is one table, and owns its data", errors) {
            return None;
        }
        let mut given = STRUCT.read::<StructAttrs>(&input.attrs, errors);
        let read_only = match (given.has("view"), given.has("read_only")) {
            (true, _) => Some(ReadOnly::View),
            (false, true) => Some(ReadOnly::External),
            (false, false) => None,
        };
        if let Some(kind) = read_only {
            refuse_on_read_only(kind, &mut given, errors);
        }
        let attrs = given.attrs;
        let orm = attrs.crate_path.unwrap_or_default().private();
        let mut used = UsedNames::default();
        used.add(&input.ident);
        fields.iter().for_each(|field| used.add(&field.ty));
        let unique = attrs.unique.into_iter().map(|attr| IndexModel { unique: true, attr });
        let index = attrs.index.into_iter().map(|attr| IndexModel { unique: false, attr });
        let mut model = Self {
            ident: input.ident.clone(),
            vis: input.vis.clone(),
            orm,
            is_embeddable: false,
            table: attrs.table.map(|table| table.value()),
            schema: attrs.schema.map(|schema| schema.value()),
            source: match (read_only, attrs.view) {
                (None, _) => Source::Table,
                (Some(_), Some(select)) => Source::View(select.0),
                (Some(_), None) => Source::External,
            },
            renamed_from: attrs.renamed_from,
            comment: attrs.comment,
            rename_all: attrs.rename_all,
            hooks: attrs.hooks,
            fields: Vec::new(),
            indexes: unique.chain(index).collect(),
            checks: attrs.check,
            filters: attrs.filter.into_iter().map(|filter| filter.0).collect(),
            names_a_key: false,
            used,
        };
        for field in fields {
            let mut given = FIELD.read::<FieldAttrs>(&field.attrs, errors);
            model.names_a_key |= given.is_broken || given.has("id");
            if let Some(kind) = read_only {
                refuse_in_read_only(kind, &mut given, errors);
            }
            let field = FieldModel::new(&model, field, given, attrs.json, errors);
            model.fields.extend(field);
        }
        model.number();
        Some(model)
    }

    /// `None` for what can't be embedded at all.
    pub(super) fn embeddable(input: &DeriveInput, errors: &mut Accumulator) -> Option<Self> {
        let fields = errors.handle(shape::named_fields(input, &Meant::EMBEDDABLE))?;
        if !shape::is_not_generic(input, "its fields are the same columns wherever it is embedded", errors) {
            return None;
        }
        let all_attrs = fields.iter().flat_map(|field| &field.attrs).chain(&input.attrs);
        all_attrs.for_each(|attr| refuse_attribute_of_entity(attr, errors));
        let attrs = EMBEDDABLE.read::<EmbeddableAttrs>(&input.attrs, errors).attrs;
        let mut used = UsedNames::default();
        used.add(&input.ident);
        fields.iter().for_each(|field| used.add(&field.ty));
        let mut model = Self {
            ident: input.ident.clone(),
            vis: input.vis.clone(),
            orm: attrs.crate_path.unwrap_or_default().private(),
            is_embeddable: true,
            table: None,
            schema: None,
            source: Source::Table,
            renamed_from: None,
            comment: None,
            rename_all: None,
            hooks: None,
            fields: Vec::new(),
            indexes: Vec::new(),
            checks: Vec::new(),
            filters: Vec::new(),
            names_a_key: false,
            used,
        };
        for field in fields {
            let mut given = EMBEDDABLE_FIELD.read::<FieldAttrs>(&field.attrs, errors);
            refuse_in_embeddable(&mut given, errors);
            model.fields.extend(FieldModel::new(&model, field, given, attrs.json, errors));
        }
        model.number();
        Some(model)
    }

    /// Gives properties and relations their indexes.
    fn number(&mut self) {
        let (mut properties, mut relations) = (0.., 0..);
        let mut embedded: Vec<Type> = Vec::new();
        for field in &mut self.fields {
            field.embedded_before.clone_from(&embedded);
            match &mut field.kind {
                FieldKind::Scalar(scalar) => scalar.property = next(&mut properties),
                FieldKind::Embedded(embedding) => {
                    embedding.index = embedded.len();
                    embedding.property = properties.start;
                    embedded.push(field.ty.clone());
                }
                FieldKind::Relation(relation) => {
                    relation.index = next(&mut relations);
                    if let Side::Reference(reference) = &mut relation.side {
                        reference.property = next(&mut properties);
                    }
                }
                FieldKind::Skipped => {}
            }
        }
    }

    /// The struct's name.
    pub(super) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }

    /// The attribute that is read, for messages.
    pub(super) fn attribute(&self) -> &'static str {
        if self.is_embeddable { EMBEDDABLE.attribute } else { STRUCT.attribute }
    }

    /// The record type: `AuthorPopulated`.
    pub(super) fn record(&self) -> Ident {
        format_ident!("{}Populated", self.ident.unraw(), span = at(self.ident.span()))
    }

    /// The handle type: `AuthorHandle`.
    pub(super) fn handle(&self) -> Ident {
        format_ident!("{}Handle", self.ident.unraw(), span = at(self.ident.span()))
    }

    /// A type parameter for emitted code that hides none of the user's types.
    pub(super) fn parameter(&self, wanted: &str) -> Ident {
        self.used.fresh(wanted)
    }

    /// One type parameter a slot of the record.
    pub(super) fn slots(&self) -> Vec<Ident> {
        self.relations().map(|(_, relation)| self.parameter(&format!("S{}", relation.index))).collect()
    }

    /// Where the properties of a field begin among those of the struct, as a constant expression.
    pub(super) fn place(&self, field: &FieldModel) -> TokenStream {
        let own = match &field.kind {
            FieldKind::Scalar(scalar) => scalar.property,
            FieldKind::Embedded(embedding) => embedding.property,
            FieldKind::Relation(relation) => match &relation.side {
                Side::Reference(reference) => reference.property,
                Side::InverseReference { .. } | Side::Collection(_) => 0,
            },
            FieldKind::Skipped => 0,
        };
        let (o, embedded) = (&self.orm, &field.embedded_before);
        match embedded.is_empty() {
            true => quote!(#own),
            false => quote!((#own #(+ #o::emitted::embedded::count_of::<#embedded>())*)),
        }
    }

    /// The embedded fields, in order.
    pub(super) fn embedded(&self) -> impl Iterator<Item = (&FieldModel, &Embedding)> {
        self.fields.iter().filter_map(|field| match &field.kind {
            FieldKind::Embedded(embedding) => Some((field, embedding)),
            FieldKind::Scalar(_) | FieldKind::Relation(_) | FieldKind::Skipped => None,
        })
    }

    /// The fields with columns of their own, in order.
    pub(super) fn scalars(&self) -> impl Iterator<Item = (&FieldModel, &Scalar)> {
        self.fields.iter().filter_map(|field| match &field.kind {
            FieldKind::Scalar(scalar) => Some((field, scalar)),
            FieldKind::Embedded(_) | FieldKind::Relation(_) | FieldKind::Skipped => None,
        })
    }

    /// The relations, in order.
    pub(super) fn relations(&self) -> impl Iterator<Item = (&FieldModel, &Relation)> {
        self.fields.iter().filter_map(|field| match &field.kind {
            FieldKind::Relation(relation) => Some((field, &**relation)),
            FieldKind::Scalar(_) | FieldKind::Embedded(_) | FieldKind::Skipped => None,
        })
    }

    /// The relations with a foreign key in this table, in order.
    pub(super) fn references(&self) -> impl Iterator<Item = (&FieldModel, &Relation, &Reference)> {
        self.relations().filter_map(|(field, relation)| match &relation.side {
            Side::Reference(reference) => Some((field, relation, reference)),
            Side::InverseReference { .. } | Side::Collection(_) => None,
        })
    }

    /// The fields of the primary key, in order; no more than a key can have.
    pub(super) fn keys(&self) -> impl Iterator<Item = &FieldModel> {
        self.fields.iter().filter(|field| field.is_key()).take(MOST_KEYS)
    }
}

/// rustc would only say that `Entity` is not derived.
fn refuse_attribute_of_entity(attr: &Attribute, errors: &mut Accumulator) {
    if attr.path().is_ident("entity") {
        let message = "`entity` is for entities and their fields; here write `#[embeddable(..)]`";
        errors.push(Error::custom(message).with_span(attr.path()));
    }
}

fn next(counter: &mut std::ops::RangeFrom<usize>) -> usize {
    counter.next().unwrap_or_default()
}
