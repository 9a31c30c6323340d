//! The field types of relations: plain data, without a context.
//!
//! What needs a context (loading, adding, counting) is on the bound accessors of a handle.

mod bound;
mod collection;
mod reference;

use std::any::Any;

pub(crate) use bound::Source;
pub use bound::{BoundCollection, BoundInverse, BoundRef};
pub use collection::Collection;
pub use reference::{Giver, Ref, ReferenceField};

use crate::entity::CellRef;
use crate::value::{KeyValues, ValueError};

/// What a to-one field points to, without its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing.
    Unset,
    /// A row, by key.
    Key(KeyValues),
    /// A managed entity, of some context.
    Cell(CellRef),
    /// A value that is not persisted yet.
    New,
    /// A key that no column could hold.
    Invalid(ValueError),
}

impl Target {
    /// The key, if it is one.
    pub(crate) fn into_key(self) -> Option<KeyValues> {
        match self {
            Self::Key(key) => Some(key),
            Self::Unset | Self::Cell(_) | Self::New | Self::Invalid(_) => None,
        }
    }
}

/// A [`Ref`] or `Option<Ref>` without its type.
pub trait ErasedReference: Send + Sync {
    /// What it points to.
    fn target(&self) -> Target;

    /// The key that it points to, also of an entity of another context.
    fn key(&self) -> Option<KeyValues>;

    /// Points it to something else; [`Target::New`] and [`Target::Invalid`] are ignored.
    fn set(&mut self, target: Target);

    /// Hands a new value to `adopt`, which makes an entity of it or gives it back, and points to that from then on.
    fn adopt(&mut self, adopt: &mut dyn FnMut(Box<dyn Any + Send>, Giver) -> CellRef);
}

/// A [`Collection`] without its type.
pub trait ErasedCollection {
    /// Takes the content out, if any was given, and leaves the field as nobody had touched it.
    fn take(&mut self) -> Option<Vec<Box<dyn ErasedReference>>>;
}

/// Is shown every relation field of an entity, in order.
pub trait RelationVisitor {
    /// A `Ref<T>` or `Option<Ref<T>>`.
    fn reference(&mut self, relation: usize, field: &mut dyn ErasedReference);
    /// A `Collection<T>`.
    fn collection(&mut self, relation: usize, field: &mut dyn ErasedCollection);
}
