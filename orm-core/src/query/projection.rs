//! `select`: columns, computed values and aggregates instead of entities.

use std::fmt;
use std::future::Future;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::sync::Arc;

use super::explain::Planned;
use super::find::{Find, Query, Running};
use super::list::{Loader, Owners, RowPlan, Touched};
use super::plan::{check, describe_term};
use super::selected::{GroupBy, Selected, Terms, Unread};
use super::view::ViewRow;
use crate::activity::called_at;
use crate::cache;
use crate::condition::{Condition, Having, OrderBy, Term};
use crate::driver::{BoxFuture, Reading, RowReader, RowSink, RowSinkError, Select, Selection};
use crate::entity::{Entity, Record, Shape, read_value};
use crate::entity_manager::FlushMode;
use crate::error::{Error, Result};
use crate::metadata::{EntityId, Metadata};
use crate::value::Value;

/// Rows of values instead of entities: nothing of them is managed, and only what is named is read.
///
/// Made by [`Find::select`]. Filters hold as they do for entities.
#[must_use = "a query is sent when it is awaited"]
pub struct Projection<T: Entity, S> {
    pub(super) query: Query,
    terms: Terms,
    group_by: Vec<Term>,
    having: Condition<T>,
    distinct: bool,
    selected: PhantomData<fn() -> S>,
}

impl<T: Entity, P: 'static, M> Find<T, P, M> {
    /// Reads these columns, computed values or aggregates instead of entities: one, or a tuple.
    ///
    /// # Examples
    ///
    /// ```
    /// # use orm_core::{Entity, EntityManager, Result};
    /// # #[derive(Entity, Clone, Debug, Default)]
    /// # struct Book { #[entity(id, auto)] id: i64, title: String, genre: String, pages: i32 }
    /// # async fn example(em: EntityManager) -> Result<()> {
    /// let titles: Vec<(i64, String)> =
    ///     em.find(Book::PAGES.gt(300)).select((Book::ID, Book::TITLE)).order_by(Book::TITLE.asc()).await?;
    /// let by_genre: Vec<(String, i64, Option<i64>)> = em
    ///     .find_all::<Book>()
    ///     .select((Book::GENRE, Book::ID.count(), Book::PAGES.sum()))
    ///     .group_by(Book::GENRE)
    ///     .having(Book::ID.count().gt(2))
    ///     .await?;
    /// # Ok(()) }
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "it reads as a list of fields")]
    pub fn select<S: Selected<T>>(self, columns: S) -> Projection<T, S> {
        let mut terms = Terms::default();
        columns.__terms(&mut terms);
        Projection {
            query: self.query,
            terms,
            group_by: Vec::new(),
            having: Condition::always(),
            distinct: false,
            selected: PhantomData,
        }
    }

    /// Whether there is any match.
    ///
    /// # Errors
    ///
    /// As awaiting the query.
    pub fn exists(self) -> impl Future<Output = Result<bool>>
    where
        P: Record<T>,
    {
        called_at(self.query.place, async move {
            let mut query = self.query;
            query.limit = Some(1);
            let one = Projection::<T, One> {
                query,
                terms: Terms { columns: vec![Term::Value(Value::Int(1))], ..Terms::default() },
                group_by: Vec::new(),
                having: Condition::always(),
                distinct: false,
                selected: PhantomData,
            };
            Ok(!one.rows("exists").await?.is_empty())
        })
    }
}

/// The number that stands for a match.
struct One;

impl<T: Entity> Selected<T> for One {
    type Row = ();

    fn __terms(&self, _: &mut Terms) {}

    fn __read(_: &mut ViewRow<'_>) -> Result<(), Unread> {
        Ok(())
    }
}

impl<T: Entity, S: Selected<T>> Projection<T, S> {
    /// Keeps rows that also meet `condition`.
    pub fn filter(mut self, condition: Condition<T>) -> Self {
        self.query.condition = self.query.condition.and(condition.expression);
        self
    }

    /// One row for each group of rows that are equal in these: a field, a computed value, or a tuple. Whatever is
    /// selected is an aggregate, or among these.
    pub fn group_by(mut self, by: impl GroupBy<T>) -> Self {
        by.__terms(&mut self.group_by);
        self
    }

    /// Keeps groups that meet a condition on their aggregates: `Book::ID.count().gt(2)`.
    pub fn having(mut self, condition: impl Into<Having<T>>) -> Self {
        self.having = self.having.and(condition.into().0);
        self
    }

