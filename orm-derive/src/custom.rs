//! `#[derive(CustomValue)]`: a type that is stored as another one, as its impl of `CustomType` says.

use darling::error::Accumulator;
use darling::{Error, FromMeta};
use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::support::attribute::Syntax;
use crate::support::crate_path::CratePath;
use crate::support::{field_value, shape};

/// `#[custom_value(..)]` on the type.
#[derive(Debug, Default, FromMeta)]
#[darling(default)]
struct CustomAttrs {
    /// `crate = ".."`: where orm-core is, if not at `::orm_core`.
    #[darling(rename = "crate")]
    crate_path: Option<CratePath>,
}

const CUSTOM: Syntax =
    Syntax { attribute: "custom_value", place: "a custom type", names: &["crate"], repeatable: &[] };

/// Expands the derive.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut errors = Error::accumulator();
    let tokens = try_derive(input, &mut errors);
    match errors.finish_with(tokens) {
        Ok(tokens) => tokens.unwrap_or_default(),
        Err(errors) => field_value::stub(input, "custom_value", errors),
    }
}

fn try_derive(input: &DeriveInput, errors: &mut Accumulator) -> Option<TokenStream> {
    let is_not_generic = shape::is_not_generic(input, "a column stores one type", errors);
    let attrs = CUSTOM.read::<CustomAttrs>(&input.attrs, errors).attrs;
    let orm = attrs.crate_path.unwrap_or_default().private();
    is_not_generic.then(|| expand(input, &orm))
}

fn expand(input: &DeriveInput, o: &TokenStream) -> TokenStream {
    let ident = &input.ident;
    quote! {
        #[automatically_derived]
        impl #o::Nullable for #ident {
            type Optional = ::core::option::Option<#ident>;
        }

        #[automatically_derived]
        impl #o::ArrayElement for #ident {}

        #[automatically_derived]
        impl #o::FieldValue for #ident {
            const COLUMN_TYPE: #o::ColumnType = #o::custom::column_type::<#ident>();
            const NULLABLE: bool = #o::custom::is_nullable::<#ident>();

            fn to_value(&self) -> ::core::result::Result<#o::Value, #o::ValueError> {
                #o::custom::to_value(self)
            }

            fn read(
                row: &dyn #o::RowReader,
                index: usize,
            ) -> ::core::result::Result<Self, #o::ValueError> {
                #o::custom::read(row, index)
            }

            fn from_value(value: #o::Value) -> ::core::result::Result<Self, #o::ValueError> {
                #o::custom::from_value(value)
            }

            fn same(&self, other: &Self) -> bool {
                #o::custom::same(self, other)
            }

            fn is_unassigned(&self) -> bool {
                #o::custom::is_unassigned(self)
            }

            fn serialize<S: #o::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                #o::custom::serialize(self, serializer)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::attribute::tests::names_are_fields;

    #[test]
    fn every_name_is_read() {
        names_are_fields::<CustomAttrs>(&CUSTOM);
    }
}
