use orm_core::{Entity, Ref};

#[derive(Entity, Clone)]
#[entity(view = "SELECT id, COUNT(*) AS books FROM book GROUP BY id")]
struct Sales {
    #[entity(id)]
    id: i64,
    books: i64,
}

fn main() {}

fn is_refused() -> Ref<Sales> {
    Sales { id: 1, books: 2 }.into()
}
