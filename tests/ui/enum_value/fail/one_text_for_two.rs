use orm_core::EnumValue;

#[derive(EnumValue, Clone)]
enum Status {
    Draft,
    #[enum_value(rename = "draft")]
    Sketch,
}

fn main() {}
