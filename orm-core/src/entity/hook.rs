//! Lifecycle hooks of an entity, and values that the ORM makes for it.
//!
//! A hook before a write works on a copy of the entity: what it changes goes into the same statement, and reaches
//! memory only once that is committed. Hooks are synchronous; what has to wait is for a
//! [`Subscriber`](crate::Subscriber).

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Entity, ErasedSnapshot, PropertySet};
use crate::condition::Field;
use crate::entity_manager::EntityManager;
use crate::error::{Error, Result};
use crate::metadata::{EntityId, EntityMetadata};
use crate::value::{FieldValue, Value};

/// What an entity does when it is loaded, saved or removed. Switched on by `#[entity(hooks)]`.
///
/// Every method does nothing unless it is written. A hook that fails, fails the flush: the database and every entity
/// are as they were before, and [`Error::Hook`] says which hook it was. Flushing from inside a hook is refused with
/// [`Error::FlushInHook`].
///
/// A hook may persist, edit and remove other entities through [`HookContext::em`]. Before a write they are saved by
/// the same flush, after it by the next. If the flush fails, what its hooks did to other entities is taken back.
///
/// # Examples
///
/// ```
/// use orm_core::{Entity, EntityHooks, HookContext, Result};
///
/// #[derive(Entity, Clone, Debug, Default)]
/// #[entity(hooks)]
/// struct User {
///     #[entity(id, auto)]
///     id: i64,
///     email: String,
/// }
///
/// impl EntityHooks for User {
///     fn before_create(&mut self, _: &HookContext<'_>) -> Result<()> {
///         self.email = self.email.trim().to_lowercase();
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is marked `#[entity(hooks)]`, but has no hooks",
    label = "needs `impl EntityHooks for {Self}`",
    note = "write `impl EntityHooks for {Self} {{ .. }}` with the hooks it has, or remove `hooks`"
)]
pub trait EntityHooks: Entity {
    /// Runs when a value becomes an instance: of a new entity in `persist`, and of every row that is read, before
    /// [`on_load`](Self::on_load). For fields that are `#[entity(skip)]`. It may run again on a value that `persist`
    /// had refused.
    fn on_init(&mut self) {}

    /// Runs on every row that is read, before the row meets the identity map.
    ///
    /// What it makes of a row is taken to be what the database has: it is not saved by itself, and a row of an
    /// instance that is loaded already is compared after it. The fields of that instance that are `#[entity(skip)]`
    /// stay as they are.
    ///
    /// # Errors
    ///
    /// Whatever it returns fails the query, and nothing of the query is loaded.
    fn on_load(&mut self) -> Result<()> {
        Ok(())
    }

    /// Runs before the entity is inserted, on the value that will be.
    ///
    /// # Errors
    ///
    /// Whatever it returns fails the flush.
    fn before_create(&mut self, cx: &HookContext<'_>) -> Result<()> {
        let _ = cx;
        Ok(())
    }

    /// Runs after the entity was inserted, with its key, before the commit.
    ///
    /// # Errors
    ///
    /// Whatever it returns rolls the flush back.
    fn after_create(&self, cx: &HookContext<'_>) -> Result<()> {
        let _ = cx;
        Ok(())
    }

    /// Runs before a changed entity is written, on the value that will be. Not for changes of to-many relations alone.
    ///
    /// # Errors
    ///
    /// Whatever it returns fails the flush.
    fn before_update(&mut self, cx: &HookContext<'_>) -> Result<()> {
        let _ = cx;
        Ok(())
    }

    /// Runs after a changed entity was written, before the commit.
    ///
    /// # Errors
    ///
    /// Whatever it returns rolls the flush back.
    fn after_update(&self, cx: &HookContext<'_>) -> Result<()> {
        let _ = cx;
        Ok(())
    }

    /// Runs before a loaded entity is removed, softly or for good. What it changes of an entity whose row stays, such as
    /// `deleted_by`, is written by the same statement as the time; unsaved edits of others are not.
    ///
    /// # Errors
    ///
    /// Whatever it returns fails the flush.
    fn before_delete(&mut self, cx: &HookContext<'_>) -> Result<()> {
        let _ = cx;
        Ok(())
    }

    /// Runs after a loaded entity was removed, before the commit.
    ///
    /// # Errors
    ///
    /// Whatever it returns rolls the flush back.
    fn after_delete(&self, cx: &HookContext<'_>) -> Result<()> {
        let _ = cx;
        Ok(())
    }
}

/// The hooks of `T` as data: what `#[entity(hooks)]` puts into the entity.
pub struct Hooks<T> {
    pub(crate) on_init: fn(&mut T),
    pub(crate) on_load: fn(&mut T) -> Result<()>,
    before: [fn(&mut T, &HookContext<'_>) -> Result<()>; 3],
    after: [fn(&T, &HookContext<'_>) -> Result<()>; 3],
}

impl<T> fmt::Debug for Hooks<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}

/// The hooks of `T`.
#[must_use]
pub const fn hooks<T: EntityHooks>() -> Hooks<T> {
    Hooks {
        on_init: T::on_init,
        on_load: T::on_load,
        before: [T::before_create, T::before_update, T::before_delete],
        after: [T::after_create, T::after_update, T::after_delete],
    }
}

/// What a flush does to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// Its row is inserted.
    Create,
    /// Its row is updated.
    Update,
    /// Its row is deleted.
    Delete,
}

impl ChangeKind {
    /// The hook before the write.
    pub(crate) const fn before(self) -> &'static str {
        match self {
            Self::Create => "before_create",
            Self::Update => "before_update",
            Self::Delete => "before_delete",
        }
    }

    /// The hook after the write.
    pub(crate) const fn after(self) -> &'static str {
        match self {
            Self::Create => "after_create",
            Self::Update => "after_update",
            Self::Delete => "after_delete",
        }
    }
}

