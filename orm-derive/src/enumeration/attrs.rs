//! What may stand in `#[enum_value(..)]`, on the enum and on its variants.

use darling::FromMeta;

use crate::support::attribute::Syntax;
use crate::support::case::Case;
use crate::support::crate_path::CratePath;
use crate::support::value::{Text, Word};

/// `#[enum_value(..)]` on the enum.
#[derive(Debug, Default, FromMeta)]
#[darling(default)]
pub(super) struct EnumAttrs {
    /// `rename_all = ".."`: the case of the stored text.
    pub(super) rename_all: Option<Case>,
    /// `integer`: stored as integers, the discriminants.
    pub(super) integer: Option<Word>,
    /// `text`: stored as text in databases that have types for enums, too.
    pub(super) text: Option<Word>,
    /// `type_name = ".."`: what such a database calls the type.
    pub(super) type_name: Option<Text>,
    /// `crate = ".."`: where orm-core is, if not at `::orm_core`.
    #[darling(rename = "crate")]
    pub(super) crate_path: Option<CratePath>,
}

/// `#[enum_value(..)]` on a variant.
#[derive(Debug, Default, FromMeta)]
#[darling(default)]
pub(super) struct VariantAttrs {
    /// `rename = ".."`: the stored text.
    pub(super) rename: Option<Text>,
}

/// `#[enum_value(..)]` on the enum.
pub(super) const ENUM: Syntax = Syntax {
    attribute: "enum_value",
    place: "an enum",
    names: &["rename_all", "integer", "text", "type_name", "crate"],
    repeatable: &[],
};

/// `#[enum_value(..)]` on a variant.
pub(super) const VARIANT: Syntax =
    Syntax { attribute: "enum_value", place: "a variant", names: &["rename"], repeatable: &[] };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::attribute::tests::names_are_fields;

    #[test]
    fn every_name_is_read() {
        names_are_fields::<EnumAttrs>(&ENUM);
        names_are_fields::<VariantAttrs>(&VARIANT);
    }
}
