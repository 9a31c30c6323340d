//! Runs raw SQL: on the context's own connection, after what waits to be written.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::row::FromRow;
use super::rows::{NoRows, RowsAs, RowsOf};
use super::stream::SqlStream;
use super::text::Sql;
use crate::activity::called_at;
use crate::bulk::{Extent, Writer};
use crate::cache::Touched;
use crate::condition::{FragmentPart, Term};
use crate::driver::{Connection as _, Raw, RawEffect, RawPart, RawRows};
use crate::entity::{CellId, Entity, EntityType, Freshness, Loaded, Region, Rows, State};
use crate::entity_manager::{EntityManager, FlushMode};
use crate::error::{Error, Result};
use crate::hydrate::{MAX_TRIES, attach_rows};
use crate::metadata::Metadata;
use crate::populate::{eager_shape, follow_rows, keep_promises, populate};
use crate::session::Holder;

/// What the program called, for messages.
const ACTION: &str = "sql";

/// A statement of raw SQL, made by [`EntityManager::sql`](crate::EntityManager::sql). Its last method says what becomes
/// of its rows, and runs it.
#[must_use = "a statement is sent by its last method, such as `fetch_as` or `execute`"]
pub struct SqlQuery {
    em: EntityManager,
    sql: Sql,
    values: Vec<FragmentPart>,
    flush_mode: Option<FlushMode>,
    /// What it writes, as the program says.
    writes: Vec<EntityType>,
    holder: Holder,
}

impl SqlQuery {
    #[track_caller]
    pub(crate) fn new(em: EntityManager, sql: Sql, values: Vec<FragmentPart>) -> Self {
        let holder = Holder::new("raw SQL", Location::caller());
        Self { em, sql, values, flush_mode: None, writes: Vec::new(), holder }
    }

    /// Decides for this statement whether pending changes are flushed before it.
    pub fn flush_mode(mut self, mode: FlushMode) -> Self {
        self.flush_mode = Some(mode);
        self
    }

