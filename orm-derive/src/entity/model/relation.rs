//! A relation: `Ref<T>`, `Option<Ref<T>>` or `Collection<T>`.

use darling::error::Accumulator;
use darling::{Error, Result};
use heck::ToSnakeCase;
use proc_macro2::{Ident, Span};
use quote::format_ident;
use syn::ext::IdentExt;
use syn::visit_mut::{self, VisitMut};
use syn::{Path, Type, Visibility};

use super::field::Declared;
use crate::entity::attrs::{Action, ActionKind, FieldAttrs, FieldSort, OrderBy, refuse_misplaced};
use crate::support::attribute::Given;
use crate::support::shape::{argument_of, last_name, without_option, word_of};
use crate::support::tokens::at;
use crate::support::value::{Text, Texts};
use crate::support::visibility::narrower;

/// A relation.
pub(in crate::entity) struct Relation {
    /// Its index among the relations.
    pub(in crate::entity) index: usize,
    pub(in crate::entity) target: Type,
    /// The target's name as written, for messages.
    pub(in crate::entity) target_name: String,
    /// The relation's own type: `Author__books`.
    pub(in crate::entity) marker: Ident,
    /// That type's visibility.
    pub(in crate::entity) vis: Visibility,
    pub(in crate::entity) eager: bool,
    /// Whether it gets accessors; not where their names are taken.
    pub(in crate::entity) has_accessors: bool,
    pub(in crate::entity) side: Side,
}

/// The sides of relations.
pub(in crate::entity) enum Side {
    /// Owns the foreign key.
    Reference(Reference),
    /// The target owns the foreign key: one-to-one.
    InverseReference { mapped_by: Ident },
    /// To-many.
    Collection(Collection),
}

/// A to-one relation that owns its foreign key.
pub(in crate::entity) struct Reference {
    /// Its index among the properties.
    pub(in crate::entity) property: usize,
    pub(in crate::entity) columns: Vec<String>,
    pub(in crate::entity) id: bool,
    /// `Option<Ref<_>>`.
    pub(in crate::entity) nullable: bool,
    pub(in crate::entity) unique: bool,
    pub(in crate::entity) index: bool,
    pub(in crate::entity) on_delete: Option<ActionKind>,
    pub(in crate::entity) on_update: Option<ActionKind>,
    pub(in crate::entity) may_be_missing: bool,
}

/// A to-many relation.
pub(in crate::entity) struct Collection {
    /// `None` where it owns a pivot table.
    pub(in crate::entity) mapped_by: Option<Ident>,
    pub(in crate::entity) pivot_table: Option<String>,
    pub(in crate::entity) join_columns: Vec<String>,
    pub(in crate::entity) inverse_join_columns: Vec<String>,
    pub(in crate::entity) on_delete: Option<ActionKind>,
    pub(in crate::entity) on_update: Option<ActionKind>,
    pub(in crate::entity) order_by: Option<OrderBy>,
}

impl Relation {
    pub(super) fn new(
        field: &Declared<'_>,
        shape: RelationType,
        given: &Given<FieldAttrs>,
        errors: &mut Accumulator,
    ) -> Self {
        let attrs = &given.attrs;
        let sort = match (shape.is_collection, &attrs.mapped_by, attrs.many_to_many) {
            (false, None, _) => FieldSort::Reference,
            (false, Some(_), _) => FieldSort::InverseReference,
            (true, Some(_), None) => FieldSort::InverseCollection,
            (true, None, _) | (true, Some(_), Some(_)) => FieldSort::OwningCollection,
        };
        let says_its_side = match &attrs.many_to_many {
            Some(_) => errors.handle(owns_or_is_mapped(field.ident, attrs)),
            None if sort == FieldSort::OwningCollection && !given.is_broken => {
                errors.push(side_is_missing(field, &shape));
                None
            }
            None => Some(()),
        };
        if says_its_side.is_some() {
            refuse_misplaced(sort, &given.names, errors);
        }
        let side = match (sort, &attrs.mapped_by) {
            (FieldSort::InverseReference, Some(mapped_by)) => {
                if !shape.nullable {
                    let message = format!(
                        "there may be no row that refers back; write `Option<Ref<{}>>`",
                        shape.target_name(),
                    );
                    errors.push(Error::custom(message).with_span(&word_of(field.ty)));
                }
                Side::InverseReference { mapped_by: mapped_by.0.clone() }
            }
            (FieldSort::InverseCollection | FieldSort::OwningCollection, mapped_by) => {
                let mapped_by = mapped_by.as_ref().filter(|_| sort == FieldSort::InverseCollection);
                Side::Collection(Collection::new(mapped_by.map(|name| name.0.clone()), attrs, errors))
            }
            (FieldSort::Scalar | FieldSort::Reference | FieldSort::InverseReference, _) => {
                Side::Reference(Reference::new(field.ty, shape.nullable, attrs, errors))
            }
        };
        let (entity, ident) = (field.entity, field.ident);
        Self {
            index: 0,
            target_name: shape.target_name(),
            target: shape.target,
            marker: format_ident!("{}__{}", entity.ident.unraw(), ident.unraw(), span = at(ident.span())),
            vis: narrower(&entity.vis, field.vis),
            eager: attrs.eager.is_some(),
            has_accessors: true,
            side,
        }
    }

