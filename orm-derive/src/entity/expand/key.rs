//! The primary key: its types, and how it is read and made.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;

use crate::entity::model::{EntityModel, FieldKind, FieldModel, KeySource, Relation, Scalar};
use crate::support::shape::{argument_of, word_of};
use crate::support::tokens::at;

/// `type Key` and `type Id`. Where there is no key, which was reported, `i64` stands in.
pub(super) fn types(model: &EntityModel) -> TokenStream {
    let o = &model.orm;
    let keys: Vec<TokenStream> = model
        .keys()
        .map(|field| match &field.kind {
            FieldKind::Relation(relation) => target_key(o, relation),
            FieldKind::Scalar(_) | FieldKind::Embedded(_) | FieldKind::Skipped => {
                let ty = argument_of(&field.ty, "Option").unwrap_or(&field.ty);
                quote!(#ty)
            }
        })
        .collect();
    let ids: Vec<TokenStream> = model
        .keys()
        .map(|field| match &field.kind {
            FieldKind::Relation(relation) => target_key(o, relation),
            FieldKind::Scalar(_) | FieldKind::Embedded(_) | FieldKind::Skipped => {
                let ty: &Type = &field.ty;
                quote!(#ty)
            }
        })
        .collect();
    let (key, id) = (one_or_tuple(&keys), one_or_tuple(&ids));
    // Where the type is no key, or more private than the entity, errors point to it.
    let span = model.keys().next().map_or_else(Span::call_site, |field| at(word_of(&field.ty)));
    quote_spanned! {span=>
        type Key = #key;
        type Id = #id;
    }
}

/// `__key`, `__id` and `__make_key`.
pub(super) fn methods(model: &EntityModel) -> TokenStream {
    let keys: Vec<TokenStream> = model.keys().map(|field| key(model, field)).collect();
    let key = match keys.as_slice() {
        [] => quote!(::core::option::Option::None),
        [key] => key.clone(),
        keys => quote!(::core::option::Option::Some((#(#keys?),*))),
    };
    let ids: Vec<TokenStream> = model.keys().map(|field| id(model, field)).collect();
    let id = if ids.is_empty() { quote!(0) } else { one_or_tuple(&ids) };
    let make = model.scalars().filter_map(|(field, scalar)| make(model, field, scalar));
    quote! {
        fn __key(&self) -> ::core::option::Option<Self::Key> {
            #key
        }

        fn __id(&self) -> Self::Id {
            #id
        }

        fn __make_key(&mut self) {
            #(#make)*
        }
    }
}

fn target_key(o: &TokenStream, relation: &Relation) -> TokenStream {
    let target = &relation.target;
    quote!(<#target as #o::Entity>::Key)
}

fn one_or_tuple(parts: &[TokenStream]) -> TokenStream {
    match parts {
        [] => quote!(i64),
        [part] => part.clone(),
        parts => quote!((#(#parts),*)),
    }
}

/// An `Option` of this part of the key.
fn key(model: &EntityModel, field: &FieldModel) -> TokenStream {
    let (o, ident) = (&model.orm, &field.ident);
    let FieldKind::Scalar(scalar) = &field.kind else { return reference_key(model, field) };
    if argument_of(&field.ty, "Option").is_some() {
        return quote!(::core::clone::Clone::clone(&self.#ident));
    }
    let (clone, property) = (quote!(::core::clone::Clone::clone(&self.#ident)), scalar.property);
    match scalar.key {
        None | Some(KeySource::Given) => quote!(::core::option::Option::Some(#clone)),
        Some(KeySource::Database | KeySource::Made(_)) => quote! {
            if #o::emitted::is_unassigned::<__Property<#property>>(&self.#ident) {
                ::core::option::Option::None
            } else {
                ::core::option::Option::Some(#clone)
            }
        },
    }
}

/// This part of the key as the struct has it.
fn id(model: &EntityModel, field: &FieldModel) -> TokenStream {
    let (o, ident, entity, name) = (&model.orm, &field.ident, model.name(), &field.name);
    match &field.kind {
        FieldKind::Scalar(_) | FieldKind::Embedded(_) | FieldKind::Skipped => {
            quote!(::core::clone::Clone::clone(&self.#ident))
        }
        FieldKind::Relation(_) => {
            let key = reference_key(model, field);
            quote! {
                match #key {
                    ::core::option::Option::Some(key) => key,
                    ::core::option::Option::None => #o::unset_key(#entity, #name),
                }
            }
        }
    }
}

fn reference_key(model: &EntityModel, field: &FieldModel) -> TokenStream {
    let (o, ident) = (&model.orm, &field.ident);
    quote!(#o::ReferenceField::reference(&self.#ident).and_then(#o::Ref::try_key).cloned())
}

/// Fills a key that the program makes.
fn make(model: &EntityModel, field: &FieldModel, scalar: &Scalar) -> Option<TokenStream> {
    let Some(KeySource::Made(function)) = &scalar.key else { return None };
    let (o, ident, property) = (&model.orm, &field.ident, scalar.property);
    let made = match argument_of(&field.ty, "Option") {
        Some(_) => quote!(::core::option::Option::Some(#function())),
        None => quote!(#function()),
    };
    Some(quote! {
        if #o::emitted::is_unassigned::<__Property<#property>>(&self.#ident) {
            self.#ident = #made;
        }
    })
}
