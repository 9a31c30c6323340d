//! The cases of `rename_all` and `json`, applied to Rust names at compile time.

use darling::{Error, FromMeta, Result};
use heck::{ToLowerCamelCase, ToShoutySnakeCase, ToSnakeCase, ToUpperCamelCase};
use proc_macro2::TokenStream;
use quote::quote;
use syn::Meta;

use super::suggestion;
use super::value::Text;

/// A case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Snake,
    Camel,
    Pascal,
    ScreamingSnake,
    Lower,
    Upper,
}

const CASES: [(&str, Case); 6] = [
    ("snake_case", Case::Snake),
    ("camelCase", Case::Camel),
    ("PascalCase", Case::Pascal),
    ("SCREAMING_SNAKE_CASE", Case::ScreamingSnake),
    ("lowercase", Case::Lower),
    ("UPPERCASE", Case::Upper),
];

impl Case {
    /// `name` in this case.
    pub(crate) fn apply(self, name: &str) -> String {
        match self {
            Self::Snake => name.to_snake_case(),
            Self::Camel => name.to_lower_camel_case(),
            Self::Pascal => name.to_upper_camel_case(),
            Self::ScreamingSnake => name.to_shouty_snake_case(),
            Self::Lower => name.to_lowercase(),
            Self::Upper => name.to_uppercase(),
        }
    }

    /// The variant of orm-core's `Case`.
    pub(crate) fn variant(self) -> TokenStream {
        match self {
            Self::Snake => quote!(Snake),
            Self::Camel => quote!(Camel),
            Self::Pascal => quote!(Pascal),
            Self::ScreamingSnake => quote!(ScreamingSnake),
            Self::Lower => quote!(Lower),
            Self::Upper => quote!(Upper),
        }
    }
}

impl FromMeta for Case {
    fn from_meta(item: &Meta) -> Result<Self> {
        let text = Text::from_meta(item)?;
        let written = text.value();
        if let Some((_, case)) = CASES.iter().find(|(name, _)| *name == written) {
            return Ok(*case);
        }
        let names = CASES.map(|(name, _)| name);
        let message = match suggestion::nearest(&written, &names) {
            Some(near) => format!("`{written}` is no case; did you mean \"{near}\"?"),
            None => format!("`{written}` is no case; there are \"{}\"", names.join("\", \"")),
        };
        Err(Error::custom(message).with_span(text.literal()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_case_applies_to_fields_and_variants() {
        let all = CASES.map(|(_, case)| [case.apply("created_at"), case.apply("InProgress")]);
        assert_eq!(
            all,
            [
                ["created_at", "in_progress"],
                ["createdAt", "inProgress"],
                ["CreatedAt", "InProgress"],
                ["CREATED_AT", "IN_PROGRESS"],
                ["created_at", "inprogress"],
                ["CREATED_AT", "INPROGRESS"],
            ]
        );
    }
}
