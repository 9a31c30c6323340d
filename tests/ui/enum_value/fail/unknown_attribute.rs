use orm_core::EnumValue;

#[derive(EnumValue, Clone)]
#[enum_value(integers)]
enum Status {
    Draft,
}

fn main() {}
