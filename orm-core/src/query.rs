//! Finders: what to look for, what to populate, and the one place that runs it.
//!
//! A finder does nothing until it is awaited. It resolves its context when first polled.

mod annotate;
mod annotate_by_id;
mod cached;
mod cursor;
mod explain;
mod filters;
mod find;
mod find_by_id;
mod keyset;
mod list;
mod loaded_view;
mod lock;
mod mentions;
mod page;
mod plan;
mod projection;
mod projection_page;
mod selected;
mod stream;
mod view;

#[doc(hidden)]
pub use annotate::Label;
pub use annotate::{
    Also, Annotate, Annotated, Annotating, Asked, Before, CountOf, Labelled, Labels, Last, MemberOf,
};
pub use annotate_by_id::AnnotatedById;
pub use cursor::CursorProblem;
pub use find::{Count, Find, FindMany, FindManyAndCount, FindMode, FindOne, FindOneOrFail, LoadStrategy};
pub use find_by_id::{FindById, FindByIdFuture, FindByIdOrFail, FindByIdOrFailFuture};
#[doc(hidden)]
pub use list::ViewLists;
pub use loaded_view::FromLoaded;
#[doc(hidden)]
pub use loaded_view::{Computes, Shows};
pub(crate) use lock::lock;
pub(crate) use mentions::{
    Mention, entities_of, mention_entity, mention_relation, mentions_of, mentions_of_term,
};
pub use page::{FindPage, Page, PageMode};
pub(crate) use plan::{check, describe, resolve};
pub use projection::Projection;
pub use projection_page::ProjectionPage;
pub use selected::{GroupBy, Selected};
#[doc(hidden)]
pub use selected::{Terms, Unread};
pub use stream::FindStream;
pub use view::ViewFor;
#[doc(hidden)]
pub use view::{LeadsToMany, LeadsToOne, ReadAs, ViewRow, ViewTerms};
pub use view::{View, ViewOf};
