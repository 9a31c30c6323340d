use orm_core::{EntityManager, create_request_context, ensure_request_context};

struct Reports {
    em: EntityManager,
}

impl Reports {
    #[create_request_context(self.em)]
    #[ensure_request_context(self.em)]
    async fn nightly(&self) {}
}

fn main() {}
