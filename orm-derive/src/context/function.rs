//! The function under a context attribute: its signature, its unparsed body and the kind of value it returns.
//!
//! The body stays a group of tokens. It is moved as it is, so it does not have to be understood, and a mistake in it is
//! the compiler's to report.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{AttrStyle, Attribute, ReturnType, Signature, Token, Type, TypeParamBound, Visibility};

use super::ContextAttribute;
use crate::support::shape::{argument_of, last_name};

/// A free function, an associated function or a method with a body.
pub(super) struct ContextFunction {
    /// Outer attributes, then the body's inner ones, now outer too.
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    /// `default` of a specialised impl.
    pub(super) defaultness: Option<Token![default]>,
    pub(super) signature: Signature,
    /// The body in its braces, without inner attributes.
    pub(super) body: Group,
}

/// What has to be wrapped.
#[derive(Clone, Copy, Debug)]
pub(super) enum FunctionKind {
    /// `async fn`: the body becomes a future.
    Async,
    /// Returns `impl Future`: the returned value is the future.
    ReturnsFuture,
    /// Returns a pinned box with a future in it, as everything under `#[async_trait]` does.
    ReturnsBoxedFuture,
    /// Any other: the body runs at once.
    Sync,
}

impl ContextFunction {
    pub(super) fn parse(attribute: ContextAttribute, item: TokenStream) -> syn::Result<Self> {
        (|input: ParseStream<'_>| Self::parse_item(attribute, input)).parse2(item)
    }

    fn parse_item(attribute: ContextAttribute, input: ParseStream<'_>) -> syn::Result<Self> {
        let name = attribute.name();
        let mut attributes = input.call(Attribute::parse_outer)?;
        let visibility: Visibility = input.parse()?;
        if !starts_function(input) {
            let message = format!(
                "`#[{name}]` goes on a function or method; write it on each one that needs a context"
            );
            return Err(input.error(message));
        }
        let defaultness: Option<Token![default]> = input.parse()?;
        let signature: Signature = input.parse()?;
        if let Some(constness) = signature.constness {
            let message = "a `const fn` cannot run in a request context; remove `const`";
            return Err(syn::Error::new(constness.span, message));
        }
        if let Some(second) = attributes.iter().find(|other| attribute.is_same_kind(other)) {
            let message =
                format!("`#[{name}]` is one of two context attributes on this function; remove one");
            return Err(syn::Error::new_spanned(second, message));
        }
        let TokenTree::Group(body) = input.parse()? else {
            let message = format!(
                "`#[{name}]` wraps a body, and this method has none; write it on the implementation, or give the method \
                 a default body"
            );
            return Err(syn::Error::new_spanned(&signature.ident, message));
        };
        let (inner, body) = split_inner_attributes(&body)?;
        attributes.extend(inner);
        Ok(Self { attributes, visibility, defaultness, signature, body })
    }

    /// Takes `#[transactional]` off a function that is to run in a context.
    pub(super) fn take_transactional(&mut self, attribute: ContextAttribute) -> Option<Attribute> {
        let is_transactional = |other: &Attribute| ContextAttribute::Transactional.is_same_kind(other);
        let at = self.attributes.iter().position(is_transactional)?;
        (attribute != ContextAttribute::Transactional).then(|| self.attributes.remove(at))
    }

    /// Whether the attribute can do something for this kind of function.
    pub(super) fn check(&self, attribute: ContextAttribute) -> syn::Result<()> {
        if attribute == ContextAttribute::Transactional && matches!(self.kind(), FunctionKind::Sync) {
            let message = "a transaction has to be awaited; make this an `async fn`, or return a future";
            return Err(syn::Error::new_spanned(&self.signature.ident, message));
        }
        Ok(())
    }

    pub(super) fn kind(&self) -> FunctionKind {
        if self.signature.asyncness.is_some() {
            return FunctionKind::Async;
        }
        let ReturnType::Type(_, output) = &self.signature.output else {
            return FunctionKind::Sync;
        };
        if is_future(output) {
            FunctionKind::ReturnsFuture
        } else if is_boxed_future(output) {
            FunctionKind::ReturnsBoxedFuture
        } else {
            FunctionKind::Sync
        }
    }
}

/// Whether `fn` comes next, after its qualifiers at most.
fn starts_function(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    while let Ok(token) = ahead.parse::<TokenTree>() {
        match token {
            TokenTree::Ident(ident) if ident == "fn" => return true,
            TokenTree::Ident(ident) if QUALIFIERS.iter().any(|qualifier| ident == qualifier) => {}
            // The name of an ABI.
            TokenTree::Literal(_) => {}
            TokenTree::Ident(_) | TokenTree::Group(_) | TokenTree::Punct(_) => return false,
        }
    }
    false
}

impl ContextAttribute {
    /// Whether `other`, on the same function, does the same or the opposite. A transaction in a context is neither.
    fn is_same_kind(self, other: &Attribute) -> bool {
        let Some(last) = other.path().segments.last() else {
            return false;
        };
        let kind: &[Self] = match self {
            Self::Create | Self::Ensure => &[Self::Create, Self::Ensure],
            Self::Transactional => &[Self::Transactional],
        };
        kind.iter().any(|known| last.ident == known.name())
    }
}

/// Takes `#![…]` out of a body: the body becomes an inner block, where they are not allowed.
fn split_inner_attributes(body: &Group) -> syn::Result<(Vec<Attribute>, Group)> {
    let split = |input: ParseStream<'_>| {
        let mut attributes = input.call(Attribute::parse_inner)?;
        for attribute in &mut attributes {
            attribute.style = AttrStyle::Outer;
        }
        Ok((attributes, input.parse::<TokenStream>()?))
    };
    let (attributes, rest) = split.parse2(body.stream())?;
    let mut block = Group::new(Delimiter::Brace, rest);
    block.set_span(body.span());
    Ok((attributes, block))
}

