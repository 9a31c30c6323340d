//! `upsert` and `upsert_many`: rows that are inserted, or change what is there, and come back managed.
//!
//! One statement for as many rows of one shape as the database takes. What it gives back is what rows then hold, so
//! nothing is read again but rows that were left as they are.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use hashbrown::HashMap;

use super::conflict::{ConflictTarget, RowsByConflict};
use super::fields::{FieldSet, NamedField};
use super::insert::Batch;
use super::making::{Made, Making, blank};
use super::row::Row;
use super::writer::{Extent, WriteGuard, Writer};
use crate::activity::called_at;
use crate::condition::Expression;
use crate::driver::{BoxFuture, OnConflict, Reads, RowSink, Upsert as UpsertWrite, ValueRow, Write};
use crate::entity::{CellId, Entity, Freshness, Key, Loaded, Region, Rows, State};
use crate::entity_manager::EntityManager;
use crate::error::{EntityKey, Error, Result};
use crate::filter::FilterChoices;
use crate::hydrate::attach_rows;
use crate::lock::LockMode;
use crate::metadata::{EntityId, EntityMetadata};
use crate::populate::{eager_shape, follow_rows, keep_promises, populate, select};
use crate::session::Holder;
use crate::value::{KeyValues, Value};

/// Rows that are inserted, or change what is there; made by [`EntityManager::upsert`] and
/// [`upsert_many`](EntityManager::upsert_many).
///
/// Whether a row is there is told by its primary key if it is assigned, else by the only unique index of the entity,
/// or by what [`on_conflict`](Self::on_conflict) names. A row that is there gets all values given, but for those
/// that it was found by, its primary key and its version, which counts up.
///
/// A new row gets its `on_create` values where the fields are blank. A row that changes keeps them, and gets its
/// `on_update` values where the program gave none.
#[must_use = "rows are written when this is awaited"]
pub struct Upsert<T, M = UpsertOne> {
    em: EntityManager,
    holder: Holder,
    values: Vec<T>,
    conflict: Option<Vec<NamedField>>,
    merge: Merge,
    excluded: Vec<NamedField>,
    batch_size: usize,
    uses_identity_map: bool,
    pub(crate) filters: FilterChoices,
    mode: PhantomData<fn() -> M>,
}

/// What becomes of a row that is there.
#[derive(Clone, Debug)]
enum Merge {
    /// It stays as it is.
    Nothing,
    /// It gets these fields.
    Fields(Vec<NamedField>),
    /// It gets all fields.
    Everything,
}

/// One row: gives its handle.
#[derive(Clone, Copy, Debug)]
pub struct UpsertOne;

/// Several rows: gives their handles, in order.
#[derive(Clone, Copy, Debug)]
pub struct UpsertMany;

/// What an upsert returns.
pub trait UpsertMode<T: Entity>: 'static {
    /// The handle or handles.
    type Output: Send + 'static;

    /// What the program called.
    #[doc(hidden)]
    const __METHOD: &'static str;

    #[doc(hidden)]
    fn __output(entities: Vec<Loaded<T>>) -> Result<Self::Output>;
}

impl<T: Entity> UpsertMode<T> for UpsertOne {
    type Output = Loaded<T>;

    const __METHOD: &'static str = "upsert";

    fn __output(mut entities: Vec<Loaded<T>>) -> Result<Loaded<T>> {
        let gone = || Error::NotFound { entity: T::__DESCRIPTION.name, condition: "just written".to_owned() };
        entities.pop().ok_or_else(gone)
    }
}

impl<T: Entity> UpsertMode<T> for UpsertMany {
    type Output = Vec<Loaded<T>>;

    const __METHOD: &'static str = "upsert_many";

    fn __output(entities: Vec<Loaded<T>>) -> Result<Vec<Loaded<T>>> {
        Ok(entities)
    }
}

