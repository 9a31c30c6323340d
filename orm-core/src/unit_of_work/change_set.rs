//! What changed: one entity's pending write, by comparing its snapshots.
//!
//! Looks at new, touched and removed cells only.

use hashbrown::HashSet;

use super::cascade::Cascade;
use crate::entity::{CellId, ChangeKind, ErasedSnapshot, PropertySet, Region, State};
use crate::error::{EntityKey, Error, Result};
use crate::metadata::description::ReferentialAction;
use crate::metadata::{Relation, RelationKind};
use crate::relation::Target;

/// One entity's pending write.
pub(crate) struct ChangeSet {
    pub(crate) cell: CellId,
    pub(crate) kind: ChangeSetKind,
    /// The snapshot in the cell that the change set was made of; `None` while that one itself is what is written.
    pub(crate) base: Option<ErasedSnapshot>,
}

/// What is to be done, with the value that is written.
pub(crate) enum ChangeSetKind {
    Create(ErasedSnapshot),
    Update(ErasedSnapshot, PropertySet),
    /// The row stays, and a property says when it was deleted.
    SoftDelete(SoftDeletion),
    Delete,
}

/// What a flush has to do, and what it looked at to know.
pub(crate) struct ChangeSets {
    /// In the order in which the program made the changes; what a cascade takes comes last.
    pub(crate) all: Vec<ChangeSet>,
    pub(super) cascade: Cascade,
    /// How many entities were looked at.
    pub(super) visited: usize,
}

/// The removal of an entity whose row stays.
pub(crate) struct SoftDeletion {
    /// The property that says when.
    pub(super) property: usize,
    /// What hooks want written with it: the value that the row will have, and where it differs.
    pub(super) marked: Option<(ErasedSnapshot, PropertySet)>,
}

impl ChangeSet {
    /// This one, in place of which nothing but a deletion is left; for a stage that works on it.
    pub(super) fn take(&mut self) -> Self {
        Self {
            cell: self.cell,
            kind: std::mem::replace(&mut self.kind, ChangeSetKind::Delete),
            base: self.base.take(),
        }
    }
}

impl ChangeSetKind {
    pub(crate) fn as_change(&self) -> ChangeKind {
        match self {
            Self::Create(_) => ChangeKind::Create,
            Self::Update(..) => ChangeKind::Update,
            Self::Delete | Self::SoftDelete(_) => ChangeKind::Delete,
        }
    }

    /// The value that is written.
    pub(crate) fn value(&self) -> Option<&ErasedSnapshot> {
        match self {
            Self::Create(written) | Self::Update(written, _) => Some(written),
            Self::Delete | Self::SoftDelete(_) => None,
        }
    }

    /// Which of an entity's properties are written.
    pub(crate) fn changed(&self, properties: usize) -> PropertySet {
        match self {
            Self::Create(_) => PropertySet::first(properties),
            Self::Update(_, changed) => changed.clone(),
            Self::Delete | Self::SoftDelete(_) => PropertySet::new(),
        }
    }
}

