//! The wrapped function: the source first, then the body inside the context.
//!
//! Cannot fail. What is emitted has the hygiene of the macro, so it cannot clash with a name of the body. Nothing but
//! the body is captured: the result is `Send` whenever the body is.

use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Ident, Path, ReturnType, Token, Type, TypeInfer, parse_quote};

use super::ContextAttribute;
use super::args::{ContextArgs, Source};
use super::function::{ContextFunction, FunctionKind};

/// Puts `function` back together with its body wrapped.
pub(super) fn function(
    attribute: ContextAttribute,
    function: &ContextFunction,
    source: &Source,
    args: &ContextArgs,
) -> TokenStream {
    let orm = &args.crate_path;
    let ContextFunction { attributes, visibility, defaultness, signature, body } = function;
    let scope = Scope::of(attribute, function.kind(), args);
    let manager = manager(source, orm);
    let output = Output::of(&signature.output);
    let run = match function.kind() {
        FunctionKind::Async => asynchronous(&scope, &output, body),
        FunctionKind::ReturnsFuture => returned_future(&scope, &output, body),
        FunctionKind::ReturnsBoxedFuture => boxed_future(&scope, &output, body),
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

/// Puts `function` back as it was, for `first` to expand before `attribute` does.
pub(super) fn in_turn(
    attribute: ContextAttribute,
    first: &Attribute,
    function: &ContextFunction,
    args: &TokenStream,
    orm: &Path,
) -> TokenStream {
    let ContextFunction { attributes, visibility, defaultness, signature, body } = function;
    let name = Ident::new(attribute.name(), Span::call_site());
    quote! { #first #[#orm::#name(#args)] #(#attributes)* #visibility #defaultness #signature #body }
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

fn asynchronous(scope: &Scope, output: &Output, body: &Group) -> TokenStream {
    let return_type = return_type(output);
    // A block of its own, so that items may stand first in it; not the user's braces, which would look superfluous.
    let mut block = Group::new(Delimiter::Brace, body.stream());
    block.set_span(hygienic().located_at(body.span()));
    let run = scope.run(&quote_spanned! {hygienic()=> async move { #return_type #block } });
    quote_spanned! {hygienic()=> #run.await }
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
fn returned_future(scope: &Scope, output: &Output, body: &Group) -> TokenStream {
    let future = call_once(output, body);
    let run = scope.run(&quote_spanned! {hygienic()=> future });
    quote_spanned! {hygienic()=>
        let future = #future;
        async move { #run.await }
    }
}

fn boxed_future(scope: &Scope, output: &Output, body: &Group) -> TokenStream {
    let future = returned_future(scope, output, body);
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

fn synchronous(scope: &Scope, output: &Output, body: &Group, orm: &Path) -> TokenStream {
    let Output { ty, span } = output;
    let run = scope.run(&quote_spanned! {hygienic()=> move || -> #ty #body });
    if matches!(ty, Type::Never(_)) {
        return run;
    }
    let checked = Ident::new("checked", *span);
    quote_spanned! {hygienic()=>
        use #orm::__private::ReturnedValue as _;
        #orm::__private::Returned(#run).#checked()
    }
}

/// What runs the body: a function of orm-core, and what it gets beside the manager and the body.
struct Scope {
    function: TokenStream,
    options: Option<TokenStream>,
}

impl Scope {
    fn of(attribute: ContextAttribute, kind: FunctionKind, args: &ContextArgs) -> Self {
        let orm = &args.crate_path;
        let is_sync = matches!(kind, FunctionKind::Sync);
        let context = |name: &str| {
            let name = Ident::new(name, hygienic());
            Self { function: quote_spanned! {hygienic()=> #orm::RequestContext::#name }, options: None }
        };
        match (attribute, is_sync) {
            (ContextAttribute::Create, false) => context("create"),
            (ContextAttribute::Create, true) => context("create_sync"),
            (ContextAttribute::Ensure, false) => context("ensure"),
            (ContextAttribute::Ensure, true) => context("ensure_sync"),
            (ContextAttribute::Transactional, _) => Self {
                function: quote_spanned! {hygienic()=> #orm::__private::transaction },
                options: Some(args.options.expand(orm)),
            },
        }
    }

    fn run(&self, body: &TokenStream) -> TokenStream {
        let Self { function, options } = self;
        let options = options.iter();
        quote_spanned! {hygienic()=> #function(manager, #(#options,)* #body) }
    }
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
