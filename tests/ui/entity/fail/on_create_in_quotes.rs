use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(on_create = "new_code")]
    code: String,
}

fn main() {}