impl<T: Entity, M> Upsert<T, M> {
    #[track_caller]
    pub(crate) fn new(em: EntityManager, values: Vec<T>) -> Self {
        Self {
            em,
            holder: Holder::new("upsert", Location::caller()),
            values,
            conflict: None,
            merge: Merge::Everything,
            excluded: Vec::new(),
            batch_size: usize::MAX,
            uses_identity_map: true,
            filters: FilterChoices::default(),
            mode: PhantomData,
        }
    }

    /// Finds rows that are there by these fields, which must be the primary key or a unique index:
    /// `.on_conflict(User::EMAIL)`, `.on_conflict((Seat::ROW, Seat::NUMBER))`.
    pub fn on_conflict(mut self, fields: impl FieldSet<T>) -> Self {
        self.conflict = Some(fields.__fields());
        self
    }

    /// Leaves a row that is there as it is, and returns it.
    pub fn ignore(mut self) -> Self {
        self.merge = Merge::Nothing;
        self
    }

    /// Gives a row that is there these fields alone.
    pub fn merge_fields(mut self, fields: impl FieldSet<T>) -> Self {
        self.merge = Merge::Fields(fields.__fields());
        self
    }

    /// Keeps these fields of a row that is there.
    pub fn exclude_fields(mut self, fields: impl FieldSet<T>) -> Self {
        self.excluded.extend(fields.__fields());
        self
    }

    /// Keeps the results out of the identity map: their handles are detached, the context does not know them.
    /// Works on the global manager too.
    pub fn disable_identity_map(mut self) -> Self {
        self.uses_identity_map = false;
        self
    }

    /// Writes at most `rows` rows a statement, at least one. The default is what the database takes.
    pub fn batch_size(mut self, rows: usize) -> Self {
        self.batch_size = rows.max(1);
        self
    }

    async fn run(self, method: &'static str) -> Result<Vec<Loaded<T>>> {
        let em = if self.uses_identity_map { self.em.resolve_in_call(method)? } else { self.em.contextual() };
        let region = em.region();
        let (entity, _) = region.arena_of::<T>()?;
        if self.values.is_empty() {
            return Ok(Vec::new());
        }
        let merge = MergedColumns::of(region.entity(entity), &self.merge, &self.excluded)?;
        let making = Making::new(&em, entity);
        let mut rows = RowsByConflict::new(&region, entity, self.conflict.as_deref())?;
        for mut value in self.values {
            if self.uses_identity_map {
                refuse_new(&region, &value)?;
            }
            let made = blank(region.entity(entity), &value);
            making.create(&mut value)?;
            let row = Row::of(&region, entity, &mut value, making.now())?;
            rows.push(Row { made, ..row })?;
        }
        let count = rows.len();
        let writes = rows.into_batches(self.batch_size)?;
        self.filters.check(&region.orm().filters)?;
        let filters = Some(&self.filters).filter(|filters| !filters.is_empty());
        let guard = region.filter_of(entity, filters)?;
        let written = WriteGuard::of(&region, entity)?;
        let can_miss = matches!(merge.given, Given::Nothing) || !guard.is_always();
        let is_one = writes.len() == 1 && !can_miss && written.is_always();
        let extent = if is_one { Extent::Single } else { Extent::Several };
        let mut writer = Writer::open(&em, self.holder, method, extent).await?;
        let run = Run { region: &region, entity, merge, making, guard };
        let result = run.write_guarded(&mut writer, writes, count, &written).await;
        let rows: Vec<T> = writer.end(result).await?;
        let target = if self.uses_identity_map { region } else { em.isolated() };
        manage(&target, entity, rows).await
    }
}

/// A new entity with the key of a value: one of the two has to go first.
fn refuse_new<T: Entity>(region: &Region, value: &T) -> Result<()> {
    let (entity, arena) = region.arena_of::<T>()?;
    let Some(at) = value.__key().and_then(|key| arena.find(&key)) else { return Ok(()) };
    match region.state(CellId { entity, at }) {
        State::New => Err(Error::AlreadyManaged { key: region.name(CellId { entity, at }) }),
        State::Reference | State::Managed | State::Removed | State::Detached => Ok(()),
    }
}

