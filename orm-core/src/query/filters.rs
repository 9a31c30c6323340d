//! What a query chooses about filters; the same on every finder.

use super::{Count, Find, FindById, FindByIdOrFail, Projection};
use crate::bulk::{DeleteMany, UpdateMany, Upsert};
use crate::entity::Entity;
use crate::error::Result;
use crate::filter::{SoftDelete, Switch};

macro_rules! filter_choices {
    ($filters:ident.$($path:tt).+) => {
        /// Applies a filter to this query, with these parameters, also where it is off.
        ///
        /// A filter that no entity has is [`Error::UnknownFilter`](crate::Error::UnknownFilter) when the query runs.
        pub fn with_filter<F: Send + Sync + 'static>(mut self, filter: F) -> Self {
            let $filters = &mut self;
            $filters.$($path).+.set(filter);
            self
        }

        /// Does without a filter in this query, in its conditions and in what it populates.
        ///
        /// A filter that no entity has is [`Error::UnknownFilter`](crate::Error::UnknownFilter) when the query runs.
        pub fn without_filter<F: 'static>(mut self) -> Self {
            let $filters = &mut self;
            $filters.$($path).+.switch::<F>(Switch::Off);
            self
        }

        /// Does without any filter in this query; those chosen after this call apply.
        pub fn without_filters(mut self) -> Self {
            let $filters = &mut self;
            $filters.$($path).+.switch_all_off();
            self
        }

        /// Also finds what is soft-deleted, in its conditions and in what it populates.
        pub fn with_deleted(self) -> Self {
            self.without_filter::<SoftDelete>()
        }
    };
}

/// By a name that is known only at run time.
macro_rules! filter_names {
    ($filters:ident.$($path:tt).+, $em:ident.$($to_em:tt).+) => {
        /// Switches on the filter of this name, for names that are known only at run time.
        ///
        /// # Errors
        ///
        /// [`Error::UnknownFilter`](crate::Error::UnknownFilter), with the closest name that exists.
        pub fn enable_filter(mut self, name: &str) -> Result<Self> {
            let $em = &self;
            let filter = $em.$($to_em).+.orm().filters.named(name)?;
            let $filters = &mut self;
            $filters.$($path).+.switch_found(filter, Switch::On);
            Ok(self)
        }

        /// Switches off the filter of this name, for names that are known only at run time.
        ///
        /// # Errors
        ///
        /// [`Error::UnknownFilter`](crate::Error::UnknownFilter), with the closest name that exists.
        pub fn disable_filter(mut self, name: &str) -> Result<Self> {
            let $em = &self;
            let filter = $em.$($to_em).+.orm().filters.named(name)?;
            let $filters = &mut self;
            $filters.$($path).+.switch_found(filter, Switch::Off);
            Ok(self)
        }
    };
}

impl<T: Entity, P: 'static, M> Find<T, P, M> {
    filter_choices!(find.query.filters);
    filter_names!(find.query.filters, find.query.em);
}

impl<T: Entity, P: 'static> FindById<T, P> {
    filter_choices!(find.filters);
    filter_names!(find.filters, find.em);
}

impl<T: Entity, P: 'static> FindByIdOrFail<T, P> {
    filter_choices!(find.0.filters);
    filter_names!(find.0.filters, find.0.em);
}

impl<T: Entity> UpdateMany<T> {
    filter_choices!(update.reach.filters);
}

impl<T: Entity> DeleteMany<T> {
    filter_choices!(delete.reach.filters);
}

impl<T: Entity, M> Upsert<T, M> {
    filter_choices!(upsert.filters);
}

impl<T: Entity, S> Projection<T, S> {
    filter_choices!(projection.query.filters);
    filter_names!(projection.query.filters, projection.query.em);
}

impl<T: Entity> Count<T> {
    filter_choices!(count.query.filters);
    filter_names!(count.query.filters, count.query.em);
}
