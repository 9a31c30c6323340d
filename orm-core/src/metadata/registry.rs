//! Every entity type of an ORM, linked and checked once at start.

use std::collections::VecDeque;
use std::sync::Arc;

use super::check;
use super::description::{
    CheckDescription, EntityDescription, PropertyDescription, PropertyShape, RelationDescription,
    RelationShape,
};
use super::entity::{
    Check, Column, EntityId, EntityMetadata, Index, Pivot, Property, PropertyKind, Relation, RelationId,
    RelationKind,
};
use super::naming::{NamingStrategy, bounded_name};
use crate::entity::{Entity, EntityType};
use crate::error::{Error, Result};
use crate::value::ColumnType;

/// What an ORM knows about its entity types. Complete and checked before the first query, never changed after.
#[derive(Debug)]
pub struct Metadata {
    entities: Vec<EntityMetadata>,
    types: Vec<EntityType>,
    /// By the process-wide index of a type: its id here.
    ids: Vec<Option<EntityId>>,
    naming: Arc<dyn NamingStrategy>,
}

impl Metadata {
    /// Discovers what `roots` reach through relations, resolves names, links sides and checks everything.
    pub(crate) fn build(roots: &[EntityType], naming: Arc<dyn NamingStrategy>) -> Result<Self> {
        let types = discover(roots);
        check::names(&types)?;
        let mut ids = Vec::new();
        for (at, entity) in types.iter().enumerate() {
            let index = entity.index();
            if ids.len() <= index {
                ids.resize(index + 1, None);
            }
            ids[index] = Some(EntityId(u32::try_from(at).map_err(|_| metadata_error("too many entities"))?));
        }
        let builder = Builder { types: &types, ids: &ids, naming: &*naming };
        let mut entities =
            (0..types.len()).map(|at| builder.entity(at)).collect::<Result<Vec<EntityMetadata>>>()?;
        builder.link(&mut entities)?;
        let metadata = Self { entities, types, ids, naming };
        check::entities(&metadata)?;
        Ok(metadata)
    }

    /// All entities, in the order of discovery.
    pub fn entities(&self) -> impl ExactSizeIterator<Item = &EntityMetadata> {
        self.entities.iter()
    }

    /// One entity.
    ///
    /// # Panics
    ///
    /// When `id` is of other metadata.
    #[must_use]
    pub fn entity(&self, id: EntityId) -> &EntityMetadata {
        &self.entities[id.at()]
    }

    /// The entity with the struct name `name`.
    #[must_use]
    pub fn entity_named(&self, name: &str) -> Option<&EntityMetadata> {
        self.entities.iter().find(|entity| entity.name == name)
    }

    /// The metadata of `T`, if this ORM knows it.
    #[must_use]
    pub fn of<T: Entity>(&self) -> Option<&EntityMetadata> {
        self.id_of::<T>().map(|id| self.entity(id))
    }

    /// The id of `T`, if this ORM knows it.
    #[must_use]
    pub fn id_of<T: Entity>(&self) -> Option<EntityId> {
        self.ids.get(T::__index().get()).copied().flatten()
    }

    pub(crate) fn id_of_type(&self, entity: &EntityType) -> Option<EntityId> {
        self.ids.get(entity.index()).copied().flatten()
    }

    /// One relation.
    ///
    /// # Panics
    ///
    /// When `id` is of other metadata.
    #[must_use]
    pub fn relation(&self, id: RelationId) -> &Relation {
        &self.entity(id.entity).relations[id.index]
    }

    /// The rules that made the names.
    #[must_use]
    pub fn naming(&self) -> &dyn NamingStrategy {
        &*self.naming
    }

    /// The name of the foreign key in these columns of a table.
    #[must_use]
    pub fn foreign_key_name(&self, table: &str, columns: &[&str]) -> String {
        bounded_name(self.naming.foreign_key(table, columns))
    }

    pub(crate) fn entity_type(&self, id: EntityId) -> EntityType {
        self.types[id.at()]
    }

    /// The owning side of `relation`, which may be itself.
    pub(crate) fn owning_side(&self, relation: RelationId) -> RelationId {
        let meta = self.relation(relation);
        match (&meta.kind, meta.other_side) {
            (
                RelationKind::OneToMany | RelationKind::OneToOneInverse | RelationKind::ManyToManyInverse,
                Some(index),
            ) => RelationId { entity: meta.target, index },
            _ => relation,
        }
    }

