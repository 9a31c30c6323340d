use orm_core::{Entity, NewtypeValue};

#[derive(NewtypeValue, Clone, Debug, PartialEq, Eq, Hash)]
struct AuthorId(String);

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: AuthorId,
}

fn main() {}
