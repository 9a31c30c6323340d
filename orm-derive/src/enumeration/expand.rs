//! The impl of `FieldValue`.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;

use super::model::{EnumModel, Variants};

pub(super) fn enumeration(model: &EnumModel) -> TokenStream {
    let (o, ident, name) = (&model.orm, &model.ident, model.ident.unraw().to_string());
    let Stored { column_type, variant, read, ty, borrow, to_stored, from_stored, serialize } =
        match &model.variants {
            Variants::Texts(texts) => Stored::texts(o, ident, texts),
            Variants::Integers(variants) => Stored::integers(o, ident, variants),
        };
    let reason = "what is stored is none of its variants";
    quote! {
        const _: () = {
            fn __to_stored(value: &#ident) -> #ty {
                #to_stored
            }

            fn __from_stored(stored: #ty) -> ::core::result::Result<#ident, #o::ValueError> {
                #from_stored
                ::core::result::Result::Err(#o::ValueError::Invalid {
                    expected: #name,
                    reason: ::core::convert::Into::into(#reason),
                })
            }

            #[automatically_derived]
            impl #o::Nullable for #ident {
                type Optional = ::core::option::Option<#ident>;
            }

            #[automatically_derived]
            impl #o::FieldValue for #ident {
                const COLUMN_TYPE: #o::ColumnType = #column_type;

                fn to_value(&self) -> ::core::result::Result<#o::Value, #o::ValueError> {
                    let stored = ::core::convert::Into::into(__to_stored(self));
                    ::core::result::Result::Ok(#o::Value::#variant(stored))
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
                        #o::Value::#variant(stored) => __from_stored(#borrow stored),
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
    /// The variant of `Value`.
    variant: Ident,
    /// The method of `RowReader`.
    read: Ident,
    /// What is stored.
    ty: TokenStream,
    /// `&` where that is borrowed.
    borrow: Option<TokenStream>,
    /// What is stored for `value`.
    to_stored: TokenStream,
    /// Returns the variant that `stored` stands for, if any.
    from_stored: TokenStream,
    /// The method of `Serializer`.
    serialize: Ident,
}

impl Stored {
    fn texts(o: &TokenStream, ident: &Ident, texts: &[(Ident, String)]) -> Self {
        let (variants, texts): (Vec<&Ident>, Vec<&String>) =
            texts.iter().map(|(ident, text)| (ident, text)).unzip();
        Self {
            column_type: quote!(#o::ColumnType::Text),
            variant: format_ident!("Text"),
            read: format_ident!("text"),
            ty: quote!(&str),
            borrow: Some(quote!(&)),
            to_stored: quote!(match value { #(#ident::#variants => #texts,)* }),
            from_stored: quote! {
                match stored {
                    #(#texts => return ::core::result::Result::Ok(#ident::#variants),)*
                    _ => {}
                }
            },
            serialize: format_ident!("serialize_str"),
        }
    }

    fn integers(o: &TokenStream, ident: &Ident, variants: &[Ident]) -> Self {
        let fits = quote! {
            true #(&& (#ident::#variants as i64) >= i32::MIN as i64 && (#ident::#variants as i64) <= i32::MAX as i64)*
        };
        Self {
            column_type: quote!(if #fits { #o::ColumnType::Int(32) } else { #o::ColumnType::Int(64) }),
            variant: format_ident!("Int"),
            read: format_ident!("int"),
            ty: quote!(i64),
            borrow: None,
            to_stored: quote!(match value { #(#ident::#variants => #ident::#variants as i64,)* }),
            from_stored: quote! {
                #(
                    if stored == #ident::#variants as i64 {
                        return ::core::result::Result::Ok(#ident::#variants);
                    }
                )*
            },
            serialize: format_ident!("serialize_i64"),
        }
    }
}
