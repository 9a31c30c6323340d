use orm_core::{Condition, Entity};

#[derive(Entity, Clone)]
struct Article {
    #[entity(id, auto)]
    id: i64,
    title: String,
    words: i32,
    labels: Vec<String>,
}

fn condition() -> Condition<Article> {
    Article::TITLE.overlaps(["rust"])
}

fn main() {}
