//! Where emitted code finds orm-core: `::orm_core`, unless `crate = ".."` says otherwise.

use darling::ast::NestedMeta;
use darling::{Error, FromMeta, Result};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, Meta, Path};

use super::value::{Text, write};

/// The path to orm-core.
#[derive(Clone, Debug)]
pub(crate) struct CratePath(TokenStream);

impl CratePath {
    /// What `#[attribute(crate = "..")]` says, for those who read nothing else of it.
    pub(crate) fn given(attrs: &[Attribute], attribute: &str) -> Self {
        let lists = attrs.iter().filter(|attr| attr.path().is_ident(attribute));
        let lists = lists.filter_map(|attr| attr.meta.require_list().ok());
        let mut items =
            lists.filter_map(|list| NestedMeta::parse_meta_list(list.tokens.clone()).ok()).flatten();
        let path = items.find_map(|item| match item {
            NestedMeta::Meta(meta) if meta.path().is_ident("crate") => Self::from_meta(&meta).ok(),
            NestedMeta::Meta(_) | NestedMeta::Lit(_) | NestedMeta::NameValueInvalidExpr(_) => None,
        });
        path.unwrap_or_default()
    }

    /// The path of everything that emitted code names.
    pub(crate) fn private(&self) -> TokenStream {
        let path = &self.0;
        quote!(#path::__private)
    }
}

impl Default for CratePath {
    fn default() -> Self {
        Self(quote!(::orm_core))
    }
}

impl FromMeta for CratePath {
    fn from_meta(item: &Meta) -> Result<Self> {
        if let Meta::NameValue(pair) = item
            && let Expr::Path(path) = &pair.value
        {
            return Ok(Self(path.to_token_stream()));
        }
        let text = Text::from_meta(item).map_err(|_| write(item, " = \"path::to::orm_core\""))?;
        let path: Path = text.literal().parse().map_err(|_| {
            Error::custom(format!("`{}` is no path to a crate or module", text.value()))
                .with_span(text.literal())
        })?;
        Ok(Self(path.to_token_stream()))
    }
}
