use orm_core::Entity;

fn age() -> i32 {
    18
}

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(default = age)]
    age: i32,
}

fn main() {}
