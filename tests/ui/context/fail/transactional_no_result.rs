use orm_core::{EntityManager, transactional};

#[transactional(em)]
async fn count(em: &EntityManager) -> usize {
    em.managed_count().unwrap_or(0)
}

fn main() {}
