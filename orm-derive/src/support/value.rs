//! What may stand behind a name in an attribute. Each says in its message how to write it.

use darling::{Error, FromMeta, Result};
use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit, LitStr, Meta, Token};

/// The name of an item, for messages.
pub(crate) fn name_of(item: &Meta) -> String {
    item.path().segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

/// "`name` is written so-and-so", at the item.
pub(crate) fn write(item: &Meta, how: &str) -> Error {
    Error::custom(format!("write `{}{how}`", name_of(item))).with_span(item)
}

/// A name alone: `id`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word(pub(crate) Span);

impl FromMeta for Word {
    fn from_meta(item: &Meta) -> Result<Self> {
        match item {
            Meta::Path(path) => Ok(Self(path.span())),
            Meta::List(_) | Meta::NameValue(_) => {
                let message = format!("`{}` takes no value; write the word alone", name_of(item));
                Err(Error::custom(message).with_span(item))
            }
        }
    }
}

/// Text that is not empty: `table = "authors"`.
#[derive(Clone, Debug)]
pub(crate) struct Text(LitStr);

impl Text {
    pub(crate) fn value(&self) -> String {
        self.0.value()
    }

    pub(crate) fn literal(&self) -> &LitStr {
        &self.0
    }
}

impl FromMeta for Text {
    fn from_meta(item: &Meta) -> Result<Self> {
        let text = string(item).ok_or_else(|| write(item, " = \"..\""))?;
        if text.value().trim().is_empty() {
            let message = format!("`{}` is empty; say what it is to be, or leave it out", name_of(item));
            return Err(Error::custom(message).with_span(&text));
        }
        Ok(Self(text))
    }
}

/// Text that may be long, and the same for several entities: a string, the path of a constant, or a macro that makes one,
/// such as `include_str!`.
#[derive(Clone, Debug)]
pub(crate) struct TextExpr(pub(crate) Expr);

impl FromMeta for TextExpr {
    fn from_meta(item: &Meta) -> Result<Self> {
        let how = " = \"..\"`, `= path::to::CONSTANT` or `= include_str!(\"..\")";
        let Meta::NameValue(pair) = item else { return Err(write(item, how)) };
        match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) => {
                Text::from_meta(item).map(|_| Self(pair.value.clone()))
            }
            Expr::Path(_) | Expr::Macro(_) => Ok(Self(pair.value.clone())),
            _ => Err(write(item, how)),
        }
    }
}

/// The string behind `=`, if that is what stands there.
pub(crate) fn string(item: &Meta) -> Option<LitStr> {
    let Meta::NameValue(pair) = item else { return None };
    match &pair.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.clone()),
        _ => None,
    }
}

/// Several texts: `join_columns("a", "b")`.
#[derive(Clone, Debug)]
pub(crate) struct Texts(pub(crate) Vec<String>);

impl FromMeta for Texts {
    fn from_meta(item: &Meta) -> Result<Self> {
        let Meta::List(list) = item else { return Err(write(item, "(\"..\", \"..\")")) };
        let texts = Punctuated::<LitStr, Token![,]>::parse_terminated
            .parse2(list.tokens.clone())
            .map_err(|_| write(item, "(\"..\", \"..\")"))?;
        if texts.is_empty() || texts.iter().any(|text| text.value().trim().is_empty()) {
            let message = format!("`{}` needs a name for each column of the key", name_of(item));
            return Err(Error::custom(message).with_span(item));
        }
        Ok(Self(texts.iter().map(LitStr::value).collect()))
    }
}

/// A Rust name in a string: `constant = "AUTHOR_NAME"`.
#[derive(Clone, Debug)]
pub(crate) struct Name(pub(crate) Ident);

impl FromMeta for Name {
    fn from_meta(item: &Meta) -> Result<Self> {
        let text = Text::from_meta(item)?;
        let ident = Ident::parse_any.parse_str(&text.value()).map_err(|_| {
            let message = format!("`{}` is no Rust name", text.value());
            Error::custom(message).with_span(text.literal())
        })?;
        Ok(Self(Ident::new(&ident.unraw().to_string(), text.literal().span())))
    }
}

/// The path of a type: `filter = Published`.
#[derive(Clone, Debug)]
pub(crate) struct TypePath(pub(crate) syn::Path);

impl FromMeta for TypePath {
    fn from_meta(item: &Meta) -> Result<Self> {
        let Meta::NameValue(pair) = item else { return Err(write(item, " = path::to::Type")) };
        match &pair.value {
            Expr::Path(path) => Ok(Self(path.path.clone())),
            value => {
                let message = format!("write the type's path alone: `{} = path::to::Type`", name_of(item));
                Err(Error::custom(message).with_span(value))
            }
        }
    }
}

/// A positive number: `length = 200`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number {
    pub(crate) value: u32,
    /// The number's own place.
    pub(crate) span: Span,
}

impl FromMeta for Number {
    fn from_meta(item: &Meta) -> Result<Self> {
        let Meta::NameValue(pair) = item else { return Err(write(item, " = 200")) };
        let Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) = &pair.value else {
            return Err(write(item, " = 200"));
        };
        match number.base10_parse() {
            Ok(0) | Err(_) => {
                let message = format!("`{}` is a number from 1 to {}", name_of(item), u32::MAX);
                Err(Error::custom(message).with_span(number))
            }
            Ok(value) => Ok(Self { value, span: number.span() }),
        }
    }
}
