//! `#[derive(FromRow)]`: a struct that a row of raw SQL is read into, by the names of its columns.

use darling::error::Accumulator;
use darling::{Error, FromMeta};
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{DeriveInput, Field, Ident, Type};

use crate::support::attribute::{Given, Syntax};
use crate::support::case::Case;
use crate::support::crate_path::CratePath;
use crate::support::shape;
use crate::support::value::Text;

/// `#[from_row(..)]` on the struct.
#[derive(Debug, Default, FromMeta)]
#[darling(default)]
struct RowAttrs {
    /// `rename_all = ".."`: the case of columns without a name of their own.
    rename_all: Option<Case>,
    /// `crate = ".."`: where orm-core is, if not at `::orm_core`.
    #[darling(rename = "crate")]
    crate_path: Option<CratePath>,
}

/// `#[from_row(..)]` on a field.
#[derive(Debug, Default, FromMeta)]
#[darling(default)]
struct FieldAttrs {
    /// `column = ".."`: the column, if it has another name.
    column: Option<Text>,
}

const ROW: Syntax =
    Syntax { attribute: "from_row", place: "a row", names: &["rename_all", "crate"], repeatable: &[] };

const FIELD: Syntax = Syntax { attribute: "from_row", place: "a field", names: &["column"], repeatable: &[] };

/// A field and its column.
struct Column<'a> {
    ident: &'a Ident,
    ty: &'a Type,
    column: String,
}

/// Expands the derive.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut errors = Error::accumulator();
    let tokens = try_derive(input, &mut errors);
    match errors.finish_with(tokens) {
        Ok(tokens) => tokens.unwrap_or_default(),
        Err(errors) => stub(input, errors),
    }
}

fn try_derive(input: &DeriveInput, errors: &mut Accumulator) -> Option<TokenStream> {
    let attrs = ROW.read::<RowAttrs>(&input.attrs, errors).attrs;
    let is_not_generic = shape::is_not_generic(input, "its columns have one type each", errors);
    let fields = errors.handle(shape::named_fields(input, &shape::Meant::ROW))?;
    let columns: Vec<Column<'_>> =
        fields.iter().filter_map(|field| column(field, attrs.rename_all, errors)).collect();
    let orm = attrs.crate_path.unwrap_or_default().private();
    is_not_generic.then(|| expand(&input.ident, &columns, &orm))
}

fn column<'a>(field: &'a Field, case: Option<Case>, errors: &mut Accumulator) -> Option<Column<'a>> {
    let given: Given<FieldAttrs> = FIELD.read(&field.attrs, errors);
    let ident = field.ident.as_ref()?;
    let name = ident.unraw().to_string();
    let own = given.attrs.column.map(|text| text.value());
    let column = own.unwrap_or_else(|| case.map_or(name.clone(), |case| case.apply(&name)));
    Some(Column { ident, ty: &field.ty, column })
}

fn expand(ident: &Ident, columns: &[Column<'_>], o: &TokenStream) -> TokenStream {
    let row = ident.unraw().to_string();
    let described = columns.iter().map(|Column { ident, column, .. }| {
        let field = ident.unraw().to_string();
        quote!(#o::RowColumn { field: #field, column: #column })
    });
    let read = columns.iter().map(|Column { ident, ty, .. }| quote!(#ident: row.value::<#ty>()?));
    quote! {
        #[automatically_derived]
        impl #o::FromRow for #ident {
            const __COLUMNS: #o::RowColumns =
                #o::RowColumns::ByName { row: #row, columns: &[#(#described),*] };

            fn __read(row: &mut #o::RowCursor<'_>) -> ::core::result::Result<Self, #o::UnreadColumn> {
                ::core::result::Result::Ok(Self { #(#read),* })
            }
        }
    }
}

/// The errors, and an impl that keeps those about a missing one away from them.
fn stub(input: &DeriveInput, errors: Error) -> TokenStream {
    let errors = errors.write_errors();
    if !input.generics.params.is_empty() {
        return errors;
    }
    let (o, ident) = (CratePath::given(&input.attrs, "from_row").private(), &input.ident);
    quote! {
        #[automatically_derived]
        impl #o::FromRow for #ident {
            const __COLUMNS: #o::RowColumns = #o::RowColumns::ByPlace(0);

            fn __read(row: &mut #o::RowCursor<'_>) -> ::core::result::Result<Self, #o::UnreadColumn> {
                ::core::result::Result::Err(row.none())
            }
        }

        #errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::attribute::tests::names_are_fields;

    #[test]
    fn every_name_is_read() {
        names_are_fields::<RowAttrs>(&ROW);
        names_are_fields::<FieldAttrs>(&FIELD);
    }
}
