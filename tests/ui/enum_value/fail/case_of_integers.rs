use orm_core::EnumValue;

#[derive(EnumValue, Clone)]
#[enum_value(integer, rename_all = "UPPERCASE")]
enum Status {
    Draft,
}

fn main() {}
