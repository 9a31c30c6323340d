use orm_core::Entity;

#[derive(Entity, Clone)]
#[entity(hooks)]
struct Author {
    #[entity(id, auto)]
    id: i64,
}

fn main() {}
