use orm_core::{Entity, Ref};

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(on_create = now)]
    mentor: Option<Ref<Author>>,
}

fn main() {}
