use orm_core::EntityManager;

async fn find(em: EntityManager) {
    let _ = em.sql("select title from book where id = {}", 5).fetch_as::<String>().await;
}

fn main() {}
