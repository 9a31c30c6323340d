//! Which context a call belongs to.
//!
//! The global manager, and forks made with `use_context`, look for the current context at every call: in the custom
//! storage of the ORM if it has one, else in [`RequestContext`]. Other managers are their own context.

mod request;
mod source;
pub(crate) mod transaction;

pub use request::{InContext, InCurrentContext, RequestContext, RequestManagers, spawn_in_context};
pub use source::{ContextSource, Returned, ReturnedValue};
