use orm_core::Entity;

#[derive(Entity, Clone)]
enum Author {
    Known,
    Unknown,
}

fn main() {}
