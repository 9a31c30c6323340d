//! `insert` and `insert_many`: rows, straight into the database.

use std::fmt;
use std::future::IntoFuture;
use std::panic::Location;
use std::sync::Arc;

use super::making::Making;
use super::row::Row;
use super::writer::{Extent, WriteGuard, Writer};
use crate::activity::called_at;
use crate::driver::{BoxFuture, Insert, Write};
use crate::entity::{Entity, Key, Region};
use crate::entity_manager::EntityManager;
use crate::error::{Error, Result};
use crate::session::Holder;
use crate::value::{KeyValues, Value};

/// New rows, inserted without the unit of work; made by
/// [`EntityManager::insert_many`](crate::EntityManager::insert_many).
#[must_use = "rows are inserted when this is awaited"]
pub struct InsertMany<T> {
    em: EntityManager,
    holder: Holder,
    values: Vec<T>,
    batch_size: usize,
}

impl<T: Entity> InsertMany<T> {
    #[track_caller]
    pub(crate) fn new(em: EntityManager, values: Vec<T>) -> Self {
        Self { em, holder: Holder::new("insert", Location::caller()), values, batch_size: usize::MAX }
    }

    /// Inserts at most `rows` rows a statement, at least one. The default is what the database takes.
    pub fn batch_size(mut self, rows: usize) -> Self {
        self.batch_size = rows.max(1);
        self
    }

    pub(crate) async fn run(self) -> Result<Vec<T::Key>> {
        let em = self.em.contextual();
        let region = em.region();
        let (entity, _) = region.arena_of::<T>()?;
        let making = Making::new(&em, entity);
        let mut rows = Vec::with_capacity(self.values.len());
        for mut value in self.values {
            making.create(&mut value)?;
            rows.push(Row::of(&region, entity, &mut value, making.now())?);
        }
        let batches = batches(&region, rows, self.batch_size);
        let guard = WriteGuard::of(&region, entity)?;
        let is_one = batches.len() == 1 && guard.is_always();
        let extent = if is_one { Extent::Single } else { Extent::Several };
        let mut keys: Vec<(usize, T::Key)> = Vec::new();
        if !batches.is_empty() {
            let mut writer = Writer::open(&em, self.holder, "insert", extent).await?;
            let result = insert(&mut writer, &region, &guard, batches).await;
            keys = writer.end(result).await?;
        }
        keys.sort_unstable_by_key(|(place, _)| *place);
        Ok(keys.into_iter().map(|(_, key)| key).collect())
    }
}

/// Rows of one statement.
pub(super) struct Batch {
    pub(super) columns: Vec<usize>,
    pub(super) generated: Vec<usize>,
    pub(super) conflict: Vec<usize>,
    pub(super) made: Vec<usize>,
    /// Which of the values given each row is.
    pub(super) places: Vec<usize>,
    pub(super) rows: Vec<Vec<Value>>,
}

/// Rows of one shape together, in the order given, as many as one write may have.
pub(super) fn batches(region: &Region, rows: Vec<Row>, batch_size: usize) -> Vec<Batch> {
    let limit = region.orm().driver.capabilities().max_rows_per_write.min(batch_size).max(1);
    let mut batches: Vec<Batch> = Vec::new();
    for (place, row) in rows.into_iter().enumerate() {
        let is_open = |batch: &&mut Batch| {
            batch.rows.len() < limit
                && batch.columns == row.columns
                && batch.generated == row.generated
                && batch.conflict == row.conflict
                && batch.made == row.made
        };
        // Rows of one type differ in few ways, so an open batch is among the last.
        match batches.iter_mut().rev().take(OPEN_BATCHES).find(is_open) {
            Some(batch) => {
                batch.places.push(place);
                batch.rows.push(row.values);
            }
            None => batches.push(Batch {
                columns: row.columns,
                generated: row.generated,
                conflict: row.conflict,
                made: row.made,
                places: vec![place],
                rows: vec![row.values],
            }),
        }
    }
    batches
}

/// How many batches are looked at for a row of their shape.
const OPEN_BATCHES: usize = 8;

/// Inserts the batches, and sees that filters that guard writes are met.
async fn insert<K: Key>(
    writer: &mut Writer,
    region: &Region,
    guard: &WriteGuard<'_>,
    batches: Vec<Batch>,
) -> Result<Vec<(usize, K)>> {
    let mut keys: Vec<(usize, K)> = Vec::new();
    for Batch { columns, generated, places, rows, .. } in batches {
        let (metadata, entity) = (Arc::clone(region.metadata()), guard.entity());
        let write = Write::Insert(Insert { metadata, entity, columns, rows, returning: generated });
        let outcome = writer.write(&write).await?;
        let Write::Insert(insert) = write else { continue };
        let mut returned = outcome.returned.into_iter();
        for (place, row) in places.into_iter().zip(&insert.rows) {
            let made =
                if insert.returning.is_empty() { Vec::new() } else { returned.next().unwrap_or_default() };
            keys.push((place, key_of(region, &insert, row, &made)?));
        }
    }
    if !guard.is_always() {
        let values = keys.iter().filter_map(|(_, key)| key.to_values().ok());
        guard.verify(writer, values.collect()).await?;
    }
    Ok(keys)
}

/// The key of an inserted row, of what was given and what the database made.
fn key_of<K: Key>(region: &Region, insert: &Insert, row: &[Value], made: &[Value]) -> Result<K> {
    let meta = region.entity(insert.entity);
    let value = |columns: &[usize], values: &[Value], column| {
        let at = columns.iter().position(|one| *one == column);
        at.and_then(|at| values.get(at)).cloned()
    };
    let columns = meta.key_columns();
    let values = columns.map(|column| {
        let given = value(&insert.columns, row, column).or_else(|| value(&insert.returning, made, column));
        given.ok_or(Error::MissingKey { entity: meta.name, hint: "the database gave none back" })
    });
    let values = values.collect::<Result<KeyValues>>()?;
    K::__from_values(&mut values.into_iter()).map_err(|source| {
        let property = &meta.properties[meta.primary_key[0]];
        let column = meta.columns[property.columns.start].name.clone();
        Error::Value { entity: meta.name, field: property.name, column, source }
    })
}

impl<T: Entity> IntoFuture for InsertMany<T> {
    type Output = Result<Vec<T::Key>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(called_at(self.holder.at(), self.run()))
    }
}

impl<T: Entity> fmt::Debug for InsertMany<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InsertMany({} {})", self.values.len(), T::__DESCRIPTION.name)
    }
}
