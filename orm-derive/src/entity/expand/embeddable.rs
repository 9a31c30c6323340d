//! The impl of `Embeddable`, and the constants of its fields.

use proc_macro2::TokenStream;
use quote::quote;

use super::properties::Properties;
use super::{checks, fields, lifecycle, serialize, snapshot};
use crate::entity::model::EntityModel;

/// Expands an embeddable struct.
pub(in crate::entity) fn expand(model: &EntityModel) -> TokenStream {
    let (o, ident, name, m) = (&model.orm, &model.ident, model.name(), model.parameter("M"));
    let Properties { declared, properties, embeddings } = Properties::of(model);
    let made = lifecycle::made_values(model);
    let snapshot = snapshot::expand(model);
    let serialized = serialize::fields(model);
    let types = fields::types(model);
    let checks = checks::expand(model);
    let constants = fields::constants(model);
    quote! {
        const _: () = {
            #[automatically_derived]
            impl #o::Embeddable for #ident {
                const __DESCRIPTION: &'static #o::described::EmbeddableDescription = {
                    #declared
                    &#o::described::EmbeddableDescription {
                        name: #name,
                        properties: #properties,
                        embeddings: #embeddings,
                    }
                };

                #made
                #snapshot

                fn __serialize<#m: #o::SerializeMap>(
                    &self,
                    map: &mut #m,
                ) -> ::core::result::Result<(), #m::Error> {
                    let entity = self;
                    #serialized
                    ::core::result::Result::Ok(())
                }
            }

            #types
            #checks
        };

        #constants
    }
}
