use orm_core::{EntityManager, ensure_request_context};

struct Reports {
    em: EntityManager,
}

#[ensure_request_context(self.em)]
impl Reports {
    async fn nightly(&self) {}
}

fn main() {}
