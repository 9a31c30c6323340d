use orm_core::NewtypeValue;

#[derive(Clone)]
struct Money {
    cents: i64,
}

#[derive(NewtypeValue, Clone)]
struct Price(Money);

fn main() {}
