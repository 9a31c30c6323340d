//! Finders: what to look for, what to populate, and the one place that runs it.
//!
//! A finder does nothing until it is awaited. It resolves its context when first polled.

mod annotate;
mod cursor;
mod explain;
mod filters;
mod find;
mod find_by_id;
mod keyset;
mod lock;
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
pub use page::{FindPage, Page, PageMode};
pub(crate) use plan::{check, describe, entities_of, resolve};
#[doc(hidden)]
pub use projection::Unread;
pub use projection::{GroupBy, Projection, Selected};
pub use stream::FindStream;
pub use view::{View, ViewOf};
#[doc(hidden)]
pub use view::{ViewRow, ViewTerms};
