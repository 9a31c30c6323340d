//! Locks of finders, and `em.lock`.

use std::sync::Arc;

use crate::condition::Expression;
use crate::driver::{Access, LockWait, RowLock, RowLocks};
use crate::entity::{CellId, Freshness, Region, State};
use crate::error::{Error, Result};
use crate::lock::{ExpectedVersion, LockMode, LockRefusal};
use crate::metadata::EntityId;
use crate::populate::{keep_promises, load_rows, select};

impl Region {
    /// What a select has to say for this lock to be had.
    ///
    /// # Errors
    ///
    /// [`Error::Lock`].
    pub(super) fn row_lock(&self, entity: EntityId, mode: Option<&LockMode>) -> Result<Option<RowLock>> {
        let refuse = |refusal| Err(Error::Lock { entity: self.entity(entity).name, refusal });
        match mode {
            None => Ok(None),
            Some(LockMode::Optimistic(_)) if self.entity(entity).version.is_none() => {
                refuse(LockRefusal::Unversioned)
            }
            Some(LockMode::Optimistic(_)) => Ok(None),
            Some(LockMode::Pessimistic(lock)) => {
                match (self.orm().driver.capabilities().row_locks, self.session().transaction_access()) {
                    (RowLocks::None, _) => refuse(LockRefusal::Unsupported),
                    (_, None) => refuse(LockRefusal::NoTransaction),
                    (_, Some(Access::ReadOnly)) => refuse(LockRefusal::ReadOnlyTransaction),
                    (RowLocks::Rows | RowLocks::WholeDatabase, Some(Access::ReadWrite)) => Ok(Some(*lock)),
                }
            }
        }
    }

    /// Whether the loaded row has this version.
    ///
    /// # Errors
    ///
    /// [`Error::VersionMismatch`], and [`Error::Value`] for something that can't be the entity's version.
    pub(super) fn check_version(&self, cell: CellId, expected: &ExpectedVersion) -> Result<()> {
        let meta = self.entity(cell.entity);
        let arena = self.arena(cell.entity);
        let (Some(version), Some(original)) = (meta.version, arena.original(cell.at)) else { return Ok(()) };
        let unfit = |source| {
            let property = &meta.properties[version];
            let column = meta.columns[property.columns.start].name.clone();
            Error::Value { entity: meta.name, field: property.name, column, source }
        };
        let actual = arena.value_of(&original, version).map_err(unfit)?;
        let expected = expected.matching(&actual).map_err(unfit)?;
        if *expected == actual {
            return Ok(());
        }
        Err(Error::VersionMismatch { key: self.name(cell), expected: expected.clone(), actual })
    }
}

/// Locks one entity of this context.
pub(crate) async fn lock(region: &Arc<Region>, mut cell: CellId, mode: &LockMode) -> Result<()> {
    let row_lock = region.row_lock(cell.entity, Some(mode))?;
    let state = region.state(cell);
    match state {
        State::Managed | State::Reference => {}
        State::Detached => return Err(Error::Detached { key: region.name(cell) }),
        State::Removed => return Err(Error::Removed { key: region.name(cell) }),
        State::New => return Err(never_flushed(region, cell)),
    }
    if row_lock.is_some() || state == State::Reference {
        let Some(key) = region.key(cell) else { return Err(never_flushed(region, cell)) };
        let condition = Expression::KeyIn { property: None, keys: vec![key.clone()] };
        let mut select = select(region, cell.entity, condition, Vec::new());
        select.lock = row_lock;
        let hydrated = load_rows(region, &select, Freshness::Merge).await?;
        keep_promises(region).await?;
        let Some(at) = hydrated.cells.first() else { return Err(not_found(region, cell, row_lock)) };
        cell.at = *at;
        region.note_spelling(cell, &key)?;
    }
    match mode {
        LockMode::Optimistic(expected) => region.check_version(cell, expected),
        LockMode::Pessimistic(_) => Ok(()),
    }
}

fn never_flushed(region: &Region, cell: CellId) -> Error {
    Error::MissingKey { entity: region.entity(cell.entity).name, hint: "it was never flushed" }
}

fn not_found(region: &Region, cell: CellId, lock: Option<RowLock>) -> Error {
    let entity = region.entity(cell.entity).name;
    match lock {
        Some(RowLock { wait: LockWait::SkipLocked, .. }) => {
            Error::Lock { entity, refusal: LockRefusal::Skipped }
        }
        Some(_) | None => Error::NotFound { entity, condition: region.name(cell).to_string() },
    }
}
