use orm_core::EnumValue;

#[derive(EnumValue, Clone)]
enum Mood {
    #[enum_value(rename = "0123456789012345678901234567890123456789012345678901234567890123")]
    Good,
}

fn main() {}
