//! Tables as metadata implies them, before any dialect.

use crate::metadata::description::ReferentialAction;
use crate::metadata::{Column, EntityMetadata, Metadata, RelationKind, bounded_name};

/// Every table, in an order in which each comes after those that its required foreign keys point to, where such
/// an order exists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// The tables.
    pub tables: Vec<Table>,
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its schema, where it is not the connection's own.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Names of the primary key's columns.
    pub primary_key: Vec<String>,
    /// The primary key's column that the database generates.
    pub generated: Option<String>,
    /// Foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Indexes and unique constraints.
    pub indexes: Vec<TableIndex>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The constraint's name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The schema of the table it points to.
    pub referenced_schema: Option<String>,
    /// The table it points to.
    pub referenced_table: String,
    /// The columns it points to.
    pub referenced_columns: Vec<String>,
    /// When the row it points to goes.
    pub on_delete: Option<ReferentialAction>,
    /// When the key it points to changes.
    pub on_update: Option<ReferentialAction>,
}

/// An index or unique constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableIndex {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// Whether no two rows may agree in them.
    pub unique: bool,
    /// Only rows that meet it, in the database's own words.
    pub condition: Option<&'static str>,
}

/// The name of the check that bounds the length of a column, where its type does not.
#[must_use]
pub fn length_check(table: &str, column: &str) -> String {
    bounded_name(format!("{table}_{column}_length"))
}

impl Schema {
    /// The tables that `metadata` implies: one an entity, one a many-to-many relation.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        let entities = metadata.entities();
        let mut tables: Vec<Table> = entities.map(|entity| entity_table(metadata, entity)).collect();
        tables.extend(metadata.entities().flat_map(|entity| pivot_tables(metadata, entity)));
        Self { tables: referenced_first(tables) }
    }
}

fn entity_table(metadata: &Metadata, entity: &EntityMetadata) -> Table {
    let name_of = |column: &usize| entity.columns[*column].name.clone();
    let foreign_keys = entity.relations.iter().filter_map(|relation| {
        let RelationKind::ManyToOne { property } = relation.kind else { return None };
        let columns = entity.properties[property].columns.clone();
        let columns: Vec<String> = columns.map(|column| name_of(&column)).collect();
        let target = metadata.entity(relation.target);
        Some(ForeignKey {
            name: metadata.foreign_key_name(&entity.table, &as_strs(&columns)),
            referenced_schema: target.schema.clone(),
            referenced_table: target.table.clone(),
            referenced_columns: target
                .key_columns()
                .map(|column| target.columns[column].name.clone())
                .collect(),
            on_delete: relation.on_delete,
            on_update: relation.on_update,
            columns,
        })
    });
    let indexes = entity.indexes.iter().map(|index| TableIndex {
        name: index.name.clone(),
        columns: index.columns.iter().map(name_of).collect(),
        unique: index.unique,
        condition: index.condition,
    });
    Table {
        schema: entity.schema.clone(),
        name: entity.table.clone(),
        columns: entity.columns.clone(),
        primary_key: entity.key_columns().map(|column| name_of(&column)).collect(),
        generated: entity.generated().map(|property| name_of(&entity.properties[property].columns.start)),
        foreign_keys: foreign_keys.collect(),
        indexes: indexes.collect(),
    }
}

fn pivot_tables(metadata: &Metadata, owner: &EntityMetadata) -> Vec<Table> {
    let pivots = owner.relations.iter().filter_map(|relation| match &relation.kind {
        RelationKind::ManyToMany { pivot } => Some((relation, pivot)),
        RelationKind::ManyToOne { .. }
        | RelationKind::OneToOneInverse
        | RelationKind::OneToMany
        | RelationKind::ManyToManyInverse => None,
    });
    let tables = pivots.map(|(relation, pivot)| {
        let target = metadata.entity(relation.target);
        let on_delete = relation.on_delete.or(Some(ReferentialAction::Cascade));
        let on_update = relation.on_update.or(Some(ReferentialAction::Cascade));
        let side = |names: &[String], entity: &EntityMetadata| {
            let columns: Vec<Column> = entity
                .key_columns()
                .zip(names)
                .map(|(column, name)| Column {
                    name: name.clone(),
                    nullable: false,
                    default: None,
                    ..entity.columns[column].clone()
                })
                .collect();
            let foreign_key = ForeignKey {
                name: metadata.foreign_key_name(&pivot.table, &as_strs(names)),
                columns: names.to_vec(),
                referenced_schema: entity.schema.clone(),
                referenced_table: entity.table.clone(),
                referenced_columns: entity.key_columns().map(|at| entity.columns[at].name.clone()).collect(),
                on_delete,
                on_update,
            };
            (columns, foreign_key)
        };
        let (mut columns, owner_key) = side(&pivot.owner_columns, owner);
        let (target_columns, target_key) = side(&pivot.target_columns, target);
        columns.extend(target_columns);
        Table {
            schema: pivot.schema.clone(),
            name: pivot.table.clone(),
            primary_key: columns.iter().map(|column| column.name.clone()).collect(),
            columns,
            generated: None,
            foreign_keys: vec![owner_key, target_key],
            // The primary key serves reads from the owner's side.
            indexes: vec![TableIndex {
                name: bounded_name(metadata.naming().index(
                    &pivot.table,
                    &as_strs(&pivot.target_columns),
                    false,
                )),
                columns: pivot.target_columns.clone(),
                unique: false,
                condition: None,
            }],
        }
    });
    tables.collect()
}

/// Each table after those it refers to; what goes in circles keeps its place at the end.
fn referenced_first(mut tables: Vec<Table>) -> Vec<Table> {
    let mut ordered: Vec<Table> = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let is_ready = |table: &Table| {
            table.foreign_keys.iter().all(|key| {
                key.referenced_table == table.name
                    || ordered.iter().any(|done| done.name == key.referenced_table)
                    || !tables.iter().any(|other| other.name == key.referenced_table)
            })
        };
        let at = tables.iter().position(is_ready).unwrap_or(0);
        ordered.push(tables.remove(at));
    }
    ordered
}

fn as_strs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}
