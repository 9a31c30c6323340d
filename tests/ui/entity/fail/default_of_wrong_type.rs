use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(default = "18")]
    age: i32,
    #[entity(default = 1)]
    active: bool,
    #[entity(default = -1)]
    books: u32,
}

fn main() {}
