//! Rules that need more than one field or entity, checked when the metadata is built.

use std::collections::HashMap;

use super::description::{DefaultValue, Source};
use super::entity::{EntityMetadata, PropertyKind, RelationKind};
use super::registry::{Metadata, can_generate, metadata_error};
use crate::entity::EntityType;
use crate::error::Result;
use crate::value::{ColumnType, EnumType};

/// Rules on the bare types: without them, messages could not name anything.
pub(super) fn names(types: &[EntityType]) -> Result<()> {
    let mut seen: HashMap<&str, ()> = HashMap::new();
    for entity in types {
        let name = entity.description().name;
        if seen.insert(name, ()).is_some() {
            return Err(metadata_error(format!(
                "two entity types are named {name}; rename one of the structs, names in messages and paths must be \
                 unambiguous",
            )));
        }
    }
    Ok(())
}

/// Rules on linked entities.
pub(super) fn entities(metadata: &Metadata) -> Result<()> {
    let mut tables: HashMap<(Option<&str>, String), String> = HashMap::new();
    let mut enums: HashMap<&str, &EnumType> = HashMap::new();
    for entity in metadata.entities() {
        has_table_name(entity)?;
        let table = (entity.schema.as_deref(), entity.table.to_lowercase());
        if let Some(other) = tables.insert(table, entity.name.to_owned()) {
            return Err(metadata_error(format!(
                "{} and {other} are both mapped to the table `{}`; give one of them another with \
                 `#[entity(table = \"..\")]`",
                entity.name, entity.table,
            )));
        }
        columns_are_distinct(entity)?;
        key_is_sound(entity)?;
        lock_is_sound(entity)?;
        computed_is_not_written(entity)?;
        foreign_keys_fit(metadata, entity)?;
        constraints_are_distinct(entity)?;
        lists_are_no_keys(entity)?;
        enums_are_sound(entity, &mut enums)?;
        what_is_read_is_not_written(entity)?;
        relations_to_what_is_read_are_sound(metadata, entity)?;
    }
    for entity in metadata.entities().filter(|entity| entity.schema.is_none()) {
        if let Some(enum_type) = enums.get(entity.table.as_str()) {
            return Err(metadata_error(format!(
                "the enum {} and the table of {} are both named `{}`, and a database with types for enums has one \
                 name for both; give the enum another: `#[enum_value(type_name = \"..\")]`",
                enum_type.rust_name, entity.name, entity.table,
            )));
        }
    }
    for entity in metadata.entities() {
        for relation in &entity.relations {
            let RelationKind::ManyToMany { pivot } = &relation.kind else { continue };
            let place = format!("{}.{}", entity.name, relation.name);
            let table = (pivot.schema.as_deref(), pivot.table.to_lowercase());
            if let Some(other) = tables.insert(table, place.clone()) {
                return Err(metadata_error(format!(
                    "{place}: its pivot table `{}` is also the table of {other}; give it another with \
                     `pivot_table = \"..\"`",
                    pivot.table,
                )));
            }
            let mut columns: Vec<&String> = pivot.owner_columns.iter().chain(&pivot.target_columns).collect();
            columns.sort_unstable();
            if columns.windows(2).any(|pair| pair[0] == pair[1]) {
                return Err(metadata_error(format!(
                    "{place}: two columns of its pivot table have one name; set `join_column` and \
                     `inverse_join_column`",
                )));
            }
        }
    }
    Ok(())
}

fn has_table_name(entity: &EntityMetadata) -> Result<()> {
    if entity.table.is_empty() {
        return Err(metadata_error(format!(
            "{} has no table name; set it with `#[entity(table = \"..\")]` or in the naming strategy",
            entity.name,
        )));
    }
    let mut names =
        entity.columns.iter().map(|column| &column.name).chain([&entity.table]).chain(&entity.schema);
    if let Some(bad) = names.find(|name| name.is_empty() || name.chars().any(char::is_control)) {
        return Err(metadata_error(format!(
            "{}: {bad:?} can't name a table or column; it is empty or has control characters",
            entity.name,
        )));
    }
    Ok(())
}

fn columns_are_distinct(entity: &EntityMetadata) -> Result<()> {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for property in &entity.properties {
        for column in property.columns.clone() {
            let name = &entity.columns[column].name;
            if let Some(other) = seen.insert(name.to_lowercase(), property.name) {
                let cure = match property.name.contains('.') || other.contains('.') {
                    true => "`prefix = \"..\"` on what is embedded",
                    false => "`column = \"..\"`",
                };
                return Err(metadata_error(format!(
                    "{}.{} and {}.{other} are both mapped to the column `{name}`; give one of them another with {cure}",
                    entity.name, property.name, entity.name,
                )));
            }
        }
    }
    Ok(())
}

