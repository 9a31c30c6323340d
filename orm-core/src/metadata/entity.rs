//! One entity type with every name resolved and every relation linked.

use std::fmt;

use super::description::{DefaultValue, Generated, OrderDescription, ReferentialAction, Source};
use crate::value::ColumnType;

/// An entity type's place in [`Metadata`](super::Metadata).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityId(pub(crate) u32);

impl EntityId {
    pub(crate) fn at(self) -> usize {
        self.0 as usize
    }
}

/// A relation: its entity and its index among that entity's relations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationId {
    /// The entity that has the field.
    pub entity: EntityId,
    /// Its index among [`EntityMetadata::relations`].
    pub index: usize,
}

/// An entity type.
#[derive(Debug)]
pub struct EntityMetadata {
    /// Its place in the metadata.
    pub id: EntityId,
    /// The struct's name.
    pub name: &'static str,
    /// The table.
    pub table: String,
    /// The table's schema, where it is not the connection's own.
    pub schema: Option<String>,
    /// Whether it is a table of the program's own, or what else.
    pub source: Source,
    /// The table's name before, for a database that still has that one.
    pub renamed_from: Option<&'static str>,
    /// What the database says about the table.
    pub comment: Option<&'static str>,
    /// Every column, property by property. Rows are read in this order.
    pub columns: Vec<Column>,
    /// Fields with columns, in declaration order.
    pub properties: Vec<Property>,
    /// Relations, in declaration order.
    pub relations: Vec<Relation>,
    /// Indexes of one or more fields, unique ones included, the primary key left out.
    pub indexes: Vec<Index>,
    /// Conditions that every row meets.
    pub checks: Vec<Check>,
    /// The properties of the primary key.
    pub primary_key: Vec<usize>,
    /// The property that holds the optimistic lock's version.
    pub version: Option<usize>,
    /// The property that says when a row was deleted, for an entity whose rows stay.
    pub soft_delete: Option<usize>,
    /// Properties that the database computes of the row's others; they are read and never written.
    pub computed: Vec<usize>,
    /// Properties that a row must still hold as they were loaded when it is written; the version left out.
    pub concurrency_checks: Vec<usize>,
}

impl EntityMetadata {
    /// The columns of the primary key, as indexes into [`columns`](Self::columns).
    pub fn key_columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.primary_key.iter().flat_map(|property| self.properties[*property].columns.clone())
    }

    /// The property whose key the database generates.
    #[must_use]
    pub fn generated(&self) -> Option<usize> {
        self.primary_key.iter().copied().find(|property| self.properties[*property].auto)
    }

    /// The properties that a row must still hold as they were loaded when it is written: the version first.
    pub fn expected(&self) -> impl Iterator<Item = usize> + '_ {
        self.version.into_iter().chain(self.concurrency_checks.iter().copied())
    }

    /// The property of the field `name`.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<(usize, &Property)> {
        self.properties.iter().enumerate().find(|(_, property)| property.name == name)
    }

    /// The relation of the field `name`.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<(usize, &Relation)> {
        self.relations.iter().enumerate().find(|(_, relation)| relation.name == name)
    }

    /// The field that column `name` belongs to.
    #[must_use]
    pub fn property_of_column(&self, name: &str) -> Option<&Property> {
        let at = self.columns.iter().position(|column| column.name == name)?;
        self.properties.iter().find(|property| property.columns.contains(&at))
    }
}

impl fmt::Display for EntityMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name in the table.
    pub name: String,
    /// What it stores.
    pub column_type: ColumnType,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// The longest text or bytes that it takes.
    pub length: Option<u32>,
    /// Its default, for rows that others insert.
    pub default: Option<DefaultValue>,
    /// How the database computes it; such a column is never written.
    pub generated: Option<Generated>,
    /// Its name before, for a database that still has that one.
    pub renamed_from: Option<&'static str>,
    /// What the database says about it.
    pub comment: Option<&'static str>,
}

impl Column {
    /// A required column without anything else.
    #[must_use]
    pub fn new(name: impl Into<String>, column_type: ColumnType) -> Self {
        Self {
            name: name.into(),
            column_type,
            nullable: false,
            length: None,
            default: None,
            generated: None,
            renamed_from: None,
            comment: None,
        }
    }
}

/// A field with columns.
#[derive(Debug)]
pub struct Property {
    /// The field's name.
    pub name: &'static str,
    /// Its name in responses.
    pub json: &'static str,
    /// Its columns, as a range of [`EntityMetadata::columns`].
    pub columns: std::ops::Range<usize>,
    /// Scalar or foreign key.
    pub kind: PropertyKind,
    /// Whether the database generates it.
    pub auto: bool,
    /// Whether it is left out of responses and of `Debug`.
    pub hidden: bool,
}

