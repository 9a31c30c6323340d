use orm_core::{Entity, Ref};

#[derive(Entity, Clone)]
struct User {
    #[entity(id, auto)]
    id: i64,
}

#[derive(Entity, Clone)]
struct Profile {
    #[entity(id)]
    user: Option<Ref<User>>,
}

fn main() {}
