//! `embedded`, `embedded = json` and `prefix = ".."`.

use darling::{Error, FromMeta, Result};
use syn::{Expr, LitStr, Meta};

use crate::support::value::{string, write};

/// Where a field is embedded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::entity) enum EmbeddedAttr {
    /// Its fields are columns.
    Columns,
    /// It is in one column, as JSON.
    Json,
}

impl FromMeta for EmbeddedAttr {
    fn from_meta(item: &Meta) -> Result<Self> {
        match item {
            Meta::Path(_) => Ok(Self::Columns),
            Meta::NameValue(pair) if matches!(&pair.value, Expr::Path(word) if word.path.is_ident("json")) => {
                Ok(Self::Json)
            }
            Meta::NameValue(_) | Meta::List(_) => {
                let message = "write `embedded` for a struct whose fields are columns, or `embedded = json` for a value in \
                               one column";
                Err(Error::custom(message).with_span(item))
            }
        }
    }
}

/// What the columns of an embedded struct begin with; may be nothing.
#[derive(Clone, Debug)]
pub(in crate::entity) struct Prefix(LitStr);

impl Prefix {
    pub(in crate::entity) fn value(&self) -> String {
        self.0.value()
    }
}

impl FromMeta for Prefix {
    fn from_meta(item: &Meta) -> Result<Self> {
        string(item).map(Self).ok_or_else(|| write(item, " = \"..\""))
    }
}
