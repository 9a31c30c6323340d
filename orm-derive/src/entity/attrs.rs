//! The attribute reference: what may stand in `#[entity(..)]`, on the struct and on its fields.
//!
//! Only syntax: which attribute fits which field is said by [`rules`], what they mean by [`super::model`].

mod check;
mod default;
mod embedded;
mod field_path;
mod index;
mod maker;
mod order;
mod read_only;
mod referential;
mod rules;

use darling::FromMeta;

pub(super) use check::CheckAttr;
pub(super) use default::{DefaultAttr, Literal};
pub(super) use embedded::{EmbeddedAttr, Prefix};
pub(super) use field_path::FieldPath;
pub(super) use index::IndexAttr;
pub(super) use maker::{MakerAttr, OnUpdate};
pub(super) use order::{Order, OrderBy};
pub(super) use read_only::{ReadOnly, refuse_in_read_only, refuse_on_read_only};
pub(super) use referential::{Action, ActionKind};
pub(super) use rules::{
    EMBEDDABLE, EMBEDDABLE_FIELD, FIELD, FieldSort, STRUCT, refuse_in_embeddable, refuse_misplaced,
};

use crate::support::case::Case;
use crate::support::crate_path::CratePath;
use crate::support::value::{Name, Number, Text, TextExpr, Texts, TypePath, Word};

/// `#[entity(..)]` on the struct.
#[derive(Debug, Default, FromMeta)]
#[darling(default)]
pub(super) struct StructAttrs {
    /// `table = ".."`: the table; left out, the naming strategy decides.
    pub(super) table: Option<Text>,
    /// `schema = ".."`: the table's schema.
    pub(super) schema: Option<Text>,
    /// `view = ".."`: the select of a view of the database, which the schema makes and nothing is written to.
    pub(super) view: Option<TextExpr>,
    /// `read_only`: a table or view that somebody else makes, and that nothing is written to.
    pub(super) read_only: Option<Word>,
    /// `renamed_from = ".."`: the table's name before.
    pub(super) renamed_from: Option<Text>,
    /// `comment = ".."`: what the database says about the table.
    pub(super) comment: Option<Text>,
    /// `rename_all = ".."`: the case of columns that are not named.
    pub(super) rename_all: Option<Case>,
    /// `json = ".."`: the case of names in responses.
    pub(super) json: Option<Case>,
    /// `unique(a, b, name = "..", where = "..")`: no two rows agree in all of these.
    #[darling(multiple)]
    pub(super) unique: Vec<IndexAttr>,
    /// `index(a, b, name = "..", where = "..")`: an index over these.
    #[darling(multiple)]
    pub(super) index: Vec<IndexAttr>,
    /// `check = ".."`, `check(a, b, name = "..", sql = "..")`: a condition that every row meets.
    #[darling(multiple)]
    pub(super) check: Vec<CheckAttr>,
    /// `filter = path::to::Type`: a filter that is registered with the entity.
    #[darling(multiple)]
    pub(super) filter: Vec<TypePath>,
    /// `hooks`: the struct implements `EntityHooks`.
    pub(super) hooks: Option<Word>,
    /// `crate = ".."`: where orm-core is, if not at `::orm_core`.
    #[darling(rename = "crate")]
    pub(super) crate_path: Option<CratePath>,
}

