//! Finders: what to look for, what to populate, and the one place that runs it.
//!
//! A finder does nothing until it is awaited. It resolves its context when first polled.

mod annotate;
mod cached;
mod cursor;
mod explain;
mod filters;
mod find;
mod find_by_id;
mod keyset;
mod lock;
mod mentions;
mod page;
mod plan;
mod projection;
mod stream;
mod view;

pub use annotate::{Also, Annotate, Annotated, Annotating, Asked, Before, CountOf, Labels, Last, MemberOf};
pub use cursor::CursorProblem;
pub use find::{Count, Find, FindMany, FindManyAndCount, FindMode, FindOne, FindOneOrFail};
pub use find_by_id::{FindById, FindByIdFuture, FindByIdOrFail, FindByIdOrFailFuture};
pub(crate) use lock::lock;
pub(crate) use mentions::{Mention, entities_of, mention_relation, mentions_of, mentions_of_term};
pub use page::{FindPage, Page, PageMode};
pub(crate) use plan::{check, describe, resolve};
#[doc(hidden)]
pub use projection::Unread;
pub use projection::{GroupBy, Projection, Selected};
pub use stream::FindStream;
pub use view::{View, ViewOf};
#[doc(hidden)]
pub use view::{ViewRow, ViewTerms};
