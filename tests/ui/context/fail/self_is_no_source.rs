use orm_core::{EntityManager, create_request_context};

struct Reports {
    em: EntityManager,
}

impl Reports {
    #[create_request_context]
    async fn nightly(&self) {}
}

fn main() {}
