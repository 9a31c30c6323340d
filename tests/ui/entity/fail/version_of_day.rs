use chrono::NaiveDate;
use orm_core::Entity;

#[derive(Entity, Clone)]
struct Author {
    #[entity(id, auto)]
    id: i64,
    #[entity(version)]
    changed: NaiveDate,
}

fn main() {}
