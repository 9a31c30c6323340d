use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author<'a> {
    #[entity(id, auto)]
    id: i64,
    name: &'a str,
}

fn main() {}
