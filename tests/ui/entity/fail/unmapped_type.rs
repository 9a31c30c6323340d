use orm_core::Entity;

#[derive(Clone)]
struct Money {
    cents: i64,
}

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    balance: Money,
}

fn main() {}
