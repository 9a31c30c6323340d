use orm_core::CustomValue;

#[derive(CustomValue, Clone)]
struct Money {
    cents: i64,
}

fn main() {}
