use orm_core::{EntityManager, create_request_context};

struct Reports {
    em: EntityManager,
}

fn shared() -> EntityManager {
    unreachable!()
}

impl Reports {
    #[create_request_context(|| shared())]
    async fn nightly(&self) {}
}

fn main() {}
