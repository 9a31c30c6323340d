//! An impl of `Entity` without content, for what can't be an entity: it keeps errors about a missing impl away from
//! the message that says why.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::DeriveInput;
use syn::ext::IdentExt;

use super::handle;
use crate::support::crate_path::CratePath;

/// Nothing for generic types: an entity can't borrow, so not even a stub would compile.
pub(in crate::entity) fn stub(input: &DeriveInput) -> TokenStream {
    if !input.generics.params.is_empty() {
        return TokenStream::new();
    }
    let o = &CratePath::given(&input.attrs, "entity").private();
    let (ident, name) = (&input.ident, input.ident.unraw().to_string());
    let (handle, p) = (format_ident!("{name}Handle"), Ident::new("P", Span::call_site()));
    let declared = handle::declare(o, ident, &input.vis, &handle, &p);
    quote! {
        #declared

        #[automatically_derived]
        impl #o::Writable for #ident {}

        #[automatically_derived]
        impl #o::Entity for #ident {
            type Key = i64;
            type Id = i64;
            type Nothing = #o::NewEntity;
            type Handle<#p: 'static> = #handle<#p>;
            const __NAME: &'static str = #name;
            const __DESCRIPTION: &'static #o::EntityDescription = &#o::EntityDescription {
                name: #name,
                ..#o::EntityDescription::BLANK
            };

            fn __index() -> &'static #o::EntityIndex {
                static INDEX: #o::EntityIndex = #o::EntityIndex::new();
                &INDEX
            }

            fn __key(&self) -> ::core::option::Option<i64> {
                ::core::option::Option::None
            }

            fn __id(&self) -> i64 {
                0
            }

            fn __make_key(&mut self) {}

            fn __hydrate(_: &mut #o::Cursor<'_>) -> ::core::result::Result<Self, #o::ReadError> {
                loop {}
            }

            fn __value(&self, _: usize) -> ::core::result::Result<#o::Value, #o::ValueError> {
                ::core::result::Result::Ok(#o::Value::Null)
            }

            fn __set_value(&mut self, _: usize, _: #o::Value) -> ::core::result::Result<(), #o::ValueError> {
                ::core::result::Result::Ok(())
            }

            fn __diff(&self, _: &Self, _: &mut #o::PropertySet) {}
            fn __copy(&mut self, _: &Self, _: &#o::PropertySet) {}
            fn __copy_skipped(&mut self, _: &Self) {}

            fn __reference(&self, _: usize) -> ::core::option::Option<&dyn #o::ErasedReference> {
                ::core::option::Option::None
            }

            fn __relations(&mut self, _: &mut dyn #o::RelationVisitor) {}

            fn __serialize_new<M: #o::SerializeMap>(
                &self,
                _: &#o::Core<Self, #o::NewEntity>,
                _: &mut M,
            ) -> ::core::result::Result<(), M::Error> {
                ::core::result::Result::Ok(())
            }
        }
    }
}

/// The same for what can't be embedded.
pub(in crate::entity) fn embeddable(input: &DeriveInput) -> TokenStream {
    if !input.generics.params.is_empty() {
        return TokenStream::new();
    }
    let o = &CratePath::given(&input.attrs, "embeddable").private();
    let (ident, name) = (&input.ident, input.ident.unraw().to_string());
    quote! {
        #[automatically_derived]
        impl #o::Embeddable for #ident {
            const __DESCRIPTION: &'static #o::described::EmbeddableDescription =
                &#o::described::EmbeddableDescription { name: #name, properties: &[], embeddings: &[] };

            fn __hydrate(_: &mut #o::Cursor<'_>) -> ::core::result::Result<Self, #o::ReadError> {
                loop {}
            }

            fn __value(&self, _: usize) -> ::core::result::Result<#o::Value, #o::ValueError> {
                ::core::result::Result::Ok(#o::Value::Null)
            }

            fn __set_value(&mut self, _: usize, _: #o::Value) -> ::core::result::Result<(), #o::ValueError> {
                ::core::result::Result::Ok(())
            }

            fn __diff(&self, _: &Self, _: usize, _: &mut #o::PropertySet) {}
            fn __copy(&mut self, _: &Self, _: usize, _: &#o::PropertySet) {}
            fn __copy_skipped(&mut self, _: &Self) {}

            fn __serialize<M: #o::SerializeMap>(&self, _: &mut M) -> ::core::result::Result<(), M::Error> {
                ::core::result::Result::Ok(())
            }
        }
    }
}