/// Of checks and unique constraints, which a database keeps in one place.
fn constraints_are_distinct(entity: &EntityMetadata) -> Result<()> {
    let mut seen: HashMap<String, ()> = HashMap::new();
    let checks = entity.checks.iter().map(|check| (&check.name, "check(name = \"..\", sql = \"..\")"));
    let indexes = entity.indexes.iter().map(|index| (&index.name, "unique(.., name = \"..\")"));
    for (name, how) in indexes.chain(checks) {
        if seen.insert(name.to_lowercase(), ()).is_some() {
            return Err(metadata_error(format!(
                "{}: two of its indexes and checks are named `{name}`; give one of them another name with `{how}`",
                entity.name,
            )));
        }
    }
    Ok(())
}

fn key_is_sound(entity: &EntityMetadata) -> Result<()> {
    if entity.primary_key.is_empty() {
        return Err(metadata_error(format!(
            "{} has no primary key; mark a field `#[entity(id)]`",
            entity.name
        )));
    }
    for property in entity.properties.iter().filter(|property| property.auto) {
        let column = &entity.columns[property.columns.start];
        if property.kind != PropertyKind::Scalar || !can_generate(column.column_type) {
            return Err(metadata_error(format!(
                "{}.{}: a database generates integer keys only; for another type use `default = path::to::function`",
                entity.name, property.name,
            )));
        }
    }
    Ok(())
}

/// The derive refuses most of it, at the attribute; what is described in another way is refused here.
fn lock_is_sound(entity: &EntityMetadata) -> Result<()> {
    let refuse = |property: usize, problem: &str| {
        Err(metadata_error(format!("{}.{}: {problem}", entity.name, entity.properties[property].name)))
    };
    let column = |property: usize| &entity.columns[entity.properties[property].columns.start];
    if let Some(version) = entity.version {
        if entity.properties[version].kind != PropertyKind::Scalar {
            return refuse(version, "a relation can't be the version; use an integer or a point in time");
        }
        if column(version).nullable {
            return refuse(version, "every row has a version; make it not nullable");
        }
        if !column(version).column_type.is_version() {
            return refuse(version, "a version is an integer or a point in time");
        }
    }
    for at in entity.expected() {
        if entity.primary_key.contains(&at) {
            return refuse(
                at,
                "a key never changes, so nothing can be compared with it; use a field of its own",
            );
        }
        if matches!(column(at).column_type, ColumnType::Json | ColumnType::Array(_)) {
            return refuse(at, "not every database compares JSON and lists; use a version");
        }
    }
    Ok(())
}

fn lists_are_no_keys(entity: &EntityMetadata) -> Result<()> {
    for property in entity.primary_key.iter().map(|at| &entity.properties[*at]) {
        if matches!(entity.columns[property.columns.start].column_type, ColumnType::Array(_)) {
            return Err(metadata_error(format!(
                "{}.{}: a list can't be a key; not every database compares lists",
                entity.name, property.name,
            )));
        }
    }
    Ok(())
}

/// Each name is of one enum, and what is said of a column suits it.
fn enums_are_sound<'m>(entity: &'m EntityMetadata, enums: &mut HashMap<&'m str, &'m EnumType>) -> Result<()> {
    for column in &entity.columns {
        let refuse = |problem: String| {
            let field = entity.property_of_column(&column.name).map_or("?", |property| property.name);
            Err(metadata_error(format!("{}.{field}: {problem}", entity.name)))
        };
        let enum_type = match column.column_type {
            ColumnType::Enum(enum_type) => enum_type,
            ColumnType::Array(_) if column.length.is_some() => {
                return refuse("`length` bounds text and bytes, not lists; remove it".to_owned());
            }
            ColumnType::Array(_)
                if column.default.is_some_and(|default| !matches!(default, DefaultValue::Expression(_))) =>
            {
                return refuse(
                    "a list has no `default` but an expression of the database; write one, or remove it"
                        .to_owned(),
                );
            }
            _ => continue,
        };
        if column.length.is_some() {
            return refuse("the labels of an enum bound it already; remove `length`".to_owned());
        }
        match column.default {
            Some(DefaultValue::Text(text)) if enum_type.label(text).is_err() => {
                let (name, labels) = (enum_type.rust_name, enum_type.labels.join(", "));
                return refuse(format!("the default \"{text}\" is no label of {name}, which are: {labels}"));
            }
            Some(DefaultValue::Text(_) | DefaultValue::Expression(_)) | None => {}
            Some(DefaultValue::Bool(_) | DefaultValue::Int(_) | DefaultValue::Float(_)) => {
                return refuse("the default of an enum is one of its labels, in quotes".to_owned());
            }
        }
        let Some(name) = enum_type.name else { continue };
        if let Some(other) = enums.insert(name, enum_type).filter(|other| other.labels != enum_type.labels) {
            let (one, other) = (enum_type.rust_name, other.rust_name);
            return refuse(format!(
                "the enums {one} and {other} are both named `{name}` in the database; give one of them another name: \
                 `#[enum_value(type_name = \"..\")]`",
            ));
        }
    }
    Ok(())
}

