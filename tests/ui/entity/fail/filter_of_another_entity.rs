use orm_core::{Condition, Entity, Filter, FilterContext, Result};

#[derive(Default)]
struct Published;

impl Filter<Book> for Published {
    const NAME: &'static str = "published";

    fn condition(&self, _: &FilterContext<'_>) -> Result<Option<Condition<Book>>> {
        Ok(None)
    }
}

#[derive(Entity, Clone)]
struct Book {
    #[entity(id, auto)]
    id: i64,
}

#[derive(Entity, Clone)]
#[entity(filter = Published)]
struct Author {
    #[entity(id, auto)]
    id: i64,
}

fn main() {}
