use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(join_columns("first", "last"))]
    name: String,
}

fn main() {}
