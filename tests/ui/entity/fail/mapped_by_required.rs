use orm_core::{Entity, Ref};

#[derive(Entity, Clone)]
struct User {
    #[entity(id, auto)]
    id: i64,
    #[entity(mapped_by = "user")]
    profile: Ref<Profile>,
}

#[derive(Entity, Clone)]
struct Profile {
    #[entity(id)]
    user: Ref<User>,
}

fn main() {}
