use orm_core::EnumValue;

#[derive(EnumValue)]
enum Status {
    Draft,
}

fn main() {}
