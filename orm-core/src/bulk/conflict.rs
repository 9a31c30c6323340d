//! By which columns a row of an upsert is known to be there.

use hashbrown::{HashMap, HashSet};

use super::fields::NamedField;
use super::insert::{Batch, batches};
use super::row::Row;
use crate::condition::{Comparison, Expression};
use crate::entity::{Entity, Region};
use crate::error::{EntityKey, Error, Result};
use crate::metadata::{EntityId, EntityMetadata, Index, PropertyKind};
use crate::relation::Target;
use crate::value::{KeyValues, Value};

type Hasher = foldhash::fast::RandomState;

/// The columns of a primary key or unique index, and the properties that they belong to.
pub(super) struct ConflictTarget<'a> {
    meta: &'a EntityMetadata,
    columns: Vec<usize>,
    properties: Vec<usize>,
}

impl<'a> ConflictTarget<'a> {
    pub(super) fn of(meta: &'a EntityMetadata, columns: &[usize]) -> Self {
        let holds = |at: &usize| meta.properties[*at].columns.clone().any(|column| columns.contains(&column));
        let properties: Vec<usize> = (0..meta.properties.len()).filter(holds).collect();
        let columns = properties.iter().flat_map(|at| meta.properties[*at].columns.clone()).collect();
        Self { meta, columns, properties }
    }

    /// The fields' names.
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.properties.iter().map(|at| self.meta.properties[*at].name).collect()
    }

    /// A row's values in it.
    pub(super) fn values(&self, columns: &[usize], row: &[Value]) -> KeyValues {
        let value = |column: &usize| {
            let at = columns.iter().position(|one| one == column);
            at.and_then(|at| row.get(at)).cloned().unwrap_or(Value::Null)
        };
        self.columns.iter().map(value).collect()
    }

    /// A loaded row's values in it.
    pub(super) fn values_of<T: Entity>(&self, row: &T) -> Result<KeyValues> {
        let mut values = KeyValues::new();
        for at in &self.properties {
            let property = &self.meta.properties[*at];
            match property.kind {
                PropertyKind::Scalar => values.push(row.__value(*at).map_err(|source| Error::Value {
                    entity: self.meta.name,
                    field: property.name,
                    column: self.meta.columns[property.columns.start].name.clone(),
                    source,
                })?),
                PropertyKind::Reference(relation) => {
                    match row.__reference(relation).map(|one| one.target()) {
                        Some(Target::Key(key)) => values.extend(key),
                        _ => values.extend(property.columns.clone().map(|_| Value::Null)),
                    }
                }
            }
        }
        Ok(values)
    }

    /// The rows with one of these values.
    pub(super) fn condition<'v>(&self, values: impl Iterator<Item = &'v KeyValues>) -> Expression {
        if self.properties == self.meta.primary_key {
            return Expression::KeyIn { property: None, keys: values.cloned().collect() };
        }
        if let [property] = self.properties[..] {
            return match self.meta.properties[property].kind {
                PropertyKind::Scalar => Expression::In {
                    property,
                    values: values.filter_map(|one| one.first()).cloned().collect(),
                },
                PropertyKind::Reference(_) => {
                    Expression::KeyIn { property: Some(property), keys: values.cloned().collect() }
                }
            };
        }
        Expression::Or(values.map(|values| self.equal(values)).collect())
    }

    /// The row with these values.
    fn equal(&self, values: &KeyValues) -> Expression {
        let mut rest = values.iter().cloned();
        let parts = self.properties.iter().map(|at| {
            let property = &self.meta.properties[*at];
            let mut values: KeyValues = rest.by_ref().take(property.columns.len()).collect();
            match property.kind {
                PropertyKind::Scalar => Expression::Compare {
                    property: *at,
                    comparison: Comparison::Equal,
                    value: values.pop().unwrap_or(Value::Null),
                },
                PropertyKind::Reference(_) => Expression::KeyIn { property: Some(*at), keys: vec![values] },
            }
        });
        Expression::And(parts.collect())
    }
}

/// The rows of an upsert, each with the columns that tell whether it is there.
pub(super) struct RowsByConflict<'a> {
    region: &'a Region,
    entity: EntityId,
    /// What the program named.
    named: Option<Vec<usize>>,
    rows: Vec<Row>,
}

