//! `#[derive(View)]`: a struct that is read from some columns of an entity.

use darling::error::Accumulator;
use darling::{Error, FromMeta};
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Expr, Field, Ident, Path, Type};

use crate::support::attribute::Syntax;
use crate::support::crate_path::CratePath;
use crate::support::shape::{self, word_of};
use crate::support::tokens::{at, placed};

/// `#[view(..)]` on the struct.
#[derive(Debug, Default, FromMeta)]
#[darling(default)]
struct ViewAttrs {
    /// `of = Author`: the entity.
    of: Option<Path>,
    /// `crate = ".."`: where orm-core is, if not at `::orm_core`.
    #[darling(rename = "crate")]
    crate_path: Option<CratePath>,
}

/// `#[view(..)]` on a field.
#[derive(Debug, Default, FromMeta)]
#[darling(default)]
struct FieldAttrs {
    /// `from = "title"`: the entity's field, if it has another name.
    from: Option<Ident>,
    /// `expr = Book::PRICE * 2`: computed.
    expr: Option<Expr>,
    /// `nested`: a view of what a to-one relation leads to.
    nested: bool,
    /// `embedded`: a whole embedded struct.
    embedded: bool,
}

const VIEW: Syntax = Syntax { attribute: "view", place: "a view", names: &["of", "crate"], repeatable: &[] };

const FIELD: Syntax = Syntax {
    attribute: "view",
    place: "a field",
    names: &["from", "expr", "nested", "embedded"],
    repeatable: &[],
};

/// A field of the view.
struct Column<'a> {
    ident: &'a Ident,
    ty: &'a Type,
    source: Source<'a>,
}

/// Where a field comes from.
enum Source<'a> {
    /// A constant of the entity.
    Constant(Ident),
    Computed(Box<Expr>),
    /// The constant of an embedded struct.
    Embedded(Ident),
    Nested {
        constant: Ident,
        view: &'a Type,
        number: Number,
    },
}

/// How many views a field holds.
#[derive(Clone, Copy)]
enum Number {
    One,
    /// `Option<V>`.
    Optional,
    /// `Vec<V>`.
    Many,
}

/// Expands the derive.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut errors = Error::accumulator();
    let tokens = try_derive(input, &mut errors);
    match errors.finish_with(tokens) {
        Ok(tokens) => tokens.unwrap_or_default(),
        Err(errors) => errors.write_errors(),
    }
}

fn try_derive(input: &DeriveInput, errors: &mut Accumulator) -> Option<TokenStream> {
    let given = VIEW.read::<ViewAttrs>(&input.attrs, errors);
    let is_not_generic = shape::is_not_generic(input, "its fields are those of one entity", errors);
    if given.attrs.of.is_none() && !given.is_broken {
        let message = format!("say of which entity `{}` is a view: `#[view(of = Author)]`", input.ident);
        errors.push(Error::custom(message).with_span(&input.ident));
    }
    let fields = errors.handle(shape::named_fields(input, &shape::Meant::VIEW))?;
    let columns: Vec<Column<'_>> = fields.iter().filter_map(|field| column(field, errors)).collect();
    let entity = given.attrs.of.filter(|_| is_not_generic && columns.len() == fields.len())?;
    let orm = given.attrs.crate_path.unwrap_or_default().private();
    Some(expand(&input.ident, &entity, &columns, &orm))
}

fn column<'a>(field: &'a Field, errors: &mut Accumulator) -> Option<Column<'a>> {
    let FieldAttrs { from, expr, nested, embedded } = FIELD.read::<FieldAttrs>(&field.attrs, errors).attrs;
    let ident = field.ident.as_ref()?;
    let constant = constant(from.as_ref().unwrap_or(ident));
    let source = match (expr, nested) {
        (None, false) if embedded => Source::Embedded(constant),
        (None, true) if embedded => {
            let message = format!(
                "`{ident}` is either `embedded` or `nested` behind a relation; remove one of the words"
            );
            errors.push(Error::custom(message).with_span(ident));
            return None;
        }
        (Some(expr), false) if !embedded && from.is_none() => Source::Computed(Box::new(expr)),
        (Some(expr), _) => {
            let message =
                format!("`{ident}` is computed, so it is neither `nested` nor `embedded` nor `from` a field");
            errors.push(Error::custom(message).with_span(&expr));
            return None;
        }
        (None, true) => {
            let (view, number) = view_in(&field.ty);
            Source::Nested { constant, view, number }
        }
        (None, false) => Source::Constant(constant),
    };
    Some(Column { ident, ty: &field.ty, source })
}

/// The view in a field's type.
fn view_in(ty: &Type) -> (&Type, Number) {
    if let Some(view) = shape::argument_of(ty, "Vec") {
        return (view, Number::Many);
    }
    shape::argument_of(ty, "Option").map_or((ty, Number::One), |view| (view, Number::Optional))
}

/// The constant of a field.
fn constant(field: &Ident) -> Ident {
    let name = field.to_string();
    format_ident!("{}", name.strip_prefix("r#").unwrap_or(&name).to_uppercase(), span = field.span())
}

