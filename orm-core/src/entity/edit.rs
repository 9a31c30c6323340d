//! The guard of `edit()`: a private copy that is published when it goes.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::region::Region;
use super::{CellId, Entity};

/// A private copy of an entity to change. Dropping it publishes.
///
/// It holds no lock: two guards of one entity, guards of several entities on several threads, and an `.await` in
/// between are all fine. Publishing merges field by field: what this guard changed goes over what others published
/// meanwhile; of two changes of one field the last wins (for read-modify-write there is
/// [`update`](super::Loaded::update)). Nothing is published while the thread panics.
#[must_use = "dropping the guard publishes the edit; bind it, or change a field right away"]
pub struct Edit<'a, T: Entity> {
    region: &'a Region,
    cell: CellId,
    base: Arc<T>,
    /// Made by the first write.
    value: Option<T>,
}

impl<'a, T: Entity> Edit<'a, T> {
    pub(super) fn new(region: &'a Region, cell: CellId, base: Arc<T>) -> Self {
        Self { region, cell, base, value: None }
    }
}

impl<T: Entity> Deref for Edit<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().unwrap_or(&self.base)
    }
}

impl<T: Entity> DerefMut for Edit<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.get_or_insert_with(|| T::clone(&self.base))
    }
}

impl<T: Entity> Drop for Edit<'_, T> {
    fn drop(&mut self) {
        let Some(value) = self.value.take() else { return };
        if !std::thread::panicking() {
            self.region.publish(self.cell, &self.base, value);
        }
    }
}

impl<T: Entity> fmt::Debug for Edit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Edit({})", self.region.name(self.cell))
    }
}
