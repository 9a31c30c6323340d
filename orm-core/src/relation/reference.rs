//! `Ref<T>`: the field of a to-one relation.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{ErasedReference, Target};
use crate::entity::{CellRef, Cursor, Entity, Key, Loaded, ReadError, Writable};
use crate::value::KeyValues;

/// A to-one relation, as plain data: nothing, a key, a managed entity, or a new value to persist with its owner.
///
/// `Ref<T>` is required, `Option<Ref<T>>` may be absent. Make one from a handle (`(&jon).into()`,
/// `jon.to_ref()`), from a key without any manager ([`Ref::key`]), or from a new value (`Author { .. }.into()`).
/// To read or load what it points to, go through the handle that has the field: `book.author()`,
/// `book.author_ref()`.
pub struct Ref<T: Entity>(Inner<T>);

enum Inner<T: Entity> {
    Unset,
    Key(T::Key),
    Cell { cell: CellRef, key: Option<T::Key> },
    New(Arc<Mutex<Newcomer>>),
}

/// A new value, shared by the clones of its `Ref`: the first to be persisted adopts it for all.
enum Newcomer {
    /// Erased: `T` here would make auto traits walk the user's whole graph of entities.
    Value(Box<dyn Any + Send>),
    Adopted(CellRef),
    Taken,
}

/// Where a new value came from, to put it back if it could not be taken in.
#[derive(Clone)]
pub struct Giver(Arc<Mutex<Newcomer>>);

impl Giver {
    pub(crate) fn give_back(self, value: Box<dyn Any + Send>) {
        *self.0.lock() = Newcomer::Value(value);
    }
}

impl fmt::Debug for Giver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Giver")
    }
}

impl<T: Entity> Ref<T> {
    /// A reference to the row with this key. Nothing is loaded, nothing is checked.
    #[must_use]
    pub fn key(key: impl Into<T::Key>) -> Self {
        Self(Inner::Key(key.into()))
    }

    /// The key that it points to; `None` if it is unset, or its target has no key yet.
    #[must_use]
    pub fn try_key(&self) -> Option<&T::Key> {
        match &self.0 {
            Inner::Key(key) => Some(key),
            Inner::Cell { key, .. } => key.as_ref(),
            Inner::Unset | Inner::New(_) => None,
        }
    }

    /// Whether it points to anything.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !matches!(self.0, Inner::Unset)
    }

    pub(crate) fn cell(cell: CellRef, key: Option<T::Key>) -> Self {
        Self(Inner::Cell { cell, key })
    }
}

impl<T: Entity> Clone for Ref<T> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Inner::Unset => Inner::Unset,
            Inner::Key(key) => Inner::Key(key.clone()),
            Inner::Cell { cell, key } => Inner::Cell { cell: *cell, key: key.clone() },
            Inner::New(value) => Inner::New(Arc::clone(value)),
        })
    }
}

impl<T: Entity> Default for Ref<T> {
    fn default() -> Self {
        Self(Inner::Unset)
    }
}

/// Equal if both point to the same row, the same managed entity, or share one new value.
impl<T: Entity> PartialEq for Ref<T> {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Inner::Unset, Inner::Unset) => true,
            (Inner::New(a), Inner::New(b)) => Arc::ptr_eq(a, b),
            (Inner::Cell { cell: a, .. }, Inner::Cell { cell: b, .. }) if a == b => true,
            _ => match (self.try_key(), other.try_key()) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
        }
    }
}

impl<T: Entity> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = T::__DESCRIPTION.name;
        match (&self.0, self.try_key()) {
            (_, Some(key)) => write!(f, "{name}[{key:?}]"),
            (Inner::Unset, None) => write!(f, "{name}(unset)"),
            (_, None) => write!(f, "{name}(new)"),
        }
    }
}

impl<T: Writable> From<T> for Ref<T> {
    fn from(value: T) -> Self {
        Self(Inner::New(Arc::new(Mutex::new(Newcomer::Value(Box::new(value))))))
    }
}

impl<T: Entity, P: 'static> From<&Loaded<T, P>> for Ref<T> {
    fn from(entity: &Loaded<T, P>) -> Self {
        entity.to_ref()
    }
}

impl<T: Entity, P: 'static> From<Loaded<T, P>> for Ref<T> {
    fn from(entity: Loaded<T, P>) -> Self {
        entity.to_ref()
    }
}

