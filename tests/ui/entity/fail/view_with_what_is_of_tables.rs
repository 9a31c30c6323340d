use orm_core::{Collection, Entity, Ref};

#[derive(Entity, Clone)]
#[entity(view = "SELECT 1", read_only, renamed_from = "sold", unique(books, year), check = "books > 0")]
struct Sales {
    #[entity(id, auto)]
    id: i64,
    #[entity(version)]
    books: i64,
    #[entity(unique, default = 1)]
    year: i32,
    #[entity(on_update = now)]
    at: i64,
    #[entity(on_delete = "cascade")]
    author: Ref<Author>,
    #[entity(mapped_by = "sales", orphan_removal)]
    parts: Collection<Part>,
}

#[derive(Entity, Clone)]
#[entity(read_only, comment = "theirs", index(name))]
struct Author {
    #[entity(id, default = make)]
    id: i64,
    #[entity(length = 20)]
    name: String,
}

#[derive(Entity, Clone)]
struct Part {
    #[entity(id)]
    id: i64,
    sales: Ref<Sales>,
}

fn make() -> i64 {
    1
}

fn main() {}
