use orm_core::{Entity, NewtypeValue};

#[derive(NewtypeValue, Clone)]
struct Revision(String);

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(version)]
    version: Revision,
}

fn main() {}
