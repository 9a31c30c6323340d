use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id)]
    id: i64,
    #[entity(auto)]
    number: i64,
}

fn main() {}
