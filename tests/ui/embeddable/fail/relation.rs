use orm_core::{Embeddable, Entity, Ref};

#[derive(Entity, Clone)]
struct City {
    #[entity(id)]
    name: String,
}

#[derive(Embeddable, Clone)]
struct Address {
    zip: String,
    city: Ref<City>,
}

fn main() {}
