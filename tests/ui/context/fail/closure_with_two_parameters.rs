use orm_core::{EntityManager, ensure_request_context};

struct Reports {
    em: EntityManager,
}

impl Reports {
    #[ensure_request_context(|reports, day| &reports.em)]
    async fn nightly(&self, _day: u32) {}
}

fn main() {}
