//! The wrapped function: the source first, then the body inside the context.
//!
//! Cannot fail. What is emitted has the hygiene of the macro, so it cannot clash with a name of the body. Nothing but
//! the body is captured: the result is `Send` whenever the body is.

use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Ident, Path, ReturnType, Token, Type, TypeInfer, parse_quote};

use super::ContextAttribute;
use super::args::Source;
use super::function::{ContextFunction, FunctionKind};

/// Puts `function` back together with its body wrapped.
pub(super) fn function(
    attribute: ContextAttribute,
    function: &ContextFunction,
    source: &Source,
    orm: &Path,
) -> TokenStream {
    let ContextFunction { attributes, visibility, defaultness, signature, body } = function;
    let scope = scope(attribute, function.kind());
    let manager = manager(source, orm);
    let output = Output::of(&signature.output);
    let run = match function.kind() {
        FunctionKind::Async => asynchronous(&scope, &output, body, orm),
        FunctionKind::ReturnsFuture => returned_future(&scope, &output, body, orm),
        FunctionKind::ReturnsBoxedFuture => boxed_future(&scope, &output, body, orm),
        FunctionKind::Sync => synchronous(&scope, &output, body, orm),
    };
    let wrapped = quote_spanned! {hygienic()=>
        {
            #manager
            #run
        }
    };
    quote! { #(#attributes)* #visibility #defaultness #signature #wrapped }
}

/// What the wrapped body evaluates to.
struct Output {
    /// The return type as a local may name it: every `impl Trait` is inferred.
    ty: Type,
    /// Where messages about the returned value point.
    span: Span,
}

impl Output {
    fn of(output: &ReturnType) -> Self {
        match output {
            ReturnType::Default => Self { ty: parse_quote!(()), span: hygienic() },
            ReturnType::Type(_, ty) => {
                let span = hygienic().located_at(ty.span());
                let mut ty = ty.as_ref().clone();
                InferOpaque.visit_type_mut(&mut ty);
                Self { ty, span }
            }
        }
    }
}

/// `let manager = …;`, evaluated before the body moves `self`.
fn manager(source: &Source, orm: &Path) -> TokenStream {
    let (binding, value) = match source {
        Source::Receiver(receiver) => return manager_of_self(*receiver, orm),
        Source::Expression(expression) => (None, expression),
        Source::Closure { receiver, parameter, body } => {
            (Some(quote_spanned! {hygienic()=> let #parameter = &#receiver;}), body)
        }
    };
    // A value that is no source is reported where it is written, not at the attribute.
    let context_manager = Ident::new("context_manager", hygienic().located_at(value.span()));
    // The statement inside drops what the source borrows, a lock guard for example, before the body runs.
    quote_spanned! {hygienic()=>
        let manager = {
            use #orm::__private::ContextSource as _;
            #binding
            let manager = (#value).#context_manager();
            manager
        };
    }
}

/// Names the trait, so that its own message appears where `Self` is no source; the reference coerces from any pointer
/// to `Self`.
fn manager_of_self(receiver: Token![self], orm: &Path) -> TokenStream {
    quote_spanned! {hygienic()=>
        let manager = <Self as #orm::__private::ContextSource>::context_manager(&#receiver);
    }
}

fn asynchronous(scope: &Ident, output: &Output, body: &Group, orm: &Path) -> TokenStream {
    let return_type = return_type(output);
    // A block of its own, so that items may stand first in it; not the user's braces, which would look superfluous.
    let mut block = Group::new(Delimiter::Brace, body.stream());
    block.set_span(hygienic().located_at(body.span()));
    quote_spanned! {hygienic()=>
        #orm::RequestContext::#scope(manager, async move { #return_type #block }).await
    }
}

/// Says the type that an `async` block cannot be annotated with: `return` and `?` in the body need it.
fn return_type(output: &Output) -> Option<TokenStream> {
    let Output { ty, span } = output;
    // There is no value of `!`, and rustc does not allow the type here.
    if matches!(ty, Type::Never(_)) {
        return None;
    }
    Some(quote_spanned! {*span=>
        if let ::core::option::Option::Some(output) = ::core::option::Option::None::<#ty> {
            return output;
        }
    })
}

/// Wraps the future that the body returns. The context begins with its first poll, as that of an `async fn` does.
fn returned_future(scope: &Ident, output: &Output, body: &Group, orm: &Path) -> TokenStream {
    let future = call_once(output, body);
    quote_spanned! {hygienic()=>
        let future = #future;
        async move { #orm::RequestContext::#scope(manager, future).await }
    }
}

fn boxed_future(scope: &Ident, output: &Output, body: &Group, orm: &Path) -> TokenStream {
    let future = returned_future(scope, output, body, orm);
    quote_spanned! {hygienic()=> ::std::boxed::Box::pin({ #future }) }
}

/// Evaluates `body` now, with `return` in it leaving the body only.
///
/// A closure that is called in place may be taken for `FnMut`, which cannot give away what it captured. Passed where
/// `FnOnce` is asked for, it can.
fn call_once(output: &Output, body: &Group) -> TokenStream {
    let Output { ty, .. } = output;
    quote_spanned! {hygienic()=> ::core::option::Option::None.unwrap_or_else(move || -> #ty #body) }
}

fn synchronous(scope: &Ident, output: &Output, body: &Group, orm: &Path) -> TokenStream {
    let Output { ty, span } = output;
    let run = quote_spanned! {hygienic()=> #orm::RequestContext::#scope(manager, move || -> #ty #body) };
    if matches!(ty, Type::Never(_)) {
        return run;
    }
    let checked = Ident::new("checked", *span);
    quote_spanned! {hygienic()=>
        use #orm::__private::ReturnedValue as _;
        #orm::__private::Returned(#run).#checked()
    }
}

/// The associated function of `RequestContext` that runs the body.
fn scope(attribute: ContextAttribute, kind: FunctionKind) -> Ident {
    let is_sync = matches!(kind, FunctionKind::Sync);
    let name = match (attribute, is_sync) {
        (ContextAttribute::Create, false) => "create",
        (ContextAttribute::Create, true) => "create_sync",
        (ContextAttribute::Ensure, false) => "ensure",
        (ContextAttribute::Ensure, true) => "ensure_sync",
    };
    Ident::new(name, hygienic())
}

/// Local names of emitted code are invisible to the body, and the other way round.
fn hygienic() -> Span {
    Span::mixed_site()
}

/// Replaces every `impl Trait` by `_`.
struct InferOpaque;

impl VisitMut for InferOpaque {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if matches!(ty, Type::ImplTrait(_)) {
            *ty = Type::Infer(TypeInfer { attrs: Vec::new(), underscore_token: Default::default() });
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }
}
