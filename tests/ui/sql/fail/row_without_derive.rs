use orm_core::EntityManager;

struct Sales {
    title: String,
}

async fn find(em: EntityManager) {
    let _ = em.sql("select title from book", ()).fetch_as::<Sales>().await;
}

fn main() {}
