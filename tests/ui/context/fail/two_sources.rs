use orm_core::{EntityManager, create_request_context};

struct Reports {
    em: EntityManager,
    archive: EntityManager,
}

impl Reports {
    #[create_request_context(self.em, self.archive)]
    async fn nightly(&self) {}
}

fn main() {}
