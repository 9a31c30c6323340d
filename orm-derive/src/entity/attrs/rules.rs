//! Which attribute fits which sort of field.

use FieldSort::{
    Document, Embedded, InverseCollection, InverseReference, OwningCollection, Reference, Scalar,
};
use darling::Error;
use darling::error::Accumulator;

use super::FieldAttrs;
use crate::support::attribute::{Given, Syntax};

/// A field, sorted by its type and by `skip`, `mapped_by` and `many_to_many`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::entity) enum FieldSort {
    /// A column.
    Scalar,
    /// A struct whose fields are columns: with `embedded`.
    Embedded,
    /// A value in one column: with `embedded = json`.
    Document,
    /// `Ref<T>` or `Option<Ref<T>>` that owns the foreign key.
    Reference,
    /// `Option<Ref<T>>` with `mapped_by`.
    InverseReference,
    /// `Collection<T>` with `mapped_by`.
    InverseCollection,
    /// `Collection<T>` with `many_to_many`.
    OwningCollection,
}

impl FieldSort {
    const fn describe(self) -> &'static str {
        match self {
            Self::Scalar => "a field that is a column",
            Self::Embedded => "a field with `embedded`",
            Self::Document => "a field with `embedded = json`",
            Self::Reference => "a `Ref` that owns its foreign key",
            Self::InverseReference => "a `Ref` with `mapped_by`, whose foreign key is in the other table",
            Self::InverseCollection => {
                "a `Collection` with `mapped_by`, whose foreign key is in the other table"
            }
            Self::OwningCollection => "a `Collection` with `many_to_many`",
        }
    }
}

