use orm_core::Entity;

#[derive(Entity, Clone)]
struct Record<T> {
    #[entity(id, auto)]
    id: i64,
    content: T,
}

fn main() {}
