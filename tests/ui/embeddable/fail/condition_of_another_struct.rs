use orm_core::{Condition, Embeddable, Entity};

#[derive(Embeddable, Clone)]
struct Address {
    zip: String,
}

#[derive(Embeddable, Clone)]
struct Geo {
    lat: f64,
}

#[derive(Entity, Clone)]
struct User {
    #[entity(id, auto)]
    id: i64,
    #[entity(embedded)]
    address: Address,
}


fn north() -> Condition<User> {
    User::ADDRESS.field(Geo::LAT).gt(60.0)
}

fn main() {}
