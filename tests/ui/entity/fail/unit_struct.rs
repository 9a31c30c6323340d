use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author;

fn main() {}
