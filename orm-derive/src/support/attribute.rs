//! `#[entity(..)]` and its kin: from a struct's or field's attributes to a darling struct.
//!
//! Unknown and doubled names are reported here, in our words; darling sees what is left. What can't be read is
//! left out, so that the derive goes on and finds the other mistakes too.

use darling::ast::NestedMeta;
use darling::error::Accumulator;
use darling::{Error, FromMeta, Result};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Attribute, Meta};

use super::suggestion;

/// An attribute and what may stand in it at one place.
pub(crate) struct Syntax {
    /// `entity` of `#[entity(..)]`.
    pub(crate) attribute: &'static str,
    /// What has the attribute, for messages: `a field`.
    pub(crate) place: &'static str,
    /// What may stand in it.
    pub(crate) names: &'static [&'static str],
    /// Which of these may be given more than once.
    pub(crate) repeatable: &'static [&'static str],
}

/// What was read.
pub(crate) struct Given<A> {
    /// The darling struct.
    pub(crate) attrs: A,
    /// Every name that was given, known ones only.
    pub(crate) names: Vec<(String, Span)>,
    /// Whether something could not be read, so that what is missing may be due to that.
    pub(crate) is_broken: bool,
}

impl<A> Given<A> {
    /// Whether `name` was given, rightly or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|(given, _)| given == name)
    }
}

impl Syntax {
    /// Reads all attributes of this name; mistakes go to `errors`.
    pub(crate) fn read<A: FromMeta + Default>(
        &self,
        attrs: &[Attribute],
        errors: &mut Accumulator,
    ) -> Given<A> {
        let mut items = Vec::new();
        let mut names: Vec<(String, Span)> = Vec::new();
        let mut problems = Vec::new();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident(self.attribute)) {
            match self.items(attr) {
                Ok(list) => items.extend(list),
                Err(error) => problems.push(error),
            }
        }
        items.retain(|item| match self.name(item, &names) {
            Ok(name) => {
                names.push(name);
                true
            }
            Err(error) => {
                problems.push(error);
                false
            }
        });
        // One by one, so that an item that can't be read takes no other with it.
        items.retain(|item| match A::from_list(std::slice::from_ref(item)) {
            Ok(_) => true,
            Err(error) => {
                problems.push(error);
                false
            }
        });
        let attrs = A::from_list(&items).unwrap_or_default();
        let is_broken = !problems.is_empty();
        problems.into_iter().for_each(|problem| errors.push(problem));
        Given { attrs, names, is_broken }
    }

    fn items(&self, attr: &Attribute) -> Result<Vec<NestedMeta>> {
        match &attr.meta {
            Meta::List(list) => Ok(NestedMeta::parse_meta_list(list.tokens.clone())?),
            Meta::Path(_) | Meta::NameValue(_) => {
                let message = format!("write what it says in parentheses: `#[{}(..)]`", self.attribute);
                Err(Error::custom(message).with_span(&attr.meta))
            }
        }
    }

    /// The item's name, if it is known and new.
    fn name(&self, item: &NestedMeta, earlier: &[(String, Span)]) -> Result<(String, Span)> {
        let path = match item {
            NestedMeta::Meta(meta) => meta.path(),
            NestedMeta::NameValueInvalidExpr(pair) => &pair.path,
            NestedMeta::Lit(literal) => {
                let message = format!("a value needs a name: `#[{}(name = ..)]`", self.attribute);
                return Err(Error::custom(message).with_span(literal));
            }
        };
        let name = path.get_ident().map(ToString::to_string).unwrap_or_default();
        if !self.names.contains(&name.as_str()) {
            return Err(Error::custom(self.unknown(&name)).with_span(path));
        }
        if earlier.iter().any(|(other, _)| *other == name) && !self.repeatable.contains(&name.as_str()) {
            let message = format!("`{name}` is given twice; remove one of them");
            return Err(Error::custom(message).with_span(path));
        }
        Ok((name, path.span()))
    }

    fn unknown(&self, name: &str) -> String {
        match suggestion::nearest(name, self.names) {
            Some(near) => format!("unknown attribute `{name}` of {}; did you mean `{near}`?", self.place),
            None => {
                format!("unknown attribute `{name}`; {} takes `{}`", self.place, self.names.join("`, `"),)
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every name of the syntax is a field of the darling struct, so that none is accepted and then lost.
    #[track_caller]
    pub(crate) fn names_are_fields<A: FromMeta + Default>(syntax: &Syntax) {
        for name in syntax.names {
            let item = NestedMeta::parse_meta_list(format!("{name} = 0").parse().unwrap_or_default());
            let read = item.map_err(Error::from).and_then(|item| A::from_list(&item));
            let problem = read.map_or_else(|error| error.to_string(), |_| String::new());
            assert!(!problem.contains("Unknown field"), "{name}: {problem}");
        }
    }
}
