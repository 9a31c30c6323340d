//! Branches of one task: some are cancelled, some run by turns.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use orm_core::{Error, RequestContext};

use super::Failure;
use super::tasks::for_another_tenant;
use super::visit::Visit;
use crate::library::{AUTHORS, Author, Book, TITLES, Transfer};
use crate::witness::Check;

/// `select!` and `join!`.
pub(crate) async fn race(mut visit: Visit) -> Result<String, Failure> {
    visit.begin();
    let em = visit.em().clone();
    let author = em.find_one_or_fail(Author::NAME.eq(AUTHORS[0])).await?;
    visit.mark(&author);
    visit.pause().await;

    // A query against the clock.
    let patience = Duration::from_micros(visit.random.below(1_500));
    tokio::select! {
        books = em.find_all::<Book>() => visit.sees_all(&books?, AUTHORS.len() * TITLES.len()),
        () = tokio::time::sleep(patience) => cancelled(&visit),
    }
    visit.pause().await;

    // A scope against the clock, and one beside the handler's own queries.
    let scope = for_another_tenant(Arc::clone(&visit.service), visit.plan);
    tokio::select! {
        number = scope => drop(number?),
        () = tokio::time::sleep(patience) => cancelled(&visit),
    }
    let scope = for_another_tenant(Arc::clone(&visit.service), visit.plan);
    let (other, authors) = tokio::join!(scope, em.find_all::<Author>());
    let (other, authors) = (other?, authors?);
    visit.check(Check::OtherScopes, other != visit.context, || "it has the request's own context".into());
    visit.sees_all(&authors, AUTHORS.len());
    visit.pause().await;

    if visit.random.chance(300) {
        cut_transaction(&mut visit).await?;
    }
    let mark = author.get().mark;
    visit.check(Check::OwnEdits, mark == visit.number(), || format!("its edit is gone, {mark} is there"));
    visit.pause().await;
    Ok(visit.finish())
}

fn cancelled(visit: &Visit) {
    visit.service.busy.cancelled.fetch_add(1, Ordering::Relaxed);
    let (em, context) = (visit.em(), visit.context);
    visit.check(Check::AfterCancelled, em.id() == context && !em.is_in_transaction(), || {
        format!("request {} of {context} goes on in {}", visit.plan.request, em.id())
    });
}

/// A transaction that has written when it is dropped: nothing of it is left, in the database and in memory. It is in a
/// scope of its own, since what was edited before would be saved by it too.
async fn cut_transaction(visit: &mut Visit) -> Result<(), Failure> {
    let (service, plan, number) = (Arc::clone(&visit.service), visit.plan, visit.number());
    let condition = visit.some_book();
    let scope = RequestContext::create(&visit.service.orm, async {
        let em = service.orm.em();
        service.enter_as(plan.request, plan.tenant)?;
        let book = em.find_one_or_fail(condition).await?;
        let copies = book.get().copies;
        let writing = em.transactional(async |em| {
            let (source, target) = (book.to_ref(), book.to_ref());
            em.persist(Transfer {
                id: number,
                tenant: plan.tenant,
                copies: 7,
                is_pending: true,
                source,
                target,
            })?;
            book.edit().copies -= 7;
            em.flush().await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
            Err::<(), _>(Error::other("it is not to be committed"))
        });
        tokio::select! {
            done = writing => drop(done),
            () = tokio::time::sleep(Duration::from_micros(900)) => {}
        }
        let pending = em.count(Transfer::ID.eq(number)).await?;
        let is_over = !em.is_in_transaction() && pending == 0;
        service.witness.check(Check::AfterCancelled, is_over, || {
            format!("request {}: {pending} rows of a transaction that was cut off", plan.request)
        });
        em.refresh(&book).await?;
        Ok::<_, Error>(copies)
    });
    scope.await?;
    cancelled(visit);
    Ok(())
}
