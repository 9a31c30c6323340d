//! The fields with columns, as constants of the description.
//!
//! Those of an embedded struct are known to its own derive alone, so with one among the fields the lists are made of
//! its description when the entity is compiled.

use proc_macro2::TokenStream;
use quote::quote;

use super::metadata::{reference, scalar};
use crate::entity::model::{Embedding, EntityModel, FieldKind, FieldModel, Side};
use crate::support::tokens::option;

/// What the description says of the fields.
pub(super) struct Properties {
    /// Constants that stand before the description.
    pub(super) declared: Option<TokenStream>,
    pub(super) properties: TokenStream,
    pub(super) embeddings: TokenStream,
}

impl Properties {
    pub(super) fn of(model: &EntityModel) -> Self {
        let o = &model.orm;
        let parts = model.fields.iter().filter_map(|field| part(model, field));
        if model.embedded().next().is_none() {
            return Self { declared: None, properties: quote!(&[#(#parts),*]), embeddings: quote!(&[]) };
        }
        let one = quote!(#o::described);
        Self {
            declared: Some(quote! {
                const PARTS: &[#one::Part] = &[#(#parts),*];
                const NAMES: [u8; #one::count_bytes(PARTS)] = #one::names(PARTS);
                const PROPERTIES: [#o::PropertyDescription; #one::count_properties(PARTS)] =
                    #one::properties(PARTS, &NAMES);
                const EMBEDDINGS: [#one::EmbeddingDescription; #one::count_embeddings(PARTS)] =
                    #one::embeddings(PARTS);
            }),
            properties: quote!(&PROPERTIES),
            embeddings: quote!(&EMBEDDINGS),
        }
    }
}

/// A property, or where there are embedded ones a part.
fn part(model: &EntityModel, field: &FieldModel) -> Option<TokenStream> {
    let o = &model.orm;
    let property = match &field.kind {
        FieldKind::Scalar(one) => scalar(model, field, one),
        FieldKind::Embedded(embedding) => return Some(embedded(model, field, embedding)),
        FieldKind::Relation(relation) => match &relation.side {
            Side::Reference(one) => reference(model, field, relation.index, one),
            Side::InverseReference { .. } | Side::Collection(_) => return None,
        },
        FieldKind::Skipped => return None,
    };
    Some(match model.embedded().next() {
        Some(_) => quote!(#o::described::Part::Property(#property)),
        None => property,
    })
}

fn embedded(model: &EntityModel, field: &FieldModel, embedding: &Embedding) -> TokenStream {
    let (o, name, hidden, index) = (&model.orm, &field.name, field.hidden, embedding.index);
    let prefix = option(embedding.prefix.as_ref());
    quote! {
        #o::described::Part::Embedded(
            #o::described::EmbeddingDescription {
                field: #name,
                prefix: #prefix,
                nullable: #o::emitted::embedded::is_nullable::<__Embedded<#index>>(),
                hidden: #hidden,
                outer: ::core::option::Option::None,
            },
            #o::emitted::embedded::description::<__Embedded<#index>>(),
        )
    }
}
