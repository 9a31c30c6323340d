use orm_core::{EntityManager, create_request_context};

struct Reports {
    em: EntityManager,
}

impl Reports {
    #[create_request_context(async |reports| &reports.em)]
    async fn nightly(&self) {}
}

fn main() {}
