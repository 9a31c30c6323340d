//! An embedded field: a struct whose fields are columns.

use darling::Error;
use darling::error::Accumulator;

use super::field::Declared;
use crate::entity::attrs::{FieldAttrs, FieldSort, refuse_misplaced};
use crate::support::attribute::Given;
use crate::support::shape::{argument_of, last_name, without_option, word_of};

/// An embedded field.
pub(in crate::entity) struct Embedding {
    /// Its index among the embedded fields.
    pub(in crate::entity) index: usize,
    /// How many properties of the struct's own stand before it.
    pub(in crate::entity) property: usize,
    /// `prefix = ".."`.
    pub(in crate::entity) prefix: Option<String>,
}

impl Embedding {
    pub(super) fn new(field: &Declared<'_>, given: Given<FieldAttrs>, errors: &mut Accumulator) -> Self {
        refuse_misplaced(FieldSort::Embedded, &given, errors);
        let inner = without_option(field.ty);
        let list = last_name(inner).filter(|name| argument_of(inner, name).is_some() && name == "Vec");
        if list.is_some() {
            let message = "a list is not a fixed number of columns; keep it in one: `embedded = json`, or make its items \
                           entities, in a `Collection`";
            errors.push(Error::custom(message).with_span(&word_of(inner)));
        }
        Self { index: 0, property: 0, prefix: given.attrs.prefix.map(|prefix| prefix.value()) }
    }
}
