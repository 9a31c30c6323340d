//! `prefix = ".."` of an embedded struct.

use darling::{FromMeta, Result};
use syn::{LitStr, Meta};

use crate::support::value::{string, write};

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
