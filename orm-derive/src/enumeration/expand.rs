//! The impl of `FieldValue`.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;

use super::model::{EnumModel, Variants};
use crate::support::tokens::option;

pub(super) fn enumeration(model: &EnumModel) -> TokenStream {
    let (o, ident, name) = (&model.orm, &model.ident, model.ident.unraw().to_string());
    let Stored {
        column_type,
        read,
        ty,
        from,
        to_stored,
        from_stored,
        unknown,
        to_value,
        from_value,
        serialize,
    } = match &model.variants {
        Variants::Texts { type_name, texts } => Stored::texts(model, type_name.as_ref(), texts),
        Variants::Integers(variants) => Stored::integers(model, variants),
    };
    quote! {
        const _: () = {
            fn __to_stored(value: &#ident) -> #ty {
                #to_stored
            }

            fn __from_stored(stored: #from) -> ::core::result::Result<#ident, #o::ValueError> {
                #from_stored
                ::core::result::Result::Err(#unknown)
            }

            #[automatically_derived]
            impl #o::Nullable for #ident {
                type Optional = ::core::option::Option<#ident>;
            }

            #[automatically_derived]
            impl #o::ArrayElement for #ident {}

            #[automatically_derived]
            impl #o::FieldValue for #ident {
                const COLUMN_TYPE: #o::ColumnType = #column_type;

                fn to_value(&self) -> ::core::result::Result<#o::Value, #o::ValueError> {
                    let stored = __to_stored(self);
                    ::core::result::Result::Ok(#to_value)
                }

                fn read(
                    row: &dyn #o::RowReader,
                    index: usize,
                ) -> ::core::result::Result<Self, #o::ValueError> {
                    if row.is_null(index)? {
                        return ::core::result::Result::Err(#o::ValueError::UnexpectedNull { expected: #name });
                    }
                    __from_stored(row.#read(index)?)
                }

                fn from_value(value: #o::Value) -> ::core::result::Result<Self, #o::ValueError> {
                    match value {
                        #from_value
                        #o::Value::Null => {
                            ::core::result::Result::Err(#o::ValueError::UnexpectedNull { expected: #name })
                        }
                        value => ::core::result::Result::Err(#o::ValueError::WrongType {
                            expected: #name,
                            found: ::core::convert::Into::into(value.kind()),
                        }),
                    }
                }

                fn same(&self, other: &Self) -> bool {
                    ::core::mem::discriminant(self) == ::core::mem::discriminant(other)
                }

                fn is_unassigned(&self) -> bool {
                    false
                }

                fn serialize<S: #o::Serializer>(
                    &self,
                    serializer: S,
                ) -> ::core::result::Result<S::Ok, S::Error> {
                    serializer.#serialize(__to_stored(self))
                }
            }
        };
    }
}

/// What differs between text and integers.
struct Stored {
    column_type: TokenStream,
    /// The method of `RowReader`.
    read: Ident,
    /// What is stored.
    ty: TokenStream,
    /// How it is read.
    from: TokenStream,
    /// What is stored for `value`.
    to_stored: TokenStream,
    /// Returns the variant that `stored` stands for, if any.
    from_stored: TokenStream,
    /// The error where it stands for none.
    unknown: TokenStream,
    /// The `Value` of `stored`.
    to_value: TokenStream,
    /// Arms of a `match` on a `Value`.
    from_value: TokenStream,
    /// The method of `Serializer`.
    serialize: Ident,
}

impl Stored {
    fn texts(model: &EnumModel, type_name: Option<&String>, texts: &[(Ident, String)]) -> Self {
        let (o, ident, name) = (&model.orm, &model.ident, model.ident.unraw().to_string());
        let (variants, texts): (Vec<&Ident>, Vec<&String>) =
            texts.iter().map(|(ident, text)| (ident, text)).unzip();
        let type_name = option(type_name);
        let enum_type = quote! {
            &#o::EnumType { rust_name: #name, name: #type_name, labels: &[#(#texts),*] }
        };
        Self {
            column_type: quote!(#o::ColumnType::Enum(#enum_type)),
            read: format_ident!("text"),
            ty: quote!(&'static str),
            from: quote!(&str),
            to_stored: quote!(match value { #(#ident::#variants => #texts,)* }),
            from_stored: quote! {
                match stored {
                    #(#texts => return ::core::result::Result::Ok(#ident::#variants),)*
                    _ => {}
                }
            },
            unknown: quote!(#o::ValueError::UnknownLabel { expected: #name, labels: &[#(#texts),*] }),
            to_value: quote!(#o::Value::Enum(#enum_type, stored)),
            from_value: quote! {
                #o::Value::Enum(_, stored) => __from_stored(stored),
                #o::Value::Text(stored) => __from_stored(&stored),
            },
            serialize: format_ident!("serialize_str"),
        }
    }

    fn integers(model: &EnumModel, variants: &[Ident]) -> Self {
        let (o, ident, name) = (&model.orm, &model.ident, model.ident.unraw().to_string());
        let fits = quote! {
            true #(&& (#ident::#variants as i64) >= i32::MIN as i64 && (#ident::#variants as i64) <= i32::MAX as i64)*
        };
        let reason = "what is stored is none of its variants";
        Self {
            column_type: quote!(if #fits { #o::ColumnType::Int(32) } else { #o::ColumnType::Int(64) }),
            read: format_ident!("int"),
            ty: quote!(i64),
            from: quote!(i64),
            to_stored: quote!(match value { #(#ident::#variants => #ident::#variants as i64,)* }),
            from_stored: quote! {
                #(
                    if stored == #ident::#variants as i64 {
                        return ::core::result::Result::Ok(#ident::#variants);
                    }
                )*
            },
            unknown: quote! {
                #o::ValueError::Invalid { expected: #name, reason: ::core::convert::Into::into(#reason) }
            },
            to_value: quote!(#o::Value::Int(stored)),
            from_value: quote!(#o::Value::Int(stored) => __from_stored(stored),),
            serialize: format_ident!("serialize_i64"),
        }
    }
}
