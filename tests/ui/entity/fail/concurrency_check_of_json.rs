use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(concurrency_check)]
    notes: serde_json::Value,
}

fn main() {}