impl<'a> RowsByConflict<'a> {
    /// # Errors
    ///
    /// [`Error::ConflictTarget`] if what is named is no key, and [`Error::NoColumn`].
    pub(super) fn new(region: &'a Region, entity: EntityId, named: Option<&[NamedField]>) -> Result<Self> {
        let meta = region.entity(entity);
        let named = match named {
            Some(fields) => Some(named_key(meta, fields)?),
            None => None,
        };
        Ok(Self { region, entity, named, rows: Vec::new() })
    }

    /// Adds a row.
    ///
    /// # Errors
    ///
    /// [`Error::ConflictTarget`] if nothing tells whether it is there.
    pub(super) fn push(&mut self, mut row: Row) -> Result<()> {
        let meta = self.region.entity(self.entity);
        let refuse = |problem| Error::ConflictTarget { entity: meta.name, problem };
        row.conflict = match &self.named {
            Some(columns) if columns.iter().all(|column| row.value(*column).is_some()) => columns.clone(),
            Some(_) => {
                return Err(refuse("a value has no key yet, and its key was named to find its row by"));
            }
            None if meta.key_columns().all(|column| row.value(column).is_some()) => {
                meta.key_columns().collect()
            }
            None => only_unique(meta)?,
        };
        self.rows.push(row);
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows of one shape together.
    ///
    /// # Errors
    ///
    /// [`Error::DuplicateKeys`] if two values are of one row.
    pub(super) fn into_batches(self, batch_size: usize) -> Result<Vec<Batch>> {
        self.refuse_duplicates()?;
        Ok(batches(self.region, self.rows, batch_size))
    }

    fn refuse_duplicates(&self) -> Result<()> {
        let meta = self.region.entity(self.entity);
        let mut seen: HashMap<&[usize], HashSet<KeyValues, Hasher>, Hasher> = HashMap::default();
        let mut duplicates: Vec<EntityKey> = Vec::new();
        let mut fields = Vec::new();
        for row in &self.rows {
            let target = ConflictTarget::of(meta, &row.conflict);
            let values = target.values(&row.columns, &row.values);
            // NULL is equal to nothing.
            if values.iter().any(Value::is_null)
                || seen.entry(&row.conflict).or_default().insert(values.clone())
            {
                continue;
            }
            let key = EntityKey::new(meta.name, values);
            if !duplicates.contains(&key) {
                duplicates.push(key);
                fields = target.names();
            }
        }
        match duplicates.is_empty() {
            true => Ok(()),
            false => Err(Error::DuplicateKeys { entity: meta.name, fields, keys: duplicates }),
        }
    }
}

/// The columns of the fields given, which are the primary key or a unique index.
fn named_key(meta: &EntityMetadata, fields: &[NamedField]) -> Result<Vec<usize>> {
    let mut properties = Vec::with_capacity(fields.len());
    for field in fields {
        properties.push(field.property(meta)?);
    }
    let is_same = |others: &[usize]| {
        others.len() == properties.len() && others.iter().all(|other| properties.contains(other))
    };
    let is_key = is_same(&meta.primary_key);
    let is_unique =
        || meta.indexes.iter().any(|index| is_plain_unique(meta, index) && is_same(&index.properties));
    if !is_key && !is_unique() {
        let problem = "the fields given are neither its primary key nor one of its unique indexes; name such, or \
                       declare them unique";
        return Err(Error::ConflictTarget { entity: meta.name, problem });
    }
    Ok(properties.iter().flat_map(|at| meta.properties[*at].columns.clone()).collect())
}

/// The columns of the only unique index.
fn only_unique(meta: &EntityMetadata) -> Result<Vec<usize>> {
    let mut unique = meta.indexes.iter().filter(|index| is_plain_unique(meta, index));
    let refuse = |problem| Error::ConflictTarget { entity: meta.name, problem };
    match (unique.next(), unique.next()) {
        (Some(index), None) => Ok(index.columns.clone()),
        (Some(_), Some(_)) => Err(refuse(
            "its primary key is not assigned, and it has several unique indexes; name one with `.on_conflict(..)`",
        )),
        (None, _) => Err(refuse(
            "its primary key is not assigned, and it has no unique index; assign the key, declare a field unique, or \
             `insert` it",
        )),
    }
}

/// Whether an index tells rows apart without a condition, by values that the program gives.
fn is_plain_unique(meta: &EntityMetadata, index: &Index) -> bool {
    let is_given = || !index.properties.iter().any(|property| meta.computed.contains(property));
    index.unique && index.condition.is_none() && is_given()
}
