use orm_core::Entity;

#[derive(Entity, Clone)]
struct Cell {
    #[entity(id)]
    a: i64,
    #[entity(id)]
    b: i64,
    #[entity(id)]
    c: i64,
    #[entity(id)]
    d: i64,
    #[entity(id)]
    e: i64,
    #[entity(id)]
    f: i64,
    #[entity(id)]
    g: i64,
}

fn main() {}
