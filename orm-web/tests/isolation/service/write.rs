//! Writes: by a transaction of the handler, and by the flush of the layer.

use std::sync::atomic::Ordering;

use orm_core::{Condition, Error, RequestContext, TransactionOptions};

use super::Failure;
use super::visit::Visit;
use crate::library::{Book, Note, Transfer, Visitor};
use crate::witness::Check;

/// Moves copies from one book to another, in a transaction. The body says how many.
pub(crate) async fn transfer(mut visit: Visit, body: String) -> Result<String, Failure> {
    visit.begin();
    let copies: i64 = body.trim().parse()?;
    visit.pause().await;
    let em = visit.em().clone();
    em.transactional(async |inside| {
        let (source, target) = (visit.some_title(), visit.some_title());
        let source = em.find_one_or_fail(Book::TITLE.eq(source)).await?;
        let target = inside.find_one_or_fail(Book::TITLE.eq(target)).await?;
        visit.sees(&source);
        visit.sees(&target);
        let is_inside = em.id() == inside.id() && em.is_in_transaction();
        visit.check(Check::OwnTransaction, is_inside, || "the global manager is outside of it".into());
        pending(&visit, 0).await?;

        let transfer = em.persist(Transfer {
            id: visit.number(),
            tenant: visit.plan.tenant,
            copies,
            is_pending: true,
            source: source.to_ref(),
            target: target.to_ref(),
        })?;
        source.edit().copies -= copies;
        target.edit().copies += copies;
        visit.short_pause().await;
        if visit.random.chance(500) {
            visit.about_to_save();
        }
        em.flush().await?;
        visit.short_pause().await;
        pending(&visit, 1).await?;
        transfer.edit().is_pending = false;
        visit.short_pause().await;
        visit.about_to_save();
        Ok::<_, Error>(())
    })
    .await?;
    visit.check(Check::NoTransactionAtStart, !em.is_in_transaction(), || "it goes on after its end".into());
    Ok(visit.finish())
}

/// A transaction sees so many transfers that are not committed, its own; outside none is seen.
async fn pending(visit: &Visit, expected: u64) -> Result<(), Error> {
    let em = visit.em();
    let pending = em.find(Transfer::IS_PENDING.eq(true)).without_filters().select(Transfer::ID).await?;
    let is_own = pending.len() as u64 == expected && pending.iter().all(|id| *id == visit.number());
    visit.check(Check::OwnTransaction, is_own, || format!("request {} sees {pending:?}", visit.number()));
    Ok(())
}

/// Leaves a note on a book, which the layer saves after the handler.
pub(crate) async fn note(mut visit: Visit, text: String) -> Result<String, Failure> {
    visit.begin();
    let condition = visit.some_book();
    let book = visit.em().find_one_or_fail(condition).await?;
    visit.sees(&book);
    visit.pause().await;
    pending(&visit, 0).await?;
    let (id, tenant) = (visit.number(), visit.plan.tenant);
    visit.em().persist(Note { id, tenant, text, book: book.to_ref() })?;
    visit.pause().await;
    let managed = visit.em().managed_count()?;
    visit.check(Check::OwnEdits, managed == 2, || format!("{managed} entities instead of book and note"));
    visit.pause().await;
    keep_transaction(&visit).await?;
    visit.pause().await;
    visit.about_to_save();
    Ok(visit.finish())
}

/// What a broken service does once: nobody ends the transaction.
async fn keep_transaction(visit: &Visit) -> Result<(), Error> {
    let service = &visit.service;
    if !service.keeps_transaction.swap(false, Ordering::SeqCst) {
        return Ok(());
    }
    let context = RequestContext::new(&service.orm);
    let begin = async {
        let em = service.orm.em();
        em.begin_with(TransactionOptions::new().read_only()).await?;
        em.unset::<Visitor>()?;
        em.disable_filters()?;
        em.count(Condition::<Book>::always()).await
    };
    context.scope(begin).await?;
    *service.kept.lock() = Some(context);
    Ok(())
}
