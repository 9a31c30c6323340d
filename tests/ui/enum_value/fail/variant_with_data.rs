use orm_core::EnumValue;

#[derive(EnumValue, Clone)]
enum Status {
    Draft,
    Published { at: i64 },
    Rejected(String),
}

fn main() {}
