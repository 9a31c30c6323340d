//! `#[derive(View)]`: a struct that is read from some columns of an entity.

use darling::error::Accumulator;
use darling::{Error, FromMeta};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DeriveInput, Expr, Field, Ident, Path, Type};

use crate::support::attribute::Syntax;
use crate::support::crate_path::CratePath;
use crate::support::shape;

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
}

const VIEW: Syntax = Syntax { attribute: "view", place: "a view", names: &["of", "crate"], repeatable: &[] };

const FIELD: Syntax =
    Syntax { attribute: "view", place: "a field", names: &["from", "expr", "nested"], repeatable: &[] };

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
    Nested {
        constant: Ident,
        view: &'a Type,
        is_optional: bool,
    },
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
    let fields = errors.handle(shape::named_fields(input))?;
    let columns: Vec<Column<'_>> = fields.iter().filter_map(|field| column(field, errors)).collect();
    let entity = given.attrs.of.filter(|_| is_not_generic && columns.len() == fields.len())?;
    let orm = given.attrs.crate_path.unwrap_or_default().private();
    Some(expand(&input.ident, &entity, &columns, &orm))
}

fn column<'a>(field: &'a Field, errors: &mut Accumulator) -> Option<Column<'a>> {
    let FieldAttrs { from, expr, nested } = FIELD.read::<FieldAttrs>(&field.attrs, errors).attrs;
    let ident = field.ident.as_ref()?;
    let constant = constant(from.as_ref().unwrap_or(ident));
    let source = match (expr, nested) {
        (Some(expr), false) if from.is_none() => Source::Computed(Box::new(expr)),
        (Some(expr), _) => {
            let message = format!("`{ident}` is computed, so it is neither `nested` nor `from` a field");
            errors.push(Error::custom(message).with_span(&expr));
            return None;
        }
        (None, true) if shape::last_name(&field.ty).is_some_and(|name| name == "Vec") => {
            let message = format!(
                "`{ident}` would need a statement of its own: a view is read by one. Populate the relation, or read a \
                 view of its target with a condition"
            );
            errors.push(Error::custom(message).with_span(&field.ty));
            return None;
        }
        (None, true) => {
            let view = shape::without_option(&field.ty);
            Source::Nested { constant, view, is_optional: view != &field.ty }
        }
        (None, false) => Source::Constant(constant),
    };
    Some(Column { ident, ty: &field.ty, source })
}

/// The constant of a field.
fn constant(field: &Ident) -> Ident {
    let name = field.to_string();
    format_ident!("{}", name.strip_prefix("r#").unwrap_or(&name).to_uppercase(), span = field.span())
}

fn expand(ident: &Ident, entity: &Path, columns: &[Column<'_>], o: &TokenStream) -> TokenStream {
    let terms = columns.iter().map(|Column { ty, source, .. }| match source {
        Source::Constant(constant) => quote!(terms.value::<#ty, _>(#entity::#constant);),
        Source::Computed(expr) => quote!(terms.value::<#ty, _>(#expr);),
        Source::Nested { constant, view, is_optional: false } => {
            quote!(terms.nested::<#view, _>(&#entity::#constant);)
        }
        Source::Nested { constant, view, is_optional: true } => {
            quote!(terms.optional::<#view, _>(&#entity::#constant);)
        }
    });
    let values = columns.iter().map(|Column { ident, source, .. }| match source {
        Source::Constant(_) | Source::Computed(_) => quote!(#ident: row.value()?),
        Source::Nested { is_optional: false, .. } => quote!(#ident: row.nested()?),
        Source::Nested { is_optional: true, .. } => quote!(#ident: row.optional()?),
    });
    let counts = columns.iter().map(|Column { source, .. }| match source {
        Source::Constant(_) | Source::Computed(_) => quote!(1),
        Source::Nested { view, is_optional: false, .. } => quote!(<#view as #o::View>::__COLUMNS),
        Source::Nested { view, is_optional: true, .. } => quote!((1 + <#view as #o::View>::__COLUMNS)),
    });
    quote! {
        #[automatically_derived]
        impl #o::View for #ident {
            type Of = #entity;

            const __COLUMNS: usize = 0 #(+ #counts)*;

            fn __terms(terms: &mut #o::ViewTerms<#entity>) {
                #(#terms)*
            }

            fn __read(row: &mut #o::ViewRow<'_>) -> ::core::result::Result<Self, #o::Unread> {
                ::core::result::Result::Ok(Self { #(#values),* })
            }
        }
    }
}
