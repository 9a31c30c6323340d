//! The arguments of a context attribute, and where they say that the entity manager comes from.
//!
//! Reads `#[create_request_context(source, crate = "path")]`; both are optional, and so are the options of a transaction. [`Source`] is what remains after the
//! checks against the function's signature: each variant can be expanded without a further question.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprClosure, LitStr, Pat, Path, Signature, Token, parse_quote};

use super::ContextAttribute;
use super::options::Options;

/// What stands between the parentheses.
pub(super) struct ContextArgs {
    /// The expression or closure that gives the source; `self` when there is none.
    pub(super) source: Option<Expr>,
    /// `crate = "path"`: where emitted code finds `orm_core`; `::orm_core` by default.
    pub(super) crate_path: Path,
    /// How a transaction is to run.
    pub(super) options: Options,
}

impl ContextArgs {
    pub(super) fn parse(attribute: ContextAttribute, args: TokenStream) -> syn::Result<Self> {
        (|input: ParseStream<'_>| Self::parse_list(attribute, input)).parse2(args)
    }

    fn parse_list(attribute: ContextAttribute, input: ParseStream<'_>) -> syn::Result<Self> {
        let mut source = None;
        let mut crate_path = None;
        let mut options = Options::default();
        while !input.is_empty() {
            if input.peek(Token![crate]) && input.peek2(Token![=]) {
                let crate_token: Token![crate] = input.parse()?;
                input.parse::<Token![=]>()?;
                let path = crate_path_in(input)?;
                if crate_path.replace(path).is_some() {
                    return Err(syn::Error::new(crate_token.span, "`crate` is written twice; remove one"));
                }
            } else if attribute == ContextAttribute::Transactional && Options::starts(input) {
                options.parse(input)?;
            } else {
                let expression: Expr = input.parse()?;
                if source.is_some() {
                    return Err(second_source(attribute, &expression));
                }
                source = Some(expression);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let crate_path = crate_path.unwrap_or_else(|| parse_quote!(::orm_core));
        Ok(Self { source, crate_path, options })
    }
}

/// A path, in quotes or without, as `#[entity(crate = ..)]` takes it.
fn crate_path_in(input: ParseStream<'_>) -> syn::Result<Path> {
    if input.peek(LitStr) {
        return input.parse::<LitStr>()?.parse_with(Path::parse_mod_style);
    }
    let message = "name the path of `orm_core`: `crate = \"path::to::orm_core\"`";
    input.call(Path::parse_mod_style).map_err(|error| syn::Error::new(error.span(), message))
}

/// Where the wrapped function finds its entity manager.
pub(super) enum Source {
    /// The method's own receiver.
    Receiver(Token![self]),
    /// An expression, evaluated before the body.
    Expression(Box<Expr>),
    /// A closure's parameter and body; the parameter is bound to a reference to `receiver`.
    Closure { receiver: Token![self], parameter: Box<Pat>, body: Box<Expr> },
}

impl Source {
    /// Checks `source` against the function that it is written for.
    pub(super) fn resolve(
        attribute: ContextAttribute,
        source: Option<Expr>,
        signature: &Signature,
    ) -> syn::Result<Self> {
        let receiver = signature.receiver().map(|receiver| receiver.self_token);
        match (source, receiver) {
            (None, Some(receiver)) => Ok(Self::Receiver(receiver)),
            (None, None) => Err(no_source(attribute)),
            (Some(Expr::Closure(closure)), receiver) => Self::closure(attribute, closure, receiver),
            (Some(expression), None) if let Some(span) = find_self(expression.to_token_stream()) => {
                Err(no_receiver(attribute, span))
            }
            (Some(expression), _) => Ok(Self::Expression(Box::new(expression))),
        }
    }

    fn closure(
        attribute: ContextAttribute,
        closure: ExprClosure,
        receiver: Option<Token![self]>,
    ) -> syn::Result<Self> {
        if let Some(asyncness) = closure.asyncness {
            let message = "the source is evaluated before the body; remove `async`";
            return Err(syn::Error::new(asyncness.span, message));
        }
        let mut parameters = closure.inputs.iter();
        let (Some(parameter), None) = (parameters.next(), parameters.next()) else {
            return Err(wrong_parameters(attribute, &closure));
        };
        let Some(receiver) = receiver else {
            return Err(no_receiver(attribute, closure.inputs_begin.span));
        };
        Ok(Self::Closure { receiver, parameter: Box::new(parameter.clone()), body: closure.body })
    }
}

fn no_source(attribute: ContextAttribute) -> syn::Error {
    let name = attribute.name();
    let message = format!(
        "this function has no `self` to take the entity manager from; name the source: `#[{name}(expr)]`"
    );
    syn::Error::new(Span::call_site(), message)
}

fn no_receiver(attribute: ContextAttribute, span: Span) -> syn::Error {
    let name = attribute.name();
    let message = format!(
        "this function has no `self`; name a source that does without it: `#[{name}(expr)]`, for example an argument"
    );
    syn::Error::new(span, message)
}

fn second_source(attribute: ContextAttribute, expression: &Expr) -> syn::Error {
    let name = attribute.name();
    syn::Error::new_spanned(expression, format!("`#[{name}]` takes one source; remove this one"))
}

fn wrong_parameters(attribute: ContextAttribute, closure: &ExprClosure) -> syn::Error {
    let name = attribute.name();
    let inputs = &closure.inputs;
    let (begin, end) = (&closure.inputs_begin, &closure.inputs_end);
    let message = format!(
        "the closure is given `self` and nothing else; write `#[{name}(|s| &s.orm)]`, or an expression without a closure"
    );
    syn::Error::new_spanned(quote::quote!(#begin #inputs #end), message)
}

/// The span of the first `self` in `tokens`, at any depth.
fn find_self(tokens: TokenStream) -> Option<Span> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Group(group) => find_self(group.stream()),
        TokenTree::Ident(ident) => (ident == "self").then(|| ident.span()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => None,
    })
}
