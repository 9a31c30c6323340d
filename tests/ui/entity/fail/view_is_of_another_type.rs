use orm_core::Entity;

const SELECT: i32 = 1;

#[derive(Entity, Clone)]
#[entity(view = SELECT)]
struct Sales {
    #[entity(id)]
    id: i64,
}

fn main() {}
