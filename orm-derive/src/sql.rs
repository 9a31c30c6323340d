//! `sql!`: text of the program, with the variables that stand in it bound as values.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Error, LitStr};

use crate::support::crate_path::CratePath;

/// Expands the macro.
pub(crate) fn expand(literal: &LitStr) -> TokenStream {
    let o = CratePath::default().private();
    let text = literal.value();
    match places(literal, &text) {
        Ok((text, names)) => {
            let bound = names.iter().map(|name| match name {
                Some(name) => quote!(::core::option::Option::Some(#name.__bind())),
                None => quote!(::core::option::Option::None),
            });
            quote! {{
                #[allow(unused_imports)]
                use #o::BindValue as _;
                #o::Sql::__with(#text, ::std::vec![#(#bound),*])
            }}
        }
        Err(error) => {
            let error = error.into_compile_error();
            quote!({ #error #o::Sql::from("") })
        }
    }
}

/// The text with `{}` for each name, and the names; `None` where there was none.
fn places(literal: &LitStr, text: &str) -> syn::Result<(String, Vec<Option<Ident>>)> {
    let refuse = |message: String| Err(Error::new(literal.span(), message));
    let mut result = String::new();
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        result.push_str(before);
        if from.starts_with("{{") || from.starts_with("}}") {
            result.push_str(&from[..2]);
            rest = &from[2..];
            continue;
        }
        let Some((name, after)) = from.strip_prefix('{').and_then(|inner| inner.split_once('}')) else {
            return refuse(format!(
                "the `{}` stands alone; write `{{name}}` for a variable, `{{{{` and `}}}}` for braces",
                &from[..1],
            ));
        };
        names.push(match name.trim() {
            "" => None,
            name => match syn::parse_str::<Ident>(name) {
                Ok(ident) => Some(Ident::new(&ident.to_string(), literal.span())),
                Err(_) => {
                    return refuse(format!("`{name}` is no variable; bind it by `let`, and name that"));
                }
            },
        });
        result.push_str("{}");
        rest = after;
    }
    result.push_str(rest);
    Ok((result, names))
}
