use orm_core::EntityManager;

async fn find(em: EntityManager, from_a_user: String) {
    let _ = em.sql(from_a_user, ()).execute().await;
}

fn main() {}
