//! Work beside the handler: tasks and threads, carried into the context or not, in it or with one of their own.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use orm_core::{Error, InCurrentContext, Loaded, Orm, RequestContext};
use tokio::runtime::Handle;
use tokio::task::{JoinSet, spawn_blocking};

use super::visit::Visit;
use super::{Failure, Service};
use crate::library::{AUTHORS, Author, Book, TENANTS, Visitor};
use crate::plan::Plan;
use crate::witness::Check;

/// `spawn`, `spawn_blocking` and `JoinSet`.
pub(crate) async fn tasks(mut visit: Visit) -> Result<String, Failure> {
    visit.begin();
    let name = AUTHORS[visit.plan.request % AUTHORS.len()];
    let author = visit.em().find_one_or_fail(Author::NAME.eq(name)).await?;
    visit.sees(&author);
    visit.mark(&author);
    visit.pause().await;

    let orm = visit.service.orm.clone();
    let carried = tokio::spawn(find_again(orm.clone(), author.clone()).in_current_context());
    let bare = tokio::spawn(async move { orm.em().find_all::<Book>().await.map(|books| books.len()) });
    visit.pause().await;
    let (carried, bare) = (carried.await??, bare.await?);
    visit.check(Check::CarriedTasks, carried == visit.context, || format!("a task is in {carried}"));
    guarded(&visit, bare.as_ref().err(), "a task");

    threads(&visit, &author).await?;
    visit.pause().await;
    together(&visit, &author).await?;
    visit.pause().await;
    visit.service.busy.tasks.fetch_add(9, Ordering::Relaxed);
    Ok(visit.finish())
}

/// The number of the context in which the instance is found, marked as it is.
async fn find_again(orm: Orm, author: Loaded<Author>) -> Result<u64, Error> {
    tokio::task::yield_now().await;
    let em = orm.em();
    let found = em.find_by_id_or_fail::<Author>(author.id()).await?;
    let is_same = found == author && found.get().mark == author.get().mark;
    em.find_all::<Book>().limit(1).await?;
    Ok(if is_same { em.id() } else { 0 })
}

fn guarded(visit: &Visit, error: Option<&Error>, what: &str) {
    visit.check(Check::GuardedTasks, matches!(error, Some(Error::GlobalContext { .. })), || {
        format!("{what} outside the context got {error:?}")
    });
}

/// A thread has no context until it enters one, and then may wait for work in it.
async fn threads(visit: &Visit, author: &Loaded<Author>) -> Result<(), Failure> {
    let orm = visit.service.orm.clone();
    let bare = spawn_blocking(move || orm.em().get_context().map(|em| em.id())).await?;
    guarded(visit, bare.as_ref().err(), "a thread");

    let Some(context) = RequestContext::current() else { return Err(Error::other("no context").into()) };
    let (orm, author) = (visit.service.orm.clone(), author.clone());
    let entered = spawn_blocking(move || {
        let number = context.scope_sync(|| orm.em().id());
        let found = Handle::current().block_on(context.scope(find_again(orm, author)));
        found.map(|found| if found == number { number } else { 0 })
    });
    let entered = entered.await??;
    visit.check(Check::CarriedTasks, entered == visit.context, || format!("a thread is in {entered}"));
    Ok(())
}

/// Tasks of one set: some in the context of the request, some in one of their own, for another tenant.
async fn together(visit: &Visit, author: &Loaded<Author>) -> Result<(), Failure> {
    let mut set = JoinSet::new();
    for _ in 0..3 {
        set.spawn(find_again(visit.service.orm.clone(), author.clone()).in_current_context());
    }
    for _ in 0..2 {
        set.spawn(for_another_tenant(Arc::clone(&visit.service), visit.plan));
    }
    let mut own = 0;
    while let Some(joined) = set.join_next().await {
        if joined?? == visit.context {
            own += 1;
        }
    }
    visit.check(Check::CarriedTasks, own == 3, || format!("{own} of 3 tasks of a set are in the context"));
    Ok(())
}

/// A scope of its own, which sees the next tenant and nothing of the request. The number of its context.
pub(crate) async fn for_another_tenant(service: Arc<Service>, plan: Plan) -> Result<u64, Error> {
    let tenant = plan.tenant % TENANTS + 1;
    let em = service.orm.em();
    let scope = RequestContext::create(&service.orm, async {
        service.enter_as(plan.request, tenant)?;
        let (number, managed) = (em.id(), em.managed_count()?);
        tokio::task::yield_now().await;
        let authors = em.find_all::<Author>().await?;
        let is_apart = managed == 0
            && authors.len() == AUTHORS.len()
            && authors.iter().all(|author| author.get().tenant == tenant && author.get().mark == 0)
            && em.id() == number
            && em.get::<Visitor>().is_some_and(|visitor| visitor.tenant == tenant);
        service.witness.check(Check::OtherScopes, is_apart, || {
            format!("request {}: {managed} entities before, {} authors", plan.request, authors.len())
        });
        Ok(number)
    });
    scope.await
}
