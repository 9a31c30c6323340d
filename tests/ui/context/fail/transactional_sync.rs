use orm_core::{EntityManager, Error, transactional};

#[transactional(em)]
fn save(em: &EntityManager) -> Result<(), Error> {
    drop(em.flush());
    Ok(())
}

fn main() {}
