use orm_core::CustomValue;

#[derive(CustomValue, Clone)]
#[custom_value(with = "text")]
struct Money(i64);

fn main() {}
