//! The record type: what a query populated, one slot a relation.

use std::collections::HashSet;

use heck::ToUpperCamelCase;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::entity::model::EntityModel;

pub(super) fn expand(model: &EntityModel) -> TokenStream {
    let (o, ident, vis, record) = (&model.orm, &model.ident, &model.vis, model.record());
    let declared = declared_slots(model);
    let doc = format!(
        " What a query populated of `{}`: one slot a relation, in the order of the fields.",
        model.name()
    );
    let slots = model.slots();
    let impls = model.relations().zip(&slots).map(|((_, relation), slot)| {
        let (marker, index, n) = (&relation.marker, relation.index, model.parameter("N"));
        let filled = slots.iter().map(|other| if other == slot { quote!(#n) } else { quote!(#other) });
        quote! {
            #[automatically_derived]
            impl<#(#slots),*> #o::Slot<#marker> for #record<#(#slots),*> {
                type Value = #slot;
            }

            #[automatically_derived]
            impl<#(#slots),*> #o::SlotAt<#index> for #record<#(#slots),*> {
                type Value = #slot;
            }

            #[automatically_derived]
            impl<#(#slots: 'static,)* #n: 'static> #o::Populate<#marker, #n> for #record<#(#slots),*> {
                type Out = #record<#(#filled),*>;
            }
        }
    });
    let targets: Vec<&syn::Type> = model.relations().map(|(_, relation)| &relation.target).collect();
    let shape = if slots.is_empty() {
        quote!(#o::Shape::default())
    } else {
        quote!(#o::Shape::new([#(<#slots as #o::SlotRecord<#targets>>::__shape()),*]))
    };
    quote! {
        #[doc = #doc]
        #vis struct #record<#(#declared = #o::Without),*>(::core::marker::PhantomData<fn() -> (#(#declared,)*)>);

        #(#impls)*

        #[automatically_derived]
        impl<#(#slots: #o::SlotRecord<#targets> + 'static),*> #o::Record<#ident> for #record<#(#slots),*> {
            const __IS_EMPTY: bool = true #(&& <#slots as #o::SlotRecord<#targets>>::__IS_EMPTY)*;

            fn __shape() -> #o::Shape {
                #shape
            }
        }
    }
}

/// The slots as the struct declares them, where they can hide no type: named as the fields.
fn declared_slots(model: &EntityModel) -> Vec<Ident> {
    let mut seen = HashSet::new();
    let slot = |name: &str, index: usize| {
        let name = name.to_upper_camel_case();
        let is_name = syn::parse_str::<Ident>(&name).is_ok() && seen.insert(name.clone());
        if is_name { format_ident!("{name}") } else { format_ident!("S{index}_") }
    };
    let mut slot = slot;
    model.relations().map(|(field, relation)| slot(&field.name, relation.index)).collect()
}