/// Takes rows into the context, as a query's.
async fn manage<T: Entity>(region: &Arc<Region>, entity: EntityId, rows: Vec<T>) -> Result<Vec<Loaded<T>>> {
    let hydrated = attach_rows(region, entity, rows, Freshness::Merge);
    // A query that was on its way has read what is no longer so.
    region.note_settled();
    follow_rows(region, entity, &hydrated).await?;
    let eager = eager_shape(region.metadata(), entity);
    populate(region, entity, &hydrated.cells, &eager, Freshness::Merge).await?;
    keep_promises(region).await?;
    let handles = hydrated.cells.into_iter().map(|at| {
        let cell = CellId { entity, at };
        // Whoever writes a row wants it to stay.
        region.take_back_removal(cell);
        Loaded::new(Arc::clone(region), cell)
    });
    Ok(handles.collect())
}

/// What a row that is there gets.
struct MergedColumns {
    given: Given,
    /// Columns that the program wants kept.
    kept: Vec<usize>,
}

/// Of the columns given.
enum Given {
    Nothing,
    All,
    These(Vec<usize>),
}

impl MergedColumns {
    fn of(meta: &EntityMetadata, merge: &Merge, excluded: &[NamedField]) -> Result<Self> {
        let columns = |fields: &[NamedField]| {
            let mut columns = Vec::new();
            for field in fields {
                let property = field.property(meta)?;
                if meta.computed.contains(&property) {
                    return Err(Error::Computed { entity: meta.name, field: field.name });
                }
                columns.extend(meta.properties[property].columns.clone());
            }
            Ok::<Vec<usize>, Error>(columns)
        };
        let given = match merge {
            Merge::Nothing => Given::Nothing,
            Merge::Fields(fields) => Given::These(columns(fields)?),
            Merge::Everything => Given::All,
        };
        Ok(Self { given, kept: columns(excluded)? })
    }

    fn action<T: Entity>(
        &self,
        meta: &EntityMetadata,
        making: &Making<'_>,
        batch: &Batch,
    ) -> Result<OnConflict> {
        let version = meta.version.map(|version| meta.properties[version].columns.start);
        let is_own = |column: usize| {
            let is_key = meta.key_columns().any(|key| key == column);
            is_key
                || version == Some(column)
                || batch.conflict.contains(&column)
                || batch.made.contains(&column)
        };
        let is_merged = |column: &usize| match &self.given {
            Given::Nothing => false,
            Given::All => !is_own(*column) && !self.kept.contains(column),
            Given::These(columns) => columns.contains(column) && !self.kept.contains(column),
        };
        let columns: Vec<usize> = batch.columns.iter().copied().filter(is_merged).collect();
        if columns.is_empty() {
            return Ok(OnConflict::Ignore);
        }
        let is_settled = |column| {
            columns.contains(&column) || self.kept.contains(&column) || batch.conflict.contains(&column)
        };
        let Made { set, raised } =
            making.update::<T>(|property| meta.properties[property].columns.clone().any(is_settled))?;
        Ok(OnConflict::Update { columns, set, raised })
    }
}

/// The writes of one call.
struct Run<'a> {
    region: &'a Region,
    entity: EntityId,
    merge: MergedColumns,
    making: Making<'a>,
    guard: Expression,
}

