//! What `#[transactional]` says about its transaction: `propagation`, `isolation`, `flush_mode` and `read_only`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::ParseStream;
use syn::{Ident, LitStr, Path, Token};

use crate::support::suggestion::did_you_mean;

/// The options, in the order in which they were written.
#[derive(Default)]
pub(super) struct Options(Vec<(Ident, Option<Ident>)>);

/// An option's name, the type of its value, and the values; no type for one without a value.
const KNOWN: [(&str, &str, &[&str]); 4] = [
    (
        "propagation",
        "Propagation",
        &["Nested", "Required", "RequiresNew", "Supports", "Mandatory", "Never", "NotSupported"],
    ),
    (
        "isolation",
        "IsolationLevel",
        &["ReadUncommitted", "ReadCommitted", "RepeatableRead", "Snapshot", "Serializable"],
    ),
    ("flush_mode", "FlushMode", &["Auto", "Commit", "Always"]),
    ("read_only", "", &[]),
];

impl Options {
    /// Whether an option comes next, and not a source.
    pub(super) fn starts(input: ParseStream<'_>) -> bool {
        let ahead = input.fork();
        let Ok(name) = ahead.parse::<Ident>() else { return false };
        name == "read_only" || (ahead.peek(Token![=]) && !ahead.peek(Token![==]))
    }

    pub(super) fn parse(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let name: Ident = input.parse()?;
        let Some((_, kind, values)) = KNOWN.iter().find(|(known, ..)| name == known) else {
            let names: Vec<&str> = KNOWN.iter().map(|(name, ..)| *name).collect();
            let meant = did_you_mean(&name.to_string(), &names);
            let message = format!(
                "`{name}` is no option of a transaction{meant}; there are `propagation = Required`, `isolation = \
                 Serializable`, `flush_mode = Commit` and `read_only`"
            );
            return Err(syn::Error::new(name.span(), message));
        };
        if self.0.iter().any(|(other, _)| *other == name) {
            return Err(syn::Error::new(name.span(), format!("`{name}` is written twice; remove one")));
        }
        let value = if kind.is_empty() { None } else { Some(value(input, &name, kind, values)?) };
        self.0.push((name, value));
        Ok(())
    }

    /// An expression of the options.
    pub(super) fn expand(&self, orm: &Path) -> TokenStream {
        let calls = self.0.iter().map(|(name, value)| {
            let kind = KNOWN.iter().find(|(known, ..)| name == known).map_or("", |(_, kind, _)| *kind);
            let kind = (!kind.is_empty()).then(|| Ident::new(kind, Span::mixed_site()));
            let value = value.iter();
            let argument = kind.map(|kind| quote! { #(#orm::#kind::#value)* });
            quote! { .#name(#argument) }
        });
        quote_spanned! {Span::mixed_site()=> #orm::TransactionOptions::new() #(#calls)* }
    }
}

/// A value as `Required`, `Propagation::Required` or `"required"`.
fn value(input: ParseStream<'_>, name: &Ident, kind: &str, values: &[&str]) -> syn::Result<Ident> {
    input.parse::<Token![=]>()?;
    let (written, span) = if input.peek(LitStr) {
        let text: LitStr = input.parse()?;
        (text.value(), text.span())
    } else {
        let path: Path = input.call(Path::parse_mod_style)?;
        let last = path.segments.last().map(|last| last.ident.clone());
        let last = last.ok_or_else(|| input.error("a value is missing"))?;
        (last.to_string(), last.span())
    };
    let plain = |text: &str| text.replace(['_', '-', ' '], "").to_ascii_lowercase();
    match values.iter().find(|known| plain(known) == plain(&written)) {
        Some(known) => Ok(Ident::new(known, span)),
        None => {
            let meant = did_you_mean(&written, values);
            let message = format!("`{name}` takes a `{kind}`: {}{meant}", values.join(", "));
            Err(syn::Error::new(span, message))
        }
    }
}
