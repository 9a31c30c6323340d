//! An arena without its type, as hooks and made values see it: values that are in no cell.

use std::sync::Arc;

use super::erased::ErasedSnapshot;
use super::{Arena, Saved};
use crate::entity::cell::three_way_merge;
use crate::entity::hook::{make_values, value_mut};
use crate::entity::{Entity, HookContext, Moment, PropertySet};
use crate::error::Result;
use crate::relation::RelationVisitor;

/// What an [`ErasedArena`](super::ErasedArena) does with values on their way into a statement.
///
/// Values that are changed are copies that nobody else has.
pub(crate) trait ErasedLifecycle {
    fn has_hooks(&self) -> bool;
    fn makes_values(&self, moment: Moment) -> bool;
    /// A copy to be changed.
    fn copy(&self, snapshot: &ErasedSnapshot) -> ErasedSnapshot;
    /// Fills the fields that are made at `moment`, but not those in `kept`. Returns which these are.
    fn make_values(
        &self,
        value: &mut ErasedSnapshot,
        moment: Moment,
        kept: &PropertySet,
        cx: &HookContext<'_>,
    ) -> Result<PropertySet>;
    fn run_before(&self, value: &mut ErasedSnapshot, cx: &HookContext<'_>) -> Result<()>;
    fn run_after(&self, value: &ErasedSnapshot, cx: &HookContext<'_>) -> Result<()>;
    /// Lets the visitor at the relations of a value.
    fn visit_copy(&self, value: &mut ErasedSnapshot, visitor: &mut dyn RelationVisitor);
    /// The properties in which two snapshots differ.
    fn diff(&self, a: &ErasedSnapshot, b: &ErasedSnapshot) -> PropertySet;
    /// What `mine` changed since `base`, over `theirs`.
    fn merge(&self, base: &ErasedSnapshot, mine: &ErasedSnapshot, theirs: &ErasedSnapshot) -> ErasedSnapshot;
    /// The snapshot as the database has it.
    fn stored(&self, saved: Saved) -> ErasedSnapshot;
}

impl<T: Entity> ErasedLifecycle for Arena<T> {
    fn has_hooks(&self) -> bool {
        T::__HOOKS.is_some()
    }

    fn makes_values(&self, moment: Moment) -> bool {
        T::__MADE.iter().any(|made| made.moment == moment)
    }

    fn copy(&self, snapshot: &ErasedSnapshot) -> ErasedSnapshot {
        Arc::new(read::<T>(snapshot).clone())
    }

    fn make_values(
        &self,
        value: &mut ErasedSnapshot,
        moment: Moment,
        kept: &PropertySet,
        cx: &HookContext<'_>,
    ) -> Result<PropertySet> {
        make_values::<T>(write(value), moment, kept, cx)
    }

    fn run_before(&self, value: &mut ErasedSnapshot, cx: &HookContext<'_>) -> Result<()> {
        T::__HOOKS.as_ref().map_or(Ok(()), |hooks| hooks.run_before(write(value), cx))
    }

    fn run_after(&self, value: &ErasedSnapshot, cx: &HookContext<'_>) -> Result<()> {
        T::__HOOKS.as_ref().map_or(Ok(()), |hooks| hooks.run_after(read(value), cx))
    }

    fn visit_copy(&self, value: &mut ErasedSnapshot, visitor: &mut dyn RelationVisitor) {
        write::<T>(value).__relations(visitor);
    }

    fn diff(&self, a: &ErasedSnapshot, b: &ErasedSnapshot) -> PropertySet {
        let mut changed = PropertySet::new();
        read::<T>(a).__diff(read(b), &mut changed);
        changed
    }

    fn merge(&self, base: &ErasedSnapshot, mine: &ErasedSnapshot, theirs: &ErasedSnapshot) -> ErasedSnapshot {
        Arc::new(three_way_merge::<T>(read(base), read(mine), read(theirs)))
    }

    fn stored(&self, saved: Saved) -> ErasedSnapshot {
        Self::stored_of(saved).1
    }
}

fn read<T: Entity>(snapshot: &ErasedSnapshot) -> &T {
    snapshot.downcast_ref::<T>().expect("a snapshot is of its arena's type")
}

fn write<T: Entity>(value: &mut ErasedSnapshot) -> &mut T {
    value_mut::<T>(value).expect("a value that is changed is a copy of its arena's type that nobody else has")
}
