//! `order_by = "title desc, id"`.

use darling::{Error, FromMeta, Result};
use syn::Meta;

use crate::support::value::{string, write};

const HOW: &str = " = \"title desc, id\"";

/// The order of a collection's items.
#[derive(Clone, Debug)]
pub(in crate::entity) struct OrderBy {
    /// At least one.
    pub(in crate::entity) terms: Vec<Order>,
    /// The text.
    pub(in crate::entity) span: proc_macro2::Span,
}

/// One field to order by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::entity) struct Order {
    /// A field of the target.
    pub(in crate::entity) field: String,
    /// Largest first.
    pub(in crate::entity) descending: bool,
}

impl FromMeta for OrderBy {
    fn from_meta(item: &Meta) -> Result<Self> {
        let text = string(item).ok_or_else(|| write(item, HOW))?;
        let terms: Result<Vec<Order>> = text.value().split(',').map(|term| order(term.trim())).collect();
        let terms = terms.map_err(|error| error.with_span(&text))?;
        Ok(Self { terms, span: text.span() })
    }
}

fn order(term: &str) -> Result<Order> {
    let mut words = term.split_whitespace();
    let Some(field) = words.next() else {
        return Err(Error::custom(format!("a field is missing; write `order_by{HOW}`")));
    };
    let descending = match words.next().map(str::to_lowercase).as_deref() {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(other) => {
            return Err(Error::custom(format!("`{other}` is no order; there are `asc` and `desc`")));
        }
    };
    if let Some(word) = words.next() {
        return Err(Error::custom(format!(
            "`{word}` is too much; put a comma between fields: `order_by{HOW}`"
        )));
    }
    Ok(Order { field: field.trim_start_matches("r#").to_owned(), descending })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_a_field_and_a_direction() {
        check("title", Ok(("title", false)));
        check("title DESC", Ok(("title", true)));
        check("r#type asc", Ok(("type", false)));
        check("", Err("a field is missing; write `order_by = \"title desc, id\"`"));
        check("title down", Err("`down` is no order; there are `asc` and `desc`"));
        check(
            "title desc id",
            Err("`id` is too much; put a comma between fields: `order_by = \"title desc, id\"`"),
        );
    }

    #[track_caller]
    fn check(term: &str, expected: std::result::Result<(&str, bool), &str>) {
        let actual = order(term).map_err(|error| error.to_string());
        let expected = expected
            .map(|(field, descending)| Order { field: field.to_owned(), descending })
            .map_err(str::to_owned);
        assert_eq!(actual, expected);
    }
}
