use orm_core::NewtypeValue;

#[derive(NewtypeValue, Clone)]
struct AuthorId {
    value: i64,
}

fn main() {}
