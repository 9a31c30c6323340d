//! Everything that an entity manager can be taken from.
#![deny(warnings)]

use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use orm_core::{
    ContextSource, Entity, EntityManager, Orm, Repository, create_request_context, ensure_request_context,
};

#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "users")]
pub struct User {
    #[entity(id, auto)]
    id: i64,
}

pub struct Services {
    pub em: EntityManager,
    pub orm: Orm,
}

pub static DI: LazyLock<Services> = LazyLock::new(|| unreachable!());
pub static LOCKED: LazyLock<Mutex<EntityManager>> = LazyLock::new(|| unreachable!());

impl Services {
    pub fn em(&self) -> &EntityManager {
        &self.em
    }
}

pub struct Reports {
    orm: Arc<Orm>,
    users: Repository<User>,
}

impl ContextSource for Reports {
    fn context_manager(&self) -> EntityManager {
        self.orm.context_manager()
    }
}

impl Reports {
    #[create_request_context]
    pub async fn from_self(&self) {}

    #[create_request_context()]
    pub fn from_self_with_empty_parentheses(&self) {}

    #[create_request_context(self.users)]
    pub async fn from_a_repository(&self) {}

    #[create_request_context(&self.orm)]
    pub async fn from_an_orm_behind_a_pointer(&self) {}

    #[create_request_context(|s| &s.orm)]
    pub async fn from_a_closure(&self) {}

    #[ensure_request_context(|s: &Self| s.users.clone())]
    pub async fn from_a_typed_closure(self: Arc<Self>) {}

    #[ensure_request_context(|Self { orm, .. }| orm)]
    pub fn from_a_closure_with_a_pattern(&mut self) {}

    #[create_request_context(DI.em())]
    pub async fn from_a_call(&self) {}

    #[ensure_request_context(DI.orm)]
    pub fn from_a_field_of_a_static() {}
}

#[create_request_context(em)]
pub async fn from_an_argument(em: &EntityManager) {
    let _ = em;
}

#[create_request_context(orm)]
pub async fn from_an_owned_argument(orm: Orm) -> Orm {
    orm
}

#[ensure_request_context(lock())]
pub async fn from_a_guard_that_is_not_held() {
    std::future::ready(()).await;
}

fn lock() -> MutexGuard<'static, EntityManager> {
    LOCKED.lock().unwrap()
}

#[create_request_context(em.ok_or(Missing)?)]
pub async fn from_a_result(em: Option<&EntityManager>) -> Result<(), Missing> {
    Ok(())
}

#[derive(Debug)]
pub struct Missing;

#[create_request_context(later().await)]
pub async fn from_a_future() {}

async fn later() -> EntityManager {
    DI.em.clone()
}

fn assert_send(_: impl Send) {}

fn main() {
    let _ = || assert_send(from_a_guard_that_is_not_held());
}
