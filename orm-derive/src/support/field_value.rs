//! What the derives of `FieldValue` share.

use darling::Error;
use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use super::crate_path::CratePath;

/// The errors, and an impl of `FieldValue` without content that keeps errors about a missing impl away from them.
pub(crate) fn stub(input: &DeriveInput, attribute: &str, errors: Error) -> TokenStream {
    let errors = errors.write_errors();
    if !input.generics.params.is_empty() {
        return errors;
    }
    let (o, ident) = (CratePath::given(&input.attrs, attribute).private(), &input.ident);
    quote! {
        #[automatically_derived]
        impl #o::Nullable for #ident {
            type Optional = ::core::option::Option<#ident>;
        }

        #[automatically_derived]
        impl #o::FieldValue for #ident {
            const COLUMN_TYPE: #o::ColumnType = #o::ColumnType::Int(64);

            fn to_value(&self) -> ::core::result::Result<#o::Value, #o::ValueError> {
                ::core::result::Result::Ok(#o::Value::Null)
            }

            fn read(_: &dyn #o::RowReader, _: usize) -> ::core::result::Result<Self, #o::ValueError> {
                ::core::result::Result::Err(#o::ValueError::KeyUnknown)
            }

            fn from_value(_: #o::Value) -> ::core::result::Result<Self, #o::ValueError> {
                ::core::result::Result::Err(#o::ValueError::KeyUnknown)
            }

            fn same(&self, _: &Self) -> bool {
                true
            }

            fn is_unassigned(&self) -> bool {
                false
            }

            fn serialize<S: #o::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                serializer.serialize_none()
            }
        }

        #errors
    }
}
