//! Hooks, and the values that the ORM makes. Nothing where there are none.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::entity::attrs::MakerAttr;
use crate::entity::model::EntityModel;
use crate::support::tokens::at;

/// `__HOOKS` and `__MADE`.
pub(super) fn expand(model: &EntityModel) -> TokenStream {
    let o = &model.orm;
    let hooks = model.hooks.map(|word| {
        // Points to the word, should the hooks be missing.
        let hooks = quote_spanned!(at(word.0)=> #o::hooks::<Self>());
        quote!(const __HOOKS: ::core::option::Option<#o::Hooks<Self>> = ::core::option::Option::Some(#hooks);)
    });
    let made = made_values(model);
    quote!(#hooks #made)
}

/// `__MADE`: the values of the struct's own fields, then those of what is embedded.
pub(super) fn made_values(model: &EntityModel) -> Option<TokenStream> {
    let o = &model.orm;
    let own: Vec<TokenStream> = model
        .scalars()
        .flat_map(|(field, scalar)| {
            let place = model.place(field);
            let made = |moment, maker: &MakerAttr| made(o, scalar.property, &place, &moment, maker);
            let on_create = scalar.made.on_create.as_ref().map(|maker| made(quote!(Create), maker));
            let on_update = scalar.made.on_update.as_ref().map(|maker| made(quote!(Update), maker));
            on_create.into_iter().chain(on_update)
        })
        .collect();
    let embedded: Vec<TokenStream> = model
        .embedded()
        .map(|(field, embedding)| {
            let (place, index) = (model.place(field), embedding.index);
            quote!((#place, #o::emitted::embedded::made::<__Embedded<#index>>()))
        })
        .collect();
    match (own.is_empty(), embedded.is_empty()) {
        (true, true) => None,
        (false, true) => Some(quote!(const __MADE: &'static [#o::MadeValue] = &[#(#own),*];)),
        (_, false) => Some(quote! {
            const __MADE: &'static [#o::MadeValue] = {
                const OWN: &[#o::MadeValue] = &[#(#own),*];
                const EMBEDDED: &[(usize, &[#o::MadeValue])] = &[#(#embedded),*];
                const ALL: [#o::MadeValue; #o::emitted::embedded::count_made(OWN, EMBEDDED)] =
                    #o::emitted::embedded::all_made(OWN, EMBEDDED);
                &ALL
            };
        }),
    }
}

fn made(
    o: &TokenStream,
    property: usize,
    place: &TokenStream,
    moment: &TokenStream,
    maker: &MakerAttr,
) -> TokenStream {
    let make = match maker {
        MakerAttr::Now(_) => quote!(#o::emitted::now::<__Property<#property>>),
        MakerAttr::Function(path) => {
            let span = at(path.span());
            quote_spanned!(span=> |cx| #o::emitted::made::<__Property<#property>, _, _>(#path, cx))
        }
    };
    quote! {
        #o::MadeValue {
            property: #place,
            moment: #o::Moment::#moment,
            make: #make,
        }
    }
}
