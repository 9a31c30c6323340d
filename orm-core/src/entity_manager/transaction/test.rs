//! The transaction of a test, in which the program under test notices none.
//!
//! It is begun and rolled back as any other. What the program takes for the outside of its transactions is inside: a
//! `transactional` there is its outermost, and in the database a savepoint. Forks that are made inside share the
//! connection, so that nothing of them stays either.

use super::super::EntityManager;
use super::open::OpenTransaction;
use crate::context::transaction::within;
use crate::error::Error;
use crate::session::Holder;

/// Runs `work` on `em`, a fork that nobody else has, and takes everything back.
pub(crate) async fn test_transaction<E, V, F>(em: EntityManager, holder: Holder, work: F) -> Result<V, E>
where
    E: From<Error>,
    F: AsyncFnOnce(EntityManager) -> Result<V, E>,
{
    let transaction = OpenTransaction::begin_test(&em, holder).await?;
    let inside = transaction.manager();
    let result = within(inside.clone(), work(inside)).await;
    transaction.roll_back().await;
    em.clear()?;
    result
}
