use orm_core::Entity;

fn new_code() -> i32 {
    7
}

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(on_create = new_code)]
    code: String,
}

fn main() {}
