//! Derives and attributes of orm-core, which re-exports them.

#![forbid(unsafe_code)]

mod context;
mod entity;
mod enumeration;
mod newtype;
mod support;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// entity
#[proc_macro_derive(Entity, attributes(entity))]
pub fn entity(input: TokenStream) -> TokenStream {
    entity::derive(&parse_macro_input!(input as DeriveInput)).into()
}

/// enum
#[proc_macro_derive(EnumValue, attributes(enum_value))]
pub fn enum_value(input: TokenStream) -> TokenStream {
    enumeration::derive(&parse_macro_input!(input as DeriveInput)).into()
}

/// newtype
#[proc_macro_derive(NewtypeValue, attributes(newtype_value))]
pub fn newtype_value(input: TokenStream) -> TokenStream {
    newtype::derive(&parse_macro_input!(input as DeriveInput)).into()
}

/// ctx
#[proc_macro_attribute]
pub fn create_request_context(args: TokenStream, item: TokenStream) -> TokenStream {
    context::create(args.into(), item.into()).into()
}

/// ctx
#[proc_macro_attribute]
pub fn ensure_request_context(args: TokenStream, item: TokenStream) -> TokenStream {
    context::ensure(args.into(), item.into()).into()
}
