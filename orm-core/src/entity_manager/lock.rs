//! `em.lock`: what it takes.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::EntityManager;
use super::handles::{check_own, check_own_reference};
use crate::activity::called_at;
use crate::entity::{CellRef, Entity, Loaded, Region};
use crate::error::Result;
use crate::lock::LockMode;
use crate::query;
use crate::relation::BoundRef;

/// What [`lock`](EntityManager::lock) takes: a handle, or a reference.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be locked",
    label = "neither a handle nor a reference",
    note = "pass a reference to a handle, or to what `get_reference` returned"
)]
pub trait Lock {
    #[doc(hidden)]
    fn __cell(&self, region: &Arc<Region>) -> Result<CellRef>;
}

impl<T: Entity, P: 'static> Lock for Loaded<T, P> {
    fn __cell(&self, region: &Arc<Region>) -> Result<CellRef> {
        check_own(region, self)?;
        Ok(CellRef { context: region.id(), id: self.cell_id() })
    }
}

impl<T: Entity> Lock for BoundRef<T> {
    fn __cell(&self, region: &Arc<Region>) -> Result<CellRef> {
        Ok(CellRef { context: region.id(), id: check_own_reference(region, self)? })
    }
}

impl EntityManager {
    /// Locks an entity that this context manages; a reference is loaded first.
    ///
    /// An optimistic lock compares the version that is loaded, without a statement. A pessimistic one asks the database
    /// for the row, locked until the transaction ends, and brings the entity up to date: the row wins in fields
    /// without an unsaved edit.
    ///
    /// # Errors
    ///
    /// - [`Error::VersionMismatch`] when the entity has another version, [`Error::Lock`] when it has none.
    /// - [`Error::Lock`] for a pessimistic lock outside a transaction, or of a database that can't.
    /// - [`Error::Driver`] with the kind `LockNotAvailable` or `LockTimeout` when another transaction has the row.
    /// - [`Error::NotFound`] when the row is gone, [`Error::MissingKey`] for an entity that was never flushed,
    ///   [`Error::ForeignEntity`], [`Error::Detached`], [`Error::Removed`], [`Error::GlobalContext`].
    ///
    /// [`Error::VersionMismatch`]: crate::Error::VersionMismatch
    /// [`Error::Lock`]: crate::Error::Lock
    /// [`Error::Driver`]: crate::Error::Driver
    /// [`Error::NotFound`]: crate::Error::NotFound
    /// [`Error::MissingKey`]: crate::Error::MissingKey
    /// [`Error::ForeignEntity`]: crate::Error::ForeignEntity
    /// [`Error::Detached`]: crate::Error::Detached
    /// [`Error::Removed`]: crate::Error::Removed
    /// [`Error::GlobalContext`]: crate::Error::GlobalContext
    #[track_caller]
    pub fn lock<E: Lock>(&self, entity: &E, mode: impl Into<LockMode>) -> impl Future<Output = Result<()>> {
        called_at(Location::caller(), async move {
            let region = self.resolve_in_call("lock")?.region();
            let (cell, mode) = (entity.__cell(&region)?, mode.into());
            query::lock(&region, cell.id, &mode).await
        })
    }
}