fn expand(ident: &Ident, entity: &Path, columns: &[Column<'_>], o: &TokenStream) -> TokenStream {
    let terms = columns.iter().map(|Column { ty, source, .. }| match source {
        Source::Constant(constant) => {
            let value = of(entity, constant);
            let ty = placed(ty, constant.span());
            quote_spanned!(at(constant.span())=> terms.value::<#ty, _>(#value);)
        }
        Source::Computed(expr) => quote_spanned!(at(expr.span())=> terms.value::<#ty, _>(#expr);),
        Source::Embedded(constant) => {
            let value = of(entity, constant);
            let ty = placed(ty, constant.span());
            quote_spanned!(at(constant.span())=> terms.embedded::<#ty>(#value);)
        }
        Source::Nested { constant, view, number } => {
            let add = match number {
                Number::One => quote!(nested),
                Number::Optional => quote!(optional),
                Number::Many => quote!(list),
            };
            let relation = of(entity, constant);
            quote_spanned!(at(word_of(view))=> terms.#add::<#view, _>(#relation);)
        }
    });
    let values = columns.iter().map(|Column { ident, source, .. }| match source {
        Source::Constant(_) | Source::Computed(_) => quote!(#ident: row.value()?),
        Source::Embedded(_) => quote!(#ident: row.embedded()?),
        Source::Nested { number: Number::One, .. } => quote!(#ident: row.nested()?),
        Source::Nested { number: Number::Optional, .. } => quote!(#ident: row.optional()?),
        Source::Nested { number: Number::Many, .. } => quote!(#ident: row.list()?),
    });
    let counts = columns.iter().map(|Column { ty, source, .. }| match source {
        Source::Constant(_) | Source::Computed(_) => quote!(1),
        Source::Embedded(_) => quote!(#o::emitted::embedded::count_of::<#ty>()),
        Source::Nested { view, number: Number::One, .. } => quote!(<#view as #o::View>::__COLUMNS),
        Source::Nested { view, number: Number::Optional, .. } => {
            quote!((1 + <#view as #o::View>::__COLUMNS))
        }
        Source::Nested { number: Number::Many, .. } => quote!(0),
    });
    let lists = columns.iter().map(|Column { source, .. }| match source {
        Source::Constant(_) | Source::Computed(_) | Source::Embedded(_) => quote!(0),
        Source::Nested { number: Number::Many, .. } => quote!(1),
        Source::Nested { view, .. } => quote!(<#view as #o::View>::__LISTS),
    });
    let fills = columns.iter().filter_map(|Column { ident, source, .. }| {
        let Source::Nested { view, number, .. } = source else { return None };
        Some(match number {
            Number::One => quote!(#o::View::__fill(&mut self.#ident, lists);),
            Number::Optional => quote! {
                match &mut self.#ident {
                    ::core::option::Option::Some(nested) => #o::View::__fill(nested, lists),
                    ::core::option::Option::None => lists.skip::<#view>(),
                }
            },
            Number::Many => quote!(self.#ident = lists.take();),
        })
    });
    let from_loaded = from_loaded(ident, entity, columns, o);
    quote! {
        #[automatically_derived]
        impl #o::View for #ident {
            type Of = #entity;

            const __COLUMNS: usize = 0 #(+ #counts)*;
            const __LISTS: usize = 0 #(+ #lists)*;

            fn __terms(terms: &mut #o::ViewTerms<#entity>) {
                #(#terms)*
            }

            fn __read(row: &mut #o::ViewRow<'_>) -> ::core::result::Result<Self, #o::Unread> {
                ::core::result::Result::Ok(Self { #(#values),* })
            }

            fn __fill(&mut self, lists: &mut #o::ViewLists) {
                let _ = &lists;
                #(#fills)*
            }
        }

        #from_loaded
    }
}

/// A constant of the entity, at the place of the field that it is for.
fn of(entity: &Path, constant: &Ident) -> TokenStream {
    let entity = placed(entity, constant.span());
    quote_spanned!(at(constant.span())=> #entity::#constant)
}

/// What a handle must have so that the view can be taken from it.
fn from_loaded(ident: &Ident, entity: &Path, columns: &[Column<'_>], o: &TokenStream) -> TokenStream {
    let needs: Vec<(Ident, TokenStream)> = columns
        .iter()
        .filter_map(|Column { ident: field, source, .. }| {
            let marker = format_ident!("{}__{}", ident.unraw(), field.unraw(), span = field.span());
            let need = match source {
                Source::Constant(_) | Source::Embedded(_) => return None,
                Source::Computed(_) => quote!(__P: #o::Computes<#marker>),
                Source::Nested { constant, view, .. } => {
                    let relation = of(entity, constant);
                    let index = quote_spanned!(at(word_of(view))=> #o::index_of(#relation));
                    let slot = quote!(#o::SlotAt<{ #index }>);
                    quote!(__P: #slot, <__P as #slot>::Value: #o::Shows<#view, #marker>)
                }
            };
            Some((marker, need))
        })
        .collect();
    let markers = needs.iter().map(|(marker, _)| marker);
    let bounds = needs.iter().map(|(_, need)| need);
    quote! {
        const _: () = {
            #(
                #[allow(non_camel_case_types)]
                enum #markers {}
            )*

            #[automatically_derived]
            impl<__P> #o::FromLoaded<__P> for #ident where #(#bounds),* {}
        };
    }
}
