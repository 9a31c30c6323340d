use orm_core::{EntityManager, create_request_context};

struct Reports {
    em: EntityManager,
}

impl Reports {
    #[create_request_context(&self.em)]
    async fn nightly(_reports: &Reports) {}
}

fn main() {}
