//! From a row, to values, and from one snapshot to another.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::entity::model::{EntityModel, FieldKind, FieldModel, Relation, Side};
use crate::support::shape::word_of;
use crate::support::tokens::at;

/// `__hydrate`, `__value`, `__set_value`, `__diff`, `__copy` and `__copy_skipped`.
pub(super) fn expand(model: &EntityModel) -> TokenStream {
    let hydrate = hydrate(model);
    let values = values(model);
    let changes = changes(model);
    quote! {
        #hydrate
        #values
        #changes
    }
}

/// Struct fields are evaluated in the order written, which is the order of the columns.
fn hydrate(model: &EntityModel) -> TokenStream {
    let o = &model.orm;
    let fields = model.fields.iter().map(|field| {
        let ident = &field.ident;
        let value = match &field.kind {
            FieldKind::Scalar(scalar) => {
                let (property, codec) = (scalar.property, scalar.codec(o));
                quote!(#codec::read::<__Property<#property>>(row)?)
            }
            FieldKind::Embedded(embedding) => {
                let index = embedding.index;
                quote!(#o::emitted::embedded::read::<__Embedded<#index>>(row)?)
            }
            FieldKind::Relation(relation) if is_owning(relation) => quote!(row.reference()?),
            FieldKind::Relation(_) => quote!(::core::default::Default::default()),
            FieldKind::Skipped => skipped(field),
        };
        quote!(#ident: #value)
    });
    quote! {
        fn __hydrate(row: &mut #o::Cursor<'_>) -> ::core::result::Result<Self, #o::ReadError> {
            ::core::result::Result::Ok(Self { #(#fields),* })
        }
    }
}

/// Points to the field's type, should it have no `Default`.
fn skipped(field: &FieldModel) -> TokenStream {
    quote_spanned!(at(word_of(&field.ty))=> ::core::default::Default::default())
}

fn is_owning(relation: &Relation) -> bool {
    matches!(relation.side, Side::Reference(_))
}

fn values(model: &EntityModel) -> TokenStream {
    let o = &model.orm;
    let scalars = model.scalars().map(|(field, scalar)| {
        let (ident, number, place) = (&field.ident, scalar.property, model.place(field));
        let codec = scalar.codec(o);
        // A pattern is no expression.
        let pattern = match field.embedded_before.is_empty() {
            true => place,
            false => quote!(_ if property == #place),
        };
        (
            quote!(#pattern => #codec::value::<__Property<#number>>(&self.#ident),),
            quote!(#pattern => #codec::set::<__Property<#number>>(&mut self.#ident, value),),
        )
    });
    let embedded = model.embedded().map(|(field, embedding)| {
        let (ident, index, place) = (&field.ident, embedding.index, model.place(field));
        let (pattern, one) = (
            quote!(_ if #o::emitted::embedded::has::<__Embedded<#index>>(#place, property)),
            quote!(#o::emitted::embedded),
        );
        (
            quote!(#pattern => #one::value::<__Embedded<#index>>(&self.#ident, property - #place),),
            quote!(#pattern => #one::set::<__Embedded<#index>>(&mut self.#ident, property - #place, value),),
        )
    });
    let (values, sets): (Vec<TokenStream>, Vec<TokenStream>) = scalars.chain(embedded).unzip();
    quote! {
        fn __value(&self, property: usize) -> ::core::result::Result<#o::Value, #o::ValueError> {
            match property {
                #(#values)*
                _ => ::core::result::Result::Ok(#o::Value::Null),
            }
        }

        fn __set_value(
            &mut self,
            property: usize,
            value: #o::Value,
        ) -> ::core::result::Result<(), #o::ValueError> {
            match property {
                #(#sets)*
                _ => ::core::result::Result::Ok(()),
            }
        }
    }
}

fn changes(model: &EntityModel) -> TokenStream {
    let o = &model.orm;
    // An embeddable struct is told where its properties begin.
    let (parameter, base) = match model.is_embeddable {
        true => (Some(quote!(first: usize,)), Some(quote!(first+))),
        false => (None, None),
    };
    let scalars = model.scalars().map(|(field, scalar)| {
        let (ident, property, codec) = (&field.ident, scalar.property, scalar.codec(o));
        let is_same = quote!(#codec::same::<__Property<#property>>(&self.#ident, &other.#ident));
        let copy = quote!(#codec::copy::<__Property<#property>>(&mut self.#ident, &from.#ident));
        (model.place(field), is_same, copy)
    });
    let references = model.references().map(|(field, _, _)| {
        let ident = &field.ident;
        (model.place(field), quote!(self.#ident == other.#ident), copy(field))
    });
    let (diffs, copies): (Vec<TokenStream>, Vec<TokenStream>) = scalars
        .chain(references)
        .map(|(place, is_same, copy)| {
            (
                quote!(if !(#is_same) { changed.insert(#base #place); }),
                quote!(if properties.contains(#base #place) { #copy; }),
            )
        })
        .chain(model.embedded().map(|(field, embedding)| {
            let (ident, index, place) = (&field.ident, embedding.index, model.place(field));
            let (one, field) = (quote!(#o::emitted::embedded), quote!(__Embedded<#index>));
            (
                quote!(#one::diff::<#field>(&self.#ident, &other.#ident, #base #place, changed);),
                quote!(#one::copy::<#field>(&mut self.#ident, &from.#ident, #base #place, properties);),
            )
        }))
        .unzip();
    let skipped = model.fields.iter().filter_map(|field| match &field.kind {
        FieldKind::Skipped => Some(copy(field)),
        FieldKind::Embedded(embedding) => {
            let (ident, index) = (&field.ident, embedding.index);
            Some(quote!(#o::emitted::embedded::copy_skipped::<__Embedded<#index>>(&mut self.#ident, &from.#ident)))
        }
        FieldKind::Scalar(_) | FieldKind::Relation(_) => None,
    });
    quote! {
        fn __diff(&self, other: &Self, #parameter changed: &mut #o::PropertySet) {
            #(#diffs)*
        }

        fn __copy(&mut self, from: &Self, #parameter properties: &#o::PropertySet) {
            #(#copies)*
        }

        fn __copy_skipped(&mut self, from: &Self) {
            #(#skipped;)*
        }
    }
}

fn copy(field: &FieldModel) -> TokenStream {
    let ident = &field.ident;
    quote!(::core::clone::Clone::clone_from(&mut self.#ident, &from.#ident))
}
