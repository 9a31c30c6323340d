use orm_core::{EntityManager, create_request_context};

#[create_request_context]
struct Reports {
    em: EntityManager,
}

fn main() {}
