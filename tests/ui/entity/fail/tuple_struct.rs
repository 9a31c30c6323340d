use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author(i64, String);

fn main() {}
