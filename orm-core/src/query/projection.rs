//! `select`: columns, computed values and aggregates instead of entities.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::sync::Arc;

use super::explain::Planned;
use super::find::{Find, Query, Running};
use super::mentions::terms_of;
use super::plan::{check, describe_term};
use crate::cache;
use crate::condition::{Aggregate, Condition, Expr, Field, Having, IntoExpr, OrderBy, Term};
use crate::driver::{BoxFuture, Reading, RowReader, RowSink, RowSinkError, Select, Selection};
use crate::entity::{Entity, Record};
use crate::entity_manager::FlushMode;
use crate::error::{Error, Result};
use crate::metadata::{EntityId, Metadata};
use crate::value::{FieldValue, Value, ValueError};

/// What [`Find::select`] takes: a field, a computed value, an aggregate, or a tuple of up to twelve of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be selected from the rows of `{T}`",
    label = "neither a field of `{T}`, nor computed from its rows, nor a tuple of such"
)]
pub trait Selected<T: Entity>: Send + 'static {
    /// One row of the result.
    type Row: Send + 'static;

    /// Adds the terms that a row is read from.
    #[doc(hidden)]
    fn __terms(&self, terms: &mut Vec<Term>);

    /// Reads a row from the columns from `at` on, and moves `at` behind them.
    #[doc(hidden)]
    fn __read(row: &dyn RowReader, at: &mut usize) -> Result<Self::Row, Unread>;
}

pub(super) fn read<V: FieldValue>(row: &dyn RowReader, at: &mut usize) -> Result<V, Unread> {
    let column = *at;
    *at += 1;
    V::read(row, column).map_err(|source| Unread { column, source })
}

/// A column whose value does not fit the type that it is read as.
#[doc(hidden)]
#[derive(Debug)]
pub struct Unread {
    pub(super) column: usize,
    pub(super) source: ValueError,
}

macro_rules! one {
    ($($type:ident => |$this:ident| $term:expr;)+) => { $(
        impl<T: Entity, V: FieldValue> Selected<T> for $type<T, V> {
            type Row = V;

            fn __terms(&self, terms: &mut Vec<Term>) {
                let $this = self;
                terms.push($term);
            }

            fn __read(row: &dyn RowReader, at: &mut usize) -> Result<V, Unread> {
                read(row, at)
            }
        }
    )+ };
}

one! {
    Field => |field| IntoExpr::<T>::into_expr(*field).term;
    Expr => |expr| expr.term.clone();
    Aggregate => |aggregate| aggregate.term.clone();
}

macro_rules! tuple {
    ($($name:ident)+) => {
        impl<T: Entity, $($name: Selected<T>),+> Selected<T> for ($($name,)+) {
            type Row = ($($name::Row,)+);

            #[expect(non_snake_case, reason = "named as their types")]
            fn __terms(&self, terms: &mut Vec<Term>) {
                let ($($name,)+) = self;
                $($name.__terms(terms);)+
            }

            fn __read(row: &dyn RowReader, at: &mut usize) -> Result<Self::Row, Unread> {
                Ok(($($name::__read(row, at)?,)+))
            }
        }
    };
}

tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);
tuple!(A B C D E F G);
tuple!(A B C D E F G H);
tuple!(A B C D E F G H I);
tuple!(A B C D E F G H I J);
tuple!(A B C D E F G H I J K);
tuple!(A B C D E F G H I J K L);

/// What a row is grouped by: a field, a computed value, or a tuple of these.
#[diagnostic::on_unimplemented(
    message = "rows of `{T}` can't be grouped by `{Self}`",
    label = "neither a field of `{T}` nor computed from one, nor a tuple of such"
)]
pub trait GroupBy<T: Entity> {
    /// Adds its terms.
    #[doc(hidden)]
    fn __terms(self, terms: &mut Vec<Term>);
}

impl<T: Entity, V: FieldValue> GroupBy<T> for Field<T, V> {
    fn __terms(self, terms: &mut Vec<Term>) {
        terms.push(IntoExpr::<T>::into_expr(self).term);
    }
}

impl<T: Entity, V: FieldValue> GroupBy<T> for Expr<T, V> {
    fn __terms(self, terms: &mut Vec<Term>) {
        terms.push(self.term);
    }
}

macro_rules! group {
    ($($name:ident)+) => {
        impl<T: Entity, $($name: GroupBy<T>),+> GroupBy<T> for ($($name,)+) {
            #[expect(non_snake_case, reason = "named as their types")]
            fn __terms(self, terms: &mut Vec<Term>) {
                let ($($name,)+) = self;
                $($name.__terms(terms);)+
            }
        }
    };
}

group!(A);
group!(A B);
group!(A B C);
group!(A B C D);

