use orm_core::{Embeddable, Entity};

#[derive(Embeddable, Clone)]
struct Place {
    row: i32,
    seat: i32,
}

#[derive(Entity, Clone)]
struct Ticket {
    #[entity(id, embedded)]
    place: Place,
}

fn main() {}