impl Run<'_> {
    /// Writes the batches, and sees that filters that guard writes are met.
    async fn write_guarded<T: Entity>(
        &self,
        writer: &mut Writer,
        batches: Vec<Batch>,
        count: usize,
        written: &WriteGuard<'_>,
    ) -> Result<Vec<T>> {
        let rows: Vec<T> = self.write(writer, batches, count).await?;
        if !written.is_always() {
            let keys = rows.iter().filter_map(T::__key).filter_map(|key| key.to_values().ok());
            written.verify(writer, keys.collect()).await?;
        }
        Ok(rows)
    }

    /// Writes the batches; returns the rows as they are now, in the order of the values.
    async fn write<T: Entity>(
        &self,
        writer: &mut Writer,
        batches: Vec<Batch>,
        count: usize,
    ) -> Result<Vec<T>> {
        let mut found: Vec<Option<T>> = (0..count).map(|_| None).collect();
        for batch in batches {
            let places = batch.places.clone();
            let conflict = ConflictTarget::of(self.region.entity(self.entity), &batch.conflict);
            let write = Write::Upsert(self.operation::<T>(batch)?);
            let outcome = writer.write(&write).await?;
            let Write::Upsert(write) = write else { continue };
            let mut missed = Vec::new();
            let mut returned = outcome.returned.into_iter();
            for (place, row) in places.into_iter().zip(write.rows) {
                match returned.next().filter(|values| !values.is_empty()) {
                    Some(values) => found[place] = self.read(&values)?,
                    None => missed.push((place, conflict.values(&write.columns, &row))),
                }
            }
            self.look_up(writer, &conflict, missed, &mut found).await?;
        }
        Ok(found.into_iter().flatten().collect())
    }

    fn operation<T: Entity>(&self, batch: Batch) -> Result<UpsertWrite> {
        let meta = self.region.entity(self.entity);
        Ok(UpsertWrite {
            metadata: Arc::clone(self.region.metadata()),
            entity: self.entity,
            action: self.merge.action::<T>(meta, &self.making, &batch)?,
            columns: batch.columns,
            rows: batch.rows,
            conflict: batch.conflict,
            guard: self.guard.clone(),
            returning: (0..meta.columns.len()).collect(),
        })
    }

    fn read<T: Entity>(&self, values: &[Value]) -> Result<Option<T>> {
        let mut rows = Rows::<T>::new(Arc::clone(self.region.metadata()), Vec::new());
        rows.row(&ValueRow(values)).map_err(|error| match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(other) => Error::Other(other),
        })?;
        Ok(rows.rows.pop())
    }

    /// A row that was there and is not to be seen.
    fn not_seen(&self, conflict: &ConflictTarget<'_>, values: &KeyValues) -> Error {
        let entity = self.region.entity(self.entity).name;
        let key = EntityKey::new(entity, values.clone());
        match self.guard.is_always() {
            // Somebody deleted it in between.
            true => Error::NotFound { entity, condition: key.to_string() },
            false => Error::HiddenRow { key, fields: conflict.names() },
        }
    }

    /// Reads rows that were left as they are.
    async fn look_up<T: Entity>(
        &self,
        writer: &mut Writer,
        conflict: &ConflictTarget<'_>,
        missed: Vec<(usize, KeyValues)>,
        found: &mut [Option<T>],
    ) -> Result<()> {
        for missed in missed.chunks(LOOK_UP) {
            let condition =
                conflict.condition(missed.iter().map(|(_, values)| values)).and(self.guard.clone());
            let mut select = select(self.region, self.entity, condition, Vec::new());
            // What others have committed meanwhile the write has met, and a plain select may not see.
            select.lock = (self.region.orm().driver.capabilities().reads == Reads::AsFirstRead)
                .then_some(LockMode::PESSIMISTIC_READ);
            let mut rows = Rows::<T>::new(Arc::clone(self.region.metadata()), Vec::new());
            writer.select(&select, &mut rows).await?;
            let mut by_values: HashMap<KeyValues, T, foldhash::fast::RandomState> = HashMap::default();
            for row in rows.rows {
                by_values.insert(conflict.values_of(&row)?, row);
            }
            for (place, values) in missed {
                let row = by_values.remove(values);
                found[*place] = Some(row.ok_or_else(|| self.not_seen(conflict, values))?);
            }
        }
        Ok(())
    }
}

/// How many rows are looked up by one select.
const LOOK_UP: usize = 500;

impl<T: Entity, M: UpsertMode<T>> IntoFuture for Upsert<T, M> {
    type Output = Result<M::Output>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(called_at(self.holder.at(), async move { M::__output(self.run(M::__METHOD).await?) }))
    }
}

impl<T: Entity, M> fmt::Debug for Upsert<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upsert({} {})", self.values.len(), T::__DESCRIPTION.name)
    }
}
