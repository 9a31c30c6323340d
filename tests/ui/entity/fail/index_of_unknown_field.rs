use orm_core::Entity;

#[derive(Entity, Clone)]
#[entity(unique(first_name, last_nam))]
struct Author {
    #[entity(id, auto)]
    id: i64,
    first_name: String,
    last_name: String,
}

fn main() {}
