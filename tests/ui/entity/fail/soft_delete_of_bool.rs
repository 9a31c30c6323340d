use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(soft_delete)]
    deleted: Option<bool>,
}

fn main() {}