    /// Equal rows once.
    pub fn distinct(mut self) -> Self {
        self.distinct = true;
        self
    }

    /// Orders the rows, by aggregates too.
    pub fn order_by(mut self, order: impl Into<OrderBy<T>>) -> Self {
        self.query.order.extend(order.into().terms);
        self
    }

    /// Returns at most `limit` rows.
    pub fn limit(mut self, limit: u64) -> Self {
        self.query.limit = Some(limit);
        self
    }

    /// Skips the first `offset` rows.
    pub fn offset(mut self, offset: u64) -> Self {
        self.query.offset = Some(offset);
        self
    }

    /// Decides for this query whether pending changes are flushed before it.
    pub fn flush_mode(mut self, mode: FlushMode) -> Self {
        self.query.flush_mode = Some(mode);
        self
    }

    /// The first row, if any.
    ///
    /// # Errors
    ///
    /// As awaiting it.
    pub fn one(self) -> impl Future<Output = Result<Option<S::Row>>> {
        called_at(self.query.place, self.first())
    }

    async fn first(mut self) -> Result<Option<S::Row>> {
        self.query.limit = Some(1);
        Ok(self.rows("select").await?.into_iter().next())
    }

    /// The first row. Aggregates without groups always have one.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and as awaiting it.
    pub fn one_or_fail(self) -> impl Future<Output = Result<S::Row>> {
        called_at(self.query.place, async move {
            let metadata = Arc::clone(&self.query.em.orm().metadata);
            let condition = metadata
                .id_of::<T>()
                .map_or_else(String::new, |id| super::describe(&metadata, id, &self.query.condition));
            let found = self.first().await?;
            found.ok_or_else(|| Error::NotFound { entity: T::__DESCRIPTION.name, condition })
        })
    }

    /// How many rows there are, groups counted as one, whatever the limit.
    ///
    /// # Errors
    ///
    /// As awaiting it.
    pub fn count(self) -> impl Future<Output = Result<u64>> {
        called_at(self.query.place, async move {
            let (query, plan) = self.prepared(self.query.clone())?;
            let running = Running::start::<T, T::Nothing>(query, "count").await?;
            let select = self.select_of(&running, &plan)?;
            running.count(&select).await
        })
    }

    async fn rows(self, method: &'static str) -> Result<Vec<S::Row>> {
        let prepared = self.prepared(self.query.clone())?;
        let rows = self.read(prepared, method).await?;
        Ok(rows.into_iter().map(|(row, _)| row).collect())
    }

    /// The rows, and the values of the columns that the plan keeps.
    pub(super) async fn read(
        &self,
        (query, plan): (Query, RowPlan),
        method: &'static str,
    ) -> Result<Vec<(S::Row, Vec<Value>)>> {
        let running = Running::start::<T, T::Nothing>(query, method).await?;
        let select = self.select_of(&running, &plan)?;
        let (region, cache) = (&running.region, running.cache.as_ref());
        let rows = || Rows::<T, S>::new(&select, &plan);
        let read = cache::select(region, &select, method, cache, rows, |rows| rows).await?;
        let Rows { mut rows, owners, .. } = read;
        if !plan.lists.is_empty() {
            let loader = Loader { region, filters: running.filters.as_ref(), cache, method };
            let mut lists = loader.lists(&plan, &owners, None).await?;
            rows.iter_mut().for_each(|(row, _)| lists.fill(|lists| S::__fill(row, lists)));
        }
        Ok(rows)
    }

    pub(super) fn planned(&self, method: &'static str) -> Result<Planned> {
        self.planned_as(self.prepared(self.query.clone())?, method)
    }

    pub(super) fn planned_as(
        &self,
        (query, plan): (Query, RowPlan),
        method: &'static str,
    ) -> Result<Planned> {
        let running = Running::at_rest::<T, T::Nothing>(query, method)?;
        let select = self.select_of(&running, &plan)?;
        Ok(Planned::new(running, select, Reading::Rows))
    }

