//! `default = ..`: a literal for the column, or the path of a function that makes keys.

use darling::{Error, FromMeta, Result};
use quote::ToTokens;
use syn::{Expr, ExprLit, ExprUnary, Lit, LitStr, Meta, Path, UnOp};

use crate::support::value::write;

/// What stands behind `default =`.
#[derive(Clone, Debug)]
pub(in crate::entity) enum DefaultAttr {
    /// The column's default.
    Literal(Literal, proc_macro2::Span),
    /// A function.
    Function(Path),
}

/// A column's default.
#[derive(Clone, Debug)]
pub(in crate::entity) enum Literal {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(LitStr),
}

impl Literal {
    /// For messages.
    pub(in crate::entity) const fn describe(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a bool",
            Self::Int(0..) => "an integer",
            Self::Int(_) => "a negative integer",
            Self::Float(_) => "a float",
            Self::Text(_) => "text",
        }
    }
}

impl FromMeta for DefaultAttr {
    fn from_meta(item: &Meta) -> Result<Self> {
        let Meta::NameValue(pair) = item else { return Err(write(item, " = 0")) };
        let span = pair.path.get_ident().map_or_else(proc_macro2::Span::call_site, proc_macro2::Ident::span);
        match &pair.value {
            Expr::Path(path) => Ok(Self::Function(path.path.clone())),
            Expr::Call(call) => {
                let function = call.func.to_token_stream().to_string().replace(' ', "");
                let message = format!("write the function's path alone: `default = {function}`");
                Err(Error::custom(message).with_span(&call.func))
            }
            value => literal(value).map(|literal| Self::Literal(literal, span)),
        }
    }
}

fn literal(value: &Expr) -> Result<Literal> {
    let (negative, literal) = match value {
        Expr::Lit(ExprLit { lit, .. }) => (false, lit),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => match &**expr {
            Expr::Lit(ExprLit { lit, .. }) => (true, lit),
            _ => return Err(no_default(value)),
        },
        _ => return Err(no_default(value)),
    };
    let sign = if negative { "-" } else { "" };
    match literal {
        Lit::Bool(flag) if !negative => Ok(Literal::Bool(flag.value)),
        Lit::Str(text) if !negative => Ok(Literal::Text(text.clone())),
        Lit::Int(number) => {
            format!("{sign}{}", number.base10_digits()).parse().map(Literal::Int).map_err(|_| {
                Error::custom("no column holds a number of more than 64 signed bits").with_span(number)
            })
        }
        Lit::Float(number) => format!("{sign}{}", number.base10_digits())
            .parse()
            .map(Literal::Float)
            .map_err(|_| Error::custom("this is no number that a column could hold").with_span(number)),
        _ => Err(no_default(value)),
    }
}

fn no_default(value: &Expr) -> Error {
    let message = "a column's default is a literal: a bool, a number or a string; on an `id`, `default` \
                   takes the path of a function that makes the key";
    Error::custom(message).with_span(value)
}