    /// Whether the program writes what says which rows `relation` leads to: the foreign key, or the pivot table.
    pub(crate) fn is_written(&self, relation: RelationId) -> bool {
        self.entity(self.owning_side(relation).entity).source.is_writable()
    }

    /// The same relation seen from its target, if the target has a field for it.
    pub(crate) fn other_side(&self, relation: RelationId) -> Option<RelationId> {
        let meta = self.relation(relation);
        meta.other_side.map(|index| RelationId { entity: meta.target, index })
    }
}

/// Every type that the roots reach, each once.
fn discover(roots: &[EntityType]) -> Vec<EntityType> {
    let mut found: Vec<EntityType> = Vec::new();
    let mut queue: VecDeque<EntityType> = roots.iter().copied().collect();
    while let Some(entity) = queue.pop_front() {
        if found.iter().any(|known| known.index() == entity.index()) {
            continue;
        }
        queue.extend(entity.description().relations.iter().map(|relation| (relation.target)()));
        found.push(entity);
    }
    found
}

struct Builder<'a> {
    types: &'a [EntityType],
    ids: &'a [Option<EntityId>],
    naming: &'a dyn NamingStrategy,
}

impl Builder<'_> {
    fn entity(&self, at: usize) -> Result<EntityMetadata> {
        let description = self.types[at].description();
        let mut columns = Vec::new();
        let mut properties = Vec::new();
        for property in description.properties {
            let start = columns.len();
            columns.extend(self.columns(description, property)?);
            let kind = match property.kind {
                PropertyShape::Scalar { .. } => PropertyKind::Scalar,
                PropertyShape::Reference(relation) => PropertyKind::Reference(relation),
            };
            properties.push(Property {
                name: property.name,
                json: property.json,
                columns: start..columns.len(),
                kind,
                auto: property.auto,
                hidden: property.hidden,
            });
        }
        let table = description.table.map_or_else(|| self.naming.table(description.name), str::to_owned);
        let indexes = self.indexes(description, &table, &columns, &properties)?;
        let checks = description.checks.iter();
        let checks = checks.map(|check| self.check(description, check, &table, &columns, &properties));
        let checks = checks.collect::<Result<Vec<Check>>>()?;
        let mut versions = description.properties.iter().filter(|property| property.version);
        if let (Some(first), Some(second)) = (versions.next(), versions.next()) {
            return Err(metadata_error(format!(
                "{}.{}: `{}` is the version already; a row has one",
                description.name, second.name, first.name,
            )));
        }
        let position = |wanted: fn(&PropertyDescription) -> bool| {
            description.properties.iter().enumerate().filter(move |(_, one)| wanted(one)).map(|(at, _)| at)
        };
        Ok(EntityMetadata {
            id: EntityId(u32::try_from(at).map_err(|_| metadata_error("too many entities"))?),
            name: description.name,
            table,
            schema: description.schema.map(str::to_owned),
            source: description.source,
            renamed_from: description.renamed_from,
            comment: description.comment,
            columns,
            properties,
            relations: Vec::new(),
            indexes,
            checks,
            primary_key: position(|property| property.id).collect(),
            version: position(|property| property.version).next(),
            soft_delete: position(|property| property.soft_delete).next(),
            computed: position(|property| property.generated.is_some()).collect(),
            concurrency_checks: position(|property| property.concurrency_check).collect(),
        })
    }

    fn columns(&self, entity: &EntityDescription, property: &PropertyDescription) -> Result<Vec<Column>> {
        match property.kind {
            PropertyShape::Scalar { column_type, nullable } => Ok(vec![Column {
                name: self.column_name(entity, property),
                column_type,
                // No part of a primary key is ever NULL, also where the struct says "not assigned" by `None`.
                nullable: nullable && !property.id,
                length: property.length,
                default: property.default,
                generated: property.generated,
                renamed_from: property.renamed_from,
                comment: property.comment,
            }]),
            PropertyShape::Reference(relation) => {
                let relation = &entity.relations[relation];
                let key = self.key_columns((relation.target)().description(), &mut Vec::new())?;
                if !property.columns.is_empty() && property.columns.len() != key.len() {
                    return Err(metadata_error(format!(
                        "{}.{}: {} join column(s) are named, but the key of {} has {}; name one for each, in the \
                         order of the key",
                        entity.name,
                        property.name,
                        property.columns.len(),
                        relation.target_name,
                        key.len(),
                    )));
                }
                if property.renamed_from.is_some() && key.len() != 1 {
                    return Err(metadata_error(format!(
                        "{}.{}: `renamed_from` names one column, but the key of {} has {}",
                        entity.name,
                        property.name,
                        relation.target_name,
                        key.len(),
                    )));
                }
                let columns = key.into_iter().enumerate().map(|(at, column)| Column {
                    name: property.columns.get(at).map_or_else(
                        || match entity.rename_all {
                            Some(case) => case.apply(&format!("{}_{}", property.name, column.name)),
                            None => self.naming.join_column(property.name, &column.name),
                        },
                        |name| (*name).to_owned(),
                    ),
                    column_type: column.column_type,
                    nullable: relation.nullable && !property.id,
                    length: column.length,
                    default: None,
                    generated: None,
                    renamed_from: property.renamed_from,
                    comment: property.comment,
                });
                Ok(columns.collect())
            }
        }
    }

    /// The column of a scalar: behind the prefixes of the structs that it is embedded in.
    fn column_name(&self, entity: &EntityDescription, property: &PropertyDescription) -> String {
        let field = property.name.rsplit('.').next().unwrap_or(property.name);
        let own_name = |name: &str| match entity.rename_all {
            Some(case) => case.apply(name),
            None => self.naming.column(name),
        };
        // Outermost first.
        let mut embeddings = Vec::new();
        let mut next = property.embedding.and_then(|at| entity.embeddings.get(at));
        while let Some(embedding) = next {
            embeddings.insert(0, embedding);
            next = embedding.outer.and_then(|at| entity.embeddings.get(at));
        }
        let (mut name, mut words) = (String::new(), Vec::new());
        for embedding in embeddings {
            match embedding.prefix {
                Some(prefix) => {
                    name.extend(words.drain(..).map(|word| self.embedded_prefix(entity, word)));
                    name.push_str(prefix);
                }
                None => words.push(embedding.field),
            }
        }
        match (property.columns.first(), entity.rename_all) {
            (Some(column), _) => {
                name.extend(words.into_iter().map(|word| self.embedded_prefix(entity, word)));
                name.push_str(column);
            }
            // One name in that case, such as `addressStreet`.
            (None, Some(_)) => {
                words.push(field);
                name.push_str(&own_name(&words.join("_")));
            }
            (None, None) => {
                name.extend(words.into_iter().map(|word| self.embedded_prefix(entity, word)));
                name.push_str(&own_name(field));
            }
        }
        name
    }

    fn embedded_prefix(&self, entity: &EntityDescription, field: &str) -> String {
        match entity.rename_all {
            Some(case) => format!("{}_", case.apply(field)),
            None => self.naming.embedded_prefix(field),
        }
    }

    /// The key columns of `entity`; a key made of references is followed to the scalars at its end.
    fn key_columns(
        &self,
        entity: &'static EntityDescription,
        path: &mut Vec<&'static str>,
    ) -> Result<Vec<Column>> {
        if path.contains(&entity.name) {
            path.push(entity.name);
            return Err(metadata_error(format!(
                "the keys of {} refer to each other in a circle, so no row could ever have one",
                path.join(", "),
            )));
        }
        path.push(entity.name);
        let mut columns = Vec::new();
        for property in entity.properties.iter().filter(|property| property.id) {
            if let PropertyShape::Reference(relation) = property.kind {
                self.key_columns((entity.relations[relation].target)().description(), path)?;
            }
            columns.extend(self.columns(entity, property)?);
        }
        path.pop();
        Ok(columns)
    }

    fn indexes(
        &self,
        entity: &EntityDescription,
        table: &str,
        columns: &[Column],
        properties: &[Property],
    ) -> Result<Vec<Index>> {
        let index_of = |properties_of: Vec<usize>, unique: bool, name: Option<&str>, condition| {
            let covered: Vec<usize> =
                properties_of.iter().flat_map(|property| properties[*property].columns.clone()).collect();
            let names: Vec<&str> = covered.iter().map(|column| columns[*column].name.as_str()).collect();
            Index {
                name: match name {
                    Some(name) => name.to_owned(),
                    None => bounded_name(self.naming.index(table, &names, unique)),
                },
                columns: covered,
                properties: properties_of,
                unique,
                condition,
            }
        };
        let mut indexes = Vec::new();
        for (at, property) in entity.properties.iter().enumerate() {
            let one_to_one = match property.kind {
                PropertyShape::Reference(relation) => entity.relations[relation].unique,
                PropertyShape::Scalar { .. } => false,
            };
            // A foreign key is looked up from its other side, so it is always indexed.
            let is_reference = matches!(property.kind, PropertyShape::Reference(_));
            let is_whole_key = property.id && entity.properties.iter().filter(|one| one.id).count() == 1;
            if is_whole_key {
                continue;
            }
            if property.unique || one_to_one {
                indexes.push(index_of(vec![at], true, None, None));
            } else if property.index || is_reference {
                indexes.push(index_of(vec![at], false, None, None));
            }
        }
        for index in entity.indexes {
            let properties_of = properties_named(entity, index.properties, "an index")?;
            indexes.push(index_of(properties_of, index.unique, index.name, index.condition));
        }
        Ok(indexes)
    }

    fn check(
        &self,
        entity: &EntityDescription,
        check: &CheckDescription,
        table: &str,
        columns: &[Column],
        properties: &[Property],
    ) -> Result<Check> {
        let about = properties_named(entity, check.properties, "a check")?;
        let names = about.iter().flat_map(|property| columns[properties[*property].columns.clone()].iter());
        let names: Vec<&str> = names.map(|column| column.name.as_str()).collect();
        Ok(Check {
            name: check.name.map_or_else(|| bounded_name(self.naming.check(table, &names)), str::to_owned),
            properties: about,
            expression: check.expression,
        })
    }

    /// Links relations. All tables and columns are known by now.
    fn link(&self, entities: &mut [EntityMetadata]) -> Result<()> {
        for at in 0..entities.len() {
            let description = self.types[at].description();
            let relations =
                description.relations.iter().map(|relation| self.relation(entities, at, relation));
            let relations = relations.collect::<Result<Vec<Relation>>>()?;
            entities[at].relations = relations;
        }
        let mut inverse_of: Vec<(RelationId, usize)> = Vec::new();
        for entity in entities.iter() {
            for (index, relation) in entity.relations.iter().enumerate() {
                let is_inverse = matches!(
                    relation.kind,
                    RelationKind::OneToMany | RelationKind::OneToOneInverse | RelationKind::ManyToManyInverse
                );
                if let (true, Some(owner)) = (is_inverse, relation.other_side) {
                    inverse_of.push((RelationId { entity: relation.target, index: owner }, index));
                }
            }
        }
        for (owner, inverse) in inverse_of {
            let relation = &mut entities[owner.entity.at()].relations[owner.index];
            if relation.other_side.replace(inverse).is_some() {
                let name = relation.name;
                return Err(metadata_error(format!(
                    "{}.{name} is mapped by two fields of its target; only one can be its other side",
                    entities[owner.entity.at()].name,
                )));
            }
        }
        Ok(())
    }

    fn relation(
        &self,
        entities: &[EntityMetadata],
        at: usize,
        relation: &RelationDescription,
    ) -> Result<Relation> {
        let owner = &entities[at];
        let target_type = (relation.target)();
        let target = self.ids.get(target_type.index()).copied().flatten().ok_or_else(|| {
            metadata_error(format!("{}.{}: its target was not discovered", owner.name, relation.name))
        })?;
        let target_meta = &entities[target.at()];
        let mut other_side = None;
        let kind = match relation.shape {
            RelationShape::Reference => RelationKind::ManyToOne {
                property: relation.property.ok_or_else(|| {
                    metadata_error(format!("{}.{}: the relation has no column", owner.name, relation.name))
                })?,
            },
            RelationShape::OwningCollection => {
                RelationKind::ManyToMany { pivot: Box::new(self.pivot(owner, target_meta, relation)?) }
            }
            RelationShape::InverseReference | RelationShape::InverseCollection => {
                let (index, owning) = owning_relation(owner.name, relation, target_type.description())?;
                if (owning.target)().index() != self.types[at].index() {
                    return Err(metadata_error(format!(
                        "{}.{}: mapped_by = \"{}\" leads to {}, not back to {}",
                        owner.name, relation.name, owning.name, owning.target_name, owner.name,
                    )));
                }
                other_side = Some(index);
                match (relation.shape, owning.shape) {
                    (RelationShape::InverseReference, RelationShape::Reference) if owning.unique => {
                        RelationKind::OneToOneInverse
                    }
                    (RelationShape::InverseReference, _) => {
                        return Err(metadata_error(format!(
                            "{}.{}: {}.{} may refer to one {} from several rows; mark it `#[entity(unique)]`, or make \
                             this field a `Collection`",
                            owner.name, relation.name, target_meta.name, owning.name, owner.name,
                        )));
                    }
                    (_, RelationShape::OwningCollection) => RelationKind::ManyToManyInverse,
                    _ => RelationKind::OneToMany,
                }
            }
        };
        let order_by = relation.order_by.iter().map(|order| match target_meta.property(order.property) {
            Some((property, _)) => Ok((property, *order)),
            None => Err(metadata_error(format!(
                "{}.{}: order_by names `{}`, which is no field with a column of {}",
                owner.name, relation.name, order.property, target_meta.name,
            ))),
        });
        Ok(Relation {
            name: relation.name,
            json: relation.json,
            kind,
            target,
            other_side,
            nullable: relation.nullable,
            unique: relation.unique,
            on_delete: relation.on_delete,
            on_update: relation.on_update,
            order_by: order_by.collect::<Result<Vec<_>>>()?,
            eager: relation.eager,
            may_be_missing: relation.may_be_missing,
            cascade_remove: relation.cascade_remove,
            orphan_removal: relation.orphan_removal,
            hidden: relation.hidden,
        })
    }

    fn pivot(
        &self,
        owner: &EntityMetadata,
        target: &EntityMetadata,
        relation: &RelationDescription,
    ) -> Result<Pivot> {
        let key_names = |entity: &EntityMetadata| -> Vec<String> {
            entity.key_columns().map(|column| entity.columns[column].name.clone()).collect()
        };
        let (owner_key, target_key) = (key_names(owner), key_names(target));
        let itself = owner.id == target.id;
        let named = |given: &[&str], key: &[String], entity: &EntityMetadata, place: u8| {
            if given.is_empty() {
                // Both sides of a relation of an entity with itself would get the same names.
                let prefix = if itself { format!("{}_{place}", entity.name) } else { entity.name.to_owned() };
                return Ok(key.iter().map(|column| self.naming.pivot_column(&prefix, column)).collect());
            }
            if given.len() != key.len() {
                return Err(metadata_error(format!(
                    "{}.{}: {} pivot column(s) are named for {}, whose key has {}",
                    owner.name,
                    relation.name,
                    given.len(),
                    entity.name,
                    key.len(),
                )));
            }
            Ok(given.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>())
        };
        // A pivot table that is named after its owner's follows it.
        let renamed_with_owner = || {
            let owner_table = self.types[owner.id.at()].description().renamed_from?;
            let is_named_after_it = relation.pivot_table.is_none();
            is_named_after_it.then(|| self.naming.pivot_table(owner_table, &target.table, relation.name))
        };
        Ok(Pivot {
            renamed_from: relation.pivot_renamed_from.map(str::to_owned).or_else(renamed_with_owner),
            table: relation.pivot_table.map_or_else(
                || self.naming.pivot_table(&owner.table, &target.table, relation.name),
                str::to_owned,
            ),
            schema: owner.schema.clone(),
            owner_columns: named(relation.join_columns, &owner_key, owner, 1)?,
            target_columns: named(relation.inverse_join_columns, &target_key, target, 2)?,
        })
    }
}