/// What a property's columns hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyKind {
    /// One value.
    Scalar,
    /// The key of the target of this relation of the same entity.
    Reference(usize),
}

/// A relation, seen from the entity that has the field.
#[derive(Debug)]
pub struct Relation {
    /// The field's name.
    pub name: &'static str,
    /// Its name in responses.
    pub json: &'static str,
    /// Which kind, and which side.
    pub kind: RelationKind,
    /// The entity that it leads to.
    pub target: EntityId,
    /// The same relation seen from the target: the owning side's relation for an inverse one, and the inverse
    /// side's for an owning one, where the target has a field for it.
    pub other_side: Option<usize>,
    /// Whether an owning to-one may be unset.
    pub nullable: bool,
    /// Whether no two rows may share the target of an owning to-one.
    pub unique: bool,
    /// What the database does when the target is deleted.
    pub on_delete: Option<ReferentialAction>,
    /// What the database does when the target's key changes.
    pub on_update: Option<ReferentialAction>,
    /// The order of a collection's items: properties of the target.
    pub order_by: Vec<(usize, OrderDescription)>,
    /// Populated by every query.
    pub eager: bool,
    /// Whether the row of a populated to-one may be absent.
    pub may_be_missing: bool,
    /// What it leads to is removed with the entity.
    pub cascade_remove: bool,
    /// What it leads to is removed when the entity lets go of it.
    pub orphan_removal: bool,
    /// Left out of responses.
    pub hidden: bool,
}

impl Relation {
    /// Whether every row that is shown must lead to a row that is shown, where this is populated or read through.
    pub(crate) fn is_promised(&self) -> bool {
        matches!(self.kind, RelationKind::ManyToOne { .. }) && !self.nullable && !self.may_be_missing
    }

    /// Whether the field is a `Collection`.
    #[must_use]
    pub fn is_to_many(&self) -> bool {
        match self.kind {
            RelationKind::ManyToOne { .. } | RelationKind::OneToOneInverse => false,
            RelationKind::OneToMany | RelationKind::ManyToMany { .. } | RelationKind::ManyToManyInverse => {
                true
            }
        }
    }

    /// Whether removing the entity removes what the relation leads to.
    #[must_use]
    pub fn cascades(&self) -> bool {
        self.cascade_remove || self.orphan_removal
    }
}

/// The kinds of relations.
#[derive(Debug)]
pub enum RelationKind {
    /// `Ref<T>`: holds the foreign key. One-to-one if [`Relation::unique`].
    ManyToOne {
        /// The property with the foreign key's columns.
        property: usize,
    },
    /// `Option<Ref<T>>` with `mapped_by`: the target holds the foreign key.
    OneToOneInverse,
    /// `Collection<T>` whose owner is a to-one of the target.
    OneToMany,
    /// `Collection<T>` that owns a pivot table.
    ManyToMany {
        /// The pivot table.
        pivot: Box<Pivot>,
    },
    /// `Collection<T>` whose owner is a many-to-many of the target.
    ManyToManyInverse,
}

impl RelationKind {
    /// Whether the target holds the foreign key of a one-to-one relation.
    #[must_use]
    pub fn is_one_to_one_inverse(&self) -> bool {
        matches!(self, Self::OneToOneInverse)
    }

    /// Whether links are rows of a pivot table.
    #[must_use]
    pub fn is_many_to_many(&self) -> bool {
        matches!(self, Self::ManyToMany { .. } | Self::ManyToManyInverse)
    }
}

/// The table between two entities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pivot {
    /// Its name.
    pub table: String,
    /// Its schema, which is the owner's.
    pub schema: Option<String>,
    /// Its name before, for a database that still has that one.
    pub renamed_from: Option<String>,
    /// The columns with the owner's key.
    pub owner_columns: Vec<String>,
    /// The columns with the target's key.
    pub target_columns: Vec<String>,
}

/// One side of a pivot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The entity with `many_to_many`.
    Owner,
    /// The entity that it leads to.
    Target,
}

/// An index or unique constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its columns, as indexes into [`EntityMetadata::columns`].
    pub columns: Vec<usize>,
    /// The properties they belong to.
    pub properties: Vec<usize>,
    /// Whether no two rows may agree in them.
    pub unique: bool,
    /// Only rows that meet it, in the database's own words.
    pub condition: Option<&'static str>,
}

/// A condition that every row meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The constraint's name.
    pub name: String,
    /// The properties that it is about, where the program says.
    pub properties: Vec<usize>,
    /// The condition, in the database's own words.
    pub expression: &'static str,
}
