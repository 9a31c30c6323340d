use orm_core::NewtypeValue;

#[derive(NewtypeValue, Clone)]
#[newtype_value(transparent)]
struct AuthorId(i64);

fn main() {}
