//! What the ORM itself gives rows that are written without the unit of work: made values and versions.

use std::time::SystemTime;

use crate::clock::{micros, value_at};
use crate::entity::{ChangeKind, Entity, HookContext, Moment, PropertySet, make_values};
use crate::entity_manager::EntityManager;
use crate::error::Result;
use crate::metadata::{EntityId, EntityMetadata};
use crate::value::{ColumnType, Value};

/// Makes values for the rows of one call, all at one time.
pub(super) struct Making<'a> {
    em: &'a EntityManager,
    now: SystemTime,
    entity: EntityId,
}

/// What rows that change get besides what the program gives them.
pub(super) struct Made {
    pub(super) set: Vec<(usize, Value)>,
    /// Integer columns that count up.
    pub(super) raised: Vec<usize>,
}

impl<'a> Making<'a> {
    pub(super) fn new(em: &'a EntityManager, entity: EntityId) -> Self {
        Self { em, now: em.now(), entity }
    }

    /// The time, in microseconds since 1970.
    pub(super) fn now(&self) -> i64 {
        micros(self.now)
    }

    /// Fills the blank fields of a new row.
    ///
    /// # Errors
    ///
    /// [`Error::Hook`](crate::Error::Hook) and [`Error::Value`](crate::Error::Value).
    pub(super) fn create<T: Entity>(&self, value: &mut T) -> Result<()> {
        let changed = PropertySet::first(T::__DESCRIPTION.properties.len());
        let cx = self.context(ChangeKind::Create, &changed);
        make_values::<T>(value, Moment::Create, &PropertySet::new(), &cx).map(drop)
    }

    /// What a row gets that changes in the properties that `is_set` names.
    ///
    /// # Errors
    ///
    /// [`Error::Hook`](crate::Error::Hook).
    pub(super) fn update<T: Entity>(&self, is_set: impl Fn(usize) -> bool) -> Result<Made> {
        let meta = self.meta();
        let mut changed = PropertySet::new();
        (0..meta.properties.len()).filter(|at| is_set(*at)).for_each(|at| changed.insert(at));
        let cx = self.context(ChangeKind::Update, &changed);
        let mut made = Made { set: Vec::new(), raised: Vec::new() };
        for one in T::__MADE.iter().filter(|one| one.moment == Moment::Update && !is_set(one.property)) {
            made.set.push((meta.properties[one.property].columns.start, one.run::<T>(&cx)?));
        }
        if let Some(version) = meta.version.filter(|version| !is_set(*version)) {
            self.raise(version, &mut made);
        }
        Ok(made)
    }

    /// The next version: one more, or the time.
    pub(super) fn raise(&self, version: usize, made: &mut Made) {
        let meta = self.meta();
        let column = meta.properties[version].columns.start;
        match meta.columns[column].column_type {
            ColumnType::Int(_) | ColumnType::UnsignedInt(_) => made.raised.push(column),
            other => made.set.extend(value_at(self.now, other).map(|time| (column, time))),
        }
    }

    fn meta(&self) -> &'a EntityMetadata {
        self.em.orm().metadata.entity(self.entity)
    }

    fn context<'c>(&'c self, kind: ChangeKind, changed: &'c PropertySet) -> HookContext<'c> {
        HookContext { em: self.em, now: self.now, entity: self.entity, kind, original: None, changed }
    }
}

/// The columns of fields that the ORM makes and that the program left blank.
pub(super) fn blank<T: Entity>(meta: &EntityMetadata, value: &T) -> Vec<usize> {
    let mut blank: Vec<usize> = T::__MADE
        .iter()
        .filter(|one| value.__value(one.property).is_ok_and(|value| value.is_blank()))
        .map(|one| meta.properties[one.property].columns.start)
        .collect();
    blank.sort_unstable();
    blank.dedup();
    blank
}
