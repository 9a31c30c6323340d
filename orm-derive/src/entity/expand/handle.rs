//! The handle type with the accessors of relations.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;

use crate::entity::model::{EntityModel, FieldModel, Relation, Side};
use crate::support::tokens::at;

pub(super) fn expand(model: &EntityModel) -> TokenStream {
    let (handle, p) = (model.handle(), model.parameter("P"));
    let accessors =
        model.relations().filter(|(_, relation)| relation.has_accessors).map(|(field, relation)| {
            let typed = typed(model, field, relation);
            let bound = bound(model, field, relation);
            quote!(#typed #bound)
        });
    let declared = declare(&model.orm, &model.ident, &model.vis, &handle, &p);
    quote! {
        #declared

        #[automatically_derived]
        impl<#p: 'static> #handle<#p> {
            #(#accessors)*
        }
    }
}

/// The type alone.
pub(super) fn declare(
    o: &TokenStream,
    ident: &Ident,
    vis: &syn::Visibility,
    handle: &Ident,
    p: &Ident,
) -> TokenStream {
    let doc = format!(" The accessors of `{ident}`'s relations; every `Loaded<{ident}, _>` has them.");
    quote! {
        #[doc = #doc]
        #vis struct #handle<#p>(#o::Core<#ident, #p>);

        #[automatically_derived]
        impl<#p> ::core::clone::Clone for #handle<#p> {
            fn clone(&self) -> Self {
                Self(::core::clone::Clone::clone(&self.0))
            }
        }

        #[automatically_derived]
        impl<#p> ::core::convert::From<#o::Core<#ident, #p>> for #handle<#p> {
            fn from(core: #o::Core<#ident, #p>) -> Self {
                Self(core)
            }
        }

        #[automatically_derived]
        impl<#p> ::core::convert::AsRef<#o::Core<#ident, #p>> for #handle<#p> {
            fn as_ref(&self) -> &#o::Core<#ident, #p> {
                &self.0
            }
        }
    }
}

/// What reading a populated relation gives, and which methods of `Core` read it.
struct Reading {
    result: TokenStream,
    /// What the methods are told beside the relation.
    record: TokenStream,
    plain: &'static str,
    fallible: &'static str,
    panics: &'static str,
}

impl Reading {
    fn of(model: &EntityModel, relation: &Relation, w: &Ident) -> Self {
        let (o, target) = (&model.orm, &relation.target);
        let repointed = "the program points it at an entity that is not loaded";
        match &relation.side {
            Side::Collection(_) => Self {
                result: quote!(#o::LoadedCollection<#target, #w::Nested>),
                record: quote!(#w),
                plain: "populated_collection",
                fallible: "try_populated_collection",
                panics: "the program adds an item that is not loaded as deeply as the query loaded the \
                         others",
            },
            Side::Reference(reference) if !reference.nullable && !reference.may_be_missing => Self {
                result: quote!(#o::Loaded<#target, #w::Nested>),
                record: quote!(#w::Nested),
                plain: "populated_reference",
                fallible: "try_populated_required",
                panics: repointed,
            },
            Side::Reference(_) | Side::InverseReference { .. } => Self {
                result: quote!(::core::option::Option<#o::Loaded<#target, #w::Nested>>),
                record: quote!(#w::Nested),
                plain: "populated_optional",
                fallible: "try_populated_reference",
                panics: repointed,
            },
        }
    }
}

/// The accessors of the populated relation: `books` and `try_books`.
fn typed(model: &EntityModel, field: &FieldModel, relation: &Relation) -> TokenStream {
    let (o, vis, marker) = (&model.orm, &field.vis, &relation.marker);
    let (p, w) = (model.parameter("P"), model.parameter("W"));
    let span = at(field.ident.span());
    let (name, try_name) = (raw(field), format_ident!("try_{}", field.ident.unraw(), span = span));
    let Reading { result, record, plain, fallible, panics } = Reading::of(model, relation, &w);
    let (plain, fallible) = (format_ident!("{plain}"), format_ident!("{fallible}"));
    let doc = format!(" The relation `{}`, which the query must have populated.", field.name);
    let panics = format!(" When {panics}; `{try_name}` returns an error then.");
    let try_doc = format!(" `{}`, for programs that change the relation by hand.", field.name);
    let errors = " `Error::NotLoaded` where the accessor without `try_` panics.";
    let bounds = quote! {
        where
            #p: #o::Slot<#marker, Value = #w>,
            #w: #o::IsPopulated<#marker>,
    };
    quote_spanned! {span=>
        #[doc = #doc]
        #[doc = ""]
        #[doc = " # Panics"]
        #[doc = ""]
        #[doc = #panics]
        #[must_use]
        #vis fn #name<#w>(&self) -> #result #bounds {
            self.0.#plain::<#marker, #record>()
        }

        #[doc = #try_doc]
        #[doc = ""]
        #[doc = " # Errors"]
        #[doc = ""]
        #[doc = #errors]
        #vis fn #try_name<#w>(&self) -> #o::Result<#result> #bounds {
            self.0.#fallible::<#marker, #record>()
        }
    }
}

/// The accessor of the relation whatever is populated: `books_ref`.
fn bound(model: &EntityModel, field: &FieldModel, relation: &Relation) -> TokenStream {
    let (o, vis, marker, target) = (&model.orm, &field.vis, &relation.marker, &relation.target);
    let name = format_ident!("{}_ref", field.ident.unraw(), span = at(field.ident.span()));
    let (result, method) = match &relation.side {
        Side::Reference(_) => (quote!(#o::BoundRef<#target>), quote!(bound_reference)),
        Side::InverseReference { .. } => (quote!(#o::BoundInverse<#marker>), quote!(bound_inverse)),
        Side::Collection(_) => (quote!(#o::BoundCollection<#marker>), quote!(bound_collection)),
    };
    let doc = format!(" The relation `{}` whether populated or not: to load and to change it.", field.name);
    quote! {
        #[doc = #doc]
        #[must_use]
        #vis fn #name(&self) -> #result {
            self.0.#method::<#marker>()
        }
    }
}

/// The field's name as the accessor's, `r#` included.
fn raw(field: &FieldModel) -> Ident {
    let mut name = field.ident.clone();
    name.set_span(at(field.ident.span()));
    name
}
