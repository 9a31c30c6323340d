//! A scalar: a field that is one column.

use darling::error::Accumulator;
use darling::{Error, Result};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Type;
use syn::spanned::Spanned;

use super::field::Declared;
use super::key::KeySource;
use crate::entity::attrs::{DefaultAttr, EmbeddedAttr, FieldAttrs, Literal, MakerAttr};
use crate::support::attribute::Given;
use crate::support::shape;
use crate::support::value::{Text, Word};

/// A field that is one column.
pub(in crate::entity) struct Scalar {
    /// Its index among the properties.
    pub(in crate::entity) property: usize,
    /// Whether it is kept as JSON.
    pub(in crate::entity) is_document: bool,
    pub(in crate::entity) column: Option<String>,
    pub(in crate::entity) key: Option<KeySource>,
    /// The word `version`.
    pub(in crate::entity) version: Option<Word>,
    /// The word `soft_delete`.
    pub(in crate::entity) soft_delete: Option<Word>,
    pub(in crate::entity) concurrency_check: bool,
    pub(in crate::entity) unique: bool,
    pub(in crate::entity) index: bool,
    pub(in crate::entity) default: Option<ColumnDefault>,
    pub(in crate::entity) length: Option<u32>,
    pub(in crate::entity) generated: Option<Generated>,
    /// Who makes its values, boxed as it is large and rare.
    pub(in crate::entity) made: Box<MadeBy>,
    /// What only the compiler can tell of its type.
    pub(in crate::entity) must_be: Vec<Requirement>,
}

