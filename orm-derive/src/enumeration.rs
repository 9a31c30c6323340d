//! `#[derive(EnumValue)]`: a fieldless enum as one column, of text or of integers.
//!
//! parse → model → expand. After an error a stub impl is emitted, so that fields of the type report nothing.

mod attrs;
mod expand;
mod model;

use darling::Error;
use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::support::field_value;
use model::EnumModel;

/// Expands the derive.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut errors = Error::accumulator();
    let model = EnumModel::new(input, &mut errors);
    match errors.finish_with(model) {
        Ok(Some(model)) => expand::enumeration(&model),
        Ok(None) => TokenStream::new(),
        Err(errors) => field_value::stub(input, "enum_value", errors),
    }
}
