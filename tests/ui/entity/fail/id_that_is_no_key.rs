use orm_core::{Entity, NewtypeValue};

#[derive(NewtypeValue, Clone)]
struct AuthorId(i64);

#[derive(Entity, Clone)]
struct Author {
    #[entity(id)]
    id: AuthorId,
}

fn main() {}
