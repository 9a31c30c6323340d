//! What the derive implements, and the managed instance behind a handle.

mod arena;
mod cell;
mod cursor;
mod edit;
mod embeddable;
pub mod emitted;
mod handle;
mod hook;
mod key;
mod populated;
mod properties;
mod region;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) use arena::{
    Arena, CellRecord, CellRecords, Durability, ErasedArena, ErasedRows, ErasedSnapshot, Freshness, Merged,
    MovedReference, Rows, Saved, Spelled, key_error, read_value, typed,
};
pub(crate) use cell::{State, three_way_merge};
pub use cursor::{Cursor, ReadError};
pub use edit::Edit;
pub use embeddable::{Embeddable, EmbeddedValue};
pub use handle::{Core, Loaded, LoadedCollection, unset_key};
pub use hook::{ChangeKind, EntityHooks, HookContext, Hooks, MadeValue, Moment, hooks};
pub(crate) use hook::{make_values, value_mut};
pub use key::Key;
pub(crate) use key::SerializeKey;
pub use populated::{
    Extent, Has, IsPopulated, ItemQuery, ItemQueryAt, ItemsOf, NestedPath, NewEntity, Part, Partly, Populate,
    PopulatePath, Record, RelationField, Shape, Slot, SlotAt, SlotRecord, Then, Whole, With, Without,
    index_of,
};
pub use properties::PropertySet;
pub(crate) use region::CellId;
pub use region::CellRef;
#[doc(hidden)]
pub use region::Region;

use crate::metadata::description::EntityDescription;
use crate::relation::{ErasedReference, RelationVisitor};
use crate::serialize::{SerializeMap, SerializeRecord};
use crate::value::{Value, ValueError};

/// A struct that maps to a table. Derive it: [`#[derive(Entity)]`](macro@crate::Entity).
///
/// The items are the derive's business. What to use is on [`Loaded`], on the generated constants
/// (`Author::NAME`, `Author::BOOKS`) and on [`EntityManager`](crate::EntityManager).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity",
    label = "this type does not derive `Entity`",
    note = "add `#[derive(Entity, Clone)]` to it, with a field marked `#[entity(id)]`"
)]
pub trait Entity: Sized + Clone + Send + Sync + 'static {
    /// The primary key: the type of the `id` field, or a tuple of several. The key of the target for an `id` field
    /// that is a `Ref`, and without the `Option` for one that is optional.
    type Key: Key;
    /// The key as the struct has it: an `Option<K>` stays one.
    #[doc(hidden)]
    type Id;
    /// The record of an entity with nothing populated.
    type Nothing: Record<Self> + SerializeRecord<Self>;
    /// The handle with the generated accessors.
    #[doc(hidden)]
    type Handle<P: 'static>: From<Core<Self, P>> + AsRef<Core<Self, P>> + Clone + Send + Sync + 'static;

    /// The struct's name. Apart from the description, so that the descriptions of two entities can name each other.
    #[doc(hidden)]
    const __NAME: &'static str;

    #[doc(hidden)]
    const __DESCRIPTION: &'static EntityDescription;

    /// The hooks, if it is marked `hooks`.
    #[doc(hidden)]
    const __HOOKS: Option<Hooks<Self>> = None;

    /// The values that the ORM makes.
    #[doc(hidden)]
    const __MADE: &'static [MadeValue] = &[];

    /// One static a type.
    #[doc(hidden)]
    fn __index() -> &'static EntityIndex;

    /// The key; `None` while it is not assigned: an `auto` or client-made key that is its type's default, a `None`,
    /// a `Ref` without a key.
    #[doc(hidden)]
    fn __key(&self) -> Option<Self::Key>;

    /// The key as the struct has it.
    #[doc(hidden)]
    fn __id(&self) -> Self::Id;

    /// Fills client-made keys that are not assigned.
    #[doc(hidden)]
    fn __make_key(&mut self);

    /// Reads all properties, in order, from the cursor.
    #[doc(hidden)]
    fn __hydrate(row: &mut Cursor<'_>) -> Result<Self, ReadError>;

    /// The value of a scalar property.
    #[doc(hidden)]
    fn __value(&self, property: usize) -> Result<Value, ValueError>;

    /// Sets a scalar property, such as a generated key.
    #[doc(hidden)]
    fn __set_value(&mut self, property: usize, value: Value) -> Result<(), ValueError>;

    /// Adds the properties in which the two differ.
    #[doc(hidden)]
    fn __diff(&self, other: &Self, changed: &mut PropertySet);

    /// Copies these properties.
    #[doc(hidden)]
    fn __copy(&mut self, from: &Self, properties: &PropertySet);

    /// Copies the fields that are `#[entity(skip)]`.
    #[doc(hidden)]
    fn __copy_skipped(&mut self, from: &Self);

    /// The field of an owning to-one relation.
    #[doc(hidden)]
    fn __reference(&self, relation: usize) -> Option<&dyn ErasedReference>;

    /// Shows every relation field to the visitor, in order.
    #[doc(hidden)]
    fn __relations(&mut self, visitor: &mut dyn RelationVisitor);

    /// Serialises an entity that was new when the handle was made: to-many relations populated, to-one not.
    #[doc(hidden)]
    fn __serialize_new<M: SerializeMap>(
        &self,
        core: &Core<Self, NewEntity>,
        map: &mut M,
    ) -> Result<(), M::Error>;
}

/// An entity whose rows can be written: every one but those that are a view of the database (`#[entity(view = "..")]`) or
/// marked `#[entity(read_only)]`. It comes with [`Entity`]'s derive; name it in bounds of functions that write.
///
/// ```
/// # use orm_core::{EntityManager, Result, Writable};
/// async fn import<T: Writable>(em: &EntityManager, rows: Vec<T>) -> Result<()> {
///     em.insert_many(rows).await?;
///     Ok(())
/// }
/// # let _ = import::<Tag>;
/// # #[derive(orm_core::Entity, Clone)] struct Tag { #[entity(id)] id: i64 }
/// ```
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` can't be written",
    label = "this type is not known to be written",
    note = "an entity with `#[entity(view = ..)]` or `#[entity(read_only)]` is only read: write the tables behind it; \
            any other type has to derive `Entity`, and in a generic function the bound is `T: Writable`"
)]
pub trait Writable: Entity {}

/// A type's number in this process, given at first use.
#[derive(Debug, Default)]
pub struct EntityIndex(OnceLock<usize>);

impl EntityIndex {
    /// An index without a number yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The number.
    pub fn get(&self) -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        *self.0.get_or_init(|| NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// An entity type as data: what the metadata keeps of it.
#[derive(Clone, Copy, Debug)]
pub struct EntityType {
    description: &'static EntityDescription,
    index: fn() -> &'static EntityIndex,
    new_arena: fn() -> Box<dyn ErasedArena>,
}

impl EntityType {
    /// The entity type `T`.
    #[must_use]
    pub fn of<T: Entity>() -> Self {
        Self {
            description: T::__DESCRIPTION,
            index: T::__index,
            new_arena: || Box::new(Arena::<T>::default()),
        }
    }

    pub(crate) fn description(&self) -> &'static EntityDescription {
        self.description
    }

    pub(crate) fn index(&self) -> usize {
        (self.index)().get()
    }

    pub(crate) fn new_arena(&self) -> Box<dyn ErasedArena> {
        (self.new_arena)()
    }
}
