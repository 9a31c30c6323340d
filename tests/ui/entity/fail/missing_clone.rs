use orm_core::Entity;

#[derive(Entity)]
struct Author {
    #[entity(id, auto)]
    id: i64,
}

fn main() {}
