use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    name: String,
}

fn main() {}
