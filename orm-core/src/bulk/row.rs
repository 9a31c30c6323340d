//! One value of a program as one row: its columns, and what the database is to generate.
//!
//! Relations are keys here. What only a unit of work could write with the row, a new entity or the content of a
//! collection, is refused with the cure.

use crate::entity::{CellId, Entity, Key, Region, State, key_error};
use crate::error::{EntityKey, Error, Result};
use crate::metadata::{EntityId, EntityMetadata, PropertyKind, RelationKind};
use crate::relation::{ErasedCollection, ErasedReference, RelationVisitor, Target};
use crate::unit_of_work::version;
use crate::value::{KeyValues, Value};

/// One row to be written.
pub(super) struct Row {
    /// The columns given, as indexes into [`EntityMetadata::columns`].
    pub(super) columns: Vec<usize>,
    /// Columns that the database makes.
    pub(super) generated: Vec<usize>,
    /// One value for each of `columns`.
    pub(super) values: Vec<Value>,
    /// For an upsert: the columns that tell whether the row is there.
    pub(super) conflict: Vec<usize>,
    /// For an upsert: columns that the program left for the ORM to make.
    pub(super) made: Vec<usize>,
}

impl Row {
    /// The row of `value`, whose client-made key and first version are filled in.
    ///
    /// # Errors
    ///
    /// [`Error::Relation`] for what only a unit of work could write, [`Error::RequiredRelation`],
    /// [`Error::ForeignEntity`], [`Error::MissingKey`] and [`Error::Value`].
    pub(super) fn of<T: Entity>(region: &Region, entity: EntityId, value: &mut T, now: i64) -> Result<Self> {
        let meta = region.entity(entity);
        value.__make_key();
        let key = value.__key();
        let key_values = key.as_ref().map(|key| key.to_values().map_err(key_error::<T>)).transpose()?;
        let name = EntityKey::new(meta.name, key_values.unwrap_or_default());
        refuse_contents(meta, &name, value)?;
        let mut row = Self {
            columns: Vec::with_capacity(meta.columns.len()),
            generated: Vec::new(),
            values: Vec::with_capacity(meta.columns.len()),
            conflict: Vec::new(),
            made: Vec::new(),
        };
        for (at, property) in meta.properties.iter().enumerate() {
            match property.kind {
                PropertyKind::Scalar if meta.computed.contains(&at) => {}
                PropertyKind::Scalar if property.auto && key.is_none() => {
                    row.generated.push(property.columns.start);
                }
                PropertyKind::Scalar => {
                    let mut stored = value.__value(at).map_err(|source| Error::Value {
                        entity: meta.name,
                        field: property.name,
                        column: meta.columns[property.columns.start].name.clone(),
                        source,
                    })?;
                    if stored.is_null() && meta.primary_key.contains(&at) {
                        return Err(Error::MissingKey {
                            entity: meta.name,
                            hint: "assign one, or mark the field `auto` or `default = path::to::function`",
                        });
                    }
                    if meta.version == Some(at) {
                        stored = version::first(&stored, now).unwrap_or(stored);
                    }
                    row.columns.push(property.columns.start);
                    row.values.push(stored);
                }
                PropertyKind::Reference(relation) => {
                    let target = value.__reference(relation).map_or(Target::Unset, |field| field.target());
                    let key = key_of(region, meta, &name, relation, target)?;
                    row.columns.extend(property.columns.clone());
                    match key {
                        Some(key) => row.values.extend(key),
                        None => row.values.extend(std::iter::repeat_n(Value::Null, property.columns.len())),
                    }
                }
            }
        }
        Ok(row)
    }

    /// The value of a column that is given.
    pub(super) fn value(&self, column: usize) -> Option<&Value> {
        self.columns.iter().position(|one| *one == column).and_then(|at| self.values.get(at))
    }
}

/// The key that a reference leads to; `None` if it is empty and may be.
fn key_of(
    region: &Region,
    meta: &EntityMetadata,
    name: &EntityKey,
    index: usize,
    target: Target,
) -> Result<Option<KeyValues>> {
    let relation = &meta.relations[index];
    let refuse = |problem| Error::Relation { key: name.clone(), relation: relation.name, problem };
    match target {
        Target::Key(key) => Ok(Some(key)),
        Target::Unset if relation.nullable => Ok(None),
        Target::Unset => Err(Error::RequiredRelation { key: name.clone(), relation: relation.name }),
        Target::New => Err(refuse(NEW_TARGET)),
        Target::Cell(cell) if cell.context == region.id() => {
            let CellId { entity, at } = cell.id;
            if region.arena(entity).state(at) == State::New {
                return Err(refuse(UNSAVED_TARGET));
            }
            region.key(cell.id).map(Some).ok_or_else(|| refuse(UNSAVED_TARGET))
        }
        Target::Cell(cell) => Err(Error::ForeignEntity {
            key: EntityKey::new(region.entity(relation.target).name, KeyValues::new()),
            expected: region.id(),
            found: cell.context,
        }),
        Target::Invalid(source) => {
            let RelationKind::ManyToOne { property } = relation.kind else { return Ok(None) };
            Err(Error::Value {
                entity: meta.name,
                field: relation.name,
                column: meta.columns[meta.properties[property].columns.start].name.clone(),
                source,
            })
        }
    }
}

const NEW_TARGET: &str = "it holds a new entity, and this writes one row without a unit of work; insert that one \
                          first and give its key, or `persist` this one";
const UNSAVED_TARGET: &str = "its target is not saved yet; flush first, or `persist` this one";
const CONTENT: &str = "it holds content, and this writes one row without a unit of work; `persist` the entity, or \
                       write the other side by itself";

/// Refuses collections and inverse sides that hold anything.
fn refuse_contents<T: Entity>(meta: &EntityMetadata, name: &EntityKey, value: &mut T) -> Result<()> {
    if meta.relations.is_empty() {
        return Ok(());
    }
    let mut contents = Contents { meta, found: None };
    value.__relations(&mut contents);
    match contents.found {
        Some(relation) => Err(Error::Relation {
            key: name.clone(),
            relation: meta.relations[relation].name,
            problem: CONTENT,
        }),
        None => Ok(()),
    }
}

/// Finds a relation field that no column of the row holds and that is not empty.
struct Contents<'a> {
    meta: &'a EntityMetadata,
    found: Option<usize>,
}

impl RelationVisitor for Contents<'_> {
    fn reference(&mut self, relation: usize, field: &mut dyn ErasedReference) {
        let is_owning = matches!(self.meta.relations[relation].kind, RelationKind::ManyToOne { .. });
        if !is_owning && field.target() != Target::Unset {
            self.found.get_or_insert(relation);
        }
    }

    fn collection(&mut self, relation: usize, field: &mut dyn ErasedCollection) {
        if field.take().is_some_and(|items| !items.is_empty()) {
            self.found.get_or_insert(relation);
        }
    }
}