impl<T: Entity> From<&Self> for Ref<T> {
    fn from(reference: &Self) -> Self {
        reference.clone()
    }
}

impl<T: Entity, P: 'static> From<&Loaded<T, P>> for Option<Ref<T>> {
    fn from(entity: &Loaded<T, P>) -> Self {
        Some(entity.to_ref())
    }
}

impl<T: Entity, P: 'static> From<Loaded<T, P>> for Option<Ref<T>> {
    fn from(entity: Loaded<T, P>) -> Self {
        Some(entity.to_ref())
    }
}

impl<T: Entity> ErasedReference for Ref<T> {
    fn target(&self) -> Target {
        match &self.0 {
            Inner::Unset => Target::Unset,
            Inner::Key(key) => key.to_values().map_or_else(Target::Invalid, Target::Key),
            Inner::Cell { cell, .. } => Target::Cell(*cell),
            Inner::New(value) => match &*value.lock() {
                Newcomer::Adopted(cell) => Target::Cell(*cell),
                Newcomer::Value(_) | Newcomer::Taken => Target::New,
            },
        }
    }

    fn key(&self) -> Option<KeyValues> {
        self.try_key().and_then(|key| key.to_values().ok())
    }

    fn set(&mut self, target: Target) {
        match target {
            Target::Unset => self.0 = Inner::Unset,
            Target::Key(values) => {
                if let Ok(key) = T::Key::__from_values(&mut values.into_iter()) {
                    self.0 = Inner::Key(key);
                }
            }
            Target::Cell(cell) => self.0 = Inner::Cell { cell, key: None },
            Target::New | Target::Invalid(_) => {}
        }
    }

    fn adopt(&mut self, adopt: &mut dyn FnMut(Box<dyn Any + Send>, Giver) -> CellRef) {
        let Inner::New(shared) = &self.0 else { return };
        let taken = std::mem::replace(&mut *shared.lock(), Newcomer::Taken);
        let cell = match taken {
            Newcomer::Value(value) => adopt(value, Giver(Arc::clone(shared))),
            Newcomer::Adopted(cell) => cell,
            Newcomer::Taken => return,
        };
        *shared.lock() = Newcomer::Adopted(cell);
        self.0 = Inner::Cell { cell, key: None };
    }
}

impl<T: Entity> ErasedReference for Option<Ref<T>> {
    fn target(&self) -> Target {
        self.as_ref().map_or(Target::Unset, ErasedReference::target)
    }

    fn key(&self) -> Option<KeyValues> {
        self.as_ref().and_then(ErasedReference::key)
    }

    fn set(&mut self, target: Target) {
        if target == Target::Unset {
            *self = None;
        } else {
            self.get_or_insert_with(Ref::default).set(target);
        }
    }

    fn adopt(&mut self, adopt: &mut dyn FnMut(Box<dyn Any + Send>, Giver) -> CellRef) {
        if let Some(reference) = self {
            reference.adopt(adopt);
        }
    }
}

/// `Ref<T>` and `Option<Ref<T>>`: the types of a field that owns a foreign key.
pub trait ReferenceField: ErasedReference + Sized {
    /// The entity that it points to.
    type Target: Entity;

    /// Reads the key's columns.
    #[doc(hidden)]
    fn read(row: &mut Cursor<'_>) -> Result<Self, ReadError>;

    /// The reference, if there is one.
    #[doc(hidden)]
    fn reference(&self) -> Option<&Ref<Self::Target>>;
}

impl<T: Entity> ReferenceField for Ref<T> {
    type Target = T;

    fn read(row: &mut Cursor<'_>) -> Result<Self, ReadError> {
        if row.is_null(T::Key::COLUMNS)? {
            return Err(row.unexpected_null("Ref"));
        }
        T::Key::__read(row).map(|key| Self(Inner::Key(key)))
    }

    fn reference(&self) -> Option<&Self> {
        self.is_set().then_some(self)
    }
}

impl<T: Entity> ReferenceField for Option<Ref<T>> {
    type Target = T;

    fn read(row: &mut Cursor<'_>) -> Result<Self, ReadError> {
        if row.is_null(T::Key::COLUMNS)? {
            row.skip(T::Key::COLUMNS);
            return Ok(None);
        }
        Ref::read(row).map(Some)
    }

    fn reference(&self) -> Option<&Ref<T>> {
        self.as_ref().and_then(ReferenceField::reference)
    }
}
