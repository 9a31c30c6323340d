//! A field as an attribute names it: `title`, or `address.street` for one in an embedded struct.

use proc_macro2::{Group, Punct, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Path;
use syn::ext::IdentExt;

/// A field of the struct, or one in what is embedded there.
#[derive(Clone, Debug)]
pub(in crate::entity) struct FieldPath(pub(super) Path);

impl FieldPath {
    /// The whole of it, without `r#`.
    pub(in crate::entity) fn name(&self) -> String {
        let names: Vec<String> = self.0.segments.iter().map(|one| one.ident.unraw().to_string()).collect();
        names.join(".")
    }

    /// The field of the struct itself.
    pub(in crate::entity) fn field(&self) -> String {
        self.0.segments.first().map(|first| first.ident.unraw().to_string()).unwrap_or_default()
    }

    /// Whether it leads into an embedded struct.
    pub(in crate::entity) fn is_embedded(&self) -> bool {
        self.0.segments.len() > 1
    }
}

impl ToTokens for FieldPath {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.0.to_tokens(tokens);
    }
}

/// The tokens with `::` for each dot, since an attribute takes paths and no fields of fields.
pub(super) fn with_dots(tokens: TokenStream) -> TokenStream {
    let mut all = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Punct(dot) if dot.as_char() == '.' => {
                for spacing in [Spacing::Joint, Spacing::Alone] {
                    let mut colon = Punct::new(':', spacing);
                    colon.set_span(dot.span());
                    all.push(TokenTree::Punct(colon));
                }
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), with_dots(group.stream()));
                inner.set_span(group.span());
                all.push(TokenTree::Group(inner));
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => all.push(token),
        }
    }
    all.into_iter().collect()
}
