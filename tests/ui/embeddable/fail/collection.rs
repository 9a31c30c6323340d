use orm_core::{Collection, Embeddable, Entity};

#[derive(Entity, Clone)]
struct City {
    #[entity(id)]
    name: String,
}

#[derive(Embeddable, Clone)]
struct Journey {
    #[embeddable(many_to_many)]
    stops: Collection<City>,
}

fn main() {}
