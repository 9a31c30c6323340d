use orm_core::EnumValue;

#[derive(EnumValue, Clone)]
enum Status {}

fn main() {}
