//! Pages by cursor: the entities after, or before, a row that was seen.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::annotate::{Annotated, Annotating, Labels};
use super::cursor::{decode, encode};
use super::explain::Planned;
use super::find::{Find, FindMany, Query, Running};
use super::keyset::Keyset;
use crate::activity::called_at;
use crate::condition::Expression;
use crate::driver::{BoxFuture, Reading};
use crate::entity::{Entity, Loaded, Record};
use crate::error::{Error, Result};
use crate::metadata::{EntityId, EntityMetadata, Metadata};
use crate::value::Value;

/// Some of all results, and the way to the others. What [`Find::page`] returns.
///
/// As JSON it is an object of its fields, under their names.
#[derive(Clone, Debug)]
pub struct Page<I> {
    /// The results, in the order of the query.
    pub items: Vec<I>,
    /// Whether there are more after these. On a page before a cursor, the row of the cursor is taken to be there.
    pub has_next: bool,
    /// Whether there are more before these. On a page after a cursor, the row of the cursor is taken to be there.
    pub has_previous: bool,
    /// Where the first item stands, for [`FindPage::before`]; `None` on an empty page.
    pub start_cursor: Option<String>,
    /// Where the last item stands, for [`FindPage::after`]; `None` on an empty page.
    pub end_cursor: Option<String>,
}

impl<I: Serialize> Serialize for Page<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut page = serializer.serialize_struct("Page", 5)?;
        page.serialize_field("items", &self.items)?;
        page.serialize_field("has_next", &self.has_next)?;
        page.serialize_field("has_previous", &self.has_previous)?;
        page.serialize_field("start_cursor", &self.start_cursor)?;
        page.serialize_field("end_cursor", &self.end_cursor)?;
        page.end()
    }
}

/// A finder that can be read by pages: of entities, or of entities with numbers beside them.
pub trait PageMode<T: Entity, P: 'static>: 'static {
    /// One result.
    type Item: Send + 'static;

    #[doc(hidden)]
    fn __items(running: &Running, cells: Vec<u32>) -> impl Future<Output = Result<Vec<Self::Item>>> + Send;
}

impl<T: Entity, P: 'static> PageMode<T, P> for FindMany {
    type Item = Loaded<T, P>;

    async fn __items(running: &Running, cells: Vec<u32>) -> Result<Vec<Self::Item>> {
        Ok(running.handles(cells))
    }
}

impl<T: Entity, P: 'static, L: Labels> PageMode<T, P> for Annotating<FindMany, L> {
    type Item = Annotated<Loaded<T, P>, L>;

    async fn __items(running: &Running, cells: Vec<u32>) -> Result<Vec<Self::Item>> {
        running.annotations_of(cells).await
    }
}

/// A query for one page, made by [`Find::page`].
#[must_use = "a query is sent when it is awaited"]
pub struct FindPage<T: Entity, P: 'static = <T as Entity>::Nothing, M = FindMany> {
    find: Find<T, P, M>,
    window: Window,
}

impl<T: Entity, P: 'static, M: PageMode<T, P>> Find<T, P, M> {
    /// The first `size` results, and cursors that lead on from there. By one statement, and one a populated relation,
    /// however far the page is: no row is counted or skipped, one row more than the page is read.
    ///
    /// The order is the query's, with the primary key deciding between equals. Rows that come or go between two pages
    /// shift nothing: a row that stays where it is is on exactly one of them.
    ///
    /// Give the query its order first. A lock locks the row after the page too.
    ///
    /// # Errors
    ///
    /// Awaiting it: [`Error::PageSize`] for `page(0)`, [`Error::PageLimit`] beside a limit or an offset, and
    /// [`Error::KeysetOrder`] for an order by a key of several columns.
    ///
    /// # Examples
    ///
    /// ```
    /// # use orm_core::{Entity, EntityManager, Result};
    /// # #[derive(Entity, Clone, Debug, Default)]
    /// # struct Article { #[entity(id, auto)] id: i64, title: String, published: Option<i64> }
    /// # async fn example(em: EntityManager) -> Result<()> {
    /// let newest = || em.find_all::<Article>().order_by(Article::PUBLISHED.desc().nulls_last());
    /// let first = newest().page(20).await?;
    /// if let (true, Some(cursor)) = (first.has_next, &first.end_cursor) {
    ///     let second = newest().page(20).after(cursor)?.await?;
    ///     assert!(second.has_previous);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn page(self, size: u64) -> FindPage<T, P, M> {
        FindPage { find: self, window: Window::first(size) }
    }
}

impl<T: Entity, P: 'static, M> FindPage<T, P, M> {
    /// The page of the results that come after the row of a cursor; of an earlier page's `end_cursor`, its next one.
    ///
    /// A cursor fits the entity and the order that it came from; conditions may differ. It is opaque but no secret:
    /// it holds the row's values of the order's fields, in a form that can be read, and is not signed. Whoever changes
    /// one with care reads on from another place, under the conditions of this query.
    ///
    /// # Errors
    ///
    /// [`Error::Cursor`] for one that is damaged or of another query, and [`Error::KeysetOrder`].
    pub fn after(self, cursor: impl AsRef<str>) -> Result<Self> {
        self.beside(cursor.as_ref(), false)
    }

    /// The page of the last results that come before the row of a cursor, in the order of the query; of a later
    /// page's `start_cursor`, its previous one.
    ///
    /// # Errors
    ///
    /// As [`after`](Self::after), which also says what a cursor is.
    pub fn before(self, cursor: impl AsRef<str>) -> Result<Self> {
        self.beside(cursor.as_ref(), true)
    }

    fn beside(mut self, cursor: &str, backwards: bool) -> Result<Self> {
        self.window = self.window.beside::<T>(&self.find.query, cursor, backwards)?;
        Ok(self)
    }
}

