use orm_core::Entity;

fn next() -> i64 {
    1
}

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto, default = next)]
    id: i64,
}

fn main() {}
