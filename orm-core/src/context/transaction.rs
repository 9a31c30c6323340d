//! Which transactions the current task is in.
//!
//! What makes the outer handle, and the global manager, find the transaction that they are used in. Holds for the
//! extent of the closure, not for tasks that are spawned in it: those use the manager that the closure got.

use std::future::Future;
use std::sync::Arc;

use crate::entity_manager::EntityManager;
use crate::orm::OrmCore;
use crate::session::Level;

tokio::task_local! {
    /// The managers of the transactions, outermost first.
    static INSIDE: Arc<[EntityManager]>;
}

/// Runs `future` in the transaction of `em`.
pub(crate) async fn within<F: Future>(em: EntityManager, future: F) -> F::Output {
    let outer = INSIDE.try_with(Arc::clone).unwrap_or_default();
    let inside = outer.iter().cloned().chain([em]).collect();
    INSIDE.scope(inside, future).await
}

/// How many transactions the task is in.
pub(crate) fn depth() -> usize {
    INSIDE.try_with(|inside| inside.len()).unwrap_or(0)
}

/// The manager of the innermost transaction of `orm`, without the first `outside` ones.
pub(crate) fn manager_of(orm: &Arc<OrmCore>, outside: usize) -> Option<EntityManager> {
    let find = |inside: &Arc<[EntityManager]>| {
        inside.iter().skip(outside).rev().find(|em| Arc::ptr_eq(em.orm(), orm)).cloned()
    };
    INSIDE.try_with(find).ok().flatten()
}

/// The innermost transaction of a session that the task is in.
pub(crate) fn level_of(session: u64) -> Option<Arc<Level>> {
    let find = |inside: &Arc<[EntityManager]>| {
        let levels = inside.iter().rev().filter_map(EntityManager::own_level);
        levels
            .filter(|level| level.session() == session && level.is_open())
            .max_by_key(|level| level.depth())
            .cloned()
    };
    INSIDE.try_with(find).ok().flatten()
}