/// The change sets of a region.
///
/// # Errors
///
/// [`Error::OutcomeUnknown`], and [`Error::ForeignEntity`] for a reference that only looks unchanged.
pub(crate) fn compute(region: &Region) -> Result<ChangeSets> {
    let (new, touched, removed) = {
        let pending = region.pending();
        if pending.unknown.is_some() {
            return Err(Error::OutcomeUnknown);
        }
        (pending.new.clone(), pending.touched.clone(), pending.removed.clone())
    };
    let cascade = match removed.is_empty() {
        true => Cascade::default(),
        false => Cascade::of(region, &removed, &[&new[..], &touched].concat()),
    };
    let visited = new.len() + touched.len() + cascade.len();
    let mut change_sets = Vec::with_capacity(visited);
    let mut seen = HashSet::<CellId, foldhash::fast::RandomState>::default();
    for cell in new {
        if cascade.takes(cell) || !seen.insert(cell) {
            continue;
        }
        let arena = region.arena(cell.entity);
        let (State::New, Some(snapshot)) = (arena.state(cell.at), arena.current(cell.at)) else { continue };
        change_sets.push(ChangeSet { cell, kind: ChangeSetKind::Create(snapshot), base: None });
    }
    let mut listed = HashSet::<CellId, foldhash::fast::RandomState>::default();
    for cell in touched {
        if !listed.insert(cell) {
            continue;
        }
        let arena = region.arena(cell.entity);
        let (State::Managed, Some((snapshot, changed))) = (arena.state(cell.at), arena.changes(cell.at))
        else {
            continue;
        };
        if cascade.takes(cell) {
            continue;
        }
        if changed.is_empty() {
            // Equal in what is stored, but a handle of another context may stand for the same key.
            check_references(region, cell, &snapshot, Some(&changed), &cascade)?;
            arena.accept_as_original(cell.at, &snapshot);
            continue;
        }
        change_sets.push(ChangeSet { cell, kind: ChangeSetKind::Update(snapshot, changed), base: None });
    }
    let removed = removed.into_iter().filter(|cell| region.state(*cell) == State::Removed);
    for cell in removed.chain(cascade.rows.iter().copied()) {
        if seen.insert(cell) {
            let property = cascade.soft_delete_of(region, cell);
            let kind = property.map_or(ChangeSetKind::Delete, |property| {
                ChangeSetKind::SoftDelete(SoftDeletion { property, marked: None })
            });
            change_sets.push(ChangeSet { cell, kind, base: None });
        }
    }
    let mut pending = region.pending();
    pending.touched.retain(|cell| region.arena(cell.entity).stays_touched(cell.at));
    drop(pending);
    Ok(ChangeSets { all: change_sets, cascade, visited })
}

/// Whether a change set can be written, now that its value is final.
///
/// # Errors
///
/// Whatever is wrong with the entity: [`Error::RequiredRelation`], [`Error::ForeignEntity`], [`Error::Relation`],
/// [`Error::KeyChanged`], [`Error::Computed`], [`Error::MissingKey`].
pub(crate) fn check(region: &Region, change_set: &ChangeSet, cascade: &Cascade) -> Result<()> {
    let cell = change_set.cell;
    match &change_set.kind {
        ChangeSetKind::Create(snapshot) => {
            check_references(region, cell, snapshot, None, cascade)?;
            check_key(region, cell, snapshot)
        }
        ChangeSetKind::Update(snapshot, changed) => check_changed(region, cell, snapshot, changed, cascade),
        ChangeSetKind::SoftDelete(deletion) => {
            if let Some((snapshot, changed)) = &deletion.marked {
                check_changed(region, cell, snapshot, changed, cascade)?;
            }
            check_stays(region, cell, cascade)
        }
        ChangeSetKind::Delete => Ok(()),
    }
}

/// Whether a row that stays can be changed.
fn check_changed(
    region: &Region,
    cell: CellId,
    snapshot: &ErasedSnapshot,
    changed: &PropertySet,
    cascade: &Cascade,
) -> Result<()> {
    if region.entity(cell.entity).primary_key.iter().any(|property| changed.contains(*property)) {
        return Err(Error::KeyChanged { key: region.name(cell) });
    }
    let meta = region.entity(cell.entity);
    if let Some(property) = meta.computed.iter().find(|property| changed.contains(**property)) {
        return Err(Error::Computed { entity: meta.name, field: meta.properties[*property].name });
    }
    check_references(region, cell, snapshot, Some(changed), cascade)
}

/// Whether the row of a softly deleted entity can stay where it is.
///
/// # Errors
///
/// [`Error::Relation`] if it needs a row that goes.
pub(super) fn check_stays(region: &Region, cell: CellId, cascade: &Cascade) -> Result<()> {
    for (index, relation) in region.entity(cell.entity).relations.iter().enumerate() {
        let RelationKind::ManyToOne { .. } = relation.kind else { continue };
        let target = region.arena(cell.entity).original_target(cell.at, index);
        let Some(at) = region.resolve(relation.target, &target) else { continue };
        if needs(region, relation, CellId { entity: relation.target, at }, cascade) {
            return Err(Error::Relation {
                key: region.name(cell),
                relation: relation.name,
                problem: "softly deleted, its row stays, but the row that it points to goes; use `remove_for_good` for that \
                          one, which takes this row along, or give the foreign key an `on_delete`",
            });
        }
    }
    Ok(())
}

