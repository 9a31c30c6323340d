//! `#[create_request_context]`, `#[ensure_request_context]` and `#[transactional]`: functions whose body runs in a request
//! context or a transaction.
//!
//! parse → check → expand. The signature, the attributes and the visibility stay as the user wrote them; only the body
//! is replaced. After an error the function is emitted unchanged, so that its callers report nothing further.

mod args;
mod expand;
mod function;
mod options;

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

/// Expands `#[transactional]`.
pub(crate) fn transactional(args: TokenStream, item: TokenStream) -> TokenStream {
    wrap(ContextAttribute::Transactional, args, item)
}

/// Which of the attributes is expanded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ContextAttribute {
    Create,
    Ensure,
    Transactional,
}

impl ContextAttribute {
    /// The attribute's name, as messages print it.
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "create_request_context",
            Self::Ensure => "ensure_request_context",
            Self::Transactional => "transactional",
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
    let mut function = ContextFunction::parse(attribute, item)?;
    let tokens = args.clone();
    let mut args = ContextArgs::parse(attribute, args)?;
    if let Some(transactional) = function.take_transactional(attribute) {
        // The transaction is to run in the context, whichever is written first; what expands last is outside.
        return Ok(expand::in_turn(attribute, &transactional, &function, &tokens, &args.crate_path));
    }
    function.check(attribute)?;
    let source = Source::resolve(attribute, args.source.take(), &function.signature)?;
    Ok(expand::function(attribute, &function, &source, &args))
}
