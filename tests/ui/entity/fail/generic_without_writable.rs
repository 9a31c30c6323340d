use orm_core::{Entity, EntityManager};

fn main() {}

fn is_refused<T: Entity>(em: &EntityManager, value: T) {
    let _ = em.persist(value);
}
