use orm_core::{Collection, Entity};

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(many_to_many, comment = "friends")]
    friends: Collection<Author>,
}

fn main() {}
