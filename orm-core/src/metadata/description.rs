//! What `#[derive(Entity)]` says about a type: constants, before names are resolved and sides are linked.
//!
//! Not part of the public interface: the derive of the same version writes it, `registry.rs` reads it.

use crate::entity::EntityType;
use crate::filter::RegisteredFilter;
use crate::metadata::embedded::EmbeddingDescription;
use crate::value::ColumnType;

/// One entity type.
#[derive(Debug)]
pub struct EntityDescription {
    /// The struct's name.
    pub name: &'static str,
    /// `table = ".."`.
    pub table: Option<&'static str>,
    /// `schema = ".."`.
    pub schema: Option<&'static str>,
    /// `view = ".."` and `read_only`.
    pub source: Source,
    /// `renamed_from = ".."`: the table's name before.
    pub renamed_from: Option<&'static str>,
    /// `comment = ".."`.
    pub comment: Option<&'static str>,
    /// `rename_all = ".."`: the case of column names that no field overrides.
    pub rename_all: Option<Case>,
    /// Fields with columns (scalars and owning to-one relations), in declaration order. A property's place here
    /// is its index everywhere.
    pub properties: &'static [PropertyDescription],
    /// Embedded structs, in declaration order; what is in one comes right after it.
    pub embeddings: &'static [EmbeddingDescription],
    /// All relations, in declaration order. A relation's place here is its index, and its slot in the record.
    pub relations: &'static [RelationDescription],
    /// Indexes over several fields.
    pub indexes: &'static [IndexDescription],
    /// `check(..)` on the struct, then `check = ".."` on the fields.
    pub checks: &'static [CheckDescription],
    /// `filter = ..`: filters that are registered with the entity.
    pub filters: &'static [fn() -> RegisteredFilter],
}

impl EntityDescription {
    /// One without anything: what emitted code starts from.
    pub const BLANK: Self = Self {
        name: "",
        table: None,
        schema: None,
        source: Source::Table,
        renamed_from: None,
        comment: None,
        rename_all: None,
        properties: &[],
        embeddings: &[],
        relations: &[],
        indexes: &[],
        checks: &[],
        filters: &[],
    };
}

/// A field with columns.
#[derive(Clone, Copy, Debug)]
pub struct PropertyDescription {
    /// The field's name; of a field in an embedded struct the way to it, such as `address.street`.
    pub name: &'static str,
    /// The embedded struct that it is in, an index into the embeddings of the same description.
    pub embedding: Option<usize>,
    /// Its name in responses.
    pub json: &'static str,
    /// `column = ".."` or `join_column = ".."` / `join_columns(..)`; empty: the naming strategy decides.
    pub columns: &'static [&'static str],
    /// Scalar, or the owning side of a to-one relation.
    pub kind: PropertyShape,
    /// Part of the primary key.
    pub id: bool,
    /// The database generates the key.
    pub auto: bool,
    /// The optimistic lock's version.
    pub version: bool,
    /// Set instead of deleting the row.
    pub soft_delete: bool,
    /// A row must still hold the value that was loaded when it is written.
    pub concurrency_check: bool,
    /// Unique by itself.
    pub unique: bool,
    /// Indexed by itself.
    pub index: bool,
    /// Left out of responses and of `Debug`.
    pub hidden: bool,
    /// The column's default, for rows that others insert.
    pub default: Option<DefaultValue>,
    /// The longest text or bytes that the column takes.
    pub length: Option<u32>,
    /// How the database computes it.
    pub generated: Option<Generated>,
    /// `renamed_from = ".."`: the column's name before.
    pub renamed_from: Option<&'static str>,
    /// `comment = ".."`.
    pub comment: Option<&'static str>,
}

impl PropertyDescription {
    /// One without anything: what emitted code starts from.
    pub const BLANK: Self = Self {
        name: "",
        embedding: None,
        json: "",
        columns: &[],
        kind: PropertyShape::Reference(0),
        id: false,
        auto: false,
        version: false,
        soft_delete: false,
        concurrency_check: false,
        unique: false,
        index: false,
        hidden: false,
        default: None,
        length: None,
        generated: None,
        renamed_from: None,
        comment: None,
    };
}

/// What the rows of an entity are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A table of the program's own.
    Table,
    /// A view of the program's own; nothing of it is written.
    View {
        /// The select that it stands for, in the database's own words.
        select: &'static str,
    },
    /// A table or view that somebody else makes; nothing of it is written.
    External,
}

impl Source {
    /// Whether rows can be written.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        matches!(self, Self::Table)
    }
}

/// How the database computes a column of the row's other columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The expression, in the database's own words.
    pub expression: &'static str,
    /// When.
    pub storage: GeneratedStorage,
}

/// When the database computes a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneratedStorage {
    /// When the row is written; it is kept in the row.
    Stored,
    /// When the row is read.
    Virtual,
}

/// What a property's columns hold.
#[derive(Clone, Copy, Debug)]
pub enum PropertyShape {
    /// One value.
    Scalar {
        /// What the column stores.
        column_type: ColumnType,
        /// Whether it may be NULL.
        nullable: bool,
    },
    /// The key of another entity; the index of the relation.
    Reference(usize),
}

