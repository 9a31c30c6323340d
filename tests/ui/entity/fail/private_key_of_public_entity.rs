use orm_core::{Entity, NewtypeValue};

#[derive(NewtypeValue, Clone, Debug, PartialEq, Eq, Hash)]
struct AuthorId(i64);

#[derive(Entity, Clone)]
pub struct Author {
    #[entity(id)]
    id: AuthorId,
}

fn main() {}