/// Rows of values instead of entities: nothing of them is managed, and only what is named is read.
///
/// Made by [`Find::select`]. Filters hold as they do for entities.
#[must_use = "a query is sent when it is awaited"]
pub struct Projection<T: Entity, S> {
    pub(super) query: Query,
    terms: Vec<Term>,
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
        let mut terms = Vec::new();
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
    pub async fn exists(self) -> Result<bool>
    where
        P: Record<T>,
    {
        let mut query = self.query;
        query.limit = Some(1);
        let one = Projection::<T, One> {
            query,
            terms: vec![Term::Value(Value::Int(1))],
            group_by: Vec::new(),
            having: Condition::always(),
            distinct: false,
            selected: PhantomData,
        };
        Ok(!one.rows("exists").await?.is_empty())
    }
}

/// The number that stands for a match.
struct One;

impl<T: Entity> Selected<T> for One {
    type Row = ();

    fn __terms(&self, _: &mut Vec<Term>) {}

    fn __read(_: &dyn RowReader, _: &mut usize) -> Result<(), Unread> {
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
    pub async fn one(mut self) -> Result<Option<S::Row>> {
        self.query.limit = Some(1);
        Ok(self.rows("select").await?.into_iter().next())
    }

    /// The first row. Aggregates without groups always have one.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and as awaiting it.
    pub async fn one_or_fail(self) -> Result<S::Row> {
        let metadata = Arc::clone(&self.query.em.orm().metadata);
        let condition = metadata
            .id_of::<T>()
            .map_or_else(String::new, |id| super::describe(&metadata, id, &self.query.condition));
        let found = self.one().await?;
        found.ok_or_else(|| Error::NotFound { entity: T::__DESCRIPTION.name, condition })
    }

    /// How many rows there are, groups counted as one, whatever the limit.
    ///
    /// # Errors
    ///
    /// As awaiting it.
    pub async fn count(self) -> Result<u64> {
        let (running, select) = self.start("count").await?;
        running.count(&select).await
    }

    async fn rows(self, method: &'static str) -> Result<Vec<S::Row>> {
        let (Running { region, cache, .. }, select) = self.start(method).await?;
        let Selection::Terms(terms) = &select.selection else { return Ok(Vec::new()) };
        let rows = || Rows::<T, S> { select: &select, terms, rows: Vec::new() };
        let rows = cache::select(&region, &select, method, cache.as_ref(), rows, |rows| rows).await?;
        Ok(rows.rows)
    }

    async fn start(self, method: &'static str) -> Result<(Running, Select)> {
        let running = Running::start::<T, T::Nothing>(self.checked()?, method).await?;
        let select = self.select_of(&running)?;
        Ok((running, select))
    }

    pub(super) fn planned(&self, method: &'static str) -> Result<Planned> {
        let running = Running::at_rest::<T, T::Nothing>(self.checked()?, method)?;
        let select = self.select_of(&running)?;
        Ok(Planned::new(running, select, Reading::Rows))
    }

    /// The query, which knows what its terms lead to.
    fn checked(&self) -> Result<Query> {
        let mut query = self.query.clone();
        let order = query.order.iter().map(|term| &term.term);
        let terms = self.terms.iter().chain(&self.group_by).chain(order);
        let metadata = &query.em.orm().metadata;
        let mut entities = Vec::new();
        if let Some(id) = metadata.id_of::<T>() {
            check_terms(metadata, id, &self.terms, &self.group_by)?;
            for term in terms {
                check(metadata.entity(id), term)?;
                terms_of(metadata, id, term, &mut entities);
            }
        }
        query.also_touches = entities;
        Ok(query)
    }

    /// What is read. It takes no notice of what is scheduled to be removed: a projection shows the database.
    fn select_of(&self, running: &Running) -> Result<Select> {
        let having = super::resolve(&running.region, running.select.root, self.having.expression.clone())?;
        Ok(Select {
            selection: Selection::Terms(self.terms.clone()),
            group_by: self.group_by.clone(),
            having,
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
            Term::Arithmetic { .. } | Term::Call { .. } => {
                term.parts().all(|part| is_of_group(part, group_by))
            }
        }
}

struct Rows<'a, T: Entity, S: Selected<T>> {
    select: &'a Select,
    terms: &'a [Term],
    rows: Vec<S::Row>,
}

impl<T: Entity, S: Selected<T>> RowSink for Rows<'_, T, S> {
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        let read = S::__read(row, &mut 0).map_err(|Unread { column, source }| {
            let term = self.terms.get(column);
            let term = term.map(|term| describe_term(&self.select.metadata, self.select.root, term));
            Error::Unread { entity: T::__DESCRIPTION.name, term: term.unwrap_or_default(), source }
        })?;
        self.rows.push(read);
        Ok(())
    }
}

impl<T: Entity, S> fmt::Debug for Projection<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metadata = &self.query.em.orm().metadata;
        let terms = metadata.id_of::<T>().map(|id| {
            self.terms.iter().map(|term| describe_term(metadata, id, term)).collect::<Vec<_>>().join(", ")
        });
        f.debug_struct("Projection").field("entity", &T::__DESCRIPTION.name).field("terms", &terms).finish()
    }
}

impl<T: Entity, S: Selected<T>> IntoFuture for Projection<T, S> {
    type Output = Result<Vec<S::Row>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.rows("select"))
    }
}
