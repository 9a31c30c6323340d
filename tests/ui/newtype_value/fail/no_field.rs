use orm_core::NewtypeValue;

#[derive(NewtypeValue, Clone)]
struct AuthorId;

fn main() {}
