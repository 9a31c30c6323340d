use orm_core::Entity;

#[derive(Entity, Clone)]
#[entity(view = 1)]
struct Sales {
    #[entity(id)]
    id: i64,
}

fn main() {}
