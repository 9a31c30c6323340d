use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    address1: String,
    #[entity(constant = "ADDRESS1")]
    address: String,
}

fn main() {}