impl Scalar {
    /// Where emitted code finds what reads and writes it.
    pub(in crate::entity) fn codec(&self, o: &TokenStream) -> TokenStream {
        if self.is_document { quote!(#o::emitted::document) } else { quote!(#o::emitted) }
    }
}

/// A column that the database computes.
pub(in crate::entity) struct Generated {
    pub(in crate::entity) sql: Text,
    /// Computed when it is read, and not kept.
    pub(in crate::entity) is_virtual: bool,
}

impl Generated {
    fn of(given: &Given<FieldAttrs>, errors: &mut Accumulator) -> Option<Self> {
        let attrs = &given.attrs;
        if let (Some(word), None, false) = (attrs.is_virtual, &attrs.generated, given.is_broken) {
            let message =
                "`virtual` is for a column that the database computes; write `generated = \"..\", virtual`";
            errors.push(Error::custom(message).with_span(&word.0));
        }
        let sql = attrs.generated.clone()?;
        for (name, span) in given.names.iter().filter(|(name, _)| WRITTEN.contains(&name.as_str())) {
            let message = format!(
                "the database computes a `generated` column of the row's others; remove `generated` or `{name}`"
            );
            errors.push(Error::custom(message).with_span(span));
        }
        Some(Self { sql, is_virtual: attrs.is_virtual.is_some() })
    }
}

/// What says how a column is written, or that it never changes by itself.
const WRITTEN: [&str; 9] = [
    "id",
    "auto",
    "default",
    "default_sql",
    "on_create",
    "on_update",
    "version",
    "soft_delete",
    "concurrency_check",
];

/// A column's default.
pub(in crate::entity) enum ColumnDefault {
    Literal(Literal),
    /// An expression of the database.
    Sql(Text),
}

impl ColumnDefault {
    fn of(
        ty: &Type,
        known: Known,
        is_key: bool,
        attrs: &FieldAttrs,
        errors: &mut Accumulator,
    ) -> Option<Self> {
        if let Some(sql) = &attrs.default_sql {
            let problem = match (&attrs.default, is_key) {
                (_, true) => {
                    "a key is made by the database (`auto`) or by the program (`default = path::to::function`); remove \
                     `default_sql`"
                }
                (Some(_), false) => "the default is given twice; keep `default` or `default_sql`",
                (None, false) => return Some(Self::Sql(sql.clone())),
            };
            errors.push(Error::custom(problem).with_span(sql.literal()));
            return None;
        }
        match &attrs.default {
            Some(DefaultAttr::Literal(literal, span)) if !is_key => errors
                .handle(fits(ty, known, literal).map_err(|error| error.with_span(span)))
                .map(|()| Self::Literal(literal.clone())),
            Some(DefaultAttr::Literal(..) | DefaultAttr::Function(_)) | None => None,
        }
    }
}

/// What a column's type must be: a const assertion at an attribute.
pub(in crate::entity) struct Requirement {
    /// The function of `emitted` that tells.
    pub(in crate::entity) check: &'static str,
    pub(in crate::entity) message: &'static str,
    pub(in crate::entity) span: Span,
}

impl Scalar {
    pub(super) fn new(field: &Declared<'_>, given: Given<FieldAttrs>, errors: &mut Accumulator) -> Self {
        let ty = field.ty;
        let known = Known::of(shape::without_option(ty));
        let generated = Generated::of(&given, errors);
        let key = KeySource::new(field, &given, errors);
        let attrs = given.attrs;
        let version = attrs.version.filter(|_| key.is_none());
        let version = version.and_then(|word| errors.handle(is_version(ty, known, word).map(|()| word)));
        let soft_delete = attrs.soft_delete.filter(|_| key.is_none());
        let soft_delete =
            soft_delete.and_then(|word| errors.handle(is_moment(ty, known, word).map(|()| word)));
        let check = attrs.concurrency_check.filter(|_| key.is_none());
        let check = check.and_then(|word| errors.handle(is_not_both(version, word).map(|()| word)));
        let auto = attrs.auto.filter(|_| matches!(key, Some(KeySource::Database)));
        let must_be = requirements(known, [auto, version, check, soft_delete]);
        let made = MadeBy::of(&attrs, key.is_some(), version, errors);
        let default = ColumnDefault::of(ty, known, key.is_some(), &attrs, errors);
        let length =
            attrs.length.filter(|length| errors.handle(has_length(ty, known, length.span)).is_some());
        Self {
            property: 0,
            is_document: attrs.embedded == Some(EmbeddedAttr::Json),
            column: attrs.column.map(|column| column.value()),
            default,
            generated,
            key,
            version,
            soft_delete,
            concurrency_check: check.is_some(),
            unique: attrs.unique.is_some(),
            index: attrs.index.is_some(),
            length: length.map(|length| length.value),
            made: Box::new(made),
            must_be,
        }
    }
}

/// Who makes a column's values.
pub(in crate::entity) struct MadeBy {
    /// The value of a new row.
    pub(in crate::entity) on_create: Option<MakerAttr>,
    /// The value when the row changes.
    pub(in crate::entity) on_update: Option<MakerAttr>,
}

impl MadeBy {
    fn of(attrs: &FieldAttrs, is_key: bool, version: Option<Word>, errors: &mut Accumulator) -> Self {
        let on_create = attrs.on_create.clone();
        let on_update = attrs.on_update.as_ref().and_then(|on_update| errors.handle(on_update.maker()));
        let span = |maker: &MakerAttr| match maker {
            MakerAttr::Now(span) => *span,
            MakerAttr::Function(path) => path.span(),
        };
        let problem = match (is_key, version) {
            (true, _) => "a key is made once: write `default = path::to::function`",
            (false, Some(_)) => "the `version` is made by every flush; remove one of the two",
            (false, None) => return Self { on_create, on_update },
        };
        for maker in on_create.iter().chain(&on_update) {
            errors.push(Error::custom(problem).with_span(&span(maker)));
        }
        Self { on_create: None, on_update: None }
    }
}

/// What a type's name says about its column. A name is no proof, so `Other` may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Integer,
    Float,
    Bool,
    Text,
    Bytes,
    Uuid,
    /// A day with its time, of chrono.
    Moment,
    /// Anything else of chrono or rust_decimal.
    Fixed,
    Other,
}

impl Known {
    pub(super) fn of(ty: &Type) -> Self {
        let Some(name) = shape::last_name(ty) else { return Self::Other };
        match name.as_str() {
            "i8" | "i16" | "i32" | "i64" | "isize" | "u8" | "u16" | "u32" | "u64" | "usize" => Self::Integer,
            "f32" | "f64" => Self::Float,
            "bool" => Self::Bool,
            "String" => Self::Text,
            "Vec" => match shape::argument_of(ty, "Vec").and_then(shape::last_name).as_deref() {
                Some("u8") => Self::Bytes,
                _ => Self::Other,
            },
            "Uuid" => Self::Uuid,
            "NaiveDateTime" | "DateTime" => Self::Moment,
            "NaiveDate" | "NaiveTime" | "Decimal" => Self::Fixed,
            _ => Self::Other,
        }
    }
}

/// What the type's name leaves open: for the words `auto`, `version`, `concurrency_check` and `soft_delete`.
fn requirements(known: Known, words: [Option<Word>; 4]) -> Vec<Requirement> {
    const REQUIREMENTS: [(&str, &str); 4] = [
        (
            "is_integer",
            "a database makes integer keys only; for another type write `default = path::to::function`",
        ),
        ("is_version", "`version` counts or dates updates, so its field is an integer or a point in time"),
        ("is_comparable", "databases can't compare JSON for `concurrency_check`; use a `version`"),
        ("is_moment", NO_MOMENT),
    ];
    if known != Known::Other {
        return Vec::new();
    }
    let given = words.into_iter().zip(REQUIREMENTS);
    given
        .filter_map(|(word, (check, message))| word.map(|word| Requirement { check, message, span: word.0 }))
        .collect()
}

fn is_not_both(version: Option<Word>, concurrency_check: Word) -> Result<()> {
    if version.is_none() {
        return Ok(());
    }
    let message = "a `version` is compared anyway; remove `concurrency_check`";
    Err(Error::custom(message).with_span(&concurrency_check.0))
}

fn is_version(ty: &Type, known: Known, word: Word) -> Result<()> {
    if shape::argument_of(ty, "Option").is_some() {
        return Err(
            Error::custom("every row has a `version`; remove the `Option`").with_span(&shape::word_of(ty))
        );
    }
    match known {
        Known::Integer | Known::Moment | Known::Other => Ok(()),
        Known::Float | Known::Bool | Known::Text | Known::Bytes | Known::Uuid | Known::Fixed => {
            let message = format!(
                "`version` counts or dates updates, so its field is an integer such as `i64` or a point in time \
                 such as `DateTime<Utc>`, not `{}`",
                shape::last_name(ty).unwrap_or_default(),
            );
            Err(Error::custom(message).with_span(&word.0))
        }
    }
}

/// Why a field can't be the one that `soft_delete` sets.
const NO_MOMENT: &str =
    "`soft_delete` is set to the time of a removal, so its field is an `Option` of a date and time";

fn is_moment(ty: &Type, known: Known, word: Word) -> Result<()> {
    if shape::argument_of(ty, "Option").is_none() {
        let message = "a row that is not deleted has no `soft_delete` time; make the field an `Option`";
        return Err(Error::custom(message).with_span(&shape::word_of(ty)));
    }
    let name = shape::last_name(shape::without_option(ty)).unwrap_or_default();
    match known {
        Known::Moment | Known::Other => Ok(()),
        Known::Fixed
        | Known::Integer
        | Known::Float
        | Known::Bool
        | Known::Text
        | Known::Bytes
        | Known::Uuid => Err(Error::custom(format!("{NO_MOMENT}, not of `{name}`")).with_span(&word.0)),
    }
}

fn has_length(ty: &Type, known: Known, span: Span) -> Result<()> {
    match known {
        Known::Text | Known::Bytes | Known::Other => Ok(()),
        Known::Integer | Known::Float | Known::Bool | Known::Uuid | Known::Moment | Known::Fixed => {
            let name = shape::last_name(shape::without_option(ty)).unwrap_or_default();
            let message = format!("`length` bounds text and bytes, and `{name}` is neither; remove it");
            Err(Error::custom(message).with_span(&span))
        }
    }
}

fn fits(ty: &Type, known: Known, literal: &Literal) -> Result<()> {
    let name = shape::last_name(shape::without_option(ty)).unwrap_or_default();
    let wanted = match (known, literal) {
        (Known::Bool, Literal::Bool(_))
        | (Known::Integer, Literal::Int(0..))
        | (Known::Float, Literal::Int(_) | Literal::Float(_))
        | (Known::Text, Literal::Text(_))
        | (Known::Other | Known::Moment | Known::Fixed | Known::Uuid | Known::Bytes, _) => return Ok(()),
        (Known::Integer, Literal::Int(_)) if name.starts_with('i') => return Ok(()),
        (Known::Integer, Literal::Int(_)) => "an integer that is not negative",
        (Known::Integer, _) => "an integer",
        (Known::Bool, _) => "`true` or `false`",
        (Known::Float, _) => "a number",
        (Known::Text, _) => "text in quotes",
    };
    Err(Error::custom(format!("the default of `{name}` is {wanted}, and this is {}", literal.describe())))
}
