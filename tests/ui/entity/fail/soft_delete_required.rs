use chrono::{DateTime, Utc};
use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(soft_delete)]
    deleted_at: DateTime<Utc>,
}

fn main() {}
