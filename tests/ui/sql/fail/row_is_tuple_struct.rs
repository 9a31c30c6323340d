use orm_core::FromRow;

#[derive(FromRow)]
struct Sales(String);

fn main() {}
