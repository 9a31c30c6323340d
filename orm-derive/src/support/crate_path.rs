//! Where emitted code finds orm-core: `::orm_core`, unless `crate = ".."` says otherwise.

use darling::{Error, FromMeta, Result};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Expr, Meta, Path};

use super::value::{Text, write};

/// The path to orm-core.
#[derive(Clone, Debug)]
pub(crate) struct CratePath(TokenStream);

impl CratePath {
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
            Error::custom(format!("`{}` is no path to a crate or module", text.value())).with_span(text.literal())
        })?;
        Ok(Self(path.to_token_stream()))
    }
}
