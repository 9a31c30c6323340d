use orm_core::Entity;

#[derive(Clone)]
struct Cache {
    hits: u64,
}

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(skip)]
    cache: Cache,
}

fn main() {}
