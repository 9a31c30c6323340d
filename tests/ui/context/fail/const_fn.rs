use orm_core::{EntityManager, create_request_context};

struct Reports {
    em: EntityManager,
}

impl Reports {
    #[create_request_context(self.em)]
    pub const fn count(&self) -> usize {
        0
    }
}

fn main() {}
