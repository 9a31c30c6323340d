use orm_core::query::Find;
use orm_core::{Entity, EntityManager, create_request_context};

#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "users")]
struct User {
    #[entity(id, auto)]
    id: i64,
}

#[create_request_context(em)]
fn users(em: &EntityManager) -> Find<User> {
    em.find_all()
}

fn main() {}
