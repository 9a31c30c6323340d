use orm_core::EnumValue;

#[derive(EnumValue, Clone)]
#[enum_value(text, type_name = "mood")]
enum Mood {
    Good,
}

fn main() {}
