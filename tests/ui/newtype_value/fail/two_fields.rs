use orm_core::NewtypeValue;

#[derive(NewtypeValue, Clone)]
struct Name(String, String);

fn main() {}
