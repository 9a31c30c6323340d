use orm_core::{EntityManager, Error, transactional};

#[transactional(em, isolaton = Serializable)]
async fn save(em: &EntityManager) -> Result<(), Error> {
    em.flush().await
}

#[transactional(em, propagation = Nestd)]
async fn load(em: &EntityManager) -> Result<(), Error> {
    em.flush().await
}

fn main() {}
