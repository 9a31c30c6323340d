use orm_core::Entity;

fn new_code() -> String {
    "code".to_owned()
}

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(on_create = new_code())]
    code: String,
}

fn main() {}
