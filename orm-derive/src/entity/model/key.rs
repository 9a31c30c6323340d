//! Where a key comes from.

use darling::error::Accumulator;
use darling::{Error, Result};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Type;

use super::column::Known;
use super::field::Declared;
use crate::entity::attrs::{DefaultAttr, FieldAttrs};
use crate::support::attribute::Given;
use crate::support::shape;

/// Where a scalar key comes from.
pub(in crate::entity) enum KeySource {
    /// The program, before it persists.
    Given,
    /// The database, for a row without one.
    Database,
    /// This function, for a new entity without one.
    Made(TokenStream),
}

impl KeySource {
    /// `None` for a field that is no key.
    pub(super) fn new(
        field: &Declared<'_>,
        given: &Given<FieldAttrs>,
        errors: &mut Accumulator,
    ) -> Option<Self> {
        let attrs = &given.attrs;
        let Some(id) = attrs.id else {
            if let Some(auto) = attrs.auto.filter(|_| !given.has("id")) {
                let message = "`auto` is for a primary key; write `#[entity(id, auto)]`";
                errors.push(Error::custom(message).with_span(&auto.0));
            }
            if let Some(DefaultAttr::Function(path)) = attrs.default.as_ref().filter(|_| !given.has("id")) {
                let message = "a function makes the key of an `id`; the default of any other column is a \
                               literal: a bool, a number or a string";
                errors.push(Error::custom(message).with_span(path));
            }
            return None;
        };
        if let Some(version) = attrs.version {
            let message = "a key never changes, so it can't be the `version`; use a field of its own";
            errors.push(Error::custom(message).with_span(&version.0));
        }
        if let Some(soft_delete) = attrs.soft_delete {
            let message = "a key never changes, so `soft_delete` can't set it; use a field of its own";
            errors.push(Error::custom(message).with_span(&soft_delete.0));
        }
        if let Some(check) = attrs.concurrency_check {
            let message = "a key never changes, and every write looks for it; remove `concurrency_check`";
            errors.push(Error::custom(message).with_span(&check.0));
        }
        let inner = shape::without_option(field.ty);
        if Known::of(inner) == Known::Float {
            let message = "a float can't be a key, since it may be unequal to itself; use an integer, a \
                           `String` or a `Uuid`";
            errors.push(Error::custom(message).with_span(&id.0));
            return None;
        }
        errors.handle(Self::of_id(&field.entity.orm, inner, attrs)).or(Some(Self::Given))
    }

    fn of_id(orm: &TokenStream, ty: &Type, attrs: &FieldAttrs) -> Result<Self> {
        match (attrs.auto, &attrs.default) {
            (Some(auto), Some(_)) => {
                let message = "`auto` and `default` both say where the key comes from; keep one";
                Err(Error::custom(message).with_span(&auto.0))
            }
            (Some(auto), None) => match Known::of(ty) {
                Known::Integer | Known::Other => Ok(Self::Database),
                Known::Uuid => Ok(Self::Made(quote!(#orm::uuid_v7))),
                Known::Float | Known::Bool | Known::Text | Known::Bytes | Known::Moment | Known::Fixed => {
                    let message = format!(
                        "a database makes integer keys, not `{}`; use an integer type, a `Uuid`, or make \
                         the key yourself: `default = path::to::function`",
                        shape::last_name(ty).unwrap_or_default(),
                    );
                    Err(Error::custom(message).with_span(&auto.0))
                }
            },
            (None, Some(DefaultAttr::Function(path))) => Ok(Self::Made(path.to_token_stream())),
            (None, Some(DefaultAttr::Literal(_, span))) => {
                let message = "every row would get the same key; on an `id`, `default` takes the path of a \
                               function that makes one, without quotes: `default = path::to::function`";
                Err(Error::custom(message).with_span(span))
            }
            (None, None) => Ok(Self::Given),
        }
    }
}
