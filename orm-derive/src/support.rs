//! What the macros share: reading attributes, cases of names, paths, and small pieces of tokens.
//!
//! Knows neither entities nor enums.

pub(crate) mod attribute;
pub(crate) mod case;
pub(crate) mod crate_path;
pub(crate) mod field_value;
pub(crate) mod shape;
pub(crate) mod suggestion;
pub(crate) mod tokens;
pub(crate) mod value;
pub(crate) mod visibility;

use proc_macro2::TokenStream;

/// Prints an expansion if the environment variable `ORM_DERIVE_DEBUG` is set, and hands it on.
pub(crate) fn shown(tokens: TokenStream) -> proc_macro::TokenStream {
    if std::env::var_os("ORM_DERIVE_DEBUG").is_some() {
        eprintln!("{tokens}");
    }
    tokens.into()
}
