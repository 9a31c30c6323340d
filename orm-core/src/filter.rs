//! Filters: conditions that queries meet without naming them, such as "not deleted" or "of this tenant".
//!
//! A filter is a type over the [`Filter`] trait; its fields are its parameters. `registry` knows which entity has which,
//! `choice` what a context or a query switched, `narrow` puts them into conditions, and `evaluate` asks them of
//! entities that are loaded, so that the identity map never bypasses one. `guard` puts them into writes.

mod choice;
mod evaluate;
mod guard;
mod narrow;
mod registry;
mod terms;

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

pub(crate) use choice::{ContextFilters, FilterChoices, Switch, UNFILTERED, next_revision};
pub(crate) use evaluate::Verdict;
pub(crate) use registry::FilterRegistry;
pub use registry::{FilterTargets, RegisteredFilter};

use crate::condition::Condition;
use crate::entity::Entity;
use crate::entity_manager::RequestValues;
use crate::error::{Error, Result};

/// A condition that every query for entities `T` meets, unless it is switched off.
///
/// Registered with [`OrmBuilder::filter`](crate::OrmBuilder::filter) or `#[entity(filter = ..)]`, it narrows finders,
/// counts, populated relations, lazy loads and conditions through relations. The fields of the type are its parameters;
/// what differs by request comes from the values of the manager.
///
/// What a removal takes along by `cascade_remove` or `orphan_removal` it hides no row from, since a row that refers to one
/// that goes can't stay; a filter with [`FilterReach::ReadsAndWrites`] refuses the flush instead.
///
/// # Examples
///
/// ```ignore
/// struct OfTenant;
///
/// impl Filter<Invoice> for OfTenant {
///     const NAME: &'static str = "tenant";
///     const REACH: FilterReach = FilterReach::ReadsAndWrites;
///
///     fn condition(&self, context: &FilterContext<'_>) -> Result<Option<Condition<Invoice>>> {
///         let tenant = context.require::<CurrentTenant>()?;
///         Ok(Some(Invoice::TENANT.eq(tenant.0)))
///     }
/// }
///
/// let orm = Orm::builder(driver).entity::<Invoice>().filter::<Invoice, _>(OfTenant).build().await?;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no filter of `{T}`",
    label = "not a filter of this entity",
    note = "write `impl Filter<{T}> for {Self}`"
)]
pub trait Filter<T: Entity>: Send + Sync + 'static {
    /// Its name in messages, and for switching it at run time.
    const NAME: &'static str;
    /// Whether it applies where nobody switched it.
    const DEFAULT: FilterDefault = FilterDefault::On;
    /// Whether it also guards what a flush writes.
    const REACH: FilterReach = FilterReach::Reads;

    /// The condition; `None` where it does not apply, such as for an administrator.
    ///
    /// It is asked for at every query, and again for each type that a query touches, so it should be cheap.
    ///
    /// # Errors
    ///
    /// Whatever it can't do without, such as [`Error::MissingFilterValue`]. The query is then not sent.
    fn condition(&self, context: &FilterContext<'_>) -> Result<Option<Condition<T>>>;
}

/// Whether a filter applies where nobody switched it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterDefault {
    /// It does.
    On,
    /// A context or a query must switch it on.
    Off,
}

/// What a filter applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterReach {
    /// What is read.
    Reads,
    /// Also what a flush writes: a row that does not meet the condition is neither inserted, changed nor deleted, and the
    /// flush fails with [`Error::RefusedByFilter`].
    ReadsAndWrites,
}

/// What a filter can ask about the query that it applies to.
pub struct FilterContext<'a> {
    filter: &'static str,
    entity: &'static str,
    values: &'a RequestValues,
}

impl FilterContext<'_> {
    /// The struct's name of the entity that is filtered.
    #[must_use]
    pub fn entity(&self) -> &'static str {
        self.entity
    }

    /// The value of this type that was [`set`](crate::EntityManager::set) on the manager.
    #[must_use]
    pub fn get<V: Send + Sync + 'static>(&self) -> Option<Arc<V>> {
        self.values.get()
    }

    /// The value of this type that was [`set`](crate::EntityManager::set) on the manager.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFilterValue`], which says how to set it.
    pub fn require<V: Send + Sync + 'static>(&self) -> Result<Arc<V>> {
        self.get().ok_or(Error::MissingFilterValue {
            filter: self.filter,
            entity: self.entity,
            value: type_name::<V>(),
        })
    }
}

impl fmt::Debug for FilterContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FilterContext({} of {})", self.filter, self.entity)
    }
}

/// The filter of every entity with a `#[entity(soft_delete)]` field: hides what is deleted.
///
/// Switched off for one query by `.with_deleted()`.
#[derive(Clone, Copy, Debug)]
pub struct SoftDelete;

impl SoftDelete {
    /// Its name.
    pub const NAME: &'static str = "soft_delete";
}