/// `impl Future<…> + …`, `dyn Future<…> + …`.
fn is_future(ty: &Type) -> bool {
    match ty {
        Type::ImplTrait(opaque) => opaque.bounds.iter().any(is_future_bound),
        Type::TraitObject(object) => object.bounds.iter().any(is_future_bound),
        Type::Group(group) => is_future(&group.elem),
        Type::Paren(paren) => is_future(&paren.elem),
        _ => false,
    }
}

/// `Pin<Box<dyn Future>>`, `Pin<Box<impl Future>>`, or what `futures` calls the first one.
fn is_boxed_future(ty: &Type) -> bool {
    match argument_of(ty, "Pin") {
        Some(pinned) => argument_of(pinned, "Box").is_some_and(is_future),
        None => last_name(ty).is_some_and(|name| name == "BoxFuture" || name == "LocalBoxFuture"),
    }
}

fn is_future_bound(bound: &TypeParamBound) -> bool {
    let TypeParamBound::Trait(bound) = bound else {
        return false;
    };
    bound.path.segments.last().is_some_and(|last| last.ident == "Future")
}

const QUALIFIERS: [&str; 6] = ["default", "const", "async", "unsafe", "safe", "extern"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_future_is_told_by_the_return_type() {
        check("async fn f()", "Async");
        check("fn f() -> impl Future<Output = u8> + Send", "ReturnsFuture");
        check("fn f() -> impl Send + ::core::future::Future<Output = u8>", "ReturnsFuture");
        check("fn f() -> Pin<Box<dyn Future<Output = u8> + Send + 'static>>", "ReturnsBoxedFuture");
        check(
            "fn f() -> ::core::pin::Pin<Box<(dyn ::core::future::Future<Output = u8>)>>",
            "ReturnsBoxedFuture",
        );
        check("fn f() -> Pin<Box<impl Future<Output = u8>>>", "ReturnsBoxedFuture");
        check("fn f() -> futures::future::LocalBoxFuture<'static, u8>", "ReturnsBoxedFuture");
    }

    #[test]
    fn everything_else_runs_at_once() {
        check("fn f()", "Sync");
        check("unsafe extern \"C\" fn f() -> u8", "Sync");
        check("fn f() -> impl Iterator<Item = Pin<Box<dyn Future<Output = u8>>>>", "Sync");
        check("fn f() -> Box<dyn FnOnce() -> u8>", "Sync");
        check("fn f() -> Pin<Box<u8>>", "Sync");
    }

    #[track_caller]
    fn check(signature: &str, expected: &str) {
        let item = format!("{signature} {{}}").parse().expect("the test's own tokens");
        let function = ContextFunction::parse(ContextAttribute::Create, item).expect("a function");
        assert_eq!(format!("{:?}", function.kind()), expected, "{signature}");
    }
}
