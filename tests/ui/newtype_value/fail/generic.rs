use orm_core::NewtypeValue;

#[derive(NewtypeValue, Clone)]
struct Id<T>(T);

fn main() {}
