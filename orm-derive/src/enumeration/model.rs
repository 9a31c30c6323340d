//! An enum whose variants are told apart by what is stored.

use std::collections::HashMap;

use darling::error::Accumulator;
use darling::{Error, Result};
use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::{Data, DataEnum, DeriveInput, Expr, ExprLit, Fields, Lit, Variant};

use super::attrs::{ENUM, EnumAttrs, VARIANT, VariantAttrs};
use crate::support::attribute::Given;
use crate::support::case::Case;
use crate::support::shape;
use crate::support::value::Text;

/// An enum.
pub(super) struct EnumModel {
    pub(super) ident: Ident,
    /// `::orm_core::__private`.
    pub(super) orm: TokenStream,
    pub(super) variants: Variants,
}

/// What is stored.
pub(super) enum Variants {
    /// The text of each variant.
    Texts {
        /// What a database that has types for enums calls this one; `None`: it is text there too.
        type_name: Option<String>,
        /// In the order of declaration.
        texts: Vec<(Ident, String)>,
    },
    /// Their discriminants.
    Integers(Vec<Ident>),
}

impl EnumModel {
    pub(super) fn new(input: &DeriveInput, errors: &mut Accumulator) -> Option<Self> {
        let data = errors.handle(variants(input))?;
        shape::is_not_generic(input, "a column stores one type", errors);
        let given: Given<EnumAttrs> = ENUM.read(&input.attrs, errors);
        let attrs = given.attrs;
        if let (Some(integer), Some(_)) = (attrs.integer, attrs.rename_all) {
            let message = "integers have no case; remove `integer` or `rename_all`";
            errors.push(Error::custom(message).with_span(&integer.0));
        }
        let type_name = type_name(input, &attrs, errors);
        for variant in &data.variants {
            errors.handle(is_fieldless(variant));
        }
        let variants = if attrs.integer.is_some() {
            Variants::Integers(data.variants.iter().map(|variant| integer(variant, errors)).collect())
        } else {
            let case = attrs.rename_all.unwrap_or(Case::Snake);
            let texts =
                data.variants.iter().map(|variant| (variant.ident.clone(), text(variant, case, errors)));
            let texts = texts.collect();
            texts_are_distinct(&texts, errors);
            texts_are_storable(&texts, errors);
            Variants::Texts { type_name, texts }
        };
        let orm = attrs.crate_path.unwrap_or_default().private();
        Some(Self { ident: input.ident.clone(), orm, variants })
    }
}

fn type_name(input: &DeriveInput, attrs: &EnumAttrs, errors: &mut Accumulator) -> Option<String> {
    if let (Some(integer), Some(_)) = (attrs.integer, attrs.text) {
        let message = "it is stored as text or as integers; remove `text` or `integer`";
        errors.push(Error::custom(message).with_span(&integer.0));
    }
    if let Some(name) = &attrs.type_name {
        let problem = match (attrs.text, attrs.integer) {
            (Some(_), _) => Some("text is no type of its own; remove `text` or `type_name`"),
            (None, Some(_)) => Some("integers are no type of their own; remove `integer` or `type_name`"),
            (None, None) => None,
        };
        errors.extend(problem.map(|problem| Error::custom(problem).with_span(name.literal())));
    }
    let name = attrs.type_name.as_ref().map(Text::value);
    let name = name.unwrap_or_else(|| Case::Snake.apply(&input.ident.unraw().to_string()));
    attrs.text.is_none().then_some(name)
}

fn variants(input: &DeriveInput) -> Result<&DataEnum> {
    let name = &input.ident;
    let message = match &input.data {
        Data::Enum(data) if data.variants.is_empty() => {
            format!("`{name}` has no variants, so no value of it could be stored; add one")
        }
        Data::Enum(data) => return Ok(data),
        Data::Struct(_) => {
            format!(
                "`{name}` is a struct; `EnumValue` is for enums. For a struct around one value derive \
                 `NewtypeValue`"
            )
        }
        Data::Union(_) => format!("`{name}` is a union; `EnumValue` is for enums"),
    };
    Err(Error::custom(message).with_span(name))
}

fn is_fieldless(variant: &Variant) -> Result<()> {
    match &variant.fields {
        Fields::Unit => Ok(()),
        Fields::Named(_) | Fields::Unnamed(_) => {
            let message = format!(
                "one column can't hold the fields of `{}`; store an enum without fields, and the data in \
                 columns of their own",
                variant.ident,
            );
            Err(Error::custom(message).with_span(&variant.ident))
        }
    }
}

fn text(variant: &Variant, case: Case, errors: &mut Accumulator) -> String {
    let given: Given<VariantAttrs> = VARIANT.read(&variant.attrs, errors);
    let rename = given.attrs.rename.map(|text| text.value());
    rename.unwrap_or_else(|| case.apply(&variant.ident.unraw().to_string()))
}

fn integer(variant: &Variant, errors: &mut Accumulator) -> Ident {
    let given: Given<VariantAttrs> = VARIANT.read(&variant.attrs, errors);
    if let Some(rename) = given.attrs.rename {
        let message = format!(
            "`{name}` is stored as an integer, so it has no text; write `{name} = 1` to choose the number",
            name = variant.ident,
        );
        errors.push(Error::custom(message).with_span(rename.literal()));
    }
    if let Some((_, Expr::Lit(ExprLit { lit: Lit::Int(number), .. }))) = &variant.discriminant
        && number.base10_parse::<i64>().is_err()
    {
        let message = "no column holds a number of more than 64 signed bits";
        errors.push(Error::custom(message).with_span(number));
    }
    variant.ident.clone()
}

fn texts_are_distinct(texts: &Vec<(Ident, String)>, errors: &mut Accumulator) {
    let mut seen: HashMap<&str, &Ident> = HashMap::new();
    for (variant, text) in texts {
        if let Some(other) = seen.insert(text, variant) {
            let message = format!(
                "`{variant}` and `{other}` would both be stored as \"{text}\"; rename one: \
                 `#[enum_value(rename = \"..\")]`",
            );
            errors.push(Error::custom(message).with_span(variant));
        }
    }
}

/// PostgreSQL keeps as much of a label as of a name, and no text of it has a NUL.
fn texts_are_storable(texts: &[(Ident, String)], errors: &mut Accumulator) {
    const LONGEST: usize = 63;
    for (variant, text) in texts {
        let problem = if text.len() > LONGEST {
            format!("the text of `{variant}` has {} bytes, and a label has {LONGEST} at most", text.len())
        } else if text.contains('\0') {
            format!("the text of `{variant}` has a NUL, which not every database stores")
        } else {
            continue;
        };
        let message = format!("{problem}; rename it: `#[enum_value(rename = \"..\")]`");
        errors.push(Error::custom(message).with_span(variant));
    }
}
