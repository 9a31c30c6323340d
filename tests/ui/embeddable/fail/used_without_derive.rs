use orm_core::Entity;

#[derive(Clone)]
struct Address {
    zip: String,
}

#[derive(Entity, Clone)]
struct User {
    #[entity(id, auto)]
    id: i64,
    #[entity(embedded)]
    address: Address,
}

fn main() {}