    /// Whether the field is a `Collection`.
    pub(in crate::entity) fn is_to_many(&self) -> bool {
        matches!(self.side, Side::Collection(_))
    }

    /// The field of the target that owns the relation.
    pub(in crate::entity) fn mapped_by(&self) -> Option<&Ident> {
        match &self.side {
            Side::Reference(_) => None,
            Side::InverseReference { mapped_by } => Some(mapped_by),
            Side::Collection(collection) => collection.mapped_by.as_ref(),
        }
    }
}

impl Reference {
    fn new(ty: &Type, nullable: bool, attrs: &FieldAttrs, errors: &mut Accumulator) -> Self {
        if let Some(id) = attrs.id.filter(|_| nullable) {
            let message = "a key is never absent; write `Ref<_>` without the `Option`";
            errors.push(Error::custom(message).with_span(&id.0));
        }
        if let Some(on_delete) = attrs.on_delete
            && on_delete.kind == ActionKind::SetNull
            && !nullable
        {
            let message = format!(
                "a `{}` is never NULL; write `Option<Ref<_>>`, or another `on_delete` such as \"cascade\"",
                last_name(ty).unwrap_or_default(),
            );
            errors.push(Error::custom(message).with_span(&on_delete.span));
        }
        let column = attrs.column.as_ref().or(attrs.join_column.as_ref());
        let is_named_twice = attrs.column.is_some() && attrs.join_column.is_some();
        Self {
            property: 0,
            columns: columns(column, attrs.join_columns.as_ref(), is_named_twice, errors),
            id: attrs.id.is_some() && !nullable,
            nullable,
            unique: attrs.unique.is_some() || attrs.one_to_one.is_some(),
            index: attrs.index.is_some(),
            on_delete: kind(attrs.on_delete),
            on_update: kind(attrs.on_update),
            may_be_missing: attrs.may_be_missing.is_some(),
        }
    }
}

impl Collection {
    fn new(mapped_by: Option<Ident>, attrs: &FieldAttrs, errors: &mut Accumulator) -> Self {
        let inverse = attrs.inverse_join_column.as_ref();
        Self {
            mapped_by,
            pivot_table: attrs.pivot_table.as_ref().map(Text::value),
            join_columns: columns(attrs.join_column.as_ref(), attrs.join_columns.as_ref(), false, errors),
            inverse_join_columns: columns(inverse, attrs.inverse_join_columns.as_ref(), false, errors),
            on_delete: kind(attrs.on_delete),
            on_update: kind(attrs.on_update),
            order_by: attrs.order_by.clone(),
        }
    }
}

fn kind(action: Option<Action>) -> Option<ActionKind> {
    action.map(|action| action.kind)
}

/// The columns from the singular or the plural attribute.
fn columns(
    one: Option<&Text>,
    many: Option<&Texts>,
    is_named_twice: bool,
    errors: &mut Accumulator,
) -> Vec<String> {
    let Some(one) = one else { return many.map(|many| many.0.clone()).unwrap_or_default() };
    if is_named_twice || many.is_some() {
        let message = "the column is named twice; keep one of the attributes";
        errors.push(Error::custom(message).with_span(one.literal()));
    }
    vec![one.value()]
}

fn owns_or_is_mapped(field: &Ident, attrs: &FieldAttrs) -> Result<()> {
    let (Some(mapped_by), Some(_)) = (&attrs.mapped_by, attrs.many_to_many) else { return Ok(()) };
    let message = format!(
        "`{field}` is either mapped by a field of its target, or owns a pivot table; keep `mapped_by` or \
         `many_to_many`",
    );
    Err(Error::custom(message).with_span(&mapped_by.0))
}

fn side_is_missing(field: &Declared<'_>, shape: &RelationType) -> Error {
    let (field, target, back) = (field.ident, shape.target_name(), field.entity.name().to_snake_case());
    let message = format!(
        "`{field}` needs to say who owns the relation: `#[entity(mapped_by = \"{back}\")]` if the field \
         `{back}` of `{target}` leads back here, or `#[entity(many_to_many)]` for a pivot table of its own",
    );
    Error::custom(message).with_span(field)
}

/// What a relation's type says.
pub(super) struct RelationType {
    target: Type,
    is_collection: bool,
    nullable: bool,
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

    fn target_name(&self) -> String {
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
