use orm_core::Entity;

fn new_code() -> String {
    "a".to_owned()
}

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, default = new_code())]
    code: String,
}

fn main() {}
