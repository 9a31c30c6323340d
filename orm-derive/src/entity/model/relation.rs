//! A relation: `Ref<T>`, `Option<Ref<T>>` or `Collection<T>`.

use darling::error::Accumulator;
use darling::{Error, Result};
use heck::ToSnakeCase;
use proc_macro2::Ident;
use quote::format_ident;
use syn::ext::IdentExt;
use syn::{Type, Visibility};

use super::field::Declared;
use super::relation_type::RelationType;
use crate::entity::attrs::{Action, ActionKind, FieldAttrs, FieldSort, OrderBy, refuse_misplaced};
use crate::support::attribute::Given;
use crate::support::shape::{last_name, word_of};
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
    pub(in crate::entity) cascade_remove: bool,
    pub(in crate::entity) orphan_removal: bool,
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
    pub(in crate::entity) concurrency_check: bool,
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
        let sort = sort(&shape, attrs);
        if errors.handle(says_its_side(field, &shape, sort, given)).is_some() {
            refuse_misplaced(sort, given, errors);
        }
        let side = Side::new(field, &shape, sort, attrs, errors);
        let (entity, ident) = (field.entity, field.ident);
        Self {
            index: 0,
            target_name: shape.target_name(),
            target: shape.target,
            marker: format_ident!("{}__{}", entity.ident.unraw(), ident.unraw(), span = at(ident.span())),
            vis: narrower(&entity.vis, field.vis),
            eager: attrs.eager.is_some(),
            cascade_remove: attrs.cascade_remove.is_some(),
            orphan_removal: attrs.orphan_removal.is_some(),
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

impl Side {
    fn new(
        field: &Declared<'_>,
        shape: &RelationType,
        sort: FieldSort,
        attrs: &FieldAttrs,
        errors: &mut Accumulator,
    ) -> Self {
        let mapped_by = attrs.mapped_by.as_ref().map(|name| name.0.clone());
        match (sort, mapped_by) {
            (FieldSort::InverseReference, Some(mapped_by)) => {
                errors.handle(may_find_nothing(field, shape));
                Self::InverseReference { mapped_by }
            }
            (FieldSort::InverseCollection, mapped_by) => {
                Self::Collection(Collection::new(mapped_by, attrs, errors))
            }
            (FieldSort::OwningCollection, _) => Self::Collection(Collection::new(None, attrs, errors)),
            (
                FieldSort::Scalar
                | FieldSort::Embedded
                | FieldSort::Document
                | FieldSort::Reference
                | FieldSort::InverseReference,
                _,
            ) => Self::Reference(Reference::new(field.ty, shape.nullable, attrs, errors)),
        }
    }
}

impl Reference {
    fn new(ty: &Type, nullable: bool, attrs: &FieldAttrs, errors: &mut Accumulator) -> Self {
        if let Some(id) = attrs.id.filter(|_| nullable) {
            let message = "a key is never absent; write `Ref<_>` without the `Option`";
            errors.push(Error::custom(message).with_span(&id.0));
        }
        if let Some(check) = attrs.concurrency_check.filter(|_| attrs.id.is_some()) {
            let message = "a key never changes, and every write looks for it; remove `concurrency_check`";
            errors.push(Error::custom(message).with_span(&check.0));
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
        if let Some(orphan_removal) = attrs.orphan_removal
            && attrs.unique.is_none()
            && attrs.one_to_one.is_none()
        {
            let message = "others may refer to the same row, so it is no orphan; make the relation `unique`, or put \
                           `orphan_removal` on the target's `Collection`";
            errors.push(Error::custom(message).with_span(&orphan_removal.0));
        }
        let column = attrs.column.as_ref().or(attrs.join_column.as_ref());
        let is_named_twice = attrs.column.is_some() && attrs.join_column.is_some();
        Self {
            property: 0,
            columns: columns(column, attrs.join_columns.as_ref(), is_named_twice, errors),
            id: attrs.id.is_some() && !nullable,
            nullable,
            concurrency_check: attrs.concurrency_check.is_some(),
            unique: attrs.unique.is_some() || attrs.one_to_one.is_some(),
            index: attrs.index.is_some(),
            on_delete: kind(attrs.on_delete),
            on_update: kind(on_update(attrs, errors)),
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
            on_update: kind(on_update(attrs, errors)),
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

fn sort(shape: &RelationType, attrs: &FieldAttrs) -> FieldSort {
    match (shape.is_collection, &attrs.mapped_by, attrs.many_to_many) {
        (false, None, _) => FieldSort::Reference,
        (false, Some(_), _) => FieldSort::InverseReference,
        (true, Some(_), None) => FieldSort::InverseCollection,
        (true, None, _) | (true, Some(_), Some(_)) => FieldSort::OwningCollection,
    }
}

/// A collection says whether it owns the relation or is mapped by the target, and not both.
fn says_its_side(
    field: &Declared<'_>,
    shape: &RelationType,
    sort: FieldSort,
    given: &Given<FieldAttrs>,
) -> Result<()> {
    let (name, target) = (field.ident, shape.target_name());
    match (&given.attrs.mapped_by, given.attrs.many_to_many) {
        (Some(mapped_by), Some(_)) if sort == FieldSort::OwningCollection => {
            let message = format!(
                "`{name}` is either mapped by a field of its target, or owns a pivot table; keep \
                 `mapped_by` or `many_to_many`",
            );
            Err(Error::custom(message).with_span(&mapped_by.0))
        }
        (None, None) if sort == FieldSort::OwningCollection && !given.is_broken => {
            let back = field.entity.name().to_snake_case();
            let message = format!(
                "`{name}` needs to say who owns the relation: `#[entity(mapped_by = \"{back}\")]` if the \
                 field `{back}` of `{target}` leads back here, or `#[entity(many_to_many)]` for a pivot table \
                 of its own",
            );
            Err(Error::custom(message).with_span(name))
        }
        _ => Ok(()),
    }
}

fn may_find_nothing(field: &Declared<'_>, shape: &RelationType) -> Result<()> {
    if shape.nullable {
        return Ok(());
    }
    let message =
        format!("there may be no row that refers back; write `Option<Ref<{}>>`", shape.target_name());
    Err(Error::custom(message).with_span(&word_of(field.ty)))
}

/// What the database does when the target's key changes.
fn on_update(attrs: &FieldAttrs, errors: &mut Accumulator) -> Option<Action> {
    attrs.on_update.as_ref().and_then(|on_update| errors.handle(on_update.action()))
}
