//! `on_create = ..` and, on a column, `on_update = ..`: who makes the value.

use darling::{Error, FromMeta, Result};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Expr, Meta, Path};

use super::Action;
use crate::support::value::{name_of, string, write};

/// Who makes a column's value.
#[derive(Clone, Debug)]
pub(in crate::entity) enum MakerAttr {
    /// The clock.
    Now(proc_macro2::Span),
    /// A function.
    Function(Path),
}

impl FromMeta for MakerAttr {
    fn from_meta(item: &Meta) -> Result<Self> {
        if let Some(text) = string(item) {
            let message = format!(
                "write the path of a function without quotes, or `now`: `{} = {}`",
                name_of(item),
                text.value()
            );
            return Err(Error::custom(message).with_span(&text));
        }
        let Meta::NameValue(pair) = item else { return Err(write(item, " = now")) };
        match &pair.value {
            Expr::Path(path) if path.path.is_ident("now") => Ok(Self::Now(path.span())),
            Expr::Path(path) => Ok(Self::Function(path.path.clone())),
            Expr::Call(call) => {
                let function = call.func.to_token_stream().to_string().replace(' ', "");
                let message = format!("write the function's path alone: `{} = {function}`", name_of(item));
                Err(Error::custom(message).with_span(&call.func))
            }
            value => {
                let message = format!(
                    "`{}` takes `now` or the path of a function that makes the value; a value that is always the same \
                     is a `default`",
                    name_of(item)
                );
                Err(Error::custom(message).with_span(value))
            }
        }
    }
}

/// `on_update = ..`, which means one thing on a relation and another on a column.
#[derive(Clone, Debug)]
pub(in crate::entity) struct OnUpdate(Meta);

impl OnUpdate {
    /// On the owning side of a relation: what the database does.
    pub(in crate::entity) fn action(&self) -> Result<Action> {
        Action::from_meta(&self.0)
    }

    /// On a column: who makes the value.
    pub(in crate::entity) fn maker(&self) -> Result<MakerAttr> {
        MakerAttr::from_meta(&self.0)
    }
}

impl FromMeta for OnUpdate {
    fn from_meta(item: &Meta) -> Result<Self> {
        Ok(Self(item.clone()))
    }
}
