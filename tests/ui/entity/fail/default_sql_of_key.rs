use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, default_sql = "1 + 1")]
    id: i64,
}

fn main() {}
