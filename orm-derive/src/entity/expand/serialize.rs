//! How a handle is written as a response: own fields in declaration order, hidden ones left out.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::entity::model::{EntityModel, FieldKind, Side};

/// The function that both forms share: one type parameter says what stands in each slot.
pub(super) fn write(model: &EntityModel) -> TokenStream {
    let (o, ident, slots) = (&model.orm, &model.ident, model.slots());
    let (p, m) = (model.parameter("P"), model.parameter("M"));
    let markers = model.relations().map(|(_, relation)| &relation.marker);
    let fields = fields(model);
    quote! {
        fn __write<#p: 'static, #m: #o::SerializeMap, #(#slots: #o::SerializeSlot<#markers>),*>(
            entity: &#ident,
            core: &#o::Core<#ident, #p>,
            map: &mut #m,
        ) -> ::core::result::Result<(), #m::Error> {
            #fields
            ::core::result::Result::Ok(())
        }
    }
}

/// Writes what is not hidden of `entity`.
pub(super) fn fields(model: &EntityModel) -> TokenStream {
    let (o, slots) = (&model.orm, model.slots());
    let fields = model.fields.iter().filter(|field| !field.hidden).filter_map(|field| {
        let (ident, json) = (&field.ident, &field.json);
        match &field.kind {
            FieldKind::Scalar(scalar) => {
                let property = scalar.property;
                if scalar.is_document {
                    return Some(document(o, ident, property, json));
                }
                Some(quote!(#o::emitted::serialize::<__Property<#property>, _>(&entity.#ident, #json, map)?;))
            }
            FieldKind::Embedded(embedding) => {
                let index = embedding.index;
                Some(quote!(#o::emitted::embedded::serialize::<__Embedded<#index>, _>(&entity.#ident, #json, map)?;))
            }
            FieldKind::Relation(relation) => {
                let (slot, marker) = (&slots[relation.index], &relation.marker);
                let slot = quote!(<#slot as #o::SerializeSlot<#marker>>);
                Some(match relation.side {
                    Side::Reference(_) => quote!(#slot::__reference(&entity.#ident, core, #json, map)?;),
                    Side::InverseReference { .. } | Side::Collection(_) => {
                        quote!(#slot::__related(core, #json, map)?;)
                    }
                })
            }
            FieldKind::Skipped => None,
        }
    });
    quote!(#(#fields)*)
}

/// A field that is kept as JSON, whose type decides how it is shown.
fn document(o: &TokenStream, ident: &Ident, property: usize, json: &str) -> TokenStream {
    quote! {
        match #o::emitted::document::get::<__Property<#property>>(&entity.#ident) {
            ::core::option::Option::Some(document) => {
                #[allow(unused_imports)]
                use #o::emitted::document::AsSerde as _;
                #o::SerializeMap::serialize_entry(map, #json, &document.shown())?;
            }
            ::core::option::Option::None => {
                #o::SerializeMap::serialize_entry(map, #json, &::core::option::Option::None::<()>)?;
            }
        }
    }
}

/// For a record that a query filled.
pub(super) fn record(model: &EntityModel) -> TokenStream {
    let (o, ident, record, slots, m) =
        (&model.orm, &model.ident, model.record(), model.slots(), model.parameter("M"));
    let markers = model.relations().map(|(_, relation)| &relation.marker);
    quote! {
        #[automatically_derived]
        impl<#(#slots: #o::SerializeSlot<#markers> + 'static),*> #o::SerializeRecord<#ident> for #record<#(#slots),*> {
            fn __serialize<#m: #o::SerializeMap>(
                entity: &#ident,
                core: &#o::Core<#ident, Self>,
                map: &mut #m,
            ) -> ::core::result::Result<(), #m::Error> {
                __write::<_, _, #(#slots),*>(entity, core, map)
            }
        }
    }
}

/// For an entity that was new when its handle was made.
pub(super) fn new_entity(model: &EntityModel) -> TokenStream {
    let (o, m) = (&model.orm, model.parameter("M"));
    let slots = model.relations().map(|(_, relation)| {
        let marker = &relation.marker;
        quote!(<#marker as #o::RelationField>::OfNew)
    });
    quote! {
        fn __serialize_new<#m: #o::SerializeMap>(
            &self,
            core: &#o::Core<Self, #o::NewEntity>,
            map: &mut #m,
        ) -> ::core::result::Result<(), #m::Error> {
            __write::<_, _, #(#slots),*>(self, core, map)
        }
    }
}
