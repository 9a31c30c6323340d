//! Four entities with every kind of relation, a version and unique values, as plain as they can be.
//!
//! Each has a `mark`: the number by which the test knows it, from before it has a key.

use orm_core::{Collection, Entity, Loaded, OrmBuilder, Ref};

use super::reference::{Field, Kind, Mark};

/// What all relations lead to.
#[derive(Entity, Clone, Debug, Default)]
pub struct Person {
    /// Generated.
    #[entity(id, auto)]
    pub id: i64,
    /// The test's own name for it.
    pub mark: i64,
    /// Any number.
    pub value: i64,
    /// Unique, where there is one.
    #[entity(unique)]
    pub code: Option<i64>,
    /// To itself, optional.
    pub boss: Option<Ref<Person>>,
    /// The other side of `boss`.
    #[entity(mapped_by = "boss")]
    pub reports: Collection<Person>,
    /// The other side of an optional reference, which the database empties.
    #[entity(mapped_by = "owner")]
    pub items: Collection<Item>,
    /// The other side of a required reference.
    #[entity(mapped_by = "maker")]
    pub made: Collection<Item>,
    /// One-to-one, owned by the badge.
    #[entity(mapped_by = "holder")]
    pub badge: Option<Ref<Badge>>,
}

/// Has a maker, perhaps an owner, and tags.
#[derive(Entity, Clone, Debug, Default)]
pub struct Item {
    /// Generated.
    #[entity(id, auto)]
    pub id: i64,
    /// The test's own name for it.
    pub mark: i64,
    /// Any number.
    pub value: i64,
    /// Unique, where there is one.
    #[entity(unique)]
    pub code: Option<i64>,
    /// Optional; emptied when the owner goes.
    #[entity(on_delete = "set_null")]
    pub owner: Option<Ref<Person>>,
    /// Required.
    pub maker: Ref<Person>,
    /// Many-to-many, this side owns it.
    #[entity(many_to_many)]
    pub tags: Collection<Tag>,
}

/// A label of items.
#[derive(Entity, Clone, Debug, Default)]
pub struct Tag {
    /// Generated.
    #[entity(id, auto)]
    pub id: i64,
    /// The test's own name for it.
    pub mark: i64,
    /// Any number.
    pub value: i64,
    /// Unique, where there is one.
    #[entity(unique)]
    pub code: Option<i64>,
    /// Many-to-many, the other side.
    #[entity(mapped_by = "tags")]
    pub items: Collection<Item>,
}

/// Has one holder at most, and a version.
#[derive(Entity, Clone, Debug, Default)]
pub struct Badge {
    /// Generated.
    #[entity(id, auto)]
    pub id: i64,
    /// The test's own name for it.
    pub mark: i64,
    /// Any number.
    pub value: i64,
    /// Unique, where there is one.
    #[entity(unique)]
    pub code: Option<i64>,
    /// Counts the updates.
    #[entity(version)]
    pub version: i64,
    /// One-to-one, this side owns it.
    #[entity(unique)]
    pub holder: Option<Ref<Person>>,
}

/// Adds the entities to an ORM.
pub fn entities(builder: OrmBuilder) -> OrmBuilder {
    builder.entity::<Person>().entity::<Item>().entity::<Tag>().entity::<Badge>()
}

/// What the test does with an entity of any kind.
pub trait Subject: Entity<Key = i64> {
    /// Which kind it is.
    const KIND: Kind;

    /// Its mark.
    fn mark(&self) -> Mark;

    /// A field that is no relation.
    fn scalar(&self, field: Field) -> Option<i64>;

    /// Changes a field that is no relation; `version` is not the program's to change.
    fn set_scalar(&mut self, field: Field, value: Option<i64>);

    /// A handle of any kind.
    fn handle(handle: Loaded<Self>) -> Handle;
}

macro_rules! subject {
    ($($kind:ident, $version:expr;)+) => { $(
        impl Subject for $kind {
            const KIND: Kind = Kind::$kind;

            fn mark(&self) -> Mark {
                self.mark
            }

            fn scalar(&self, field: Field) -> Option<i64> {
                let version: fn(&Self) -> i64 = $version;
                match field {
                    Field::Value => Some(self.value),
                    Field::Code => self.code,
                    Field::Version => Some(version(self)),
                    Field::Boss | Field::Owner | Field::Maker | Field::Holder => None,
                }
            }

            fn set_scalar(&mut self, field: Field, value: Option<i64>) {
                match field {
                    Field::Value => self.value = value.unwrap_or_default(),
                    Field::Code => self.code = value,
                    Field::Version | Field::Boss | Field::Owner | Field::Maker | Field::Holder => {}
                }
            }

            fn handle(handle: Loaded<Self>) -> Handle {
                Handle::$kind(handle)
            }
        }
    )+ };
}

subject! {
    Person, |_| 0;
    Item, |_| 0;
    Tag, |_| 0;
    Badge, |badge| badge.version;
}

/// A handle of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handle {
    /// Of a person.
    Person(Loaded<Person>),
    /// Of an item.
    Item(Loaded<Item>),
    /// Of a tag.
    Tag(Loaded<Tag>),
    /// Of a badge.
    Badge(Loaded<Badge>),
}

/// Does the same with a handle of whatever kind.
macro_rules! with_handle {
    ($handle:expr, $bound:ident => $body:expr) => {
        match $handle {
            $crate::model::entities::Handle::Person($bound) => $body,
            $crate::model::entities::Handle::Item($bound) => $body,
            $crate::model::entities::Handle::Tag($bound) => $body,
            $crate::model::entities::Handle::Badge($bound) => $body,
        }
    };
}

/// Does the same for whatever kind.
macro_rules! with_kind {
    ($kind:expr, $bound:ident => $body:expr) => {
        match $kind {
            $crate::model::reference::Kind::Person => {
                type $bound = $crate::model::entities::Person;
                $body
            }
            $crate::model::reference::Kind::Item => {
                type $bound = $crate::model::entities::Item;
                $body
            }
            $crate::model::reference::Kind::Tag => {
                type $bound = $crate::model::entities::Tag;
                $body
            }
            $crate::model::reference::Kind::Badge => {
                type $bound = $crate::model::entities::Badge;
                $body
            }
        }
    };
}

pub(super) use {with_handle, with_kind};

impl Handle {
    /// Its mark.
    #[must_use]
    pub fn mark(&self) -> Mark {
        with_handle!(self, handle => handle.get().mark)
    }

    /// Which kind it is of.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Person(_) => Kind::Person,
            Self::Item(_) => Kind::Item,
            Self::Tag(_) => Kind::Tag,
            Self::Badge(_) => Kind::Badge,
        }
    }

    /// Its key, once there is one.
    #[must_use]
    pub fn key(&self) -> Option<i64> {
        with_handle!(self, handle => handle.try_id())
    }
}