    /// A query, which knows what its terms lead to, and how its rows are read.
    pub(super) fn prepared(&self, mut query: Query) -> Result<(Query, RowPlan)> {
        let metadata = Arc::clone(&query.em.orm().metadata);
        let id = metadata.id_of::<T>().ok_or(Error::UnknownEntity { entity: T::__DESCRIPTION.name })?;
        let entity = metadata.entity(id);
        check_terms(&metadata, id, &self.terms.columns, &self.group_by)?;
        if self.distinct || !self.group_by.is_empty() {
            self.terms
                .lists
                .first()
                .map_or(Ok(()), |list| list.refuse(&metadata, id, "the rows are groups"))?;
        }
        let plan = RowPlan::of(&metadata, id, self.terms.clone())?;
        let mut touched = Touched::default();
        touched.add(&metadata, id, &self.terms);
        for term in self.group_by.iter().chain(query.order.iter().map(|term| &term.term)) {
            check(entity, term)?;
            touched.add_term(&metadata, id, term);
        }
        query.also_touches = touched.entities;
        query.reads = Shape::read_by(plan.columns.iter().chain(&self.group_by));
        Ok((query, plan))
    }

    /// Whether its rows are groups of rows.
    pub(super) fn is_grouped(&self) -> bool {
        self.distinct || !self.group_by.is_empty() || self.terms.columns.iter().any(Term::is_aggregate)
    }

    /// What is read. It takes no notice of what is scheduled to be removed: a projection shows the database.
    fn select_of(&self, running: &Running, plan: &RowPlan) -> Result<Select> {
        let (region, root) = (&running.region, running.select.root);
        let having = super::resolve(region, root, self.having.expression.clone())?;
        let (mut columns, mut group_by) = (plan.columns.clone(), self.group_by.clone());
        running.show(&mut columns)?;
        running.show(&mut group_by)?;
        Ok(Select {
            selection: Selection::Terms(columns),
            group_by,
            having: region.narrow_relations(root, having, running.filters.as_ref())?,
            distinct: self.distinct,
            ..running.select.clone()
        })
    }
}

/// Refuses what is neither an aggregate nor the same for all rows of a group.
fn check_terms(metadata: &Metadata, entity: EntityId, terms: &[Term], group_by: &[Term]) -> Result<()> {
    let is_grouped = !group_by.is_empty() || terms.iter().any(Term::is_aggregate);
    if !is_grouped {
        return Ok(());
    }
    let alone = terms.iter().find(|term| !is_of_group(term, group_by));
    alone.map_or(Ok(()), |term| {
        Err(Error::Ungrouped {
            entity: metadata.entity(entity).name,
            term: describe_term(metadata, entity, term),
        })
    })
}

fn is_of_group(term: &Term, group_by: &[Term]) -> bool {
    group_by.contains(term)
        || match term {
            Term::Aggregate { .. } | Term::Value(_) | Term::Fragment(_) | Term::Invalid(_) => true,
            Term::Property { .. } => false,
            Term::Arithmetic { .. } | Term::Call { .. } | Term::When { .. } => {
                term.parts().all(|part| is_of_group(part, group_by))
            }
        }
}

/// Rows as they come, without the lists in them.
struct Rows<'a, T: Entity, S: Selected<T>> {
    select: &'a Select,
    plan: &'a RowPlan,
    owners: Owners,
    rows: Vec<(S::Row, Vec<Value>)>,
}

impl<'a, T: Entity, S: Selected<T>> Rows<'a, T, S> {
    fn new(select: &'a Select, plan: &'a RowPlan) -> Self {
        Self { select, plan, owners: Owners::of(plan), rows: Vec::new() }
    }
}

impl<T: Entity, S: Selected<T>> RowSink for Rows<'_, T, S> {
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        let read = S::__read(&mut ViewRow::new(row, 0, &mut self.owners));
        let read = read.map_err(|unread| self.plan.unread(self.select, unread))?;
        let kept = self.plan.kept.iter().map(|(at, value_type)| {
            let unread = |source| self.plan.unread(self.select, Unread { column: *at, source });
            read_value(row, *at, *value_type).map_err(unread)
        });
        self.rows.push((read, kept.collect::<Result<_>>()?));
        Ok(())
    }
}

impl<T: Entity, S> fmt::Debug for Projection<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metadata = &self.query.em.orm().metadata;
        let terms = metadata.id_of::<T>().map(|id| {
            self.terms
                .columns
                .iter()
                .map(|term| describe_term(metadata, id, term))
                .collect::<Vec<_>>()
                .join(", ")
        });
        f.debug_struct("Projection").field("entity", &T::__DESCRIPTION.name).field("terms", &terms).finish()
    }
}

impl<T: Entity, S: Selected<T>> IntoFuture for Projection<T, S> {
    type Output = Result<Vec<S::Row>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(called_at(self.query.place, self.rows("select")))
    }
}