/// `#[entity(..)]` on a field.
#[derive(Debug, Default, FromMeta)]
#[darling(default)]
pub(super) struct FieldAttrs {
    /// `id`: the primary key, or a part of it.
    pub(super) id: Option<Word>,
    /// `auto`: the database makes the key; a `Uuid` is made by the program.
    pub(super) auto: Option<Word>,
    /// `column = ".."`: the column.
    pub(super) column: Option<Text>,
    /// `renamed_from = ".."`: the column's name before; on a `Collection` that owns a pivot table, that table's.
    pub(super) renamed_from: Option<Text>,
    /// `comment = ".."`: what the database says about the column.
    pub(super) comment: Option<Text>,
    /// `check = ".."`: a condition on the column that every row meets.
    pub(super) check: Option<CheckAttr>,
    /// `unique`: no two rows agree; on a `Ref` it makes the relation one-to-one.
    pub(super) unique: Option<Word>,
    /// `index`: an index over this field alone.
    pub(super) index: Option<Word>,
    /// `default = <literal>`: the column's default; on an `id`, `default = path` makes the key.
    pub(super) default: Option<DefaultAttr>,
    /// `default_sql = ".."`: the column's default as an expression of the database.
    pub(super) default_sql: Option<Text>,
    /// `generated = ".."`: the expression by which the database computes the column of the row's others.
    pub(super) generated: Option<Text>,
    /// `virtual`: computes it when it is read, and does not keep it.
    #[darling(rename = "virtual")]
    pub(super) is_virtual: Option<Word>,
    /// `length = N`: the longest text or bytes.
    pub(super) length: Option<Number>,
    /// `hidden`: left out of responses and of `Debug`.
    pub(super) hidden: Option<Word>,
    /// `json = ".."`: the name in responses.
    pub(super) json: Option<Text>,
    /// `skip`: no column; `Default` when loaded.
    pub(super) skip: Option<Word>,
    /// `embedded`: a struct whose fields are columns; `embedded = json`: a value in one column.
    pub(super) embedded: Option<EmbeddedAttr>,
    /// `prefix = ".."`: what the columns of an embedded struct begin with.
    pub(super) prefix: Option<Prefix>,
    /// `version`: counts or dates the row's updates, for optimistic locking.
    pub(super) version: Option<Word>,
    /// `soft_delete`: set to the time of a removal, instead of deleting the row.
    pub(super) soft_delete: Option<Word>,
    /// `concurrency_check`: the row must still hold the loaded value when it is written.
    pub(super) concurrency_check: Option<Word>,
    /// `constant = ".."`: the name of the generated constant.
    pub(super) constant: Option<Name>,
    /// `mapped_by = ".."`: the target's field that owns the relation.
    pub(super) mapped_by: Option<Name>,
    /// `many_to_many`: owns a pivot table.
    pub(super) many_to_many: Option<Word>,
    /// `pivot_table = ".."`: the pivot table.
    pub(super) pivot_table: Option<Text>,
    /// `join_column = ".."`: the foreign key's column, or the pivot's column with the owner's key.
    pub(super) join_column: Option<Text>,
    /// `join_columns("..", "..")`: the same for a key of several columns.
    pub(super) join_columns: Option<Texts>,
    /// `inverse_join_column = ".."`: the pivot's column with the target's key.
    pub(super) inverse_join_column: Option<Text>,
    /// `inverse_join_columns("..", "..")`: the same for a key of several columns.
    pub(super) inverse_join_columns: Option<Texts>,
    /// `on_delete = ".."`: what happens to the row when its target is deleted.
    pub(super) on_delete: Option<Action>,
    /// `on_create = now`, `on_create = path`: the value of a new row.
    pub(super) on_create: Option<MakerAttr>,
    /// `on_update = ".."`: what happens to the row when its target's key changes; on a column, `on_update = now` or
    /// `on_update = path`: its value when the row changes.
    pub(super) on_update: Option<OnUpdate>,
    /// `order_by = "title desc, id"`: the order of a collection's items.
    pub(super) order_by: Option<OrderBy>,
    /// `eager`: populated by every query.
    pub(super) eager: Option<Word>,
    /// `may_be_missing`: the target's row may be absent.
    pub(super) may_be_missing: Option<Word>,
    /// `one_to_one`: another word for `unique` on a `Ref`.
    pub(super) one_to_one: Option<Word>,
    /// `cascade_remove`: what it leads to is removed with the entity.
    pub(super) cascade_remove: Option<Word>,
    /// `orphan_removal`: what it leads to is removed when the entity lets go of it.
    pub(super) orphan_removal: Option<Word>,
}

/// `#[embeddable(..)]` on the struct.
#[derive(Debug, Default, FromMeta)]
#[darling(default)]
pub(super) struct EmbeddableAttrs {
    /// `json = ".."`: the case of names in responses.
    pub(super) json: Option<Case>,
    /// `crate = ".."`: where orm-core is, if not at `::orm_core`.
    #[darling(rename = "crate")]
    pub(super) crate_path: Option<CratePath>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::attribute::tests::names_are_fields;

    #[test]
    fn every_name_is_read() {
        names_are_fields::<StructAttrs>(&STRUCT);
        names_are_fields::<EmbeddableAttrs>(&EMBEDDABLE);
        names_are_fields::<FieldAttrs>(&EMBEDDABLE_FIELD);
        names_are_fields::<FieldAttrs>(&FIELD);
    }
}