    /// Says that it writes rows of `T` and of no entity that is not named so too. Cached results of these are void then, once
    /// it is committed, with those of what the database cascades to. Without it, a statement that may write voids all
    /// cached results: its text may name any table.
    ///
    /// ```
    /// # use orm_core::{Entity, EntityManager, Result};
    /// # #[derive(Entity, Clone, Debug, Default)]
    /// # struct Book { #[entity(id, auto)] id: i64, title: String }
    /// # async fn example(em: EntityManager) -> Result<()> {
    /// em.sql("update book set title = upper(title)", ()).writes::<Book>().execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn writes<T: Entity>(mut self) -> Self {
        self.writes.push(EntityType::of::<T>());
        self
    }

    /// Reads every row into a tuple, a struct that derives [`FromRow`], or one value.
    ///
    /// # Errors
    ///
    /// [`Error::SqlColumns`] and [`Error::SqlRow`] for a row that does not fit, and as [`execute`](Self::execute).
    pub fn fetch_as<R: FromRow>(self) -> impl Future<Output = Result<Vec<R>>> {
        called_at(self.holder.at(), async move {
            let mut rows = Vec::new();
            self.each(|row| {
                rows.push(row);
                Ok(())
            })
            .await?;
            Ok(rows)
        })
    }

    /// The first row; others are left aside.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is none, and as [`fetch_as`](Self::fetch_as).
    pub fn fetch_one_as<R: FromRow>(self) -> impl Future<Output = Result<R>> {
        called_at(self.holder.at(), async move {
            let condition = self.sql.beginning();
            let found = self.first().await?;
            found.ok_or(Error::NotFound { entity: "a row", condition })
        })
    }

    /// The first row, if there is one; others are left aside.
    ///
    /// # Errors
    ///
    /// As [`fetch_as`](Self::fetch_as).
    pub fn fetch_optional_as<R: FromRow>(self) -> impl Future<Output = Result<Option<R>>> {
        called_at(self.holder.at(), self.first())
    }

    /// Takes every row into the identity map, as a finder does: one instance a row, unsaved edits stay. Columns are found
    /// by name, and all of the entity must be there (`select * from ..` has them). Filters are not asked: the text says
    /// which rows there are. Entities that are scheduled to be removed are left out.
    ///
    /// ```
    /// # use orm_core::{Entity, EntityManager, Result};
    /// # #[derive(Entity, Clone, Debug, Default)]
    /// # struct Book { #[entity(id, auto)] id: i64, title: String }
    /// # async fn example(em: EntityManager) -> Result<()> {
    /// let books = em.sql("select * from book where title like {}", ("The %",)).fetch::<Book>().await?;
    /// books[0].edit().title = "A Storm of Swords".into();
    /// em.flush().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::SqlRow`] for a column that is missing, [`Error::Value`] for one that does not fit its field,
    /// [`Error::GlobalContext`], [`Error::UnknownEntity`], and as [`execute`](Self::execute).
    pub fn fetch<T: Entity>(self) -> impl Future<Output = Result<Vec<Loaded<T>>>> {
        called_at(self.holder.at(), async move {
            let em = self.em.resolve_in_call(ACTION)?;
            let (entity, _) = em.region().arena_of::<T>()?;
            let running = self.start(em).await?;
            let region = &running.region;
            let mut tries = 0;
            let rows = loop {
                let settled = region.settled();
                let rows = Rows::<T>::new(Arc::clone(region.metadata()), Vec::new());
                let mut rows = RowsOf::new(region.entity(entity), rows);
                running.run(&mut rows, Extent::Several).await?;
                tries += 1;
                // Rows from before a flush of this context must not go over what it saved: read them again.
                if running.effect != RawEffect::Reads || region.settled() == settled || tries == MAX_TRIES {
                    break rows.rows.rows;
                }
            };
            let hydrated = attach_rows(region, entity, rows, Freshness::Merge);
            if running.effect != RawEffect::Reads {
                // A query that was on its way has read what is no longer so.
                region.note_settled();
            }
            follow_rows(region, entity, &hydrated).await?;
            let eager = eager_shape(region.metadata(), entity);
            populate(region, entity, &hydrated.cells, &eager, Freshness::Merge).await?;
            keep_promises(region).await?;
            let arena = region.arena(entity);
            let present = hydrated.cells.into_iter().filter(|at| arena.state(*at) != State::Removed);
            Ok(present.map(|at| Loaded::new(Arc::clone(region), CellId { entity, at })).collect())
        })
    }

    /// Hands every row to `take` as it comes, so that memory holds one at a time. It runs while the statement does: the
    /// connection is busy with it. An error ends the statement.
    ///
    /// # Errors
    ///
    /// What `take` fails with, and as [`fetch_as`](Self::fetch_as).
    pub fn each_as<R: FromRow>(
        self,
        take: impl FnMut(R) -> Result<()> + Send,
    ) -> impl Future<Output = Result<()>> {
        called_at(self.holder.at(), self.each(take))
    }

    async fn each<R: FromRow>(self, take: impl FnMut(R) -> Result<()> + Send) -> Result<()> {
        let running = self.start_anywhere().await?;
        running.run(&mut RowsAs::new(take), Extent::Several).await.map(drop)
    }

    async fn first<R: FromRow>(self) -> Result<Option<R>> {
        let mut first = None;
        self.each(|row| {
            first.get_or_insert(row);
            Ok(())
        })
        .await?;
        Ok(first)
    }

    /// Reads rows one by one, as the loop asks for them, in bounded memory. See [`SqlStream`] for what it holds meanwhile.
    ///
    /// # Errors
    ///
    /// None here; the stream gives what [`fetch_as`](Self::fetch_as) fails with.
    pub fn stream_as<R: FromRow>(self) -> SqlStream<R> {
        let place = self.holder.at();
        SqlStream::new(move |mut rows| {
            called_at(place, async move {
                let running = self.start_anywhere().await?;
                running.run(&mut rows, Extent::Several).await.map(drop)
            })
        })
    }

    /// Runs it, and gives how many rows it changed. The unit of work has no part in it: what is loaded stays as it is.
    ///
    /// # Errors
    ///
    /// [`Error::SqlText`] for text or values that can't be sent; [`Error::Sql`] with the database's own words,
    /// [`Error::Constraint`], [`Error::WriteOutcomeUnknown`] for a write that lost its connection,
    /// [`Error::OutcomeUnknown`] while the context has to be told of a flush, and what the flush before it fails with.
    pub fn execute(self) -> impl Future<Output = Result<u64>> {
        called_at(self.holder.at(), async move {
            let running = self.start_anywhere().await?;
            running.run(&mut NoRows, Extent::Single).await
        })
    }

    async fn start_anywhere(self) -> Result<Running> {
        let em = self.em.contextual();
        self.start(em).await
    }

    /// Flushes what the statement might miss, and has the driver look at the text.
    async fn start(self, em: EntityManager) -> Result<Running> {
        let text = self.sql.beginning();
        let refused = |problem| Error::SqlText { text: text.clone(), problem };
        let parts = self.sql.filled(self.values).map_err(refused)?;
        let parts = parts.into_iter().map(raw_part).collect::<Result<_, String>>().map_err(refused)?;
        let raw = Raw { parts };
        let effect = em.orm().driver.raw_effect(&raw).map_err(|error| refused(error.to_string()))?;
        let region = em.region();
        let touched = touched(region.metadata(), &self.writes)?;
        // Its text may name any table.
        let entities = || region.arenas().map(|(entity, _)| entity).collect();
        em.flush_before_query(self.flush_mode, entities).await?;
        Ok(Running { em, region, raw, effect, text, touched, holder: self.holder })
    }
}

