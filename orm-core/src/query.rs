//! Finders: what to look for, what to populate, and the one place that runs it.
//!
//! A finder does nothing until it is awaited. It resolves its context when first polled.

mod filters;
mod find;
mod find_by_id;
mod plan;

pub use find::{Count, Find, FindMany, FindManyAndCount, FindMode, FindOne, FindOneOrFail};
pub use find_by_id::{FindById, FindByIdFuture};
pub(crate) use plan::{describe, entities_of, resolve};