/// The places of the fields that `what` names.
fn properties_named(entity: &EntityDescription, names: &[&str], what: &str) -> Result<Vec<usize>> {
    let places = names.iter().map(|name| {
        entity.properties.iter().position(|property| property.name == *name).ok_or_else(|| {
            metadata_error(format!("{}: {what} names the field `{name}`, which has no column", entity.name))
        })
    });
    places.collect()
}

fn owning_relation<'a>(
    entity: &str,
    relation: &RelationDescription,
    target: &'a EntityDescription,
) -> Result<(usize, &'a RelationDescription)> {
    let field = relation.mapped_by.unwrap_or_default();
    let found = target.relations.iter().enumerate().find(|(_, candidate)| candidate.name == field);
    let Some((index, owning)) = found else {
        return Err(metadata_error(format!(
            "{entity}.{}: mapped_by = \"{field}\", but {} has no relation of that name",
            relation.name, target.name,
        )));
    };
    match owning.shape {
        RelationShape::Reference | RelationShape::OwningCollection => Ok((index, owning)),
        RelationShape::InverseReference | RelationShape::InverseCollection => Err(metadata_error(format!(
            "{entity}.{}: {}.{field} is itself mapped by another field; one of the two must own the relation",
            relation.name, target.name,
        ))),
    }
}

pub(super) fn metadata_error(problem: impl Into<String>) -> Error {
    Error::Metadata { problem: problem.into() }
}

/// Whether a database can generate a key in a column of this type.
pub(super) fn can_generate(column_type: ColumnType) -> bool {
    column_type.is_integer()
}
