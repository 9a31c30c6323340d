//! An identity-map ORM: data mapper, unit of work and request contexts for plain structs.
//!
//! This crate is the ORM itself and knows no SQL and no database; a driver crate such as `orm-sqlx` adds one. Start
//! with [`Orm::builder`], derive [`Entity`](macro@Entity) on your structs, and work through an [`EntityManager`].

#![forbid(unsafe_code)]

mod activity;
pub mod bulk;
pub mod cache;
mod clock;
pub mod condition;
pub mod context;
pub mod driver;
pub mod entity;
pub mod entity_manager;
pub mod error;
pub mod filter;
mod hydrate;
mod journal;
mod links;
pub mod lock;
pub mod metadata;
mod orm;
mod populate;
pub mod prelude;
pub mod query;
pub mod relation;
mod repeats;
pub mod schema;
pub mod serialize;
mod session;
pub mod sql;
pub mod subscriber;
mod tally;
mod unit_of_work;
pub mod value;
mod wait;

pub use activity::Statistics;
pub use cache::{CachedResults, ResultCache};
pub use clock::Clock;
pub use condition::{Condition, Embedded, Expr, Field, Having, OrderBy, count_rows};
pub use context::{ContextSource, InCurrentContext, RequestContext, spawn_in_context};
pub use driver::IsolationLevel;
pub use entity::{
    ChangeKind, Edit, Embeddable, Entity, EntityHooks, Extent, Has, HookContext, IsPopulated, ItemsOf, Key,
    Loaded, LoadedCollection, NewEntity, Part, Partly, Populate, Slot, Whole, With, Without, Writable,
};
pub use entity_manager::{
    EntityManager, FlushMode, ForkOptions, Outcome, Propagation, Repository, Retry, TransactionOptions, retry,
};
pub use error::{ConstraintViolation, EntityKey, Error, Result};
pub use filter::{Filter, FilterContext, FilterDefault, FilterReach, SoftDelete};
pub use lock::{LockMode, LockRefusal};
pub use metadata::NamingStrategy;
pub use orm::{Orm, OrmBuilder, SchemaGenerator};
pub use query::{CursorProblem, FromLoaded, LoadStrategy, Page, View};
pub use relation::{BoundCollection, BoundInverse, BoundRef, Collection, Ref};
pub use sql::{FromRow, Sql};
pub use subscriber::Subscriber;
pub use unit_of_work::{Diagnosis, FlushPlan, RefusedRow};
#[cfg(feature = "serde_json")]
pub use value::Json;
pub use value::{FieldValue, Value};

#[cfg(feature = "derive")]
pub use orm_derive::{
    CustomValue, Embeddable, Entity, EnumValue, FromRow, NewtypeValue, View, create_request_context,
    ensure_request_context, sql, transactional,
};

/// What emitted code names. Not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::condition::{Embedded, Field, ToMany, ToOne};
    pub use crate::context::{ContextSource, Returned, ReturnedValue};
    pub use crate::driver::RowReader;
    pub use crate::entity::{
        Core, Cursor, Embeddable, Entity, EntityIndex, EntityType, Hooks, IsPopulated, Loaded,
        LoadedCollection, MadeValue, Moment, NewEntity, Populate, PropertySet, ReadError, Record,
        RelationField, Shape, Slot, SlotAt, SlotRecord, With, Without, Writable, emitted, hooks, index_of,
        unset_key,
    };
    pub use crate::entity_manager::transaction;
    pub use crate::error::{Error, Result};
    pub use crate::filter::RegisteredFilter;
    pub use crate::metadata::description::{
        Case, CheckDescription, DefaultValue, EntityDescription, Generated, GeneratedStorage,
        IndexDescription, OrderDescription, PropertyDescription, PropertyShape, ReferentialAction,
        RelationDescription, RelationShape, Source, owns_relation_back,
    };
    pub use crate::metadata::embedded as described;
    pub use crate::query::{Computes, FromLoaded, Shows, Unread, View, ViewLists, ViewRow, ViewTerms};
    pub use crate::relation::{
        BoundCollection, BoundInverse, BoundRef, ErasedReference, Ref, ReferenceField, RelationVisitor,
    };
    pub use crate::serialize::{SerializeMap, SerializeRecord, SerializeSlot, serialize_field};
    pub use crate::sql::{BindValue, FromRow, RowColumn, RowColumns, RowCursor, Sql, UnreadColumn};
    #[cfg(feature = "serde_json")]
    pub use crate::value::Json;
    pub use crate::value::custom;
    #[cfg(feature = "uuid")]
    pub use crate::value::uuid_v7;
    pub use crate::value::{ArrayElement, ColumnType, EnumType, FieldValue, Nullable, Value, ValueError};
    pub use serde::ser::Serializer;
}
