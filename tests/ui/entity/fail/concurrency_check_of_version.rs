use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(version, concurrency_check)]
    version: i64,
}

fn main() {}
