//! Pages by cursor of values instead of entities.

use std::fmt;
use std::future::IntoFuture;

use super::explain::Planned;
use super::find::Query;
use super::keyset::Keyset;
use super::list::RowPlan;
use super::page::{Page, Window, root_of};
use super::projection::Projection;
use super::selected::Selected;
use crate::activity::called_at;
use crate::driver::BoxFuture;
use crate::entity::Entity;
use crate::error::{Error, Result};

/// A query for one page of values, made by [`Projection::page`].
#[must_use = "a query is sent when it is awaited"]
pub struct ProjectionPage<T: Entity, S> {
    projection: Projection<T, S>,
    window: Window,
}

impl<T: Entity, S: Selected<T>> Projection<T, S> {
    /// The first `size` rows, and cursors that lead on from there: [`Find::page`](super::Find::page) without entities. The
    /// values of the order, the primary key as its last, are read beside what is selected.
    ///
    /// # Errors
    ///
    /// Awaiting it: as a page of entities, and [`Error::PageOfGroups`] for rows that are grouped or distinct.
    ///
    /// # Examples
    ///
    /// ```
    /// # use orm_core::{Entity, EntityManager, Result};
    /// # #[derive(Entity, Clone, Debug, Default)]
    /// # struct Article { #[entity(id, auto)] id: i64, title: String, published: Option<i64> }
    /// # async fn example(em: EntityManager) -> Result<()> {
    /// let titles = || em.find_all::<Article>().select(Article::TITLE).order_by(Article::PUBLISHED.desc());
    /// let first = titles().page(20).await?;
    /// if let Some(cursor) = &first.end_cursor {
    ///     let second = titles().page(20).after(cursor)?.await?;
    ///     assert!(second.has_previous);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn page(self, size: u64) -> ProjectionPage<T, S> {
        ProjectionPage { projection: self, window: Window::first(size) }
    }
}

impl<T: Entity, S: Selected<T>> ProjectionPage<T, S> {
    /// The page of the rows that come after the row of a cursor. A cursor fits the entity and the order that it came from,
    /// whatever was selected; see [`FindPage::after`](super::FindPage::after).
    ///
    /// # Errors
    ///
    /// [`Error::Cursor`] for one that is damaged or of another query, and [`Error::KeysetOrder`].
    pub fn after(self, cursor: impl AsRef<str>) -> Result<Self> {
        self.beside(cursor.as_ref(), false)
    }

    /// The page of the last rows that come before the row of a cursor, in the order of the query.
    ///
    /// # Errors
    ///
    /// As [`after`](Self::after).
    pub fn before(self, cursor: impl AsRef<str>) -> Result<Self> {
        self.beside(cursor.as_ref(), true)
    }

    fn beside(mut self, cursor: &str, backwards: bool) -> Result<Self> {
        self.window = self.window.beside::<T>(&self.projection.query, cursor, backwards)?;
        Ok(self)
    }

    fn prepared(&self) -> Result<(Keyset, (Query, RowPlan))> {
        if self.projection.is_grouped() {
            return Err(Error::PageOfGroups { entity: T::__DESCRIPTION.name });
        }
        let mut query = self.projection.query.clone();
        let (id, _) = root_of::<T>(&self.projection.query)?;
        let order = self.window.narrow(id, &mut query)?;
        let (query, mut plan) = self.projection.prepared(query)?;
        plan.keep(&order);
        Ok((order, (query, plan)))
    }

    pub(super) fn planned(&self, method: &'static str) -> Result<Planned> {
        let (_, prepared) = self.prepared()?;
        self.projection.planned_as(prepared, method)
    }

    async fn run(self) -> Result<Page<S::Row>> {
        let (order, prepared) = self.prepared()?;
        let mut rows = self.projection.read(prepared, "page").await?;
        let is_more = self.window.cut(&mut rows);
        let ends = match (rows.first(), rows.last()) {
            (Some((_, first)), Some((_, last))) => Some([first.clone(), last.clone()]),
            _ => None,
        };
        let items = rows.into_iter().map(|(row, _)| row).collect();
        let (id, metadata) = root_of::<T>(&self.projection.query)?;
        Ok(self.window.page(metadata.entity(id), &order, items, is_more, ends))
    }
}

impl<T: Entity, S> fmt::Debug for ProjectionPage<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProjectionPage")
            .field("projection", &self.projection)
            .field("window", &self.window)
            .finish()
    }
}

impl<T: Entity, S: Selected<T>> IntoFuture for ProjectionPage<T, S> {
    type Output = Result<Page<S::Row>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(called_at(self.projection.query.place, self.run()))
    }
}
