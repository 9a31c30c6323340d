//! What most programs need: `use orm_core::prelude::*;`.

pub use crate::{
    Collection, Condition, ContextSource, Entity, EntityManager, Error, InCurrentContext, Loaded, Orm, Ref,
    Repository, RequestContext, Result, View,
};
#[cfg(feature = "derive")]
pub use crate::{CustomValue, EnumValue, NewtypeValue, create_request_context, ensure_request_context};
