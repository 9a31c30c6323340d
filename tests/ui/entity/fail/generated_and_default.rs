use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(generated = "age * 2", default = 1)]
    age: i32,
}

fn main() {}
