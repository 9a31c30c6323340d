//! `#[create_request_context]` and `#[ensure_request_context]`: functions whose body runs in a request context.
//!
//! parse → check → expand. The signature, the attributes and the visibility stay as the user wrote them; only the body
//! is replaced. After an error the function is emitted unchanged, so that its callers report nothing further.

mod args;
mod expand;
mod function;

use proc_macro2::TokenStream;

use args::{ContextArgs, Source};
use function::ContextFunction;

/// Expands `#[create_request_context]`.
pub(crate) fn create(args: TokenStream, item: TokenStream) -> TokenStream {
    wrap(ContextAttribute::Create, args, item)
}

/// Expands `#[ensure_request_context]`.
pub(crate) fn ensure(args: TokenStream, item: TokenStream) -> TokenStream {
    wrap(ContextAttribute::Ensure, args, item)
}

/// Which of the two attributes is expanded.
#[derive(Clone, Copy)]
enum ContextAttribute {
    Create,
    Ensure,
}

impl ContextAttribute {
    /// The attribute's name, as messages print it.
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "create_request_context",
            Self::Ensure => "ensure_request_context",
        }
    }
}

fn wrap(attribute: ContextAttribute, args: TokenStream, mut item: TokenStream) -> TokenStream {
    try_wrap(attribute, args, item.clone()).unwrap_or_else(|error| {
        item.extend(error.into_compile_error());
        item
    })
}

fn try_wrap(attribute: ContextAttribute, args: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let function = ContextFunction::parse(attribute, item)?;
    let args = ContextArgs::parse(attribute, args)?;
    let source = Source::resolve(attribute, args.source, &function.signature)?;
    Ok(expand::function(attribute, &function, &source, &args.crate_path))
}
