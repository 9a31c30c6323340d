use orm_core::{Entity, EntityManager, Loaded};

#[derive(Entity, Clone)]
#[entity(view = "SELECT id, COUNT(*) AS books FROM book GROUP BY id")]
struct Sales {
    #[entity(id)]
    id: i64,
    books: i64,
}

fn main() {}

fn is_refused(em: &EntityManager, sales: &Loaded<Sales>) {
    let _ = em.remove(sales);
}
