//! Runs: the body has a context of its own under `create`, and the present one, if there is one, under `ensure`.
#![deny(warnings)]

use std::pin::Pin;

use orm_core::{
    ContextSource, Entity, EntityManager, Orm, RequestContext, create_request_context, ensure_request_context,
};
use orm_sqlx::Sqlite;

#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "users")]
struct User {
    #[entity(id, auto)]
    id: i64,
}

struct Service {
    orm: Orm,
}

impl ContextSource for Service {
    fn context_manager(&self) -> EntityManager {
        self.orm.em().clone()
    }
}

impl Service {
    /// Which context the global manager stands for.
    fn id(&self) -> u64 {
        self.orm.em().get_context().expect("the body has a context").id()
    }

    #[create_request_context]
    async fn created(&self) -> u64 {
        let before = self.id();
        tokio::task::yield_now().await;
        assert_eq!(before, self.id());
        before
    }

    #[create_request_context]
    fn created_sync(&self) -> u64 {
        self.id()
    }

    #[ensure_request_context]
    async fn ensured(&self) -> u64 {
        tokio::task::yield_now().await;
        self.id()
    }

    #[ensure_request_context]
    fn ensured_sync(&self) -> u64 {
        self.id()
    }

    #[ensure_request_context]
    fn ensured_boxed(&self) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
        Box::pin(async { self.id() })
    }

    #[create_request_context(|s| &s.orm)]
    async fn calls_each(&self) {
        let id = self.id();
        assert_eq!(id, self.ensured().await);
        assert_eq!(id, self.ensured_sync());
        assert_eq!(id, self.ensured_boxed().await);
        assert_ne!(id, self.created().await);
        assert_ne!(id, self.created_sync());
        assert_eq!(id, self.id());
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> orm_core::Result<()> {
    let driver = Sqlite::connect("sqlite::memory:").await?;
    let service = Service { orm: Orm::builder(driver).entity::<User>().build().await? };

    assert_ne!(service.created().await, service.created().await);
    assert_ne!(service.ensured().await, service.ensured_sync());
    service.calls_each().await;
    assert!(RequestContext::current().is_none());
    assert!(service.orm.em().get_context().is_err());

    // Made outside of the context, polled inside.
    let future = service.ensured_boxed();
    let (inner, outer) = RequestContext::create(&service, async { (future.await, service.id()) }).await;
    assert_eq!(inner, outer);
    Ok(())
}