/// The derive refuses it at the attribute; what is described in another way is refused here.
fn computed_is_not_written(entity: &EntityMetadata) -> Result<()> {
    let is_written = |property: &usize| {
        entity.primary_key.contains(property)
            || entity.soft_delete == Some(*property)
            || entity.expected().any(|one| one == *property)
            || entity.properties[*property].kind != PropertyKind::Scalar
    };
    match entity.computed.iter().copied().find(is_written) {
        Some(property) => Err(metadata_error(format!(
            "{}.{}: the database computes it of the row's other columns, so it can be no key, no version and no relation",
            entity.name, entity.properties[property].name,
        ))),
        None => Ok(()),
    }
}

/// The derive refuses it at the attribute; what is described in another way is refused here.
fn what_is_read_is_not_written(entity: &EntityMetadata) -> Result<()> {
    if entity.source.is_writable() {
        return Ok(());
    }
    let fields =
        entity.generated().into_iter().chain(entity.expected()).chain(entity.computed.iter().copied());
    let field = fields.map(|property| entity.properties[property].name).next();
    let cascading = entity.relations.iter().find(|one| one.cascades()).map(|one| one.name);
    if let Some(field) = field.or(cascading) {
        return Err(metadata_error(format!(
            "{}.{field}: nothing is written of a view or a `read_only` entity, so it has no generated or computed column, \
             no version, and nothing goes with its rows",
            entity.name,
        )));
    }
    if let Some(check) = entity.checks.first() {
        return Err(metadata_error(format!(
            "{}: the schema makes no table of a view or a `read_only` entity, so it has no check `{}`",
            entity.name, check.name,
        )));
    }
    match entity.source {
        Source::View { select } if select.trim().trim_end_matches(';').trim().is_empty() => {
            Err(metadata_error(format!("{}: the select of its view is empty", entity.name)))
        }
        Source::View { .. } | Source::External | Source::Table => Ok(()),
    }
}

fn relations_to_what_is_read_are_sound(metadata: &Metadata, entity: &EntityMetadata) -> Result<()> {
    for relation in &entity.relations {
        let target = metadata.entity(relation.target);
        if target.source.is_writable() {
            continue;
        }
        let refuse = |problem: &str| {
            let (entity, relation, target) = (entity.name, relation.name, target.name);
            Err(metadata_error(format!("{entity}.{relation}: {target} is only read, {problem}")))
        };
        if relation.cascades() {
            return refuse("so none of its rows is removed: take `cascade_remove` and `orphan_removal` away");
        }
        let has_action = relation.on_delete.or(relation.on_update).is_some();
        if has_action && matches!(relation.kind, RelationKind::ManyToOne { .. }) {
            return refuse("and no foreign key leads to it: take `on_delete` and `on_update` away");
        }
    }
    Ok(())
}

/// Holds by construction: a foreign key's columns are made from the key that they point to. Checked all the same,
/// since hydration relies on it.
fn foreign_keys_fit(metadata: &Metadata, entity: &EntityMetadata) -> Result<()> {
    for relation in &entity.relations {
        let RelationKind::ManyToOne { property } = relation.kind else { continue };
        let target = metadata.entity(relation.target);
        let own =
            entity.properties[property].columns.clone().map(|column| entity.columns[column].column_type);
        let key = target.key_columns().map(|column| target.columns[column].column_type);
        if !own.eq(key) {
            return Err(metadata_error(format!(
                "{}.{}: the type of its foreign key differs from the key of {}",
                entity.name, relation.name, target.name,
            )));
        }
    }
    Ok(())
}
