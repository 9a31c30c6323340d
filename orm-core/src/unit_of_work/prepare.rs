//! From what changed to what is written: the values that the ORM makes, and what a hook made of them.
//!
//! Synchronous. A draft is a copy of the entity that nobody else has, so whatever happens to it, the cell is as it was;
//! [`super::settle`] merges what was written into the cell after the commit. An entity without hooks and made values
//! gets no draft, and no copy is made of it.

use hashbrown::HashMap;

use super::change_set::{ChangeSet, ChangeSetKind, ChangeSets, SoftDeletion, compute};
use super::settle::Bases;
use super::{Adoption, Mode};
use crate::entity::{CellId, ChangeKind, ErasedSnapshot, HookContext, Moment, PropertySet, Region};
use crate::entity_manager::EntityManager;
use crate::error::Result;

/// A change set whose value is worked on.
pub(super) struct Draft {
    change_set: ChangeSet,
    kind: ChangeKind,
    changed: PropertySet,
    original: Option<ErasedSnapshot>,
    /// The fields that the ORM made.
    made: PropertySet,
}

impl Draft {
    /// A draft, with the value to work on; none for an entity that is removed by its key alone.
    pub(super) fn of(region: &Region, mut change_set: ChangeSet) -> (Self, Option<ErasedSnapshot>) {
        let cell = change_set.cell;
        let arena = region.arena(cell.entity);
        let original = arena.original(cell.at);
        let kind = change_set.kind.as_change();
        let (value, changed) = match &change_set.kind {
            ChangeSetKind::Create(written) => {
                (Some(arena.copy(written)), PropertySet::first(region.entity(cell.entity).properties.len()))
            }
            ChangeSetKind::Update(written, changed) => (Some(arena.copy(written)), changed.clone()),
            ChangeSetKind::Delete | ChangeSetKind::SoftDelete(_) => {
                change_set.base = arena.current(cell.at);
                (change_set.base.as_ref().map(|current| arena.copy(current)), PropertySet::new())
            }
        };
        (Self { change_set, kind, changed, original, made: PropertySet::new() }, value)
    }

    /// What a hook of this entity gets to know.
    pub(super) fn context<'a>(
        &'a self,
        em: &'a EntityManager,
        now: std::time::SystemTime,
    ) -> HookContext<'a> {
        HookContext {
            em,
            now,
            entity: self.change_set.cell.entity,
            kind: self.kind,
            original: self.original.as_ref(),
            changed: &self.changed,
        }
    }

    /// Fills the fields that the ORM makes.
    pub(super) fn make_values(
        &mut self,
        region: &Region,
        value: &mut ErasedSnapshot,
        em: &EntityManager,
        now: std::time::SystemTime,
    ) -> Result<()> {
        let Some(moment) = moment(self.kind) else { return Ok(()) };
        let arena = region.arena(self.change_set.cell.entity);
        let made = match moment {
            Moment::Create => arena.make_values(value, moment, &PropertySet::new(), &self.context(em, now)),
            Moment::Update => arena.make_values(value, moment, &self.changed, &self.context(em, now)),
        };
        self.made = made?;
        Ok(())
    }

    /// The change set with the value as it is now. New values in its relations become entities of the context.
    pub(super) fn finish(self, region: &Region, value: Option<ErasedSnapshot>) -> Result<ChangeSet> {
        let Self { change_set, made, .. } = self;
        let Some(value) = value else { return Ok(change_set) };
        rewrite(region, change_set, value, &made)
    }
}

/// `change_set` with another value to write. An update of nothing but `made` fields is none; of a row that is removed but
/// stays, what the value changed is written with the time.
pub(super) fn rewrite(
    region: &Region,
    change_set: ChangeSet,
    mut value: ErasedSnapshot,
    made: &PropertySet,
) -> Result<ChangeSet> {
    let ChangeSet { cell, kind, base } = change_set;
    let arena = region.arena(cell.entity);
    let (written, is_new) = match &kind {
        ChangeSetKind::Create(written) => (written, true),
        ChangeSetKind::Update(written, _) => (written, false),
        ChangeSetKind::SoftDelete(deletion) => {
            let property = deletion.property;
            let marked = base.as_ref().map(|base| mark(region, cell, property, base, value)).transpose()?;
            let kind = ChangeSetKind::SoftDelete(SoftDeletion { property, marked: marked.flatten() });
            return Ok(ChangeSet { cell, kind, base });
        }
        ChangeSetKind::Delete => return Ok(ChangeSet { cell, kind, base }),
    };
    let base = base.unwrap_or_else(|| ErasedSnapshot::clone(written));
    if !region.entity(cell.entity).relations.is_empty() {
        let mut adoption = Adoption::new(region, Mode::Persist);
        adoption.visit_snapshot(cell, &mut value);
        adoption.finish()?;
    }
    let kind = if is_new {
        ChangeSetKind::Create(value)
    } else {
        let changed =
            arena.original(cell.at).map(|original| arena.diff(&value, &original)).unwrap_or_default();
        let is_empty = changed.iter().all(|property| made.contains(property));
        ChangeSetKind::Update(value, if is_empty { PropertySet::new() } else { changed })
    };
    Ok(ChangeSet { cell, kind, base: Some(base) })
}

