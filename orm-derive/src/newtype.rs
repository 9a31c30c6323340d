//! `#[derive(NewtypeValue)]`: a tuple struct around one value, stored as that value.

use darling::error::Accumulator;
use darling::{Error, FromMeta, Result};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields, Type};

use crate::support::attribute::Syntax;
use crate::support::crate_path::CratePath;
use crate::support::{field_value, shape};

/// `#[newtype_value(..)]` on the struct.
#[derive(Debug, Default, FromMeta)]
#[darling(default)]
struct NewtypeAttrs {
    /// `crate = ".."`: where orm-core is, if not at `::orm_core`.
    #[darling(rename = "crate")]
    crate_path: Option<CratePath>,
}

const NEWTYPE: Syntax =
    Syntax { attribute: "newtype_value", place: "a newtype", names: &["crate"], repeatable: &[] };

/// Expands the derive.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut errors = Error::accumulator();
    let tokens = try_derive(input, &mut errors);
    match errors.finish_with(tokens) {
        Ok(tokens) => tokens.unwrap_or_default(),
        Err(errors) => field_value::stub(input, "newtype_value", errors),
    }
}

fn try_derive(input: &DeriveInput, errors: &mut Accumulator) -> Option<TokenStream> {
    let inner = errors.handle(inner(input));
    let is_not_generic = shape::is_not_generic(input, "a column stores one type", errors);
    let attrs = NEWTYPE.read::<NewtypeAttrs>(&input.attrs, errors).attrs;
    let orm = attrs.crate_path.unwrap_or_default().private();
    inner.filter(|_| is_not_generic).map(|inner| expand(input, inner, &orm))
}

fn inner(input: &DeriveInput) -> Result<&Type> {
    let name = &input.ident;
    let instead = format!("write `struct {name}(i64);` around the one value that the column stores");
    let message = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Unnamed(fields) => match (fields.unnamed.first(), fields.unnamed.len()) {
                (Some(field), 1) => return Ok(&field.ty),
                (_, count) => format!("`{name}` has {count} fields; {instead}"),
            },
            Fields::Named(_) => format!("`{name}` has named fields; {instead}"),
            Fields::Unit => format!("`{name}` has no field; {instead}"),
        },
        Data::Enum(_) => format!("`{name}` is an enum; to store it derive `EnumValue`"),
        Data::Union(_) => format!("`{name}` is a union; {instead}"),
    };
    Err(Error::custom(message).with_span(name))
}

/// Delegates everything. The bound on the inner type is in the impl of `Scalar` alone, so that a type without a
/// mapping is one error.
fn expand(input: &DeriveInput, inner: &Type, o: &TokenStream) -> TokenStream {
    let ident = &input.ident;
    quote! {
        const _: () = {
            struct __Inner;

            #[automatically_derived]
            impl #o::emitted::Scalar for __Inner {
                type Value = #inner;
            }

            #[automatically_derived]
            impl #o::Nullable for #ident {
                type Optional = ::core::option::Option<#ident>;
            }

            #[automatically_derived]
            impl #o::ArrayElement for #ident {}

            #[automatically_derived]
            impl #o::FieldValue for #ident {
                const COLUMN_TYPE: #o::ColumnType = #o::emitted::column_type::<__Inner>();
                const NULLABLE: bool = #o::emitted::is_nullable::<__Inner>();

                fn to_value(&self) -> ::core::result::Result<#o::Value, #o::ValueError> {
                    #o::emitted::value::<__Inner>(&self.0)
                }

                fn read(
                    row: &dyn #o::RowReader,
                    index: usize,
                ) -> ::core::result::Result<Self, #o::ValueError> {
                    #o::emitted::read_value::<__Inner>(row, index).map(Self)
                }

                fn from_value(value: #o::Value) -> ::core::result::Result<Self, #o::ValueError> {
                    #o::emitted::from_value::<__Inner>(value).map(Self)
                }

                fn same(&self, other: &Self) -> bool {
                    #o::emitted::same::<__Inner>(&self.0, &other.0)
                }

                fn is_unassigned(&self) -> bool {
                    #o::emitted::is_unassigned::<__Inner>(&self.0)
                }

                fn serialize<S: #o::Serializer>(
                    &self,
                    serializer: S,
                ) -> ::core::result::Result<S::Ok, S::Error> {
                    #o::emitted::serialize_value::<__Inner, S>(&self.0, serializer)
                }
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::attribute::tests::names_are_fields;

    #[test]
    fn every_name_is_read() {
        names_are_fields::<NewtypeAttrs>(&NEWTYPE);
    }
}
