//! What does not fit an entity that is only read: whatever is about writing rows, or about making a table.

use darling::Error;
use darling::error::Accumulator;

use super::{FieldAttrs, StructAttrs};
use crate::support::attribute::Given;

/// Why nothing is written to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::entity) enum ReadOnly {
    /// It is a view that the schema makes.
    View,
    /// It is marked `read_only`: somebody else makes what it is.
    External,
}

impl ReadOnly {
    fn describe(self) -> &'static str {
        match self {
            Self::View => "a view",
            Self::External => "an entity with `read_only`",
        }
    }
}

const NO_TABLE: &str = "its columns are what they are: the schema makes no table of it";
const NO_INSERT: &str = "no row of it is inserted";
const NO_UPDATE: &str = "no row of it is changed";
const NO_REMOVAL: &str = "no row of it is removed";

/// What fits no field of an entity that is only read, and why.
const FIELDS: &[(&str, &str)] = &[
    ("auto", "no row of it is inserted, so no key is made; `id` alone says which field is the key"),
    ("default", NO_INSERT),
    ("default_sql", NO_TABLE),
    ("generated", NO_TABLE),
    ("virtual", NO_TABLE),
    ("length", NO_TABLE),
    ("check", NO_TABLE),
    ("comment", NO_TABLE),
    ("renamed_from", NO_TABLE),
    ("index", NO_TABLE),
    (
        "unique",
        "the schema makes no table of it; a `Ref` whose target has one row here at most says `one_to_one`",
    ),
    ("version", NO_UPDATE),
    ("concurrency_check", NO_UPDATE),
    ("on_create", NO_INSERT),
    ("cascade_remove", NO_REMOVAL),
    ("orphan_removal", NO_REMOVAL),
];
const NO_FOREIGN_KEY: &str = "a view has no foreign keys";

/// Reports what is said of a field, and takes it away.
pub(in crate::entity) fn refuse_in_read_only(
    kind: ReadOnly,
    given: &mut Given<FieldAttrs>,
    errors: &mut Accumulator,
) {
    let sets_value = given.attrs.on_update.as_ref().is_some_and(|made| made.maker().is_ok());
    given.names.retain(|(name, span)| {
        let why = match (name.as_str(), kind) {
            ("on_update", _) if sets_value => Some(NO_UPDATE),
            ("on_delete" | "on_update", ReadOnly::View) => Some(NO_FOREIGN_KEY),
            _ => FIELDS.iter().find(|(refused, _)| refused == name).map(|(_, why)| *why),
        };
        let Some(why) = why else { return true };
        let message = format!("`{name}` does not fit a field of {}: {why}", kind.describe());
        errors.push(Error::custom(message).with_span(span));
        false
    });
    let attrs = &mut given.attrs;
    let is_view = kind == ReadOnly::View;
    (attrs.auto, attrs.default, attrs.default_sql) = (None, None, None);
    (attrs.generated, attrs.is_virtual, attrs.length) = (None, None, None);
    (attrs.check, attrs.comment, attrs.renamed_from) = (None, None, None);
    (attrs.index, attrs.unique, attrs.version, attrs.concurrency_check) = (None, None, None, None);
    (attrs.on_create, attrs.cascade_remove, attrs.orphan_removal) = (None, None, None);
    attrs.on_delete = attrs.on_delete.take().filter(|_| !is_view);
    attrs.on_update = attrs.on_update.take().filter(|_| !is_view && !sets_value);
}

/// Reports what is said of the struct, and takes it away.
pub(in crate::entity) fn refuse_on_read_only(
    kind: ReadOnly,
    given: &mut Given<StructAttrs>,
    errors: &mut Accumulator,
) {
    for (name, span) in &given.names {
        let why = match (name.as_str(), kind) {
            ("read_only", ReadOnly::View) => {
                "a view is only read anyway; remove `read_only`, or `view` if it is made elsewhere"
            }
            ("renamed_from", ReadOnly::View) => "a view is made anew under its name",
            ("unique" | "index" | "check", _) => NO_TABLE,
            ("renamed_from" | "comment", ReadOnly::External) => "the schema does not touch it",
            _ => continue,
        };
        let message = format!("`{name}` does not fit {}: {why}", kind.describe());
        errors.push(Error::custom(message).with_span(span));
    }
    let attrs = &mut given.attrs;
    (attrs.unique, attrs.index, attrs.check) = (Vec::new(), Vec::new(), Vec::new());
    (attrs.renamed_from, attrs.read_only) = (None, None);
    attrs.comment = attrs.comment.take().filter(|_| kind == ReadOnly::View);
}
