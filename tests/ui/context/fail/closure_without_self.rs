use orm_core::{EntityManager, create_request_context};

#[create_request_context(|em| em)]
async fn nightly(_em: EntityManager) {}

fn main() {}
