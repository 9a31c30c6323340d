use orm_core::{Entity, EntityManager};

#[derive(Entity, Clone)]
#[entity(view = "SELECT id, COUNT(*) AS books FROM book GROUP BY id")]
struct Sales {
    #[entity(id)]
    id: i64,
    books: i64,
}

fn main() {}

fn is_refused(em: &EntityManager) {
    let _ = em.persist(Sales { id: 1, books: 2 });
}
