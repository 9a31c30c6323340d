use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, concurrency_check)]
    id: i64,
}

fn main() {}