/// What the cache has to know of a statement that may write.
fn touched(metadata: &Metadata, writes: &[EntityType]) -> Result<Vec<Touched>> {
    if writes.is_empty() {
        return Ok(vec![Touched::Everything]);
    }
    let touched = writes.iter().map(|entity| {
        let unknown = Error::UnknownEntity { entity: entity.description().name };
        metadata.id_of_type(entity).map(Touched::Keys).ok_or(unknown)
    });
    touched.collect()
}

fn raw_part(part: FragmentPart) -> Result<RawPart, String> {
    match part {
        FragmentPart::Text(text) => Ok(RawPart::Text(text)),
        FragmentPart::Value(value) => Ok(RawPart::Value(value)),
        FragmentPart::Term(Term::Invalid(error)) => Err(format!("a value can't be bound: {error}")),
        FragmentPart::Term(_) => {
            Err("a field has no place in a statement of its own; name the column".to_owned())
        }
    }
}

/// A statement that has met its context.
struct Running {
    em: EntityManager,
    region: Arc<Region>,
    raw: Raw,
    effect: RawEffect,
    text: String,
    touched: Vec<Touched>,
    holder: Holder,
}

impl Running {
    /// With several steps, what was written is taken back when a row is refused.
    async fn run(&self, rows: &mut dyn RawRows, extent: Extent) -> Result<u64> {
        let result = match self.effect {
            RawEffect::Reads => self.read(rows).await,
            RawEffect::Writes => self.write(rows, extent).await,
            RawEffect::Anything => self.write(rows, Extent::Single).await,
        };
        result.map_err(|error| match error {
            Error::Driver { source, .. } => Error::Sql { text: self.text.clone(), source },
            other => other,
        })
    }

    async fn read(&self, rows: &mut dyn RawRows) -> Result<u64> {
        let mut connection = self.region.connection(ACTION).await?;
        let done = connection.raw(&self.raw, rows).await;
        done.map_err(|error| self.region.orm().error(ACTION, error))
    }

    async fn write(&self, rows: &mut dyn RawRows, extent: Extent) -> Result<u64> {
        let mut writer = Writer::open(&self.em, self.holder, ACTION, extent).await?;
        let result = writer.raw(&self.raw, rows, self.touched.clone()).await;
        writer.end(result).await
    }
}

/// Shows the text, never what is bound.
impl fmt::Debug for SqlQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqlQuery").field(&self.sql).finish()
    }
}