impl<T: Entity> Hooks<T> {
    pub(crate) fn run_before(&self, value: &mut T, cx: &HookContext<'_>) -> Result<()> {
        let run = self.before[cx.kind as usize](value, cx);
        run.map_err(|error| Error::in_hook(T::__DESCRIPTION.name, cx.kind.before(), error))
    }

    pub(crate) fn run_after(&self, value: &T, cx: &HookContext<'_>) -> Result<()> {
        let run = self.after[cx.kind as usize](value, cx);
        run.map_err(|error| Error::in_hook(T::__DESCRIPTION.name, cx.kind.after(), error))
    }

    /// Runs the hooks of a row that was read.
    pub(crate) fn run_load(&self, value: &mut T) -> Result<()> {
        (self.on_init)(value);
        (self.on_load)(value).map_err(|error| Error::in_hook(T::__DESCRIPTION.name, "on_load", error))
    }
}

/// What a hook may know: the flush that it is part of, and what happens to the entity.
#[derive(Clone, Copy)]
pub struct HookContext<'a> {
    pub(crate) em: &'a EntityManager,
    pub(crate) now: SystemTime,
    pub(crate) entity: EntityId,
    pub(crate) kind: ChangeKind,
    pub(crate) original: Option<&'a ErasedSnapshot>,
    pub(crate) changed: &'a PropertySet,
}

impl<'a> HookContext<'a> {
    /// The manager whose flush this is.
    #[must_use]
    pub fn em(&self) -> &'a EntityManager {
        self.em
    }

    /// The time of the flush: the same for everything that it writes.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.now
    }

    /// A typed value of the request, as [`EntityManager::set`] put it into the manager.
    #[must_use]
    pub fn get<V: Send + Sync + 'static>(&self) -> Option<Arc<V>> {
        self.em.get::<V>()
    }

    /// What happens to the entity.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// The entity as the database had it before this flush; `None` for a new one, for one removed by its key alone,
    /// and for another type.
    #[must_use]
    pub fn original<T: Entity>(&self) -> Option<&'a T> {
        self.original.and_then(|original| original.downcast_ref())
    }

    /// The names of the fields that changed: before an update those that the program changed, after it all that were
    /// written.
    pub fn changed(&self) -> impl Iterator<Item = &'static str> + use<'a> {
        let metadata: &'a EntityMetadata = self.em.orm().metadata.entity(self.entity);
        self.changed.iter().map(|property| metadata.properties[property].name)
    }

    /// Whether a field changed.
    #[must_use]
    pub fn is_changed<T: Entity, V: FieldValue>(&self, field: Field<T, V>) -> bool {
        let is_own = self.em.orm().metadata.id_of::<T>() == Some(self.entity);
        is_own && self.changed().any(|name| name == field.name())
    }
}

impl fmt::Debug for HookContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookContext")
            .field("entity", &self.em.orm().metadata.entity(self.entity).name)
            .field("kind", &self.kind)
            .field("changed", &self.changed().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// When a made value is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the row is inserted, if the field is still blank.
    Create,
    /// Before a changed row is updated, unless the program changed the field itself.
    Update,
}

impl Moment {
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "on_create",
            Self::Update => "on_update",
        }
    }
}

/// A value that the ORM makes: `on_create = path` or `on_update = path`.
#[derive(Clone, Copy, Debug)]
pub struct MadeValue {
    /// The field's property.
    pub property: usize,
    /// When.
    pub moment: Moment,
    /// How.
    pub make: fn(&HookContext<'_>) -> Result<Value>,
}

impl MadeValue {
    /// A place in a list, before it is filled.
    pub(super) const BLANK: Self = Self { property: 0, moment: Moment::Create, make: |_| Ok(Value::Null) };

    /// Makes it.
    ///
    /// # Errors
    ///
    /// [`Error::Hook`].
    pub(crate) fn run<T: Entity>(&self, cx: &HookContext<'_>) -> Result<Value> {
        (self.make)(cx).map_err(|error| Error::in_hook(T::__DESCRIPTION.name, self.moment.name(), error))
    }
}

/// Fills the fields of `value` that are made at `moment`, but not those in `kept`. Returns which these are.
pub(crate) fn make_values<T: Entity>(
    value: &mut T,
    moment: Moment,
    kept: &PropertySet,
    cx: &HookContext<'_>,
) -> Result<PropertySet> {
    let mut made = PropertySet::new();
    for one in T::__MADE.iter().filter(|one| one.moment == moment && !kept.contains(one.property)) {
        if moment == Moment::Create && !value.__value(one.property).is_ok_and(|value| value.is_blank()) {
            continue;
        }
        let unfit = |source| {
            let property = &T::__DESCRIPTION.properties[one.property];
            let column = property.columns.first().copied().unwrap_or(property.name).to_owned();
            Error::Value { entity: T::__DESCRIPTION.name, field: property.name, column, source }
        };
        let new = one.run::<T>(cx)?;
        value.__set_value(one.property, new).map_err(unfit)?;
        made.insert(one.property);
    }
    Ok(made)
}

/// A snapshot that nobody else has, to be changed.
pub(crate) fn value_mut<T: Entity>(snapshot: &mut ErasedSnapshot) -> Option<&mut T> {
    let value: &mut (dyn Any + Send + Sync) = Arc::get_mut(snapshot)?;
    value.downcast_mut()
}
