//! What a derive was put on, and what a field's type says by its last path segment.

use darling::error::Accumulator;
use darling::{Error, Result};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Fields, GenericArgument, PathArguments, Token, Type};

/// What a struct with named fields is meant to be, for messages.
pub(crate) struct Meant {
    /// With its article.
    pub(crate) what: &'static str,
    /// A field that it might have.
    pub(crate) field: &'static str,
    /// What an enum could be instead.
    pub(crate) of_enum: &'static str,
}

impl Meant {
    pub(crate) const ENTITY: Self = Self {
        what: "an entity",
        field: "id: i64",
        of_enum: ". To store an enum in a column derive `EnumValue`",
    };
    pub(crate) const EMBEDDABLE: Self = Self {
        what: "what is embedded",
        field: "city: String",
        of_enum: ". To store an enum in a column derive `EnumValue`; one with data can be kept as JSON, by \
                  `#[entity(embedded = json)]` on the field",
    };
    pub(crate) const VIEW: Self = Self { what: "a view", field: "title: String", of_enum: "" };
    pub(crate) const ROW: Self = Self { what: "a row", field: "id: i64", of_enum: "" };
}

/// The fields of a struct with named fields.
pub(crate) fn named_fields<'i>(
    input: &'i DeriveInput,
    meant: &Meant,
) -> Result<&'i Punctuated<Field, Token![,]>> {
    let name = &input.ident;
    let Meant { what, field, of_enum } = meant;
    let refuse = |message: String| Err(Error::custom(message).with_span(name));
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(&fields.named),
            Fields::Unnamed(_) => refuse(format!(
                "`{name}` is a tuple struct, and columns need names; give it named fields: `struct {name} \
                 {{ {field} }}`"
            )),
            Fields::Unit => refuse(format!(
                "`{name}` has no fields; {what} is a struct with named fields: `struct {name} {{ {field} }}`"
            )),
        },
        Data::Enum(_) => {
            refuse(format!("`{name}` is an enum; {what} is a struct with named fields{of_enum}"))
        }
        Data::Union(_) => refuse(format!("`{name}` is a union; {what} is a struct with named fields")),
    }
}

/// Refuses generics; `why` ends the message.
pub(crate) fn is_not_generic(input: &DeriveInput, why: &str, errors: &mut Accumulator) -> bool {
    let params = &input.generics.params;
    for param in params {
        let what = match param {
            syn::GenericParam::Lifetime(_) => "the lifetime",
            syn::GenericParam::Type(_) => "the type parameter",
            syn::GenericParam::Const(_) => "the const parameter",
        };
        let message = format!("`{}` can't be generic: remove {what}; {why}", input.ident);
        errors.push(Error::custom(message).with_span(param));
    }
    params.is_empty()
}

/// The name of a type's last path segment, without its arguments.
pub(crate) fn last_name(ty: &Type) -> Option<String> {
    let Type::Path(path) = ungrouped(ty) else { return None };
    path.path.segments.last().map(|segment| segment.ident.to_string())
}

/// The type in `Name<T>`, if `ty` is that.
pub(crate) fn argument_of<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ungrouped(ty) else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match (arguments.args.first(), arguments.args.len()) {
        (Some(GenericArgument::Type(argument)), 1) => Some(argument),
        _ => None,
    }
}

/// A type handed on by a `macro_rules` macro sits in an invisible group.
fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        _ => ty,
    }
}

/// The inner type of an `Option`, or the type itself.
pub(crate) fn without_option(ty: &Type) -> &Type {
    argument_of(ty, "Option").unwrap_or(ty)
}

/// Where a message about a type belongs: its last name, which is the word to change.
pub(crate) fn word_of(ty: &Type) -> proc_macro2::Span {
    match ungrouped(ty) {
        Type::Path(path) => {
            path.path.segments.last().map_or_else(|| ty.span(), |segment| segment.ident.span())
        }
        _ => ty.span(),
    }
}
