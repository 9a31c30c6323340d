//! A type and a constant for each relation, and how the entity shows its relation fields.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::entity::model::{EntityModel, FieldModel, Relation};
use crate::support::tokens::at;

pub(super) fn expand(model: &EntityModel) -> TokenStream {
    model.relations().map(|(field, relation)| one(model, field, relation)).collect()
}

fn one(model: &EntityModel, field: &FieldModel, relation: &Relation) -> TokenStream {
    let (o, ident, name, response) = (&model.orm, &model.ident, &field.name, &field.json);
    let Relation { index, target, marker, vis, .. } = relation;
    let to_many = relation.is_to_many();
    let methods = if to_many { quote!(#o::ToMany<#marker>) } else { quote!(#o::ToOne<#marker>) };
    let methods_new = if to_many { quote!(#o::ToMany::__new()) } else { quote!(#o::ToOne::__new()) };
    let of_new =
        if to_many { quote!(#o::With<<#target as #o::Entity>::Nothing>) } else { quote!(#o::Without) };
    let doc = format!(" The relation `{name}` of `{}`.", model.name());
    let shown = format!("{}::{name}", model.name());
    let constant = constant(model, field, relation);
    quote_spanned! {at(field.ident.span())=>
        #[doc = #doc]
        #vis struct #marker;

        #[automatically_derived]
        impl ::core::clone::Clone for #marker {
            fn clone(&self) -> Self {
                *self
            }
        }

        #[automatically_derived]
        impl ::core::marker::Copy for #marker {}

        #[automatically_derived]
        impl ::core::fmt::Debug for #marker {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(#shown)
            }
        }

        #[automatically_derived]
        impl #o::RelationField for #marker {
            type Owner = #ident;
            type Target = #target;
            type OfNew = #of_new;
            const INDEX: usize = #index;
            const NAME: &'static str = #name;
            const RESPONSE_NAME: &'static str = #response;
            const TO_MANY: bool = #to_many;
        }

        #[automatically_derived]
        impl ::core::ops::Deref for #marker {
            type Target = #methods;

            fn deref(&self) -> &Self::Target {
                const METHODS: #methods = #methods_new;
                &METHODS
            }
        }

        #constant
    }
}

fn constant(model: &EntityModel, field: &FieldModel, relation: &Relation) -> Option<TokenStream> {
    let constant = field.constant.as_ref()?;
    let (ident, vis, marker) = (&model.ident, &field.vis, &relation.marker);
    let doc = format!(" The relation `{}`, to populate and for conditions.", field.name);
    Some(quote! {
        #[automatically_derived]
        impl #ident {
            #[doc = #doc]
            #vis const #constant: #marker = #marker;
        }
    })
}

/// The methods of `Entity` that hand out relation fields.
pub(super) fn methods(model: &EntityModel) -> TokenStream {
    let o = &model.orm;
    let references = model.references().map(|(field, relation, _)| {
        let (ident, index) = (&field.ident, relation.index);
        quote!(#index => ::core::option::Option::Some(&self.#ident),)
    });
    let visits = model.relations().map(|(field, relation)| {
        let (ident, index) = (&field.ident, relation.index);
        if relation.is_to_many() {
            quote!(visitor.collection(#index, &mut self.#ident);)
        } else {
            quote!(visitor.reference(#index, &mut self.#ident);)
        }
    });
    quote! {
        fn __reference(&self, relation: usize) -> ::core::option::Option<&dyn #o::ErasedReference> {
            match relation {
                #(#references)*
                _ => ::core::option::Option::None,
            }
        }

        fn __relations(&mut self, visitor: &mut dyn #o::RelationVisitor) {
            #(#visits)*
        }
    }
}