/// A column's default as the derive saw it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DefaultValue {
    /// `default = true`.
    Bool(bool),
    /// `default = 1`.
    Int(i64),
    /// `default = 1.5`.
    Float(f64),
    /// `default = "text"`.
    Text(&'static str),
    /// `default_sql = ".."`: an expression in the database's own words.
    Expression(&'static str),
}

/// A relation field.
#[derive(Debug)]
pub struct RelationDescription {
    /// The field's name.
    pub name: &'static str,
    /// Its name in responses.
    pub json: &'static str,
    /// The field's type.
    pub shape: RelationShape,
    /// The struct name of the target, for the const check of `mapped_by`.
    pub target_name: &'static str,
    /// The target's type. A function, so that entities may refer to one another.
    pub target: fn() -> EntityType,
    /// `mapped_by = ".."`: the field of the target that owns the relation.
    pub mapped_by: Option<&'static str>,
    /// For an owning to-one: the index of its property.
    pub property: Option<usize>,
    /// An `Option<Ref<_>>`.
    pub nullable: bool,
    /// An owning to-one that no two rows may share: one-to-one.
    pub unique: bool,
    /// `pivot_table = ".."`.
    pub pivot_table: Option<&'static str>,
    /// `renamed_from = ".."` of a relation that owns a pivot table: the table's name before.
    pub pivot_renamed_from: Option<&'static str>,
    /// The pivot's columns that hold the owner's key; empty: the naming strategy decides.
    pub join_columns: &'static [&'static str],
    /// The pivot's columns that hold the target's key; empty: the naming strategy decides.
    pub inverse_join_columns: &'static [&'static str],
    /// What the database does with the row when the target is deleted.
    pub on_delete: Option<ReferentialAction>,
    /// What the database does with the row when the target's key changes.
    pub on_update: Option<ReferentialAction>,
    /// The order of a collection's items.
    pub order_by: &'static [OrderDescription],
    /// Populated by every query, unless it goes in circles.
    pub eager: bool,
    /// A populated to-one whose row may be absent.
    pub may_be_missing: bool,
    /// What it leads to is removed with the entity.
    pub cascade_remove: bool,
    /// What it leads to is removed when the entity lets go of it.
    pub orphan_removal: bool,
    /// Left out of responses.
    pub hidden: bool,
}

/// The type of a relation field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationShape {
    /// `Ref<T>` or `Option<Ref<T>>` that owns the foreign key.
    Reference,
    /// `Option<Ref<T>>` with `mapped_by`.
    InverseReference,
    /// `Collection<T>` with `mapped_by`.
    InverseCollection,
    /// `Collection<T>` with `many_to_many`.
    OwningCollection,
}

/// What a database does with a row that refers to one that goes or changes its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReferentialAction {
    /// The row goes too, or follows the key.
    Cascade,
    /// The reference becomes NULL.
    SetNull,
    /// The statement fails.
    Restrict,
    /// The statement fails, checked at its end.
    NoAction,
}

/// One field of `order_by`.
#[derive(Clone, Copy, Debug)]
pub struct OrderDescription {
    /// A field of the target.
    pub property: &'static str,
    /// Largest first.
    pub descending: bool,
}

/// `unique(a, b)` or `index(a, b)`.
#[derive(Clone, Copy, Debug)]
pub struct IndexDescription {
    /// The fields.
    pub properties: &'static [&'static str],
    /// Whether no two rows may agree in them.
    pub unique: bool,
    /// `name = ".."`.
    pub name: Option<&'static str>,
    /// `where = ".."`: only rows that meet it, in the database's own words.
    pub condition: Option<&'static str>,
}

/// `check(..)` on the struct, or `check = ".."` on a field.
#[derive(Clone, Copy, Debug)]
pub struct CheckDescription {
    /// The fields that it is about.
    pub properties: &'static [&'static str],
    /// `name = ".."`.
    pub name: Option<&'static str>,
    /// The condition that every row meets, in the database's own words.
    pub expression: &'static str,
}

/// The rules of `rename_all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// `snake_case`
    Snake,
    /// `camelCase`
    Camel,
    /// `PascalCase`
    Pascal,
    /// `SCREAMING_SNAKE_CASE`
    ScreamingSnake,
    /// `lowercase`
    Lower,
    /// `UPPERCASE`
    Upper,
}

/// Whether two names are equal; `==` on `str` is not const.
pub(crate) const fn same_name(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Whether `target` has a relation field `field` that owns a relation back to the entity named `entity`.
///
/// The derive asserts it at compile time for every `mapped_by`. Names are compared, types are checked again when
/// the metadata is built.
#[must_use]
pub const fn owns_relation_back(target: &EntityDescription, field: &str, entity: &str) -> bool {
    let mut at = 0;
    while at < target.relations.len() {
        let relation = &target.relations[at];
        let owns = matches!(relation.shape, RelationShape::Reference | RelationShape::OwningCollection);
        if owns && same_name(relation.name, field) && same_name(relation.target_name, entity) {
            return true;
        }
        at += 1;
    }
    false
}
