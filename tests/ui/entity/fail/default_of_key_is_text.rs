use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, default = "new_code")]
    code: String,
}

fn main() {}
