//! How relations are loaded: over unsaved edits or not, and under which filters.

use crate::cache::CacheUse;
use crate::condition::{Expression, OrderTerm};
use crate::entity::{Freshness, Region, Shape};
use crate::error::Result;
use crate::filter::FilterChoices;
use crate::hydrate::JoinedAt;
use crate::metadata::EntityId;

/// How relations are loaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loading<'a> {
    pub(crate) freshness: Freshness,
    /// What the query chose about filters; `None`: as the context.
    filters: Option<&'a FilterChoices>,
    /// What will be populated below the relation.
    below: Option<&'a Shape>,
    /// How the query uses the result cache.
    pub(crate) cache: Option<&'a CacheUse>,
    /// Rows that came with the entities whose relations are loaded; for one relation, with those that have it.
    pub(super) joined: Option<JoinedAt<'a>>,
}

/// Under the filters of the context.
impl From<Freshness> for Loading<'_> {
    fn from(freshness: Freshness) -> Self {
        Self { freshness, filters: None, below: None, cache: None, joined: None }
    }
}

impl<'a> Loading<'a> {
    /// Under the filters that a query chose.
    pub(crate) fn under(self, filters: Option<&'a FilterChoices>) -> Self {
        Self { filters, ..self }
    }

    /// With results that may be cached.
    pub(crate) fn cached(self, cache: Option<&'a CacheUse>) -> Self {
        Self { cache, ..self }
    }

    /// Of entities below which `below` will be populated.
    pub(super) fn above(self, below: &'a Shape) -> Self {
        Self { below: Some(below), ..self }
    }

    /// With rows that were joined to those of the entities.
    pub(crate) fn with(self, joined: Option<JoinedAt<'a>>) -> Self {
        Self { joined, ..self }
    }

    /// Of one relation of the entities.
    pub(super) fn at(self, relation: usize) -> Self {
        Self { joined: self.joined.and_then(|joined| joined.below(relation)), ..self }
    }

    fn promised(&self, region: &Region, target: EntityId) -> Result<Expression> {
        let below = self.below.filter(|below| !below.is_empty());
        below
            .map_or_else(|| Ok(Expression::always()), |below| region.promised_by(target, below, self.filters))
    }

    /// Which rows of `target` are shown.
    ///
    /// # Errors
    ///
    /// Whatever a filter fails with.
    pub(super) fn shown(&self, region: &Region, target: EntityId) -> Result<Expression> {
        Ok(region.filter_of(target, self.filters)?.and(self.promised(region, target)?))
    }

    /// A condition of the program's on `target`, met only by what is shown.
    ///
    /// # Errors
    ///
    /// Whatever a filter fails with, and [`Error::Value`](crate::Error::Value).
    pub(super) fn narrowed(
        &self,
        region: &Region,
        target: EntityId,
        condition: Expression,
    ) -> Result<Expression> {
        Ok(region.narrowed(target, condition, self.filters)?.and(self.promised(region, target)?))
    }

    /// An order of the program's of `target`, in which the rows that filters hide stand as none.
    ///
    /// # Errors
    ///
    /// Whatever a filter fails with.
    pub(super) fn order(
        &self,
        region: &Region,
        target: EntityId,
        order: Vec<OrderTerm>,
    ) -> Result<Vec<OrderTerm>> {
        region.shown_order(target, order, self.below.unwrap_or(&Shape::default()), self.filters)
    }

    /// Which items of a to-many relation to `target` are shown, and the number of these filters.
    ///
    /// # Errors
    ///
    /// Whatever a filter fails with.
    pub(super) fn items(&self, region: &Region, target: EntityId) -> Result<(Expression, Option<u64>)> {
        let promised = self.promised(region, target)?;
        let narrowing = region.narrowing(target, self.filters, &promised);
        Ok((region.filter_of(target, self.filters)?.and(promised), narrowing))
    }
}
