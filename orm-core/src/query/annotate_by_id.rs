//! `find_by_id` with numbers beside the entity.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use super::annotate::{Also, Annotated, Annotation, CountOf, Labels, MemberOf, annotations_of};
use super::find_by_id::{FindById, FindByIdOrFail};
use crate::activity::called_at;
use crate::cache::CacheUse;
use crate::condition::{IntoKeyOperand, ToMany};
use crate::driver::BoxFuture;
use crate::entity::{Entity, Freshness, Loaded, Record, RelationField};
use crate::error::Result;
use crate::filter::FilterChoices;

/// A query for one entity by its primary key, `F`, with numbers beside it; `L` says which.
#[must_use = "a query is sent when it is awaited"]
pub struct AnnotatedById<F, L> {
    find: F,
    annotations: Vec<Annotation>,
    labels: PhantomData<fn() -> L>,
}

impl<F, L> AnnotatedById<F, L> {
    fn also<X>(mut self, annotation: Annotation) -> AnnotatedById<F, Also<X, L>> {
        self.annotations.push(annotation);
        AnnotatedById { find: self.find, annotations: self.annotations, labels: PhantomData }
    }
}

impl<F: fmt::Debug, L> fmt::Debug for AnnotatedById<F, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnnotatedById")
            .field("find", &self.find)
            .field("annotations", &self.annotations)
            .finish()
    }
}

macro_rules! annotates_by_id {
    ($($type:ident),+) => { $(
        impl<T: Entity, P: 'static> $type<T, P> {
            /// Counts the items of a to-many relation beside the entity; see [`Find::with_count`](super::Find::with_count).
            /// Give what it populates first. An entity that is loaded takes no statement of its own.
            pub fn with_count<R>(self, relation: R) -> AnnotatedById<Self, Also<CountOf<R>, ()>>
            where
                R: RelationField<Owner = T> + Deref<Target = ToMany<R>>,
            {
                AnnotatedById { find: self, annotations: Vec::new(), labels: PhantomData::<fn()> }
                    .with_count(relation)
            }

            /// Asks whether `item` is in a to-many relation of the entity; see
            /// [`Find::with_membership`](super::Find::with_membership). Give what it populates first.
            pub fn with_membership<R>(
                self,
                relation: R,
                item: impl IntoKeyOperand<<R as RelationField>::Target>,
            ) -> AnnotatedById<Self, Also<MemberOf<R>, ()>>
            where
                R: RelationField<Owner = T> + Deref<Target = ToMany<R>>,
            {
                AnnotatedById { find: self, annotations: Vec::new(), labels: PhantomData::<fn()> }
                    .with_membership(relation, item)
            }
        }

        impl<T: Entity, P: 'static, L> AnnotatedById<$type<T, P>, L> {
            /// Counts the items of a to-many relation beside the entity; see [`Find::with_count`](super::Find::with_count).
            pub fn with_count<R>(self, relation: R) -> AnnotatedById<$type<T, P>, Also<CountOf<R>, L>>
            where
                R: RelationField<Owner = T> + Deref<Target = ToMany<R>>,
            {
                let _ = relation;
                self.also(Annotation::Count(R::INDEX))
            }

            /// Asks whether `item` is in a to-many relation of the entity; see
            /// [`Find::with_membership`](super::Find::with_membership).
            pub fn with_membership<R>(
                self,
                relation: R,
                item: impl IntoKeyOperand<<R as RelationField>::Target>,
            ) -> AnnotatedById<$type<T, P>, Also<MemberOf<R>, L>>
            where
                R: RelationField<Owner = T> + Deref<Target = ToMany<R>>,
            {
                let _ = relation;
                self.also(Annotation::Member(R::INDEX, item.into_key_operand()))
            }
        }
    )+ };
}

annotates_by_id!(FindById, FindByIdOrFail);

/// The numbers of one entity.
async fn annotated<T: Entity, P: 'static, L>(
    handle: Loaded<T, P>,
    annotations: &[Annotation],
    filters: Option<&FilterChoices>,
    asked: Option<CacheUse>,
) -> Result<Option<Annotated<Loaded<T, P>, L>>> {
    let (region, cell) = (Arc::clone(handle.region()), handle.cell_id());
    let cache = CacheUse::of(&region, asked, Freshness::Merge)?;
    let choices = (filters, cache.as_ref());
    let mut numbers = annotations_of(&region, cell.entity, annotations, choices, &[cell.at]).await?;
    Ok(numbers.pop().map(|numbers| Annotated::new(handle, numbers)))
}

impl<T: Entity, P: Record<T>, L: Labels> AnnotatedById<FindById<T, P>, L> {
    async fn run(self) -> Result<Option<Annotated<Loaded<T, P>, L>>> {
        let filters = self.find.choices().cloned();
        let cache = self.find.cache.clone();
        let Some(handle) = self.find.asked().await? else { return Ok(None) };
        annotated(handle, &self.annotations, filters.as_ref(), cache).await
    }
}

impl<T: Entity, P: Record<T>, L: Labels> IntoFuture for AnnotatedById<FindById<T, P>, L> {
    type Output = Result<Option<Annotated<Loaded<T, P>, L>>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(called_at(self.find.place, self.run()))
    }
}

impl<T: Entity, P: Record<T>, L: Labels> IntoFuture for AnnotatedById<FindByIdOrFail<T, P>, L> {
    type Output = Result<Annotated<Loaded<T, P>, L>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(called_at(self.find.0.place, async move {
            let not_found = self.find.0.not_found();
            let AnnotatedById { find: FindByIdOrFail(find), annotations, .. } = self;
            let found = AnnotatedById::<_, L> { find, annotations, labels: PhantomData }.run().await?;
            found.ok_or(not_found)
        }))
    }
}