/// Whether the row that `relation` leads to goes, and nothing but this flush could help the foreign key.
fn needs(region: &Region, relation: &Relation, target: CellId, cascade: &Cascade) -> bool {
    // A row that is deleted softly is still there; and where the database acts on the delete, it acts on this row too.
    let is_acted_on =
        matches!(relation.on_delete, Some(ReferentialAction::Cascade | ReferentialAction::SetNull));
    !is_acted_on && cascade.takes(target) && cascade.soft_delete_of(region, target).is_none()
}

/// Whether every (changed) reference leads somewhere that can be written.
fn check_references(
    region: &Region,
    cell: CellId,
    snapshot: &ErasedSnapshot,
    changed: Option<&PropertySet>,
    cascade: &Cascade,
) -> Result<()> {
    let entity = region.entity(cell.entity);
    let arena = region.arena(cell.entity);
    for (index, relation) in entity.relations.iter().enumerate() {
        let RelationKind::ManyToOne { property } = relation.kind else { continue };
        let target = arena.target_of(snapshot, index);
        let is_foreign = matches!(&target, Target::Cell(cell) if cell.context != region.id());
        if changed.is_some_and(|changed| !changed.contains(property)) && !is_foreign {
            continue;
        }
        let refuse = |problem| Error::Relation { key: region.name(cell), relation: relation.name, problem };
        let leads_to = region.resolve(relation.target, &target).filter(|_| !is_foreign);
        let leads_to = leads_to.map(|at| CellId { entity: relation.target, at });
        if leads_to.is_some_and(|target| needs(region, relation, target, cascade)) {
            return Err(refuse(
                "it points to an entity that is scheduled to be removed; point it elsewhere, or `persist` that entity \
                 to take the removal back",
            ));
        }
        match target {
            Target::Unset if relation.nullable => {}
            Target::Unset | Target::New => {
                return Err(Error::RequiredRelation { key: region.name(cell), relation: relation.name });
            }
            Target::Key(_) => {}
            Target::Cell(target) if target.context == region.id() => {
                if region.state(target.id) == State::Detached {
                    return Err(refuse("it points to an entity that was removed before it was ever saved"));
                }
            }
            Target::Cell(target) => {
                return Err(Error::ForeignEntity {
                    key: EntityKey::new(
                        region.entity(relation.target).name,
                        arena.reference_key(snapshot, index).unwrap_or_default(),
                    ),
                    expected: region.id(),
                    found: target.context,
                });
            }
            Target::Invalid(source) => {
                return Err(Error::Value {
                    entity: entity.name,
                    field: relation.name,
                    column: entity.columns[entity.properties[property].columns.start].name.clone(),
                    source,
                });
            }
        }
    }
    Ok(())
}

/// Whether a new entity has a key, or will get one.
fn check_key(region: &Region, cell: CellId, snapshot: &ErasedSnapshot) -> Result<()> {
    let entity = region.entity(cell.entity);
    if entity.generated().is_some() || region.key(cell).is_some() {
        return Ok(());
    }
    let arena = region.arena(cell.entity);
    for property in &entity.primary_key {
        let known = match entity.properties[*property].kind {
            // Its target's key is known by the time it is inserted.
            crate::metadata::PropertyKind::Reference(_) => true,
            crate::metadata::PropertyKind::Scalar => {
                arena.value_of(snapshot, *property).is_ok_and(|value| !value.is_null())
            }
        };
        if !known {
            return Err(Error::MissingKey {
                entity: entity.name,
                hint: "assign one, or mark the field `auto` or `default = path::to::function`",
            });
        }
    }
    Ok(())
}