/// An attribute, the sorts of fields it fits, and where it belongs if put elsewhere.
struct Rule(&'static str, &'static [FieldSort], &'static str);

const RELATIONS: &[FieldSort] = &[Reference, InverseReference, InverseCollection, OwningCollection];
const ANY: &[FieldSort] =
    &[Scalar, Embedded, Document, Reference, InverseReference, InverseCollection, OwningCollection];
const ON_COLUMNS: &str = "it is for columns and for a `Ref` that owns its foreign key";
const ON_OWNERS: &str =
    "it is for the side that owns the relation: a `Ref`, or a `Collection` with `many_to_many`";
const ON_PIVOTS: &str = "it is for a `Collection` with `many_to_many`";

const RULES: &[Rule] = &[
    Rule("id", &[Scalar, Reference], ON_COLUMNS),
    Rule("auto", &[Scalar], "it is for an `id` of an integer type or `Uuid`"),
    Rule("column", &[Scalar, Document, Reference], ON_COLUMNS),
    Rule(
        "renamed_from",
        &[Scalar, Document, Reference, OwningCollection],
        "it is for columns, and for the side that owns the relation: a `Ref`, or a `Collection` with `many_to_many`",
    ),
    Rule("comment", &[Scalar, Document, Reference], ON_COLUMNS),
    Rule("check", &[Scalar, Document, Reference], ON_COLUMNS),
    Rule("unique", &[Scalar, Reference], ON_COLUMNS),
    Rule("index", &[Scalar, Reference], ON_COLUMNS),
    Rule("default", &[Scalar], "it is for columns"),
    Rule("default_sql", &[Scalar], "it is for columns"),
    Rule("generated", &[Scalar], "it is for columns"),
    Rule("virtual", &[Scalar], "it is for columns with `generated`"),
    Rule("length", &[Scalar], "it is for columns of text or bytes"),
    Rule("hidden", ANY, ""),
    Rule("json", ANY, ""),
    Rule("skip", ANY, ""),
    Rule(
        "embedded",
        &[Embedded, Document],
        "it is for a struct that derives `Embeddable`, or for a value that is kept as JSON",
    ),
    Rule(
        "prefix",
        &[Embedded],
        "it is for a struct with `embedded`; to name one column write `column = \"..\"`",
    ),
    Rule("soft_delete", &[Scalar], "it is for a column of an optional date and time"),
    Rule("version", &[Scalar], "it is for a column of an integer or of a point in time"),
    Rule("concurrency_check", &[Scalar, Reference], ON_COLUMNS),
    Rule("constant", ANY, ""),
    Rule(
        "mapped_by",
        &[InverseReference, InverseCollection],
        "it is for relations: `Collection<_>` and `Option<Ref<_>>`",
    ),
    Rule("many_to_many", &[OwningCollection], "it is for a `Collection`"),
    Rule("pivot_table", &[OwningCollection], ON_PIVOTS),
    Rule("join_column", &[Reference, OwningCollection], ON_OWNERS),
    Rule("join_columns", &[Reference, OwningCollection], ON_OWNERS),
    Rule("inverse_join_column", &[OwningCollection], ON_PIVOTS),
    Rule("inverse_join_columns", &[OwningCollection], ON_PIVOTS),
    Rule("on_delete", &[Reference, OwningCollection], ON_OWNERS),
    Rule("on_create", &[Scalar], "it is for columns"),
    Rule(
        "on_update",
        &[Scalar, Reference, OwningCollection],
        "it is for columns, and for the side that owns the relation: a `Ref`, or a `Collection` with `many_to_many`",
    ),
    Rule("order_by", &[InverseCollection, OwningCollection], "it is for a `Collection`"),
    Rule("eager", RELATIONS, "it is for relations"),
    Rule("may_be_missing", &[Reference], "it is for a `Ref` that owns its foreign key"),
    Rule("one_to_one", &[Reference], "it is for a `Ref` that owns its foreign key"),
    Rule("cascade_remove", RELATIONS, "it is for relations"),
    Rule(
        "orphan_removal",
        &[Reference, InverseReference, InverseCollection],
        "it is for relations whose items belong to one entity: one-to-many and one-to-one",
    ),
];

const FIELD_NAMES: [&str; RULES.len()] = {
    let mut names = [""; RULES.len()];
    let mut at = 0;
    while at < RULES.len() {
        names[at] = RULES[at].0;
        at += 1;
    }
    names
};

/// `#[entity(..)]` on the struct.
pub(in crate::entity) const STRUCT: Syntax = Syntax {
    attribute: "entity",
    place: "an entity",
    names: &[
        "table",
        "schema",
        "view",
        "read_only",
        "renamed_from",
        "comment",
        "rename_all",
        "json",
        "unique",
        "index",
        "check",
        "filter",
        "hooks",
        "crate",
    ],
    repeatable: &["unique", "index", "check", "filter"],
};

/// `#[entity(..)]` on a field.
pub(in crate::entity) const FIELD: Syntax =
    Syntax { attribute: "entity", place: "a field", names: &FIELD_NAMES, repeatable: &[] };

/// `#[embeddable(..)]` on the struct.
pub(in crate::entity) const EMBEDDABLE: Syntax = Syntax {
    attribute: "embeddable",
    place: "an embeddable struct",
    names: &["json", "crate"],
    repeatable: &[],
};

/// `#[embeddable(..)]` on a field.
pub(in crate::entity) const EMBEDDABLE_FIELD: Syntax =
    Syntax { attribute: "embeddable", place: "a field", names: &FIELD_NAMES, repeatable: &[] };

/// What only an entity has, and where it belongs.
const ENTITY_ONLY: &[(&str, &str)] = &[
    ("id", ROW),
    ("auto", ROW),
    ("version", ROW),
    ("soft_delete", ROW),
    (
        "check",
        "put it on the entity, where the names of the columns are known: `#[entity(check(sql = \"..\"))]`",
    ),
    ("generated", "the names of the columns are known only where the struct is embedded"),
    ("renamed_from", "the names of the columns are known only where the struct is embedded"),
];
const ROW: &str = "it is for a field of an entity, which has a row of its own";

/// Reports every name that is for the fields of entities alone.
pub(in crate::entity) fn refuse_in_embeddable(given: &mut Given<FieldAttrs>, errors: &mut Accumulator) {
    given.names.retain(|(name, span)| match ENTITY_ONLY.iter().find(|rule| rule.0 == name) {
        Some((_, belongs)) => {
            let message = format!("`{name}` does not fit a field of an embeddable struct; {belongs}");
            errors.push(Error::custom(message).with_span(span));
            false
        }
        None => true,
    });
    let attrs = &mut given.attrs;
    (attrs.id, attrs.auto, attrs.version, attrs.soft_delete) = (None, None, None, None);
    (attrs.check, attrs.renamed_from) = (None, None);
    (attrs.generated, attrs.is_virtual) = (None, None);
}

/// Reports every name that does not fit the sort of field it was given on. What could not be read may have said which
/// sort that is, so nothing is reported then.
pub(in crate::entity) fn refuse_misplaced(
    sort: FieldSort,
    given: &Given<FieldAttrs>,
    errors: &mut Accumulator,
) {
    for (name, span) in given.names.iter().filter(|_| !given.is_broken) {
        let rule = RULES.iter().find(|rule| rule.0 == name);
        if let Some(Rule(_, _, belongs)) = rule.filter(|rule| !rule.1.contains(&sort)) {
            let message = format!("`{name}` does not fit {}; {belongs}", sort.describe());
            errors.push(Error::custom(message).with_span(span));
        }
    }
}
