use orm_core::{Entity, Ref};

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    mentor: Option<Ref<Author>>,
    _mentor: i64,
}

fn main() {}
