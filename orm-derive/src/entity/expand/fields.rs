//! A constant for each scalar and each embedded field, for conditions and orders, and its type for emitted code.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Type;

use crate::entity::model::{EntityModel, FieldKind};
use crate::support::shape::{argument_of, without_option};

/// `__Property<0>` and `__Embedded<0>` and so on stand for the fields in what `orm_core::__private::emitted` is asked. Private, so
/// that a public entity may have fields of private types.
pub(super) fn types(model: &EntityModel) -> TokenStream {
    let o = &model.orm;
    let types = model.scalars().map(|(field, scalar)| {
        let (ty, property, codec) = (&field.ty, scalar.property, scalar.codec(o));
        let document = scalar.is_document.then(|| {
            let document = without_option(ty);
            quote!(type Document = #document;)
        });
        quote! {
            #[automatically_derived]
            impl #codec::Scalar for __Property<#property> {
                #document
                type Value = #ty;
            }
        }
    });
    let embedded: Vec<TokenStream> = model
        .embedded()
        .map(|(field, embedding)| {
            let (ty, index) = (&field.ty, embedding.index);
            quote! {
                #[automatically_derived]
                impl #o::emitted::embedded::Embedded for __Embedded<#index> {
                    type Value = #ty;
                }
            }
        })
        .collect();
    let marker = (!embedded.is_empty()).then(|| {
        quote!(
            struct __Embedded<const INDEX: usize>;
        )
    });
    quote! {
        struct __Property<const INDEX: usize>;
        #marker

        #(#types)*
        #(#embedded)*
    }
}

/// The constants.
pub(super) fn constants(model: &EntityModel) -> TokenStream {
    let (o, ident) = (&model.orm, &model.ident);
    let constants = model.fields.iter().filter_map(|field| {
        let constant = field.constant.as_ref()?;
        let (vis, name, place) = (&field.vis, &field.name, model.place(field));
        let (ty_of, ty) = match &field.kind {
            FieldKind::Scalar(scalar) if scalar.is_document => (quote!(#o::Field), document(o, &field.ty)),
            FieldKind::Scalar(_) => (quote!(#o::Field), field.ty.to_token_stream()),
            FieldKind::Embedded(_) => (quote!(#o::Embedded), field.ty.to_token_stream()),
            FieldKind::Relation(_) | FieldKind::Skipped => return None,
        };
        let doc = format!(" The field `{name}`, for conditions and orders.");
        Some(quote! {
            #[doc = #doc]
            #vis const #constant: #ty_of<#ident, #ty> = #ty_of::__new(#place, #name);
        })
    });
    quote! {
        #[automatically_derived]
        impl #ident {
            #(#constants)*
        }
    }
}

/// The type of a column that is kept as JSON.
fn document(o: &TokenStream, ty: &Type) -> TokenStream {
    let document = without_option(ty);
    match argument_of(ty, "Option") {
        Some(_) => quote!(::core::option::Option<#o::Json<#document>>),
        None => quote!(#o::Json<#document>),
    }
}