/// What hooks made of the copy of an entity whose row stays, over what the row has; `None` if nothing.
fn mark(
    region: &Region,
    cell: CellId,
    property: usize,
    base: &ErasedSnapshot,
    mut value: ErasedSnapshot,
) -> Result<Option<(ErasedSnapshot, PropertySet)>> {
    let arena = region.arena(cell.entity);
    let meta = region.entity(cell.entity);
    if !meta.relations.is_empty() {
        let mut adoption = Adoption::new(region, Mode::Persist);
        adoption.visit_snapshot(cell, &mut value);
        adoption.finish()?;
    }
    let Some(original) = arena.original(cell.at) else { return Ok(None) };
    let written = arena.merge(base, &value, &original);
    let mut changed = PropertySet::new();
    // The time and the version are the flush's own.
    let is_hooks = |at: &usize| *at != property && Some(*at) != meta.version;
    arena.diff(&written, &original).iter().filter(is_hooks).for_each(|at| changed.insert(at));
    Ok((!changed.is_empty()).then_some((written, changed)))
}

/// Computes again after hooks changed something else in the context: what they made of the prepared values stays.
pub(super) fn recompute(region: &Region, prepared: Vec<ChangeSet>) -> Result<ChangeSets> {
    let mut known: HashMap<CellId, ChangeSet, foldhash::fast::RandomState> =
        prepared.into_iter().map(|change_set| (change_set.cell, change_set)).collect();
    let ChangeSets { all, cascade, visited } = compute(region)?;
    let all = all
        .into_iter()
        .map(|fresh| match known.remove(&fresh.cell) {
            Some(prepared) if prepared.kind.as_change() == fresh.kind.as_change() => {
                rebase(region, prepared, fresh)
            }
            Some(_) | None => Ok(fresh),
        })
        .collect::<Result<_>>()?;
    Ok(ChangeSets { all, cascade, visited })
}

/// What hooks changed, over what the cell has by now.
fn rebase(region: &Region, prepared: ChangeSet, fresh: ChangeSet) -> Result<ChangeSet> {
    if let (ChangeSetKind::SoftDelete(_), ChangeSetKind::SoftDelete(_)) = (&prepared.kind, &fresh.kind) {
        return Ok(prepared);
    }
    let arena = region.arena(fresh.cell.entity);
    let (Some(base), Some(mine), Some(theirs)) = (&prepared.base, prepared.kind.value(), fresh.kind.value())
    else {
        return Ok(fresh);
    };
    if std::sync::Arc::ptr_eq(base, theirs) {
        return Ok(prepared);
    }
    let value = arena.merge(base, mine, theirs);
    rewrite(region, fresh, value, &PropertySet::new())
}

/// When values are made for a change of this kind.
fn moment(kind: ChangeKind) -> Option<Moment> {
    match kind {
        ChangeKind::Create => Some(Moment::Create),
        ChangeKind::Update => Some(Moment::Update),
        ChangeKind::Delete => None,
    }
}

/// Whether the ORM makes values for the change.
pub(super) fn makes_values(region: &Region, change_set: &ChangeSet) -> bool {
    let arena = region.arena(change_set.cell.entity);
    moment(change_set.kind.as_change()).is_some_and(|moment| arena.makes_values(moment))
}

/// Whether it changes anything but the version, which is the flush's own.
pub(super) fn is_edit(region: &Region, change_set: &ChangeSet) -> bool {
    match &change_set.kind {
        ChangeSetKind::Create(_) | ChangeSetKind::Delete | ChangeSetKind::SoftDelete(_) => true,
        ChangeSetKind::Update(_, changed) => {
            let version = region.entity(change_set.cell.entity).version;
            changed.iter().any(|property| Some(property) != version)
        }
    }
}

/// What would be written if there were no hooks and subscribers.
pub(super) fn preview(region: &Region, em: &EntityManager) -> Result<ChangeSets> {
    let now = em.now();
    let ChangeSets { all, cascade, visited } = compute(region)?;
    let all = all.into_iter().map(|change_set| {
        if !(makes_values(region, &change_set) && is_edit(region, &change_set)) {
            return Ok(change_set);
        }
        let (mut draft, mut value) = Draft::of(region, change_set);
        if let Some(value) = &mut value {
            draft.make_values(region, value, em, now)?;
        }
        draft.finish(region, value)
    });
    Ok(ChangeSets { all: all.collect::<Result<_>>()?, cascade, visited })
}

/// Takes out what is no change, and the snapshots that other values are written for.
pub(super) fn take_bases(change_sets: &mut Vec<ChangeSet>) -> Bases {
    let mut bases = Bases::default();
    change_sets.retain(
        |change_set| !matches!(&change_set.kind, ChangeSetKind::Update(_, changed) if changed.is_empty()),
    );
    for change_set in change_sets {
        bases.extend(change_set.base.take().map(|base| (change_set.cell, base)));
    }
    bases
}
