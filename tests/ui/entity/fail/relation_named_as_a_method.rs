use orm_core::{Entity, Ref};

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    edit: Option<Ref<Author>>,
}

fn main() {}
