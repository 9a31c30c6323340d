//! Puts the emitted items together, one call an item. Cannot fail, because the model can't be wrong.
//!
//! Everything is named absolutely, nothing is unsafe, and nothing panics. Names that the emitted code invents stand
//! at the field or struct that they come from, but resolve as a macro's: errors point there, lints keep quiet.

mod checks;
mod embeddable;
mod fields;
mod handle;
mod key;
mod lifecycle;
mod metadata;
mod properties;
mod record;
mod relations;
mod serialize;
mod snapshot;
mod stub;

use proc_macro2::TokenStream;
use quote::quote;

use super::model::EntityModel;
pub(super) use embeddable::expand as embeddable;
pub(super) use stub::{embeddable as embeddable_stub, stub};

/// Expands an entity.
pub(super) fn entity(model: &EntityModel) -> TokenStream {
    let record = record::expand(model);
    let relations = relations::expand(model);
    let handle = handle::expand(model);
    let constants = fields::constants(model);
    let entity = entity_impl(model);
    quote! {
        #entity
        #record
        #relations
        #handle
        #constants
    }
}

fn entity_impl(model: &EntityModel) -> TokenStream {
    let (o, ident) = (&model.orm, &model.ident);
    let (record, handle, name) = (model.record(), model.handle(), model.name());
    let p = model.parameter("P");
    let description = metadata::expand(model);
    let key_types = key::types(model);
    let key_methods = key::methods(model);
    let snapshot = snapshot::expand(model);
    let related = relations::methods(model);
    let lifecycle = lifecycle::expand(model);
    let types = fields::types(model);
    let checks = checks::expand(model);
    let write = serialize::write(model);
    let serialize_record = serialize::record(model);
    let serialize_new = serialize::new_entity(model);
    let written = model.source.is_writable().then(|| written(model));
    quote! {
        const _: () = {
            #[automatically_derived]
            impl #o::Entity for #ident {
                #key_types
                type Nothing = #record;
                type Handle<#p: 'static> = #handle<#p>;
                const __NAME: &'static str = #name;
                const __DESCRIPTION: &'static #o::EntityDescription = #description;

                #lifecycle

                fn __index() -> &'static #o::EntityIndex {
                    static INDEX: #o::EntityIndex = #o::EntityIndex::new();
                    &INDEX
                }

                #key_methods
                #snapshot
                #related
                #serialize_new
            }

            #types
            #checks
            #write
            #serialize_record

            #written
        };
    }
}

/// What only an entity has that rows are written of.
fn written(model: &EntityModel) -> TokenStream {
    let (o, ident) = (&model.orm, &model.ident);
    quote! {
        #[automatically_derived]
        impl #o::Writable for #ident {}

        #[automatically_derived]
        impl ::core::convert::From<#ident> for ::core::option::Option<#o::Ref<#ident>> {
            fn from(value: #ident) -> Self {
                ::core::option::Option::Some(::core::convert::Into::into(value))
            }
        }
    }
}
