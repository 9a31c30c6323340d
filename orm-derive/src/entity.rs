//! `#[derive(Entity)]` and `#[derive(Embeddable)]`: parse → model → check → expand.
//!
//! Every mistake is reported at once. What is wrong is left out of the model, and the rest is expanded all the
//! same, so that the user reads our messages and none about missing traits, constants or accessors.

mod attrs;
mod check;
mod expand;
mod model;

use darling::Error;
use darling::error::Accumulator;
use proc_macro2::TokenStream;
use syn::DeriveInput;

use model::EntityModel;

/// Expands the derive.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut errors = Error::accumulator();
    let mut tokens = try_derive(input, &mut errors).unwrap_or_else(|| expand::stub(input));
    if let Err(error) = errors.finish() {
        tokens.extend(error.write_errors());
    }
    tokens
}

/// Expands `#[derive(Embeddable)]`.
pub(crate) fn derive_embeddable(input: &DeriveInput) -> TokenStream {
    let mut errors = Error::accumulator();
    let mut tokens =
        try_derive_embeddable(input, &mut errors).unwrap_or_else(|| expand::embeddable_stub(input));
    if let Err(error) = errors.finish() {
        tokens.extend(error.write_errors());
    }
    tokens
}

/// `None` for what can't be embedded at all.
fn try_derive_embeddable(input: &DeriveInput, errors: &mut Accumulator) -> Option<TokenStream> {
    let mut model = EntityModel::embeddable(input, errors)?;
    check::embeddable(&mut model, errors);
    Some(expand::embeddable(&model))
}

/// `None` for what can't be an entity at all.
fn try_derive(input: &DeriveInput, errors: &mut Accumulator) -> Option<TokenStream> {
    let mut model = EntityModel::new(input, errors)?;
    check::entity(&mut model, errors);
    Some(expand::entity(&model))
}
