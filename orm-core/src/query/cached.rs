//! What a query says about the result cache; the same on every finder.

use std::sync::Arc;
use std::time::Duration;

use super::{Count, Find, FindById, FindByIdOrFail, Projection};
use crate::cache::CacheUse;
use crate::entity::Entity;

fn cache_use(name: Option<Arc<str>>, lifetime: Duration) -> Option<CacheUse> {
    Some(CacheUse { lifetime, name, is_refreshing: false })
}

macro_rules! cache_choices {
    ($query:ident.$($path:tt).+) => {
        /// Takes an answer that is at most so old, whichever context asked for it, and keeps a new one for others: of this
        /// query, of every relation that it populates, and of what it counts.
        ///
        /// An answer is that of the very same statement with the same values: filters, tenant and page included. Its rows go
        /// into the identity map as fresh ones do, over what is loaded and not edited. What flushes, bulk writes and transactions of this
        /// [`Orm`](crate::Orm) commit voids what was read of the same tables; what other programs write is seen when the
        /// answer is too old, or is [said](crate::EntityManager::result_cache) to be void. So are tables that only raw SQL
        /// knows: with a raw fragment in it, a query depends on every table of the entities, and on no other.
        ///
        /// The database is asked, and nothing kept: in a transaction, with a lock, for a lifetime of zero, and where the cache
        /// fails. With `refresh` it is asked and the answer kept. Streams always ask it. After a commit whose answer was lost, it
        /// is asked for as long as the `wait_timeout` of the ORM, ten minutes at most.
        ///
        /// # Errors
        ///
        /// When awaited: [`Error::NoResultCache`](crate::Error::NoResultCache) without a cache.
        ///
        /// # Examples
        ///
        /// ```
        /// # use std::time::Duration;
        /// # use orm_core::{Entity, EntityManager, Result};
        /// # #[derive(Entity, Clone, Debug, Default)]
        /// # struct Book { #[entity(id, auto)] id: i64, title: String }
        /// # async fn example(em: EntityManager) -> Result<()> {
        /// let newest = em.find_all::<Book>().order_by(Book::ID.desc()).limit(10);
        /// let newest = newest.cache(Duration::from_secs(60)).await?;
        /// # let _ = newest;
        /// # Ok(()) }
        /// ```
        pub fn cache(mut self, lifetime: Duration) -> Self {
            let $query = &mut self;
            $query.$($path).+ = cache_use(None, lifetime);
            self
        }

        /// As [`cache`](Self::cache), under a name by which the answer can be
        /// [voided](crate::CachedResults::invalidate). Several queries may have the same name: it is a label, and answers
        /// none of them by itself.
        pub fn cache_as(mut self, name: impl Into<Arc<str>>, lifetime: Duration) -> Self {
            let $query = &mut self;
            $query.$($path).+ = cache_use(Some(name.into()), lifetime);
            self
        }
    };
}

impl<T: Entity, P: 'static, M> Find<T, P, M> {
    cache_choices!(find.query.cache);
}

impl<T: Entity, P: 'static> FindById<T, P> {
    cache_choices!(find.cache);
}

impl<T: Entity, P: 'static> FindByIdOrFail<T, P> {
    cache_choices!(find.0.cache);
}

impl<T: Entity, S> Projection<T, S> {
    cache_choices!(projection.query.cache);
}

impl<T: Entity> Count<T> {
    cache_choices!(count.query.cache);
}
