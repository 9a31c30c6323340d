//! A constant for each scalar, for conditions and orders, and its type for emitted code.

use proc_macro2::TokenStream;
use quote::quote;

use crate::entity::model::EntityModel;

/// `__Property<0>` and so on stand for the scalars in what `orm_core::__private::emitted` is asked. Private, so
/// that a public entity may have fields of private types.
pub(super) fn types(model: &EntityModel) -> TokenStream {
    let o = &model.orm;
    let types = model.scalars().map(|(field, scalar)| {
        let (ty, property) = (&field.ty, scalar.property);
        quote! {
            #[automatically_derived]
            impl #o::emitted::Scalar for __Property<#property> {
                type Value = #ty;
            }
        }
    });
    quote! {
        struct __Property<const INDEX: usize>;

        #(#types)*
    }
}

/// The constants.
pub(super) fn constants(model: &EntityModel) -> TokenStream {
    let (o, ident) = (&model.orm, &model.ident);
    let constants = model.scalars().filter_map(|(field, scalar)| {
        let constant = field.constant.as_ref()?;
        let (vis, ty, name, property) = (&field.vis, &field.ty, &field.name, scalar.property);
        let doc = format!(" The field `{name}`, for conditions and orders.");
        Some(quote! {
            #[doc = #doc]
            #vis const #constant: #o::Field<#ident, #ty> = #o::Field::__new(#property, #name);
        })
    });
    quote! {
        #[automatically_derived]
        impl #ident {
            #(#constants)*
        }
    }
}