/// Which of all results a page shows.
#[derive(Debug)]
pub(super) struct Window {
    size: u64,
    /// Whether it is what comes before.
    backwards: bool,
    /// Where the row stands that the page is next to.
    beside: Option<Vec<Value>>,
}

impl Window {
    /// The first `size` results.
    pub(super) fn first(size: u64) -> Self {
        Self { size, backwards: false, beside: None }
    }

    /// What comes after the row of a cursor, or before it.
    pub(super) fn beside<T: Entity>(self, query: &Query, cursor: &str, backwards: bool) -> Result<Self> {
        let (id, metadata) = root_of::<T>(query)?;
        let entity = metadata.entity(id);
        let order = Keyset::of("a page", metadata, id, query.order.clone())?;
        let position = decode(entity, &order, cursor)
            .map_err(|problem| Error::Cursor { entity: entity.name, problem })?;
        Ok(Self { size: self.size, backwards, beside: Some(position) })
    }

    /// Makes `query` read the rows of the page and one more, from the cursor on. Gives its order as it was, made total.
    pub(super) fn narrow(&self, root: EntityId, query: &mut Query) -> Result<Keyset> {
        let orm = query.em.orm();
        let entity = orm.metadata.entity(root);
        if self.size == 0 {
            return Err(Error::PageSize { entity: entity.name });
        }
        if query.limit.is_some() || query.offset.is_some() {
            return Err(Error::PageLimit { entity: entity.name });
        }
        let order = Keyset::of("a page", &orm.metadata, root, query.order.clone())?;
        let read = if self.backwards { order.reversed() } else { order.clone() };
        if let Some(position) = &self.beside {
            let after = read.after(position, orm.driver.capabilities().null_order);
            let condition = std::mem::replace(&mut query.condition, Expression::always());
            query.condition = condition.and(after);
        }
        query.order = read.order();
        query.limit = Some(self.size.saturating_add(1));
        Ok(order)
    }

    /// Takes the row that is one too many away, and puts the others in order. Whether there was one.
    pub(super) fn cut<R>(&self, rows: &mut Vec<R>) -> bool {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let is_more = rows.len() > size;
        rows.truncate(size);
        if self.backwards {
            rows.reverse();
        }
        is_more
    }

    /// The page of these items; `ends` is where the first and the last of them stand.
    pub(super) fn page<I>(
        &self,
        entity: &EntityMetadata,
        order: &Keyset,
        items: Vec<I>,
        is_more: bool,
        ends: Option<[Vec<Value>; 2]>,
    ) -> Page<I> {
        let is_beside = self.beside.is_some();
        let (has_next, has_previous) =
            if self.backwards { (is_beside, is_more) } else { (is_more, is_beside) };
        let cursors = ends.map(|ends| ends.map(|position| encode(entity, order, &position)));
        let [start_cursor, end_cursor] = cursors.map_or([None, None], |cursors| cursors.map(Some));
        Page { items, has_next, has_previous, start_cursor, end_cursor }
    }
}

/// The entity that a query is for.
pub(super) fn root_of<T: Entity>(query: &Query) -> Result<(EntityId, &Arc<Metadata>)> {
    let metadata = &query.em.orm().metadata;
    let id = metadata.id_of::<T>().ok_or(Error::UnknownEntity { entity: T::__DESCRIPTION.name })?;
    Ok((id, metadata))
}

impl<T: Entity, P: Record<T>, M: PageMode<T, P>> FindPage<T, P, M> {
    pub(super) fn planned(&self, method: &'static str) -> Result<Planned> {
        let mut query = self.find.query.clone();
        let (id, _) = root_of::<T>(&self.find.query)?;
        self.window.narrow(id, &mut query)?;
        let running = Running::at_rest::<T, P>(query, method)?;
        let select = running.page().into_owned();
        Ok(Planned::new(running, select, Reading::Rows))
    }

    async fn run(self) -> Result<Page<M::Item>> {
        let Self { find: Find { mut query, .. }, window } = self;
        let (id, metadata) = root_of::<T>(&query)?;
        let metadata = Arc::clone(metadata);
        let order = window.narrow(id, &mut query)?;
        let mut running = Running::start::<T, P>(query, "page").await?;
        let (mut rows, mut placed) = running.placed_rows(&order).await?;
        let is_more = window.cut(&mut placed);
        let ends = match (placed.first(), placed.last()) {
            (Some(first), Some(last)) => {
                Some([first.position(&running, &order)?, last.position(&running, &order)?])
            }
            _ => None,
        };
        rows.cells = placed.iter().map(|row| row.cell).collect();
        running.complete(&rows).await?;
        let items = M::__items(&running, rows.cells).await?;
        Ok(window.page(metadata.entity(id), &order, items, is_more, ends))
    }
}

impl<T: Entity, P: 'static, M> fmt::Debug for FindPage<T, P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FindPage")
            .field("find", &self.find)
            .field("size", &self.window.size)
            .field("backwards", &self.window.backwards)
            .finish_non_exhaustive()
    }
}

impl<T: Entity, P: Record<T>, M: PageMode<T, P>> IntoFuture for FindPage<T, P, M> {
    type Output = Result<Page<M::Item>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(called_at(self.find.query.place, self.run()))
    }
}
