use orm_core::{Entity, Ref};

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(generated = "id")]
    mentor: Ref<Author>,
}

fn main() {}
