use orm_core::{Entity, EntityManager, Ref, Result};

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    name: String,
}

#[derive(Entity, Clone)]
struct Book {
    #[entity(id, auto)]
    id: i64,
    author: Ref<Author>,
}

fn write(em: &EntityManager) -> Result<String> {
    let book = em.persist(Book { id: 0, author: Ref::key(1) })?;
    Ok(book.author().get().name.clone())
}

fn main() {}
