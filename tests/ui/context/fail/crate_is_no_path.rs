use orm_core::{EntityManager, create_request_context};

#[create_request_context(_em, crate = 5)]
async fn nightly(_em: EntityManager) {}

fn main() {}
