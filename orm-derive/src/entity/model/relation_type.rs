//! What the type of a field says about relations, before any attribute is looked at.

use darling::{Error, Result};
use proc_macro2::{Ident, Span};
use syn::visit_mut::{self, VisitMut};
use syn::{Path, Type};

use crate::support::shape::{argument_of, last_name, without_option, word_of};

/// What a relation's type says.
pub(super) struct RelationType {
    pub(super) target: Type,
    /// `Collection`, not `Ref`.
    pub(super) is_collection: bool,
    /// Inside an `Option`.
    pub(super) nullable: bool,
}

impl RelationType {
    /// `None` for a type that is no relation.
    pub(super) fn of(ty: &Type) -> Result<Option<Self>> {
        let inner = without_option(ty);
        let nullable = argument_of(ty, "Option").is_some();
        let name = last_name(inner);
        let is_collection = match name.as_deref() {
            Some("Ref") => false,
            Some("Collection") => true,
            Some("Vec" | "HashSet" | "BTreeSet" | "Box" | "Arc" | "Rc") => {
                return wrapped(inner).map(|()| None);
            }
            _ => return Ok(None),
        };
        let name = name.unwrap_or_default();
        let Some(target) = argument_of(inner, &name) else {
            let message = format!("`{name}` needs the entity that it leads to: `{name}<Author>`");
            return Err(Error::custom(message).with_span(&word_of(inner)));
        };
        if is_collection && nullable {
            let target = last_name(target).unwrap_or_default();
            let message = format!("a collection is never absent, only empty; write `Collection<{target}>`");
            return Err(Error::custom(message).with_span(&word_of(ty)));
        }
        Ok(Some(Self { target: target.clone(), is_collection, nullable }))
    }

    /// The target's name as written, for messages.
    pub(super) fn target_name(&self) -> String {
        last_name(&self.target).unwrap_or_default()
    }
}

/// Refuses relations inside other containers.
fn wrapped(ty: &Type) -> Result<()> {
    let name = last_name(ty).unwrap_or_default();
    let Some(inside) = argument_of(ty, &name) else { return Ok(()) };
    let inner = without_option(inside);
    let Some(relation) = last_name(inner).filter(|name| name == "Ref" || name == "Collection") else {
        return Ok(());
    };
    let target = argument_of(inner, &relation).and_then(last_name).unwrap_or_else(|| "_".to_owned());
    let instead = match name.as_str() {
        "Vec" | "HashSet" | "BTreeSet" => "Collection",
        _ => &relation,
    };
    let message = format!("a relation stands alone; write `{instead}<{target}>`");
    Err(Error::custom(message).with_span(&word_of(ty)))
}

/// `ty` with `Self` replaced by the struct, since emitted code names it outside the struct too.
pub(super) fn without_self(ty: &Type, entity: &Ident) -> Type {
    let mut ty = ty.clone();
    ReplaceSelf(entity).visit_type_mut(&mut ty);
    ty
}

struct ReplaceSelf<'a>(&'a Ident);

impl VisitMut for ReplaceSelf<'_> {
    fn visit_path_mut(&mut self, path: &mut Path) {
        if let Some(first) = path.segments.first_mut().filter(|first| first.ident == "Self") {
            let span: Span = first.ident.span();
            first.ident = self.0.clone();
            first.ident.set_span(span);
        }
        visit_mut::visit_path_mut(self, path);
    }
}
