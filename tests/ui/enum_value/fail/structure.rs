use orm_core::EnumValue;

#[derive(EnumValue, Clone)]
struct Status(String);

fn main() {}
