use orm_core::{Entity, EntityManager};

#[derive(Entity, Clone)]
#[entity(view = "SELECT id, COUNT(*) AS books FROM book GROUP BY id")]
struct Sales {
    #[entity(id)]
    id: i64,
    books: i64,
}

fn main() {}

async fn is_refused(em: &EntityManager) {
    let _ = em.update_many(Sales::BOOKS.eq(1)).set(Sales::BOOKS, 2).await;
}
