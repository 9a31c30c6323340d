use orm_core::{EntityManager, create_request_context};

struct Reports {
    em: EntityManager,
    name: String,
}

impl Reports {
    #[create_request_context(self.name)]
    async fn nightly(&self) {}
}

fn main() {}
