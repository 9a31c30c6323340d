//! `on_delete` and `on_update`.

use darling::{Error, FromMeta, Result};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{Expr, Meta};

use crate::support::suggestion::nearest;
use crate::support::value::{name_of, string, write};

/// What the database does with a row whose target goes or changes its key.
#[derive(Clone, Copy, Debug)]
pub(in crate::entity) struct Action {
    /// Which of them.
    pub(in crate::entity) kind: ActionKind,
    /// Its word.
    pub(in crate::entity) span: Span,
}

/// The actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::entity) enum ActionKind {
    Cascade,
    SetNull,
    Restrict,
    NoAction,
}

const ACTIONS: [(&str, ActionKind); 4] = [
    ("cascade", ActionKind::Cascade),
    ("set_null", ActionKind::SetNull),
    ("restrict", ActionKind::Restrict),
    ("no_action", ActionKind::NoAction),
];

impl ActionKind {
    /// The variant of orm-core's `ReferentialAction`.
    pub(in crate::entity) fn variant(self) -> TokenStream {
        match self {
            Self::Cascade => quote!(Cascade),
            Self::SetNull => quote!(SetNull),
            Self::Restrict => quote!(Restrict),
            Self::NoAction => quote!(NoAction),
        }
    }
}

impl FromMeta for Action {
    fn from_meta(item: &Meta) -> Result<Self> {
        let (written, span) = written(item).ok_or_else(|| write(item, " = \"cascade\""))?;
        if let Some((_, kind)) = ACTIONS.iter().find(|(name, _)| *name == written) {
            return Ok(Self { kind: *kind, span });
        }
        let names = ACTIONS.map(|(name, _)| name);
        let hint = match nearest(&written, &names) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("there are \"{}\"", names.join("\", \"")),
        };
        let message = format!("`{written}` is nothing that {} can be; {hint}", name_of(item));
        Err(Error::custom(message).with_span(&span))
    }
}

/// The word, in quotes or without.
fn written(item: &Meta) -> Option<(String, Span)> {
    if let Some(text) = string(item) {
        return Some((text.value(), text.span()));
    }
    let Meta::NameValue(pair) = item else { return None };
    let Expr::Path(path) = &pair.value else { return None };
    path.path.get_ident().map(|ident| (ident.to_string(), path.span()))
}
