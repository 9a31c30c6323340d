//! Small pieces of tokens.

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};

/// `Some(..)` or `None`; quote itself leaves a `None` out.
pub(crate) fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// The place of `span`, with names resolved as in the derive's own code. Errors point there, and lints see a
/// macro and keep quiet.
pub(crate) fn at(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// Tokens as they are, at the place of `span`: errors about what they name there point there.
pub(crate) fn placed(tokens: impl ToTokens, span: Span) -> TokenStream {
    let place = |mut token: TokenTree| {
        token.set_span(token.span().located_at(span));
        token
    };
    tokens.into_token_stream().into_iter().map(place).collect()
}

/// Every name in some tokens.
#[derive(Debug, Default)]
pub(crate) struct UsedNames(HashSet<String>);

impl UsedNames {
    /// Adds the names in `tokens`.
    pub(crate) fn add(&mut self, tokens: impl ToTokens) {
        for token in tokens.into_token_stream() {
            match token {
                TokenTree::Group(group) => self.add(group.stream()),
                TokenTree::Ident(ident) => {
                    self.0.insert(ident.to_string());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// `wanted`, or with underscores behind it until nothing has that name: a type parameter must not hide a type
    /// of the user.
    pub(crate) fn fresh(&self, wanted: &str) -> Ident {
        let mut name = wanted.to_owned();
        while self.0.contains(&name) {
            name.push('_');
        }
        Ident::new(&name, Span::call_site())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_name_hides_nothing() {
        let mut used = UsedNames::default();
        used.add(quote!(Option<Ref<(P, P_)>>));
        assert_eq!(used.fresh("P"), "P__");
        assert_eq!(used.fresh("N"), "N");
    }
}
