use orm_core::Entity;

#[derive(Entity, Clone)]
struct Reading {
    #[entity(id)]
    celsius: f64,
}

fn main() {}
