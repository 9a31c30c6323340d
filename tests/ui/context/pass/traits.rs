//! Methods of traits and of their implementations.
#![deny(warnings)]
#![expect(async_fn_in_trait, reason = "no caller outside of this file")]

use orm_core::{ContextSource, EntityManager, create_request_context, ensure_request_context};

pub trait Job: ContextSource + Sync {
    async fn run(&self, name: &str) -> usize;

    fn spawn(&self, name: &str) -> impl Future<Output = usize> + Send;

    fn count(&self) -> usize;

    #[create_request_context]
    async fn run_twice(&self, name: &str) -> usize {
        self.run(name).await + self.run(name).await
    }

    #[ensure_request_context]
    fn spawn_twice(&self, name: &str) -> impl Future<Output = usize> + Send {
        async move { self.spawn(name).await + self.spawn(name).await }
    }

    #[ensure_request_context]
    fn count_twice(&self) -> usize {
        self.count() + self.count()
    }
}

pub struct Reports<T> {
    em: EntityManager,
    last: T,
}

impl<T: Sync> ContextSource for Reports<T> {
    fn context_manager(&self) -> EntityManager {
        self.em.clone()
    }
}

impl<T: AsRef<str> + Sync> Job for Reports<T> {
    #[create_request_context(self.em)]
    async fn run(&self, name: &str) -> usize {
        name.len() + self.last.as_ref().len()
    }

    #[create_request_context(|s| &s.em)]
    async fn spawn(&self, name: &str) -> usize {
        name.len() + self.last.as_ref().len()
    }

    #[ensure_request_context]
    fn count(&self) -> usize {
        self.last.as_ref().len()
    }
}

fn main() {}
