use orm_core::EnumValue;

#[derive(EnumValue, Clone)]
#[enum_value(integer)]
enum Status {
    #[enum_value(rename = "draft")]
    Draft,
}

fn main() {}
