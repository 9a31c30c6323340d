//! What the ORM knows about entity types.
//!
//! The derive describes each type in constants ([`description`]); [`Metadata`] is built from them once at
//! start: names resolved, both sides of every relation linked, everything checked. It never changes after.

mod check;
pub mod description;
pub mod embedded;
mod entity;
mod naming;
mod registry;

pub use description::Source;
pub use entity::{
    Check, Column, EntityId, EntityMetadata, Index, Pivot, Property, PropertyKind, Relation, RelationId,
    RelationKind, Side,
};
pub use naming::{NamingStrategy, SnakeCase, bounded_name, snake_case};
pub use registry::Metadata;
