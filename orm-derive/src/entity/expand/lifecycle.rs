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
    let made: Vec<TokenStream> = model
        .scalars()
        .flat_map(|(_, scalar)| {
            let made = |moment, maker: &MakerAttr| made(o, scalar.property, &moment, maker);
            let on_create = scalar.made.on_create.as_ref().map(|maker| made(quote!(Create), maker));
            let on_update = scalar.made.on_update.as_ref().map(|maker| made(quote!(Update), maker));
            on_create.into_iter().chain(on_update)
        })
        .collect();
    let made = (!made.is_empty()).then(|| quote!(const __MADE: &'static [#o::MadeValue] = &[#(#made),*];));
    quote!(#hooks #made)
}

fn made(o: &TokenStream, property: usize, moment: &TokenStream, maker: &MakerAttr) -> TokenStream {
    let make = match maker {
        MakerAttr::Now(_) => quote!(#o::emitted::now::<__Property<#property>>),
        MakerAttr::Function(path) => {
            let span = at(path.span());
            quote_spanned!(span=> |cx| #o::emitted::made::<__Property<#property>, _, _>(#path, cx))
        }
    };
    quote! {
        #o::MadeValue {
            property: #property,
            moment: #o::Moment::#moment,
            make: #make,
        }
    }
}
