use orm_core::{Entity, Loaded};

#[derive(Entity, Clone)]
#[entity(view = "SELECT id, COUNT(*) AS books FROM book GROUP BY id")]
struct Sales {
    #[entity(id)]
    id: i64,
    books: i64,
}

fn main() {}

fn is_refused(sales: &Loaded<Sales>) {
    sales.edit().books = 3;
}
