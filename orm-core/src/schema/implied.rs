//! The tables and views that metadata implies.

use super::{
    Check, Column, ColumnDefault, Enumeration, ForeignKey, GeneratedColumn, Schema, Table, TableIndex, View,
};
use crate::metadata::description::{DefaultValue, ReferentialAction};
use crate::metadata::{self, EntityMetadata, Metadata, RelationKind, Source, bounded_name};
use crate::value::{ColumnType, EnumType};

impl Schema {
    /// What `metadata` implies: one table or view an entity, one table a many-to-many relation.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        let mut schema = Self::default();
        for entity in metadata.entities() {
            match entity.source {
                Source::Table => schema.tables.push(entity_table(metadata, entity)),
                Source::View { select } => schema.views.push(view(entity, select)),
                Source::External => schema.external.push(entity_table(metadata, entity)),
            }
        }
        for entity in metadata.entities() {
            let pivots = pivot_tables(metadata, entity);
            match entity.source {
                Source::Table => schema.tables.extend(pivots),
                Source::View { .. } | Source::External => schema.external.extend(pivots),
            }
        }
        schema.tables = referenced_first(schema.tables);
        schema
    }
}

fn entity_table(metadata: &Metadata, entity: &EntityMetadata) -> Table {
    let name_of = |column: &usize| entity.columns[*column].name.clone();
    let foreign_keys = entity.relations.iter().filter_map(|relation| {
        let RelationKind::ManyToOne { property } = relation.kind else { return None };
        let columns = entity.properties[property].columns.clone();
        let columns: Vec<String> = columns.map(|column| name_of(&column)).collect();
        let target = Some(metadata.entity(relation.target)).filter(|target| takes_foreign_keys(target))?;
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
        condition: index.condition.map(str::to_owned),
    });
    let checks = entity
        .checks
        .iter()
        .map(|check| Check { name: check.name.clone(), expression: check.expression.to_owned() });
    Table {
        schema: entity.schema.clone(),
        name: entity.table.clone(),
        renamed_from: entity.renamed_from.map(str::to_owned),
        comment: entity.comment.map(str::to_owned),
        columns: entity.columns.iter().map(Column::of).collect(),
        primary_key: entity.key_columns().map(|column| name_of(&column)).collect(),
        generated_key: entity.generated().map(|property| name_of(&entity.properties[property].columns.start)),
        foreign_keys: foreign_keys.collect(),
        indexes: indexes.collect(),
        checks: checks.collect(),
    }
}

/// Whether foreign keys lead to it: a view takes none, and what somebody else makes may be one.
fn takes_foreign_keys(entity: &EntityMetadata) -> bool {
    entity.source == Source::Table
}

fn view(entity: &EntityMetadata, select: &str) -> View {
    View {
        schema: entity.schema.clone(),
        name: entity.table.clone(),
        // A file that holds it may well end it as a statement.
        select: select.trim().trim_end_matches(';').trim_end().to_owned(),
        comment: entity.comment.map(str::to_owned),
        columns: entity.columns.iter().map(Column::of).collect(),
    }
}

impl Column {
    fn of(column: &metadata::Column) -> Self {
        Self {
            name: column.name.clone(),
            renamed_from: column.renamed_from.map(str::to_owned),
            column_type: match column.column_type {
                ColumnType::Enum(_) => ColumnType::Text,
                ColumnType::Array(ColumnType::Enum(_)) => ColumnType::Array(&ColumnType::Text),
                other => other,
            },
            nullable: column.nullable,
            length: column.length,
            default: column.default.map(ColumnDefault::from),
            generated: column.generated.map(|generated| GeneratedColumn {
                expression: generated.expression.to_owned(),
                storage: generated.storage,
            }),
            comment: column.comment.map(str::to_owned),
            enumeration: match column.column_type {
                ColumnType::Enum(enum_type) => Some(Enumeration::of(enum_type.name, enum_type)),
                // Text, since a list of labels is no type of its own anywhere else.
                ColumnType::Array(ColumnType::Enum(enum_type)) => Some(Enumeration::of(None, enum_type)),
                _ => None,
            },
        }
    }
}

impl Enumeration {
    fn of(name: Option<&str>, enum_type: &EnumType) -> Self {
        let labels = enum_type.labels.iter().map(|label| (*label).to_owned()).collect();
        Self { name: name.map(str::to_owned), labels }
    }
}

impl From<DefaultValue> for ColumnDefault {
    fn from(default: DefaultValue) -> Self {
        match default {
            DefaultValue::Bool(value) => Self::Bool(value),
            DefaultValue::Int(value) => Self::Int(value),
            DefaultValue::Float(value) => Self::Float(value),
            DefaultValue::Text(value) => Self::Text(value.to_owned()),
            DefaultValue::Expression(value) => Self::Expression(value.to_owned()),
        }
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
                .map(|(column, name)| {
                    let key = &entity.columns[column];
                    Column { length: key.length, ..Column::new(name, key.column_type) }
                })
                .collect();
            let foreign_key = takes_foreign_keys(entity).then(|| ForeignKey {
                name: metadata.foreign_key_name(&pivot.table, &as_strs(names)),
                columns: names.to_vec(),
                referenced_schema: entity.schema.clone(),
                referenced_table: entity.table.clone(),
                referenced_columns: entity.key_columns().map(|at| entity.columns[at].name.clone()).collect(),
                on_delete,
                on_update,
            });
            (columns, foreign_key)
        };
        let (mut columns, owner_key) = side(&pivot.owner_columns, owner);
        let (target_columns, target_key) = side(&pivot.target_columns, target);
        columns.extend(target_columns);
        Table {
            schema: pivot.schema.clone(),
            name: pivot.table.clone(),
            renamed_from: pivot.renamed_from.clone(),
            comment: None,
            primary_key: columns.iter().map(|column| column.name.clone()).collect(),
            columns,
            generated_key: None,
            foreign_keys: owner_key.into_iter().chain(target_key).collect(),
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
            checks: Vec::new(),
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
